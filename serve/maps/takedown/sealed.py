"""A shared value of text as stores keep it: its version where a map has it, and a checksum."""

from zlib import crc32

from serve.maps.store import MAGIC, VERSION


def sealed(version: int, text: bytes) -> bytes:
    """As stored; bytes 16 to 24 are the version, as in a map."""
    head = MAGIC + b"\0" * 6 + crc32(text).to_bytes(4) + b"\0" * 4
    return head + version.to_bytes(8) + text


def unsealed(raw: bytes, what: str) -> tuple[int, bytes]:
    """Version and text.

    Args:
        raw: as stored.
        what: it is, for the refusal.

    Raises:
        ValueError: it is nothing of the kind, or damaged.
    """
    text = raw[VERSION.stop :]
    if not raw.startswith(MAGIC) or crc32(text).to_bytes(4) != raw[8:12]:
        raise ValueError(f"{what} is damaged; write it again")
    return int.from_bytes(raw[VERSION]), text
