"""How one input becomes another: bytes as libFuzzer changes them, and JSON by what it says."""

import json
import math
import random
import struct
import zlib
from collections.abc import Callable

ODD = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        255,
        256,
        65_535,
        2**31,
        2**32 - 1,
        2**53,
        2**63,
        2**64,
        -(2**63),
    ),
    *(
        0.5,
        -0.0,
        1e-300,
        1e300,
        1e308,
        math.nan,
        math.inf,
        10**30,
        "",
        "a",
        "\0",
        "é" * 300,
        "\ud800",
    ),
    *("x" * 600, "2026-01-01", "../..", "[]", [], {}, [[]], [None], {"": None}, {"a": {"b": []}}),
)
"""Values that somebody's code sends."""


def of_json(raw: bytes, rng: random.Random) -> bytes:
    """JSON with some of its values, names or items changed; as it is if it is none."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return raw
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        value = _changed(value, rng)
    return json.dumps(value).encode()


def _changed(value: object, rng: random.Random) -> object:
    """A value in which one place is another."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        name = rng.choice(sorted(value))
        how = rng.random()
        if how < 0.08:
            return {key: held for key, held in value.items() if key != name}
        if how < 0.14:
            return {**value, rng.choice(("", "a", name + "x", "\0", "each")): rng.choice(ODD)}
        return {**value, name: _changed(value[name], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        at, how = rng.randrange(len(value)), rng.random()
        if how < 0.1:
            return value[:at] + value[at + 1 :]
        if how < 0.2:
            return value[: at + 1] + value[at:]
        if how < 0.25:
            return rng.sample(value, len(value))
        if how < 0.28:
            return value * rng.choice((2, 40))
        return [*value[:at], _changed(value[at], rng), *value[at + 1 :]]
    if isinstance(value, int | float) and not isinstance(value, bool) and rng.random() < 0.4:
        return value + rng.choice((-1, 1, 0.5, 1000)) if rng.random() < 0.8 else -value
    return rng.choice(ODD)


def of_bytes(raw: bytes, rng: random.Random) -> bytes:
    """A few bytes set, cut, repeated or put in."""
    held = bytearray(raw)
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        at, how = rng.randrange(len(held) + 1), rng.random()
        if how < 0.5 and at < len(held):
            held[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif how < 0.65:
            number = rng.choice((0, 1, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, len(raw)))
            held[at : at + 4] = struct.pack(rng.choice("<>") + "I", number)
        elif how < 0.75:
            del held[at : at + rng.choice((1, 2, 8, 100))]
        elif how < 0.85:
            held[at:at] = held[at : at + rng.choice((1, 4, 30))]
        elif how < 0.9:
            del held[at:]
        else:
            held[at:at] = rng.randbytes(rng.choice((1, 4, 12)))
    return bytes(held)


def with_checksum(raw: bytes) -> bytes:
    """Bytes whose last four are the CRC-32 of those before, as an artwork map ends."""
    return raw[:-4] + struct.pack("<I", zlib.crc32(raw[:-4]))


def with_png_checksums(raw: bytes) -> bytes:
    """A PNG whose chunks' checksums are right."""
    if not raw.startswith(b"\x89PNG\r\n\x1a\n"):
        return raw
    held, at = bytearray(raw), 8
    while at + 12 <= len(held):
        size = int.from_bytes(held[at : at + 4], "big")
        if at + 12 + size > len(held):
            break
        body = held[at + 4 : at + 8 + size]
        held[at + 8 + size : at + 12 + size] = struct.pack(">I", zlib.crc32(body))
        at += 12 + size
    return bytes(held)


Mutation = Callable[[bytes, random.Random], bytes]
