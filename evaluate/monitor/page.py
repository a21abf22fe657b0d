"""What the monitor found as people read it: on a page of ours, and as a file that needs no network.

A check that has one day, or says the same every day, is words and not a chart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data.check.finding import ORDER, Check, State, worst
from evaluate.look.render import write_page
from evaluate.look.scale import Scale
from evaluate.monitor.calibration import CalibrationCurves
from evaluate.monitor.takes import MeanReward

DRAWS = ("propensity", "certain", "repeated", "mean_weight", "draws", "impressions", "ids", "rows")
BESIDE = ("kind_",)
EARNS = ("takes", "calibration", "promised", "lift", "uniform", "metric")
ABOUT = (
    ("Draws and their probabilities", DRAWS),
    ("What is chosen", ("fallbacks", "entropy")),
    ("What is chosen beside the artwork", BESIDE),
    ("What it earns", EARNS),
    ("Who comes", ("drift",)),
)
"""What checks are about, by how their names begin."""


@dataclass(frozen=True)
class ChartPoint:
    """One day of a chart."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    state: State = "ok"


@dataclass(frozen=True)
class DayChart:
    """A number over days."""

    name: str
    words: str
    points: list[ChartPoint]

    @property
    def scale(self) -> Scale:
        """Of its numbers."""
        values = [v for p in self.points for v in (p.value, p.low, p.high)]
        return Scale.of(values)


@dataclass(frozen=True)
class CheckGroup:
    """Checks about one thing."""

    heading: str
    charts: list[DayChart]
    steady: list[str]
    """What was the same on every day, in words."""


def monitor_content(
    checks: Sequence[Check], curves: CalibrationCurves, days: Sequence[MeanReward] = ()
) -> dict[str, object]:
    """What the template `monitor.html` shows."""
    state = worst(list(checks))
    off = [check for check in checks if check.state != "ok"]
    return {
        "state": state,
        "verdict": _verdict(state, len(off), len(checks)),
        "off": sorted(off, key=lambda check: -ORDER.index(check.state)),
        "fine": [check for check in checks if check.state == "ok"],
        "groups": _groups(checks),
        "rewards": reward_charts(days),
        "curves": curves,
    }


def write_monitor(checks: list[Check], curves: CalibrationCurves, path: Path) -> None:
    """Write what is wrong, the calibration curve, and every check over days."""
    heading = "Is the policy what it says?"
    content = monitor_content(checks, curves)
    write_page("file.html", path, part="monitor.html", heading=heading, **content)


def reward_charts(days: Sequence[MeanReward]) -> list[DayChart]:
    """Rewards a draw by day, a chart a cell."""
    charts = []
    for cell in dict.fromkeys(day.group for day in days):
        mine = [day for day in days if day.group == cell]
        points = [ChartPoint(f"{d.day}, {d.draws:,} draws", d.value, d.low, d.high) for d in mine]
        words = f"{mine[0].day} to {mine[-1].day}, 95% intervals over profiles"
        charts.append(DayChart(f"cell {cell}" if cell else "all draws", words, points))
    return charts


def _verdict(state: State, off: int, every: int) -> str:
    if not every:
        return "Nothing was looked at: the log has no day to check."
    if state == "ok":
        return f"All {every} checks are as they should be."
    what = "want to be acted on" if state == "alert" else "want a look"
    return f"{off} of {every} checks {what}."


def _groups(checks: Sequence[Check]) -> list[CheckGroup]:
    groups = []
    placed: set[str] = set()
    names = list(dict.fromkeys(check.name for check in checks))
    for heading, starts in (*ABOUT, ("Besides", ("",))):
        mine = [name for name in names if name.startswith(starts) and name not in placed]
        placed |= set(mine)
        charts, steady = [], []
        for name in mine:
            points = _by_day([check for check in checks if check.name == name])
            values = {point.value for point in points}
            if len(points) > 1 and len(values) > 1:
                charts.append(DayChart(_words(name), _span(points), points))
            elif points:
                often = f" on each of {len(points)} days" if len(points) > 1 else ""
                steady.append(f"{_words(name)} {round(points[0].value, 6) + 0.0:.3g}{often}")
        if charts or steady:
            groups.append(CheckGroup(heading, charts, steady))
    return groups


def _by_day(checks: Sequence[Check]) -> list[ChartPoint]:
    """A point a day, of the bundle that stands out most on it."""
    most: dict[str, Check] = {}
    for check in checks:
        known = most.get(check.day)
        if known is None or _standing(check) > _standing(known):
            most[check.day] = check
    days = sorted(most.items())
    return [ChartPoint(_at(day, one.bundle), one.value, state=one.state) for day, one in days]


def _at(day: str, bundle: str) -> str:
    return day if bundle == "all" else f"{day}, {bundle}"


def _standing(check: Check) -> tuple[int, float]:
    return ORDER.index(check.state), -(1.0 if check.p is None else check.p)


def _span(points: Sequence[ChartPoint]) -> str:
    first, last = (point.label.partition(",")[0] for point in (points[0], points[-1]))
    return f"{first} to {last}; last {points[-1].value:.3g}"


def _words(name: str) -> str:
    return (
        name.replace("_", " ").removeprefix("drift ").removeprefix("metric ").removeprefix("kind ")
    )
