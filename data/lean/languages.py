"""Which languages somebody reads: a language stands for its variants."""

from collections.abc import Sequence


def reads(language: str, read: Sequence[str]) -> bool:
    """Whether who reads some languages reads this one: a language stands for its variants.

    Args:
        language: in small letters.
        read: in small letters.
    """
    return any(
        language == one or language.startswith(f"{one}-") or one.startswith(f"{language}-")
        for one in read
    )
