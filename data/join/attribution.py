"""When an engagement counts for an impression, and an impression for a decision."""

from dataclasses import asdict, dataclass
from typing import NamedTuple

from data.days import DAY_US, HOUR_US, MINUTE_US
from data.errors import BadInput


class Spans(NamedTuple):
    """The placeholders of join.sql, in microseconds."""

    window_us: int
    skew_us: int
    horizon_us: int


@dataclass(frozen=True)
class Attribution:
    """How far apart a decision, its impression and an engagement may be.

    Raises:
        BadInput: a span is not positive, or longer than ten years.
    """

    window_hours: float = 48
    """Engagement counts up to this long after the first impression; until then it waits."""
    skew_minutes: float = 5
    """An event may seem to precede its cause by this much: clocks differ."""
    horizon_days: float = 30
    """A decision not rendered within this time never was; a kept choice stays on show for long."""

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 < value < 3660 * 24:
                raise BadInput(f"{name} is {value}; give a positive span, such as the default")

    def spans(self) -> Spans:
        """The same in microseconds."""
        return Spans(
            window_us=round(self.window_hours * HOUR_US),
            skew_us=round(self.skew_minutes * MINUTE_US),
            horizon_us=round(self.horizon_days * DAY_US),
        )
