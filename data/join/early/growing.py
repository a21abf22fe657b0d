"""What becomes of a day's rows whose reward grows for weeks, before they are written."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float

from data.days import DAY_US
from data.join.early.foresight import ExpectedReward, came_at_once
from data.join.early.ladder import AGE, EXPECTED, LEFT, SEEN
from data.join.rewards import Reward


class Growing(NamedTuple):
    """How young examples are paid: by what is expected of them, given what is seen."""

    reward: Reward
    ages: tuple[float, ...]
    """Of the trace, in days."""
    raw: str
    """Column of a row with the reward in its own units."""
    trace: tuple[str, ...]
    """Columns of the trace."""
    window_us: int
    """From an impression to a row's `closes_at`."""
    now_us: int
    foresight: ExpectedReward | None
    """None: too few cohorts are whole, so that young examples wait."""

    @property
    def whole_days(self) -> float:
        """Age at which the reward is known."""
        return float(self.reward.within_days or 0)

    def age(self, rows: pa.RecordBatch) -> Float[np.ndarray, " rows"]:
        """Days since the impression, until the reward is known."""
        shown = _numbers(rows, "closes_at").astype(np.int64) - self.window_us
        return np.clip((self.now_us - shown) / DAY_US, 0.0, self.whole_days)

    def waits(self, rows: pa.RecordBatch) -> Bool[np.ndarray, " rows"]:
        """Which rows are too young to be examples."""
        age = self.age(rows)
        return age < (self.whole_days if self.foresight is None else self.ages[0])

    def next_change(self, rows: pa.RecordBatch) -> int | None:
        """When the first of the rows comes to an age at which it is looked at again, µs."""
        age, shown = self.age(rows), _numbers(rows, "closes_at").astype(np.int64) - self.window_us
        steps = np.array([*self.ages, self.whole_days])
        young = age < self.whole_days
        if not young.any():
            return None
        following = steps[np.searchsorted(steps, age[young], "right")]
        return int((shown[young] + np.ceil(following * DAY_US).astype(np.int64)).min())

    def paid(self, rows: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, np.ndarray]]:
        """Rows whose reward is what is expected, and the named numbers of each.

        A reward that is whole stays as it was computed, to the last bit.
        """
        age, seen = self.age(rows), _numbers(rows, self.raw)
        young = age < self.whole_days
        expected = seen.copy()
        if young.any():
            assert self.foresight is not None
            trace = np.stack([_numbers(rows, name) for name in self.trace], axis=1)
            came = came_at_once(_numbers(rows, "played"), _numbers(rows, "minutes"))
            expected[young] = self.foresight.expected(trace[young], age[young], came[young])
        named = {SEEN: seen, EXPECTED: expected, AGE: age, LEFT: self.whole_days - age}
        reward = np.where(young, self._scaled(expected), _numbers(rows, "reward"))
        at = rows.schema.get_field_index("reward")
        return rows.set_column(at, "reward", pa.array(reward, pa.float64())), named

    def _scaled(self, values: Float[np.ndarray, " rows"]) -> Float[np.ndarray, " rows"]:
        """What is learnt of a reward in its own units."""
        if self.reward.range is not None:
            least, most = self.reward.range
            return np.clip((values - least) / (most - least), 0.0, 1.0)
        if self.reward.half is not None:
            above = np.maximum(values, 0.0)
            return above / (above + self.reward.half)
        return values


def _numbers(rows: pa.RecordBatch, name: str) -> np.ndarray:
    return rows.column(name).to_numpy(zero_copy_only=False)
