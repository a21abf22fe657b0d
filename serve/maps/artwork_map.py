"""The artwork map of one profile as bytes: 1,264 for 300 titles drawn in one run.

```
 0  magic "MQ" · format (2) · flags (1: every title has a choice, 2: ordinals take 4 bytes)
 4  titles n, uint32
 8  layout digest, 8 bytes        which numbering of titles and artworks (serve/maps/layout.py)
16  version, uint64 big-endian    runs ascend; a store never replaces a later one
24  facts fingerprint, uint32     of the member facts decided on
28  runs r, uint8 · bundle tag, 3 bytes: which bundle last decided or confirmed this map
32  n artwork ordinals, uint16    65535: no choice of its own; by slot, so no ids are stored
 …  n run indices, uint8          which run drew each title
 …  n propensity codes, uint8     255: among the explicit ones, or not known
 …  r runs × 24 bytes             day uint16 · epoch days uint16 · facts fingerprint uint32 ·
                                  salt uint64 · nonce uint64
 …  e × 12 bytes                  slot uint32 · propensity float64: what no code stands for; then
                                  n + slot uint32 · uint64: a hash of what rules did to the title
 …  k kinds × n bytes, then 8      what is shown beside each artwork, and the table that says so
                                  (serve/maps/beside); nothing where k is 0
 …  e, 3 bytes · k, uint8
 …  CRC-32 of all before, uint32
```

So 4 bytes a title and 64 for the rest, 24 a run. Neither a draw's id nor its propensity is stored
in full: both follow from profile, title, code and what the run's draws have in common, which lies
beside the maps under the run's nonce (`serve/maps/run_info.py`). A choice that goes on for weeks
still points at the run that drew it. Format 1 had no codes; its maps are read, and what they chose
counts as shown before.

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
from jaxtyping import Int, UInt8, UInt32

from serve.maps.store import MAGIC

FORMAT = 2
HEADER = struct.Struct("<2sBBI8s8sIB3s")
RUN = struct.Struct("<HHIQQ")
RUN_OF_FORMAT_1 = struct.Struct("<i4xQQ")
RUN_TYPE = np.dtype(
    [("day", "<u2"), ("days", "<u2"), ("print", "<u4"), ("salt", "<u8"), ("nonce", "<u8")]
)
EXPLICIT = struct.Struct("<Id")
RULED = struct.Struct("<IQ")
"""As long as an explicit propensity, and counted among them: versions before rules pass it over."""
EXPLICIT_TYPE = np.dtype([("slot", "<u4"), ("rest", "<u8")])
RUNS_MAX = 255
UNKNOWN_CODE = 255
COMPLETE, WIDE = 1, 2
CRC_RESIDUE = zlib.crc32(b"\0" * 4 + struct.pack("<I", zlib.crc32(b"\0" * 4)))
"""CRC-32 of any message followed by its own little-endian CRC-32 is this constant."""


class MapBeside(NamedTuple):
    """What a map shows beside its artwork."""

    table: bytes
    """Digest of the table that numbers it (`serve.maps.beside.kind_table`)."""
    codes: UInt8[np.ndarray, "kinds titles"]
    """Entries of that table; 255: the kind is not shown."""

    def to_bytes(self) -> bytes:
        """As a map has it."""
        return np.ascontiguousarray(self.codes).tobytes() + self.table


def beside_of(value: bytes) -> MapBeside | None:
    """What a whole map shows beside its artwork, without reading the rest; None: nothing."""
    kinds, titles = value[-5], int.from_bytes(value[4:8], "little")
    if not kinds or value[2] != FORMAT or len(value) < HEADER.size + kinds * titles + 16:
        return None
    codes = np.frombuffer(value, np.uint8, kinds * titles, len(value) - 16 - kinds * titles)
    return MapBeside(value[-16:-8], codes.reshape(kinds, titles))


class CorruptMapError(ValueError):
    """Bytes from a store that are not a whole artwork map."""


class Run(NamedTuple):
    """What made a draw, apart from profile and title: enough to name it again."""

    day: int
    salt: int
    nonce: int  # hash of what the run's draws have in common, see `serve.maps.run_info`
    days: int = 0  # of an epoch; 0: made before there were epochs
    fingerprint: int = 0  # of the profile's facts


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
    codes: UInt8[np.ndarray, " titles"] | None = None  # of propensities; None: none is known
    explicit: tuple[tuple[int, float], ...] = ()  # (slot, propensity) that no code stands for
    ruled: tuple[tuple[int, int], ...] = ()  # (slot, word of the effect of rules) of its draw
    beside: MapBeside | None = None  # None: artwork alone

    @staticmethod
    def parse(value: bytes) -> "ArtworkMap":
        """Read a map.

        Raises:
            CorruptMapError: too short, not a map, a later format, or the checksum differs.
        """
        if len(value) < HEADER.size + 4:
            raise CorruptMapError(f"{len(value)} bytes are too few for an artwork map")
        magic, form, flags, titles, layout, version, facts, runs, tag = HEADER.unpack_from(value)
        if magic != MAGIC:
            raise CorruptMapError(f"starts with {magic!r}, an artwork map starts with b'MQ'")
        if form not in (1, FORMAT):
            raise CorruptMapError(
                f"format {form} is not {FORMAT}; update the reader or precompute anew"
            )
        if zlib.crc32(value) != CRC_RESIDUE:
            raise CorruptMapError("the checksum differs; precompute this profile again")
        width = 4 if flags & WIDE else 2
        counted = int.from_bytes(value[-8:-5], "little") if form == FORMAT else 0
        beside = beside_of(value)
        fixed = map_bytes(titles, width, runs, form)
        fixed += 0 if beside is None else len(beside.to_bytes())
        if len(value) != fixed + counted * EXPLICIT.size:
            raise CorruptMapError(
                f"{len(value)} bytes where {titles} titles and {runs} runs need more"
            )
        raw = np.frombuffer(value, f"<u{width}", titles, HEADER.size)
        choices = raw.astype(np.int64)
        choices[raw == np.iinfo(raw.dtype).max] = -1
        at = HEADER.size + titles * width
        run_of = np.frombuffer(value, np.uint8, titles, at)
        at += titles
        head = (layout, int.from_bytes(version, "big"), facts, tag, choices, run_of)
        if form == 1:
            size = RUN_OF_FORMAT_1.size
            older = [RUN_OF_FORMAT_1.unpack_from(value, at + size * i) for i in range(runs)]
            if not all(0 <= day < 2**16 for day, *_ in older):
                raise CorruptMapError("a run of another century; precompute this profile again")
            return ArtworkMap(*head, tuple(Run(*run) for run in older))
        codes = np.frombuffer(value, np.uint8, titles, at)
        at += titles
        stored = [RUN.unpack_from(value, at + RUN.size * i) for i in range(runs)]
        at += runs * RUN.size
        slots = np.frombuffer(value, EXPLICIT_TYPE, counted, at)["slot"]
        own = int((slots < titles).sum())
        if (slots[:own] >= titles).any() or (slots >= 2 * titles).any():
            raise CorruptMapError("it speaks of other titles; precompute this profile again")
        ruled = (RULED.unpack_from(value, at + RULED.size * i) for i in range(own, counted))
        return ArtworkMap(
            *head,
            tuple(Run(day, salt, nonce, days, mark) for day, days, mark, salt, nonce in stored),
            codes,
            tuple(EXPLICIT.unpack_from(value, at + EXPLICIT.size * i) for i in range(own)),
            tuple((slot - titles, word) for slot, word in ruled),
            beside,
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
            codes=self.codes[None] if self.codes is not None else None,
            explicit=[self.explicit],
            ruled=[self.ruled],
            beside=None if self.beside is None else [self.beside],
        )[0]


def bundle_tag(bundle: str | None) -> bytes:
    """Three bytes that tell a bundle from the one before it."""
    return hashlib.blake2b((bundle or "").encode(), digest_size=3).digest()


def map_bytes(titles: int, width: int, runs: int, form: int = FORMAT) -> int:
    """Size of a map without explicit propensities."""
    if form == 1:
        return HEADER.size + titles * (width + 1) + runs * RUN.size + 4
    return HEADER.size + titles * (width + 2) + runs * RUN.size + 8


# Each is a column of the maps; a record of them would be taken apart at once.
def encode_maps(
    layout: bytes,
    width: int,
    versions: np.ndarray,
    facts: np.ndarray,
    choices: Int[np.ndarray, "profiles titles"],
    run_of: UInt8[np.ndarray, "profiles titles"],
    runs: Sequence[tuple[Run, ...]],
    tag: bytes = b"\0\0\0",
    *,
    codes: UInt8[np.ndarray, "profiles titles"] | None = None,
    explicit: Sequence[Sequence[tuple[int, float]]] | None = None,
    ruled: Sequence[Sequence[tuple[int, int]]] | None = None,
    prints: UInt32[np.ndarray, "profiles runs"] | None = None,
    beside: Sequence[MapBeside] | None = None,
) -> list[bytes]:
    """Many maps at once; all arrays have one row a profile, −1 is no choice.

    Args:
        layout: digest.
        width: bytes of an ordinal.
        versions: of the runs.
        facts: fingerprints.
        choices: ordinals.
        run_of: which of a profile's runs drew each title.
        runs: of each profile.
        tag: of the bundle.
        codes: of propensities; None: none is known.
        explicit: (slot, propensity) of each profile that no code stands for.
        ruled: (slot, word) of each profile's draws under rules (`bandit.rules.effect`).
        prints: facts fingerprints where all profiles have the same runs; None: those in `runs`.
        beside: what each profile's map shows beside its artwork; None: nothing.

    Raises:
        ValueError: a profile has more runs than an index can tell apart.
    """
    profiles, titles = choices.shape
    lengths = [len(row) for row in runs]
    if profiles and max(lengths) > RUNS_MAX:
        raise ValueError(
            f"{max(lengths)} runs in one map; at most {RUNS_MAX} fit: draw the profile anew"
        )
    at = HEADER.size + titles * width
    body = np.empty((profiles, at + 2 * titles), np.uint8)
    complete = (choices >= 0).all(1)
    flags = complete * COMPLETE + (WIDE if width == 4 else 0)
    body[:, :16] = np.frombuffer(struct.pack("<2sBBI8s", MAGIC, FORMAT, 0, titles, layout), "u1")
    body[:, 3] = flags
    body[:, 16:24] = versions.astype(">u8")[:, None].view(np.uint8)
    body[:, 24:28] = facts.astype("<u4")[:, None].view(np.uint8)
    body[:, 28] = lengths
    body[:, 29:32] = np.frombuffer(tag, np.uint8)
    body[:, HEADER.size : at] = np.ascontiguousarray(choices.astype(f"<u{width}")).view(np.uint8)
    body[:, at : at + titles] = run_of
    body[:, at + titles :] = UNKNOWN_CODE if codes is None else codes
    tails = _tails(runs, prints)
    encoded = []
    for row, (head, tail) in enumerate(zip(body, tails, strict=True)):
        pairs = explicit[row] if explicit is not None else ()
        extra = b"".join(EXPLICIT.pack(slot, p) for slot, p in pairs)
        words = ruled[row] if ruled is not None else ()
        extra += b"".join(RULED.pack(titles + slot, word) for slot, word in words)
        kinds = 0
        if beside is not None:
            kinds, extra = len(beside[row].codes), extra + beside[row].to_bytes()
        counted = (len(pairs) + len(words) + (kinds << 24)).to_bytes(4, "little")
        value = head.tobytes() + tail + extra + counted
        encoded.append(value + zlib.crc32(value).to_bytes(4, "little"))
    return encoded


def _tails(
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
