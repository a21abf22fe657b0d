"""The runs that made a map's draws, as a map names them: 24 bytes each."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt32

RUN = struct.Struct("<HHIQQ")
RUN_OF_FORMAT_1 = struct.Struct("<i4xQQ")
RUN_TYPE = np.dtype(
    [("day", "<u2"), ("days", "<u2"), ("print", "<u4"), ("salt", "<u8"), ("nonce", "<u8")]
)


class Run(NamedTuple):
    """What made a draw, apart from profile and title: enough to name it again."""

    day: int
    salt: int
    nonce: int  # hash of what the run's draws have in common, see `serve.maps.run_info`
    days: int = 0  # of an epoch; 0: made before there were epochs
    fingerprint: int = 0  # of the profile's facts


def run_tails(
    runs: Sequence[tuple[Run, ...]], prints: UInt32[np.ndarray, "profiles runs"] | None
) -> list[bytes]:
    """The runs of each profile as bytes."""
    if prints is not None:
        table = np.zeros(prints.shape, RUN_TYPE)
        for at, run in enumerate(runs[0] if runs else ()):
            table[:, at] = (run.day, run.days, 0, run.salt, run.nonce)
        table["print"] = prints
        return [row.tobytes() for row in table]
    packed: dict[tuple[Run, ...], bytes] = {}
    for used in runs:
        if used not in packed:
            packed[used] = b"".join(
                RUN.pack(run.day, run.days, run.fingerprint, run.salt, run.nonce) for run in used
            )
    return [packed[used] for used in runs]
