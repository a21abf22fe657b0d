"""The artwork map of one profile as bytes: 956 for 300 titles decided in one run.

```
 0  magic "MQ" · format (1) · flags (1: every title has a choice, 2: ordinals take 4 bytes)
 4  titles n, uint32
 8  layout digest, 8 bytes        which numbering of titles and artworks (serve/maps/layout.py)
16  version, uint64 big-endian    runs ascend; a store never replaces a later one
24  facts fingerprint, uint32     of the member facts decided on
28  runs r, uint8 · bundle tag, 3 bytes: which bundle last decided or confirmed this map
32  n artwork ordinals, uint16    65535: no choice of its own; by slot, so no ids are stored
 …  n run indices, uint8          which run decided each title
 …  r runs × 24 bytes             day int32 · 4 spare · salt uint64 · nonce uint64
 …  CRC-32 of all before, uint32
```

So 3 bytes a title and 60 for the rest; at most 32 runs, 1,704 bytes for 300 titles (2,304 with
4-byte ordinals). A decision's id is not stored: it follows from profile, title and the run's
day, salt and nonce, and a choice that was kept for weeks still points at the run that made it.

Artworks are ordinals and not content hashes: half the size, and `urls[ordinals]` is the whole
resolution. The version is big-endian so that a store compares it as bytes.
"""

import hashlib
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, UInt8

from bandit.choice import decision_ids, decision_seeds, profile_keys
from serve.maps.layout import Layout

FORMAT = 1
HEADER = struct.Struct("<2sBBI8s8sIB3s")
RUN = struct.Struct("<i4xQQ")
RUNS_MAX = 32
COMPLETE, WIDE = 1, 2
CRC_RESIDUE = zlib.crc32(b"\0" * 4 + struct.pack("<I", zlib.crc32(b"\0" * 4)))
"""CRC-32 of any message followed by its own little-endian CRC-32 is this constant."""


class CorruptMapError(ValueError):
    """Bytes from a store that are not a whole artwork map."""


class Run(NamedTuple):
    """What made a decision, apart from profile and title: enough to name it again."""

    day: int
    salt: int
    nonce: int  # hash of the bundle and the run's version


@dataclass(frozen=True)
class ArtworkMap:
    """Choices of one profile, by slot of a layout."""

    layout: bytes
    version: int
    facts: int
    tag: bytes
    choices: Int[np.ndarray, " titles"]  # ordinals; −1 where the title has none of its own
    run_of: UInt8[np.ndarray, " titles"]
    runs: tuple[Run, ...]

    @staticmethod
    def parse(value: bytes) -> "ArtworkMap":
        """Read a map.

        Raises:
            CorruptMapError: too short, not a map, a later format, or the checksum differs.
        """
        if len(value) < HEADER.size + 4:
            raise CorruptMapError(f"{len(value)} bytes are too few for an artwork map")
        magic, form, flags, titles, layout, version, facts, runs, tag = HEADER.unpack_from(value)
        if magic != b"MQ":
            raise CorruptMapError(f"starts with {magic!r}, an artwork map starts with b'MQ'")
        if form != FORMAT:
            raise CorruptMapError(
                f"format {form} is not {FORMAT}; update the reader or precompute anew"
            )
        if zlib.crc32(value) != CRC_RESIDUE:
            raise CorruptMapError("the checksum differs; precompute this profile again")
        width = 4 if flags & WIDE else 2
        if len(value) != map_bytes(titles, width, runs):
            raise CorruptMapError(
                f"{len(value)} bytes where {titles} titles and {runs} runs need more"
            )
        raw = np.frombuffer(value, f"<u{width}", titles, HEADER.size)
        choices = raw.astype(np.int64)
        choices[raw == np.iinfo(raw.dtype).max] = -1
        at = HEADER.size + titles * width
        return ArtworkMap(
            layout,
            int.from_bytes(version, "big"),
            facts,
            tag,
            choices,
            np.frombuffer(value, np.uint8, titles, at),
            tuple(Run(*RUN.unpack_from(value, at + titles + RUN.size * i)) for i in range(runs)),
        )

    def to_bytes(self, width: int = 2) -> bytes:
        """The map as stored; `width` is the layout's."""
        return encode_maps(
            self.layout,
            width,
            np.array([self.version], np.uint64),
            np.array([self.facts], np.uint32),
            self.choices[None],
            self.run_of[None],
            [self.runs],
            self.tag,
        )[0]

    def decisions(
        self, profile_id: str, layout: Layout, title_ids: Sequence[int] | None = None
    ) -> dict[int, tuple[str, str]]:
        """Artwork id and decision id of every title (or some) that has a choice of its own."""
        if layout.digest != self.layout:
            raise ValueError(
                f"the map was written in layout {self.layout.hex()}, not {layout.digest.hex()}"
            )
        found: dict[int, tuple[str, str]] = {}
        has = self.choices >= 0
        if title_ids is not None:
            has &= np.isin(layout.title_ids, np.asarray(title_ids, np.int64))
        for index, run in enumerate(self.runs):
            slots = np.flatnonzero((self.run_of == index) & has)
            if not len(slots):
                continue
            titles = layout.title_ids[slots].astype(np.int64)
            ids = run_decision_ids(run, np.repeat(profile_keys([profile_id]), len(slots)), titles)
            for title_id, choice, name in zip(
                titles.tolist(), self.choices[slots].tolist(), ids, strict=True
            ):
                found[title_id] = (layout.artwork_ids[choice], name)
        return dict(sorted(found.items()))


