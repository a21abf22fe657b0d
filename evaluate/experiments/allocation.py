"""Which cell of an experiment a member is in: a salted hash, the same on every machine."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np


def allocate(profile_ids: Sequence[str], experiment: str, shares: Mapping[str, float]) -> list[str]:
    """Cell of each profile.

    The experiment's name salts the hash, so cells of two experiments are independent. Growing a
    cell at the expense of the one after it moves nobody else.

    Args:
        profile_ids: who.
        experiment: its name; never re-use one.
        shares: cell → share of members, in a fixed order; they sum to 1.

    Raises:
        ValueError: the shares are not probabilities that sum to 1.
    """
    check_shares(shares)
    edges = np.cumsum(list(shares.values()))[:-1]
    points = np.array([_point(experiment, profile) for profile in profile_ids])
    names = list(shares)
    return [names[at] for at in np.searchsorted(edges, points, side="right")]


def check_shares(shares: Mapping[str, float]) -> None:
    """Refuse shares that are not a division of members.

    Raises:
        ValueError: fewer than two cells, a share outside (0, 1), or a sum other than 1.
    """
    total = sum(shares.values())
    if len(shares) < 2 or min(shares.values()) <= 0 or abs(total - 1) > 1e-6:
        raise ValueError(
            f"shares {dict(shares)} must be two or more cells, each above 0, summing to 1"
            f" (their sum is {total:.6g})"
        )


def _point(experiment: str, profile: str) -> float:
    """A point of [0, 1) from the salted hash."""
    digest = blake2b(profile.encode(), key=experiment.encode()[:64], digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
