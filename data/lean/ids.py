"""Ids of titles, artworks and members: what may be one."""

from typing import TypeAlias

TitleId: TypeAlias = int | str
"""Of a catalogue all are whole numbers or all are text; `7` and `"7"` are two ids."""
ID_BYTES = 500
LARGEST_NUMBER = 2**63 - 1
"""As a title id that is a whole number; those of text have ID_BYTES."""


def id_problem(name: str) -> str | None:
    """Why a text is no id; None: it is one, of 1 to 500 bytes of UTF-8 without NUL."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "it is not Unicode text"
    if not 0 < size <= ID_BYTES:
        return f"it has {size} bytes; an id has 1 to {ID_BYTES}"
    return "it holds a NUL" if "\0" in name else None


def title_problem(title: TitleId) -> str | None:
    """Why something is no title id; None: it is one, a text or a whole number."""
    if isinstance(title, str):
        return id_problem(title)
    within_64 = 0 <= title <= LARGEST_NUMBER
    return None if within_64 else f"a whole number is from 0 to {LARGEST_NUMBER}"