def run_decision_ids(
    run: Run, keys: np.ndarray, title_ids: Int[np.ndarray, " decisions"]
) -> list[str]:
    """Names of a run's decisions: 32 hex digits each, the same whenever they are asked for.

    The nonce keeps two runs of one day apart, though they draw the same uniforms.
    """
    seeds = decision_seeds(keys, title_ids, run.day, run.salt)
    return list(decision_ids(seeds ^ np.uint64(run.nonce), keys, title_ids, run.day))


def bundle_tag(bundle: str | None) -> bytes:
    """Three bytes that tell a bundle from the one before it."""
    return hashlib.blake2b((bundle or "").encode(), digest_size=3).digest()


def map_bytes(titles: int, width: int, runs: int) -> int:
    """Size of a map."""
    return HEADER.size + titles * (width + 1) + runs * RUN.size + 4


def encode_maps(
    layout: bytes,
    width: int,
    versions: np.ndarray,
    facts: np.ndarray,
    choices: Int[np.ndarray, "profiles titles"],
    run_of: UInt8[np.ndarray, "profiles titles"],
    runs: Sequence[tuple[Run, ...]],
    tag: bytes = b"\0\0\0",
) -> list[bytes]:
    """Many maps at once; all arrays have one row a profile, −1 is no choice.

    Raises:
        ValueError: a profile has more than 32 runs.
    """
    profiles, titles = choices.shape
    lengths = [len(row) for row in runs]
    if profiles and max(lengths) > RUNS_MAX:
        raise ValueError(f"{max(lengths)} runs in one map; at most {RUNS_MAX} fit: decide anew")
    at = HEADER.size + titles * width
    body = np.empty((profiles, at + titles), np.uint8)
    complete = (choices >= 0).all(1)
    flags = complete * COMPLETE + (WIDE if width == 4 else 0)
    body[:, :16] = np.frombuffer(struct.pack("<2sBBI8s", b"MQ", FORMAT, 0, titles, layout), "u1")
    body[:, 3] = flags
    body[:, 16:24] = versions.astype(">u8")[:, None].view(np.uint8)
    body[:, 24:28] = facts.astype("<u4")[:, None].view(np.uint8)
    body[:, 28] = lengths
    body[:, 29:32] = np.frombuffer(tag, np.uint8)
    body[:, HEADER.size : at] = np.ascontiguousarray(choices.astype(f"<u{width}")).view(np.uint8)
    body[:, at:] = run_of
    packed: dict[tuple[Run, ...], bytes] = {}
    encoded = []
    for row, used in zip(body, runs, strict=True):
        tail = packed.get(used)
        if tail is None:
            tail = packed[used] = b"".join(RUN.pack(*run) for run in used)
        value = row.tobytes() + tail
        encoded.append(value + zlib.crc32(value).to_bytes(4, "little"))
    return encoded
