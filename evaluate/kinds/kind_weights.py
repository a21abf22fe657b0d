"""Weights of decisions of several kinds: artwork, synopsis, trailer … chosen together.

What a combination earns is often a sum over kinds, or over pairs of them. Then a decision weighs
by its kinds, or pairs, and not by its combination, of which a log may have hundreds.
"""

from itertools import combinations

import numpy as np
from jaxtyping import Float, Int

SAME = 1e-12
"""How far a log's probabilities may be from a product, and count as one."""


def kind_weights(
    logged: Float[np.ndarray, " decisions *combinations"],
    target: Float[np.ndarray, " decisions *combinations"],
    choice: Int[np.ndarray, "decisions kinds"],
    order: int = 1,
) -> Float[np.ndarray, " decisions"]:
    """The pseudo-inverse weight of each decision: PI over kinds, or over their pairs.

    The mean of weight · reward is the target's value wherever the expected reward is a sum of
    functions of `order` kinds each; the log may have chosen each kind given others. Where it chose
    each by itself, the weight is Σ w_k − (K − 1), and with pairs
    Σ w_kl − (K − 2) Σ w_k + (K − 1)(K − 2) / 2.

    Source: Swaminathan et al. 2017, "Off-policy Evaluation for Slate Recommendation", section 3.

    Args:
        logged: probability of every combination as it was logged, an axis a kind.
        target: the same of the policy to be judged.
        choice: what was shown, a kind; a kind that is not shown has one candidate.
        order: 1 or 2.

    Raises:
        ValueError: another order, or the log never shows what the target does, so that no weight
            says what that earns.
    """
    if order not in (1, 2):
        raise ValueError(f"order is {order}; 1 weighs by kinds, 2 by their pairs")
    kinds = logged.ndim - 1
    parts = [part for size in range(1, order + 1) for part in combinations(range(kinds), size)]
    row = np.arange(len(choice))
    alone = [_marginal(logged, (kind,)) for kind in range(kinds)]
    product = np.ones(len(choice)).reshape(-1, *[1] * kinds)
    for kind, chance in enumerate(alone):
        axes = [logged.shape[1 + kind] if at == kind else 1 for at in range(kinds)]
        product = product * chance.reshape(len(chance), *axes)
    if np.abs(product - logged).max(initial=0.0) <= SAME:
        return _of_product(logged, target, choice, parts, row)
    return _general(logged, target, choice, parts)


def _of_product(
    logged: np.ndarray,
    target: np.ndarray,
    choice: np.ndarray,
    parts: list[tuple[int, ...]],
    row: np.ndarray,
) -> Float[np.ndarray, " decisions"]:
    kinds = choice.shape[1]
    sums = {1: np.zeros(len(row)), 2: np.zeros(len(row))}
    for part in parts:
        at = (row, *choice[:, list(part)].T)
        theirs, ours = _marginal(logged, part), _marginal(target, part)
        _refuse_unseen((ours > SAME) & (theirs <= 0))
        sums[len(part)] += ours[at] / theirs[at]
    if len(parts) == kinds:
        return sums[1] - (kinds - 1)
    return sums[2] - (kinds - 2) * sums[1] + (kinds - 1) * (kinds - 2) / 2


def _general(
    logged: np.ndarray, target: np.ndarray, choice: np.ndarray, parts: list[tuple[int, ...]]
) -> Float[np.ndarray, " decisions"]:
    """Any log: E_target[f]ᵀ (E_log[f fᵀ])⁺ f of what was shown, f its indicators."""
    sizes = logged.shape[1:]
    every = np.stack([axis.ravel() for axis in np.indices(sizes)], 1)
    columns = []
    for part in parts:
        shape = [sizes[kind] for kind in part]
        code = np.asarray(np.ravel_multi_index(tuple(every[:, list(part)].T), shape))
        columns.append(code[:, None] == np.arange(int(np.prod(shape))))
    features = np.concatenate(columns, 1).astype(np.float64)
    shown = np.asarray(np.ravel_multi_index(tuple(choice.T), sizes))
    theirs, ours = (p.reshape(len(choice), -1) for p in (logged, target))
    weights = np.empty(len(choice))
    for at, (mu, pi) in enumerate(zip(theirs, ours, strict=True)):
        gram = (features.T * mu) @ features
        wanted = pi @ features
        solved = np.linalg.pinv(gram, hermitian=True) @ wanted
        _refuse_unseen(np.abs(gram @ solved - wanted) > 1e-8)
        weights[at] = features[shown[at]] @ solved
    return weights


def _marginal(chances: np.ndarray, kept: tuple[int, ...]) -> np.ndarray:
    """Of some kinds: summed over the others."""
    return chances.sum(tuple(1 + k for k in range(chances.ndim - 1) if k not in kept))


def _refuse_unseen(unseen: np.ndarray) -> None:
    if unseen.any():
        raise ValueError(
            "the target shows what the log never did; judge it on a log that explores, or choose"
            " weights by kinds alone"
        )
