"""Where numbers lie on a chart, and which ones its axis names."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

TICKS = 4
"""About so many numbers are named."""
MARGIN = 0.06
"""Of the range, left free on both sides."""


@dataclass(frozen=True)
class Scale:
    """A range of numbers, as per cent of a chart's width or height."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float | None]) -> "Scale":
        """Around all finite values, not below 0 where none is; 0 to 1 where there is none."""
        known = [value for value in values if value is not None and math.isfinite(value)]
        if not known:
            return cls(0.0, 1.0)
        low, high = min(known), max(known)
        room = MARGIN * (high - low) or 0.05 * abs(high) or 0.5
        return cls(max(low - room, 0.0) if low >= 0 else low - room, high + room)

    def at(self, value: float) -> float:
        """From 0 to 100; what lies outside is at the end."""
        return round(100 * min(max((value - self.low) / (self.high - self.low), 0.0), 1.0), 3)

    def up(self, value: float) -> float:
        """The same counted from the top, as pictures are."""
        return round(100 - self.at(value), 3)

    @property
    def ticks(self) -> list[float]:
        """Round numbers inside."""
        rough = (self.high - self.low) / TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * of for of in (1, 2, 5, 10) if power * of >= rough)
        first = math.ceil(self.low / step)
        return [round(n * step, 12) for n in range(first, math.floor(self.high / step) + 1)]
