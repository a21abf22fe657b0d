"""What a target earns on a log of several kinds, with intervals, and what each kind adds to it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from evaluate.kinds.kind_file import KindDecisions
from evaluate.kinds.kind_weights import SAME, kind_weights
from evaluate.ope.bootstrap import BOOTSTRAP, Bootstrap
from evaluate.ope.feedback import GROUPS
from evaluate.ope.paired_bootstrap import Quantity, Range, group_sums, ranges

ESTIMATES = ("ips", "pi", "pi2")
"""By combination: right whatever rewards depend on, and noisy; by kinds; by pairs of kinds."""


@dataclass(frozen=True)
class KindEstimate:
    """A value of a decision and its 95% interval.

    Attributes:
        value: the estimate.
        low: lower end.
        high: upper end.
        ess: decisions that its weights are worth; None of a difference.
    """

    value: float
    low: float
    high: float
    ess: float | None = None


@dataclass(frozen=True)
class KindReport:
    """What a log of several kinds says of a target.

    Attributes:
        decisions: of the log.
        logged: what the log's own policy earned.
        target: by estimator; `ips` is NaN where the log never shows a combination that the target
            does, which the others may know by its kinds.
        adds: what the target's choice of each kind adds, beside that kind as the log chose it, by
            `pi2`, over the decisions that show it.
        shown: decisions that show each kind.
    """

    decisions: int
    logged: KindEstimate
    target: dict[str, KindEstimate]
    adds: dict[str, KindEstimate]
    shown: dict[str, int]


def judge_kinds(log: Sequence[KindDecisions], bootstrap: Bootstrap = BOOTSTRAP) -> KindReport:
    """Judge a target by a log.

    The mean reward is a control variate: weights have mean one, so it adds no bias.

    Args:
        log: decisions by shape.
        bootstrap: of profiles; one draw for all.

    Raises:
        ValueError: the log never shows what the target does.
    """
    rewards = np.concatenate([part.reward for part in log])
    level = float(rewards.mean())
    kinds = list(dict.fromkeys(kind for part in log for kind in part.kinds))
    columns = 2 + len(ESTIMATES) + 2 * len(kinds)
    sums, squares = np.zeros((GROUPS, columns)), np.zeros((2, len(ESTIMATES)))
    for part in log:
        terms = np.zeros((len(part.reward), columns))
        terms[:, 0], terms[:, 1] = 1, part.reward
        weights = {
            "ips": _whole(part, part.target),
            "pi": kind_weights(part.logged, part.target, part.action, 1),
            "pi2": kind_weights(part.logged, part.target, part.action, 2),
        }
        for at, name in enumerate(ESTIMATES):
            terms[:, 2 + at] = weights[name] * (part.reward - level) + level
            squares[:, at] += weights[name].sum(), np.square(weights[name]).sum()
        for place, kind in enumerate(part.kinds):
            at = 2 + len(ESTIMATES) + 2 * kinds.index(kind)
            other = kind_weights(part.logged, _as_logged(part, place), part.action, 2)
            terms[:, at] = (weights["pi2"] - other) * (part.reward - level)
            terms[:, at + 1] = 1
        sums += group_sums(terms, part.group)
    wanted = [Quantity([at, 0], _ratio) for at in range(1, 2 + len(ESTIMATES))]
    first = 2 + len(ESTIMATES)
    wanted += [Quantity([first + 2 * at, first + 2 * at + 1], _ratio) for at in range(len(kinds))]
    found = ranges(sums, wanted, bootstrap)
    with np.errstate(divide="ignore", invalid="ignore"):
        ess = squares[0] ** 2 / squares[1]
    target = {name: _estimate(found[1 + at], float(ess[at])) for at, name in enumerate(ESTIMATES)}
    adds = found[1 + len(ESTIMATES) :]
    return KindReport(
        len(rewards),
        _estimate(found[0], None),
        target,
        {kind: _estimate(one, None) for kind, one in zip(kinds, adds, strict=True)},
        {kind: sum(len(p.reward) for p in log if kind in p.kinds) for kind in kinds},
    )


def _whole(part: KindDecisions, target: np.ndarray) -> Float[np.ndarray, " decisions"]:
    if ((target > SAME) & (part.logged <= 0)).any():
        return np.full(len(part.reward), np.nan)  # no weight says what the log never shows
    at = (np.arange(len(part.reward)), *part.action.T)
    return target[at] / part.logged[at]


def _as_logged(part: KindDecisions, place: int) -> Float[np.ndarray, " decisions *combinations"]:
    """The target, with one kind drawn as the log draws it by itself."""
    without = part.target.sum(1 + place, keepdims=True)
    others = tuple(axis for axis in range(1, part.target.ndim) if axis != 1 + place)
    return without * part.logged.sum(others, keepdims=True)


def _ratio(sums: Float[np.ndarray, "*batch two"]) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return sums[..., 0] / sums[..., 1]


def _estimate(found: Range, ess: float | None) -> KindEstimate:
    return KindEstimate(*found, ess)
