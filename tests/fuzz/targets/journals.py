"""Segments of the embedded log: what a crash, a disk or another program makes of them."""

import os
import tempfile
from pathlib import Path

from data.lean.segment import RECORD, record_seed
from data.log.journal import HEADER, KINDS, MAGIC, chunks
from data.log.records import decode_each, encode, encode_page, packed, rejected_line, unpacked
from tests.data.log.log_rows import decision, event, page
from tests.fuzz.kind import Kind
from tests.fuzz.mutations import of_bytes, of_json

NONCE = b"12345678"


def segment(bodies, spare=64):
    """A segment of (kind's number, body); checksums are right."""
    out = HEADER.pack(MAGIC, NONCE)
    for kind, body in bodies:
        from zlib import crc32

        checksum = crc32(body, record_seed(NONCE, kind % 256))
        out += RECORD.pack(len(body), checksum, kind) + body
    return out + bytes(spare)


def bodies_of(raw):
    found, at = [], HEADER.size
    while at + RECORD.size <= len(raw):
        length, _, kind = RECORD.unpack_from(raw, at)
        if not length or at + RECORD.size + length > len(raw):
            break
        found.append((kind, raw[at + RECORD.size : at + RECORD.size + length]))
        at += RECORD.size + length
    return found


def sealed(raw, rng):
    """One record's body changed, by what it says or by its bytes, under a right checksum."""
    bodies = bodies_of(raw)
    if not bodies:
        return of_bytes(raw, rng)
    at = rng.randrange(len(bodies))
    kind, body = bodies[at]
    how = rng.choice((of_json, of_json, of_bytes))
    if body[:1] != b"{" and how is of_json:
        try:
            body = packed(of_json(unpacked(body), rng)) + b""
        except Exception:
            body = of_bytes(body, rng)
    else:
        body = how(body, rng)
    if rng.random() < 0.1:
        kind = rng.randrange(len(KINDS))
    if rng.random() < 0.05:
        body = rng.choice(
            (b"Z", b"x", b"\x78\x9c", b"[]", b"1", b"{}", b'{"each":{}}', b'{"each":5}')
        )
    bodies[at] = (kind, body or b"x")
    return segment(bodies)


def journals():
    path = Path(tempfile.mkdtemp(prefix="fuzz-", dir=shm())) / "segment.log"

    def read(raw: bytes) -> None:
        path.write_bytes(raw)
        for ended in (False, True):
            rows = [row for chunk in chunks(path, 0, 100, 1 << 20, ended) for row in chunk.rows]
        for kind in KINDS:
            bodies = [body for of, body in rows if of == kind]
            if bodies:
                tables, rejected = decode_each(kind, bodies)
                for table in tables:
                    table.validate(full=True)
                for body in rejected:  # as a roll lays them aside
                    assert b"\n" not in rejected_line(body)

    one = [encode("decisions", decision("a")), encode("events", event("b"))]
    many = encode_page("decisions", page("c", 30))
    seeds = [
        segment([(0, one[0]), (1, one[1])]),
        segment([(0, many), (0, packed(many)), (1, one[1])]),
        segment([(1, one[1])], 0),
    ]
    return Kind(read, seeds, [of_bytes, sealed, sealed, sealed])


def shm():
    """A folder in memory, where there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


TARGETS = {"journals": journals}
