"""The share of uniform exploration that keeps every valid candidate possible."""

import numpy as np
from jaxtyping import Bool, Float, Int


def candidate_counts(valid: Bool[np.ndarray, "decisions candidates"]) -> np.ndarray:
    """Valid candidates of each decision, as a column.

    Raises:
        ValueError: a row has no valid candidate.
    """
    count = valid.sum(-1, keepdims=True)
    if not count.all():
        raise ValueError(
            f"decision row {int(count.argmin())} has no valid candidate; "
            "drop the title or give it a default"
        )
    return count


def epsilon_floor(
    votes: Float[np.ndarray, "decisions candidates"],
    valid: Bool[np.ndarray, "decisions candidates"],
    epsilon: float,
) -> Float[np.ndarray, "decisions candidates"]:
    """Mix probabilities with uniform exploration over the valid candidates.

    Rows sum to one; an invalid candidate gets exactly 0; importance weights never exceed the
    number of valid candidates / epsilon.

    Raises:
        ValueError: a row has no valid candidate, or epsilon is outside [0, 1].
    """
    if not 0 <= epsilon <= 1:
        raise ValueError(f"epsilon is {epsilon}; it is a probability, from 0 to 1")
    return mix_exploration(votes, valid, candidate_counts(valid), epsilon)


def mix_exploration(
    votes: Float[np.ndarray, "..."],
    there: Bool[np.ndarray, "..."],
    counts: Int[np.ndarray, "..."],
    epsilon: float,
) -> Float[np.ndarray, "..."]:
    """`epsilon_floor` in any layout, unchecked: 0 where there is no candidate."""
    return (1 - epsilon) * votes + epsilon * there / counts


def sticky_votes(
    votes: Float[np.ndarray, "draws candidates"],
    before: Int[np.ndarray, " draws"],
    keep: float,
) -> Float[np.ndarray, "draws candidates"]:
    """Votes of a new draw, given what was shown before: a share `keep` of them goes to that.

    Exploration is mixed in after this (`bandit.floor.epsilon_floor`), so its floor holds on the
    conditional probabilities.

    Args:
        votes: the policy's, rows that sum to one.
        before: rank of what was shown before; −1 where nothing was, or it is no candidate.
        keep: share.
    """
    had: Bool[np.ndarray, " draws"] = before >= 0
    mixed = np.where(had[:, None], (1 - keep) * votes, votes)
    rows = np.flatnonzero(had)
    mixed[rows, before[rows]] += keep
    return mixed
