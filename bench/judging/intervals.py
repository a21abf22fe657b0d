"""Whether the intervals of `evaluate estimate` hold what a policy is worth, and what they cost."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bench.judging.known_value_logs import LogSetting, known_log
from bench.judging.row import Effort, Row, run_each, share_row
from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.estimate import Interval, estimate_feedback
from evaluate.ope.estimators import NAMES, PLAIN, TUNED
from evaluate.ope.estimators.by_name import estimators_by_name

SECTION = "intervals"
LEAST = 0.93
"""What 95% intervals must cover where the verdict is not `do not use`."""
REFUSED = 0.95
"""Share of `do not use` from which a setting needs no coverage."""
BASES = (0.005, 0.05, 0.15)
FEWER = {200: 1, 1000: 1, 5000: 2, 60_000: 4}
"""Runs are divided by this, by size of log."""
SETTINGS = (
    *(
        LogSetting(rows, base, log, heavy)
        for rows in (200, 1000, 5000)
        for base in BASES
        for log in ("even", "explored", "skewed")
        for heavy in (False, True)
    ),
    *(LogSetting(rows, base, "rule", True) for rows in (1000, 5000) for base in BASES),
    *(LogSetting(1000, base, "near", True) for base in BASES),
    *(LogSetting(rows, base, "minutes", True) for rows in (1000, 5000) for base in BASES),
    *(LogSetting(60_000, 0.005, log, True) for log in ("even", "skewed")),
    LogSetting(60_000, 0.15, "skewed", False),
)
QUICK = tuple(LogSetting(200, 0.15, log, True) for log in ("even", "skewed"))
CHOSEN = tuple(LogSetting(1000, 0.15, log, False) for log in ("even", "explored", "skewed"))
"""Where λ is chosen by SLOPE."""


class Task(NamedTuple):
    """One log."""

    setting: LogSetting
    seed: int


class Seen(NamedTuple):
    """An interval on one log."""

    setting: LogSetting
    estimator: str
    kind: str
    """What was asked for: bootstrap or betting."""
    made: bool
    """Whether there is one."""
    usable: bool
    """Whether the verdict is not `do not use`."""
    holds: bool
    width: float

    @property
    def what(self) -> str:
        """Of what kind: estimators that cut or shrink weights are judged together."""
        return f"{'cut or shrunk' if self.estimator in TUNED else self.estimator}, {self.kind}"


def intervals(effort: Effort) -> list[Row]:
    """Coverage of each kind of interval in its worst setting by size of log, and widths."""
    settings = QUICK if effort.quick else SETTINGS
    tasks = [
        Task(setting, effort.seed + run)
        for setting in settings
        for run in range(max(2, effort.runs // FEWER[setting.rows]))
    ]
    # The longest first, so that no worker waits for them at the end.
    tasks.sort(key=lambda task: -task.setting.rows)
    seen = [one for log in run_each(_judged, tasks, effort.workers) for one in log]
    rows: list[Row] = []
    for size in sorted({setting.rows for setting in settings}):
        of_size = [one for one in seen if one.setting.rows == size]
        for what in dict.fromkeys(one.what for one in of_size):
            rows += _coverage(what, size, [one for one in of_size if one.what == what])
        rows += _costs(size, of_size)
    return rows + _slope(effort)


def _judged(task: Task) -> list[Seen]:
    """Every interval of one log."""
    log = known_log(task.setting, task.seed)
    seen = []
    asked: dict[Interval, tuple[str, ...]] = {"bootstrap": NAMES}
    if task.setting.log != "minutes":  # bets need fractions
        asked["betting"] = ("dr",)  # it is one for all
    for kind, names in asked.items():
        found = estimate_feedback(
            [log.feedback],
            estimators_by_name(names, {}),
            kind,
            Bootstrap(seed=task.seed),
            log.clustered,
            log.support,
        )
        seen += [
            Seen(
                *(task.setting, name, kind, e.interval != "none", e.verdict != "do not use"),
                *(e.low <= log.truth <= e.high, e.high - e.low),
            )
            for name, e in found.items()
        ]
    return seen


def _coverage(what: str, size: int, seen: Sequence[Seen]) -> list[Row]:
    """The setting in which an interval covers least, where it may be used at all."""
    by_setting = {s: [one for one in seen if one.setting == s] for s in {o.setting for o in seen}}
    used = {
        setting: hits
        for setting, of in by_setting.items()
        if np.mean([not one.usable for one in of]) < REFUSED
        and (hits := [one.holds for one in of if one.usable and one.made])
    }
    if not used:
        none = [not (one.made and one.usable) for one in seen]
        words = f"{size:,} rows, {len(by_setting)} settings: no interval, or do not use"
        return [share_row(SECTION, what, words, none, REFUSED)]
    worst = min(used, key=lambda setting: float(np.mean(used[setting])))
    pooled = float(np.mean([hit for hits in used.values() for hit in hits]))
    words = f"{worst.words()}: worst of {len(used)}, all {pooled:.3f}"
    return [share_row(SECTION, f"{what} covers", words, used[worst], LEAST)]


def _costs(size: int, seen: Sequence[Seen]) -> list[Row]:
    """How often dr may be used, and how wide its intervals are then under an even log."""
    dr = [one for one in seen if one.estimator == "dr"]
    plain = [one.usable for one in dr if one.kind == "bootstrap"]
    use = "dr is not 'do not use'"
    rows = [share_row(SECTION, use, f"{size:,} rows, all settings", plain, None, "shown")]
    even = sorted({one.setting for one in dr if one.setting.log == "even"})
    for setting in (one for one in even if one.base in (BASES[0], BASES[-1])):
        for kind in ("bootstrap", "betting"):
            each = [o.width for o in dr if (o.setting, o.kind, o.usable) == (setting, kind, True)]
            if each and size >= 1000:
                what, median = f"dr, {kind}: median width", float(np.median(each))
                words = setting.words()
                rows.append(Row(SECTION, what, words, len(each), median, None, None, "shown"))
    return rows


def _slope(effort: Effort) -> list[Row]:
    """Error of dr_clipped with a λ that SLOPE chose, beside plain dr's."""
    rows = []
    for setting in CHOSEN[:1] if effort.quick else CHOSEN:
        tasks = [Task(setting, effort.seed + run) for run in range(effort.runs)]
        errors = np.array(run_each(_errors, tasks, effort.workers))
        chosen, plain = np.sqrt((errors**2).mean(0))
        what = "dr_clipped, λ by slope: RMSE over dr's"
        ratio = float(chosen / plain)
        rows.append(Row(SECTION, what, setting.words(), effort.runs, ratio, None, None, "shown"))
    return rows


def _errors(task: Task) -> tuple[float, float]:
    log = known_log(task.setting, task.seed)
    estimators = [*estimators_by_name(["dr_clipped"], {"dr_clipped": "slope"}), PLAIN["dr"]()]
    found = estimate_feedback([log.feedback], estimators, bootstrap=Bootstrap(100))
    return found["dr_clipped"].value - log.truth, found["dr"].value - log.truth
