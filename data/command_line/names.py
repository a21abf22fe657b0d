"""Options that take several names, however people put them beside each other."""

from collections.abc import Iterable


def names(words: Iterable[str]) -> list[str]:
    """Names that an option was given, with spaces or commas between: `a b`, `a,b`, `[a, b]`.

    For names that hold no comma, such as kinds and languages. Ids of titles may hold one.

    Args:
        words: as the parser gives them.

    Returns:
        The names in their order, without blanks around them; empty ones are left out.
    """
    return [name.strip() for word in words for name in word.split(",") if name.strip()]
