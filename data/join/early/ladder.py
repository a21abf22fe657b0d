"""The ages at which a reward that grows for weeks is looked at."""

import math
from dataclasses import replace
from itertools import takewhile

from data.days import DAY_US
from data.errors import BadInput
from data.join.rewards import Reward

SEEN, EXPECTED, AGE, LEFT = "reward_seen", "reward_expected", "reward_age_days", "reward_left_days"
NAMED = (SEEN, EXPECTED, AGE, LEFT)
"""What stands beside every example of such a reward, in `metrics`."""


def ladder(reward: Reward, settles_us: int) -> tuple[Reward, ...]:
    """The reward up to the age at which examples appear, twice that and so on: a trace.

    Doubling, since the older an example is the less a day more tells of it; it also bounds how
    often a day is joined anew.

    Args:
        reward: that examples do not wait for; none of its kind if it is not.
        settles_us: until then they wait, after the impression.
    """
    if not reward.early or reward.within_days is None:
        return ()
    first = max(1, math.ceil(settles_us / DAY_US))
    every = (first * 2**step for step in range(20))
    return tuple(
        replace(
            reward.unscaled(),
            name=f"{reward.name}_by_day_{days}",
            within_days=float(days),
            early=False,
        )
        for days in takewhile(lambda days: days < (reward.within_days or 0), every)
    )


def refuse_taken(steps: tuple[Reward, ...], names: tuple[str, ...]) -> None:
    """Refuse rewards of the user's own that have the names which a trace needs.

    Raises:
        BadInput: one has; by name.
    """
    if not steps:
        return
    for name in names:
        if name in (*NAMED, *(step.name for step in steps)):
            raise BadInput(
                f"rewards.{name} in schema.yaml: a reward that is early has a number of that name"
                " beside it; give yours another"
            )
