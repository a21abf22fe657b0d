"""What a map keeps of each title for rows: a few artworks with weights, in bytes.

```
 0  length of all of it, uint32
 4  nonce of the row table, uint64       beside the maps (serve/maps/rows/row_table.py)
12  fingerprint of the member's features, int64
20  artworks kept of a title K, uint8 · 3 spare
24  n × 2 K + 1, uint8                   of each title:
      K ranks                            among its candidates, the likeliest first
      K steps                            how far its logit is below the likeliest's; 255: none
      scale                              the width of Thompson's noise, in logits, by its logarithm
 …  the member's facts, JSON by zlib     a page is logged where it is opened
```

It lies in a map of format 3 behind the runs, so 2 K + 1 bytes a title. Steps and scales make the
probability of each artwork without neighbours: a softmax of −step / scale. A title whose first step
is 255 keeps nothing: rules change it for this member, and it shows the draw of the map.
"""

import struct
from typing import NamedTuple
from zlib import compress, crc32, decompressobj
from zlib import error as ZlibError

import numpy as np
from jaxtyping import Float, UInt8

from serve.maps.artwork_map import HEADER
from serve.maps.map_runs import RUN

PART = struct.Struct("<IQqB3x")
NOTHING = 255
"""A step that stands for no artwork."""
STEP = 1 / 32
"""Logits of one step."""
SCALES = 2.0 ** ((np.arange(256) - 128) / 16)
"""Of a title's noise, by code."""
NARROWEST = 32
"""Code of the narrowest: 1/64 of a logit. Below it a draw is as good as greedy."""
LARGEST_FACTS = 1 << 20
"""Bytes of facts unpacked."""


class RowPart(NamedTuple):
    """A member's, by slot of the map's layout."""

    nonce: int
    fingerprint: int
    codes: UInt8[np.ndarray, "titles codes"]
    """Ranks, steps and scale of each title."""
    packed: bytes
    """Facts."""
    mark: int = 0
    """A hash of all of it as it was read."""

    @staticmethod
    def of_map(value: bytes, titles: int, width: int) -> "RowPart":
        """That of a map of format 3 whose checksum was looked at.

        Args:
            value: the map.
            titles: of its layout.
            width: bytes of an ordinal.

        Raises:
            ValueError: it is none.
        """
        if len(value) < HEADER.size:
            raise ValueError("it is shorter than the head of a map")
        at = HEADER.size + titles * (width + 2) + value[28] * RUN.size
        return RowPart.read(value, at, titles)

    @staticmethod
    def read(value: bytes, at: int, titles: int) -> "RowPart":
        """What begins at an offset.

        Raises:
            ValueError: it is too short for so many titles.
        """
        try:
            length, nonce, fingerprint, kept = PART.unpack_from(value, at)
        except struct.error as error:
            raise ValueError(f"a map ends before its rows: {error}") from None
        each, body = 2 * kept + 1, at + PART.size
        if not kept or length < PART.size + titles * each or at + length > len(value):
            raise ValueError(f"{length} bytes of rows do not hold {kept} artworks of each title")
        codes = np.frombuffer(value, np.uint8, titles * each, body).reshape(titles, each)
        packed = value[body + titles * each : at + length]
        mark = crc32(value[at : at + length])
        return RowPart(nonce, fingerprint, codes, packed, mark)

    @property
    def kept(self) -> int:
        """Artworks of each title."""
        return self.codes.shape[1] // 2

    def to_bytes(self) -> bytes:
        """As a map holds it."""
        codes = self.codes.tobytes()
        length = PART.size + len(codes) + len(self.packed)
        head = PART.pack(length, self.nonce, self.fingerprint, self.kept)
        return b"".join((head, codes, self.packed))

    def facts(self) -> bytes:
        """The member's facts, as JSON.

        Raises:
            ValueError: they do not unpack.
        """
        unpacking = decompressobj()
        try:
            text = unpacking.decompress(self.packed, LARGEST_FACTS)
        except ZlibError as error:
            raise ValueError(f"facts of a map do not unpack: {error}") from None
        if not unpacking.eof:
            raise ValueError("facts of a map are cut, or too large")
        return text


def packed_facts(text: bytes) -> bytes:
    """Facts as a map holds them: the same bytes for the same facts."""
    return compress(text, 6)


def row_codes(
    ranks: UInt8[np.ndarray, "*any kept"],
    gaps: Float[np.ndarray, "*any kept"],
    scales: Float[np.ndarray, "*any"],
) -> UInt8[np.ndarray, "*any codes"]:
    """Titles as codes.

    Args:
        ranks: of the kept artworks, the likeliest first.
        gaps: how far each one's logit is below the likeliest's; ∞: there is none.
        scales: of the noise, in logits.
    """
    steps = np.minimum(np.rint(np.minimum(gaps, 100.0) / STEP), NOTHING - 1)
    steps = np.where(np.isfinite(gaps), steps, NOTHING)
    with np.errstate(divide="ignore"):
        coded = np.rint(16 * np.log2(scales) + 128).clip(NARROWEST, 255)
    return np.concatenate([ranks, steps, coded[..., None]], -1).astype(np.uint8)


def row_weights(
    steps: UInt8[np.ndarray, "*any kept"], scales: UInt8[np.ndarray, "*any"]
) -> Float[np.ndarray, "*any kept"]:
    """Logs of the artworks' weights, of which probabilities are a softmax; −∞: there is none."""
    weights = steps * -STEP / SCALES[scales][..., None]
    return np.where(steps == NOTHING, -np.inf, weights)
