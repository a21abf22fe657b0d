"""What a policy earns over weeks if what it does today moves tomorrow: fitted Q evaluation."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from evaluate.ope.bootstrap import BOOTSTRAP, Bootstrap
from evaluate.ope.paired_bootstrap import Range

GROUPS = 200
"""Of members, which are drawn again for intervals."""


class Transitions(NamedTuple):
    """Days of members: what was known and done, what came of it, and what the target would do.

    Rows are a member's days in order. Numbers hold the state and what was shown, linear in both.
    """

    member: Int[np.ndarray, " days"]
    first: Int[np.ndarray, " members"]
    """Row of each member's first day."""
    done: Float[np.ndarray, "days numbers"]
    """Of the state and what was shown."""
    target: Float[np.ndarray, "days numbers"]
    """Of the same state and what the target would show."""
    reward: Float[np.ndarray, " days"]
    following: Int[np.ndarray, " days"]
    """Row of the member's next day; −1: the member has left."""
    known: Bool[np.ndarray, " days"]
    """Whether what follows is known: not so on the log's last day."""


class QValue(NamedTuple):
    """A policy's value over weeks, and what it was where members were drawn again."""

    value: float
    drawn: Float[np.ndarray, " resamples"]

    @property
    def range(self) -> Range:
        """With its 95% interval."""
        return Range(self.value, *map(float, np.quantile(self.drawn, (0.025, 0.975))))

    def over(self, other: "QValue") -> Range:
        """The gain over another policy as a share of its value, from the same draws."""
        drawn = self.drawn / other.drawn - 1
        return Range(self.value / other.value - 1, *map(float, np.quantile(drawn, (0.025, 0.975))))


def fitted_q(
    days: Transitions, horizon: int, bootstrap: Bootstrap = BOOTSTRAP, ridge: float = 1e-3
) -> QValue:
    """Value of the target over a horizon of days from members' first.

    Q_h = E[reward + Q_{h−1}(next state, target)], a least squares each; linear in sums, so that
    members can be drawn again at the cost of small systems.

    Args:
        days: trajectories of a logging policy; what members cannot show may not move them.
        horizon: days.
        bootstrap: over groups of members.
        ridge: added to the squares of each number, as a share of its mean square.

    Source: Le, Voloshin and Yue (2019), "Batch Policy Learning under Constraints", ICML.
    """
    goes_on = days.following >= 0
    after = np.where(goes_on[:, None], days.target[days.following], 0.0)
    group = days.member % GROUPS
    numbers = days.done.shape[1]
    sums = np.zeros((GROUPS, numbers, 2 * numbers + 1))
    for each in range(GROUPS):
        rows = (group == each) & days.known
        x = days.done[rows]
        right = np.concatenate([x, after[rows], days.reward[rows, None]], axis=1)
        sums[each] = x.T @ right
    starts = days.target[days.first]
    begin = np.stack(
        [np.bincount(days.member[days.first] % GROUPS, s, GROUPS) for s in starts.T], axis=1
    )
    count = np.bincount(days.member[days.first] % GROUPS, minlength=GROUPS).astype(float)
    rng = np.random.default_rng(bootstrap.seed)
    value = _value(sums, begin, count, np.ones(GROUPS), horizon, ridge)
    times = rng.multinomial(GROUPS, np.full(GROUPS, 1 / GROUPS), bootstrap.resamples)
    drawn = [_value(sums, begin, count, each, horizon, ridge) for each in times]
    return QValue(value, np.array(drawn))


# Each is a sum that a draw of groups weighs.
def _value(
    sums: Float[np.ndarray, "groups numbers columns"],
    begin: Float[np.ndarray, "groups numbers"],
    count: Float[np.ndarray, " groups"],
    times: np.ndarray,
    horizon: int,
    ridge: float,
) -> float:
    whole = np.tensordot(times, sums, 1)
    numbers = len(whole)
    gram, move, reward = whole[:, :numbers], whole[:, numbers:-1], whole[:, -1]
    gram = gram + ridge * np.diag(np.diag(gram) + 1e-9)
    step = np.linalg.solve(gram, np.column_stack([move, reward]))
    q = np.zeros(numbers)
    for _ in range(horizon):
        q = step[:, -1] + step[:, :-1] @ q
    return float(times @ begin @ q / (times @ count))
