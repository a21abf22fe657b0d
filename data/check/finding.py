"""One finding about a log: a number, its thresholds, a state and words."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

State = Literal["ok", "warn", "alert"]
ORDER: tuple[State, ...] = ("ok", "warn", "alert")
EXIT_CODES: dict[State, int] = {"ok": 0, "warn": 3, "alert": 4}
"""What the monitor's process ends with; 1 and 2 keep their meaning."""

WARN_P, ALERT_P = 1e-4, 1e-6
"""p-values at which chance is no longer believed; many checks run every day."""


@dataclass(frozen=True)
class Check:
    """One number that was looked at.

    Attributes:
        name: of the check.
        day: YYYY-MM-DD, or all.
        bundle: bundle or policy, or all.
        value: what was measured.
        state: ok, warn or alert.
        words: what it means and what to look at.
        p: how likely chance alone gives as much, where the state goes by that.
    """

    name: str
    day: str
    bundle: str
    value: float
    state: State
    words: str
    p: float | None = None


class Limits(NamedTuple):
    """Where a value that should be small begins to matter."""

    fallback_warn: float = 0.05
    """Share of fallbacks that warns; five times as many alert."""
    drift_warn: float = 0.1
    """Stability index that warns, beyond what chance explains."""
    drift_alert: float = 0.25
    drift_points: float = 0.02
    """Change of a value's share below which it does not matter, however certain."""


def worst(checks: list[Check]) -> State:
    """The worst state of all."""
    return ORDER[max((ORDER.index(c.state) for c in checks), default=0)]


def by_p(p: float, matters: bool = True, warn: float = WARN_P) -> State:
    """State of a p-value, above `warn` ok; a difference too small to matter stays ok."""
    if not matters or p > warn:
        return "ok"
    return "alert" if p < ALERT_P else "warn"


def by_limits(value: float, warn: float, alert: float) -> State:
    """State of a value that should be small."""
    return "alert" if value > alert else "warn" if value > warn else "ok"
