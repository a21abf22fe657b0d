"""What is said of artwork whose image cannot be had: it alone is left out, by name."""

from collections.abc import Mapping

NAMED = 20
"""Artworks that are named; all are counted."""


def left_out_words(refused: Mapping[str, str]) -> list[str]:
    """A line for each artwork that is left out, and one that counts them; none where none is.

    Args:
        refused: artwork_id → why it has no image.
    """
    if not refused:
        return []
    lines = [f"left out: artwork {name}: {why}" for name, why in list(refused.items())[:NAMED]]
    count = f"{len(refused):,} artwork{'s' * (len(refused) > 1)}"
    return [*lines, f"left out: {count} in all, whose images cannot be had"]
