"""JSON by orjson where it is installed, and by the standard library where it is not.

Both write the same bytes of what is stored: no spaces, text as it is.
"""

import json

try:
    import orjson
except ImportError:  # on a page server
    orjson = None


def dumps(value: object) -> bytes:
    """Write a value; tuples of any kind are lists.

    Raises:
        TypeError: it is nothing that JSON has, or no text that UTF-8 has.
    """
    if orjson is not None:
        return orjson.dumps(value, default=tuple)
    try:
        return by_json(value)
    except UnicodeEncodeError as error:
        raise TypeError(str(error)) from None


def by_json(value: object) -> bytes:
    """The same by the standard library alone."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def loads(raw: bytes) -> dict:
    """Read an object.

    Raises:
        ValueError: it is no JSON.
    """
    return json.loads(raw) if orjson is None else orjson.loads(raw)
