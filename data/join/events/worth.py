"""Everything that a join computes of an example: its reward, and the metrics beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

from data.days import DAY_US
from data.errors import BadInput
from data.join.day_files import DayResult, Paid
from data.join.early.foresight import ExpectedReward
from data.join.early.growing import Growing
from data.join.early.ladder import ladder, refuse_taken
from data.join.events.columns import COUNTED, EventColumn, event_column, samples
from data.join.reward_sql import (
    KNOWN,
    refuse_senseless,
    refuse_where_nothing_happened,
    renamed,
    spoken_of,
    value_of,
)
from data.join.rewards import REWARDS, Reward, reward_named
from data.schema import Schema, read_schema
from data.schema.outcomes import DeclaredOutcomes, DeclaredReward

TALLIES = files("data.join.events").joinpath("tallies.sql").read_text()


@dataclass(frozen=True)
class Formula:
    """An expression over columns of the join."""

    name: str
    """Of the reward or metric."""
    column: str
    """That it becomes."""
    sql: str
    fraction: bool = False
    """Whether it lies in [0, 1], as its range or its half says."""


@dataclass(frozen=True)
class Worth:
    """A reward and metrics, and the columns of events that they need."""

    reward: Reward
    metrics: tuple[Reward, ...]
    formulas: tuple[Formula, ...]
    """The reward first."""
    columns: tuple[EventColumn, ...]
    base_us: int
    """Window of what every join counts."""
    steps: tuple[Reward, ...] = ()
    """The reward at each age of its trace, where examples do not wait for it."""
    settles_us: int = 0
    """Until then an example waits."""

    @classmethod
    def of(cls, name: str | None, declared: DeclaredOutcomes, base_us: int) -> "Worth":
        """What a join computes, refused before anything is changed if it cannot be.

        Args:
            name: of the reward, or `name=SQL expression`; None: the one that is declared to be
                maximised, else take.
            declared: kinds of events and rewards.
            base_us: the join's window.

        Raises:
            BadInput: there is no such reward, or an expression is wrong: by name and remedy.
        """
        known = {one.name: _reward(one) for one in declared.rewards}
        best = next((one.name for one in declared.rewards if one.maximise), "take")
        reward = known.get(name or best) or reward_named(name or best, tuple(known))
        rest = tuple(one for one in known.values() if one.name != reward.name)
        # In its own units beside its share of a range, so that both are there to be looked at.
        raw = () if reward.is_plain else (reward.unscaled(),)
        settles = max((base_us, *(_window(one, base_us) for one in rest)))
        steps = ladder(reward, settles)
        refuse_taken(steps, (reward.name, *(one.name for one in rest)))
        rest = (*rest, *steps)
        columns: dict[str, EventColumn] = {}
        formulas = []
        for at, one in enumerate((reward, *raw, *rest)):
            window = _window(one, base_us)
            sql = _resolved(one, window, base_us, declared, columns)
            column = "reward" if at == 0 else f"metric_{at - 1}"
            formulas.append(
                Formula(
                    one.name,
                    column,
                    one.scaled(sql) if at == 0 else sql,
                    at == 0 and not one.is_plain,
                )
            )
        every = tuple(columns.values())
        made = cls(reward, (*raw, *rest), tuple(formulas), every, base_us, steps, settles)
        return made if steps else replace(made, settles_us=made.window_us)

    @property
    def window_us(self) -> int:
        """The longest window: until then events count."""
        return max(_window(one, self.base_us) for one in (self.reward, *self.metrics))

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of the engagements that are read."""
        more = {kind for column in self.columns for kind in column.kinds}
        return (*COUNTED, *sorted(more - set(COUNTED)))

    @property
    def has_values(self) -> bool:
        """Whether values of events are summed."""
        return any(column.what == "sum" for column in self.columns)

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Of the metrics, in the order of their columns."""
        return tuple(one.name for one in self.formulas[1:])

    @property
    def paid(self) -> Paid:
        """What the days' writer calls the numbers."""
        return Paid(self.reward.name, self.metric_names, self.formulas[0].fraction)

    def growing(self, now_us: int, foresight: ExpectedReward | None) -> Growing | None:
        """How young examples are paid; None where none is.

        Args:
            now_us: of the join.
            foresight: by older cohorts; None: they are too few.
        """
        if not self.steps:
            return None
        column = {one.name: one.column for one in self.formulas[1:]}
        return Growing(
            self.reward,
            tuple(float(step.within_days or 0) for step in self.steps),
            "reward" if self.reward.is_plain else "metric_0",
            tuple(column[step.name] for step in self.steps),
            self.window_us,
            now_us,
            foresight,
        )

    def refuse_odd(self, days: Sequence[DayResult]) -> None:
        """Refuse numbers that no example can have.

        Raises:
            BadInput: a reward or metric is null or not finite, or a reward outside its range.
        """
        worthless, outside = sum(day.worthless for day in days), sum(day.outside for day in days)
        if worthless:
            wrong = next(day.fault for day in days if day.fault is not None)
            [sql] = {one.sql for one in (self.reward, *self.metrics) if one.name == wrong}
            raise BadInput(
                f"the reward {wrong!r} ({sql}) is null or not finite for "
                f"{worthless} examples; wrap it in coalesce(…, 0) or mend the expression"
            )
        if outside:
            ends = self.reward.range
            lies = f"the range {list(ends)}" if ends else "what a half is for, 0 or more,"
            raise BadInput(
                f"the reward {self.reward.name!r} ({self.reward.sql}) lies outside {lies} in "
                f"schema.yaml for {outside} examples; widen it, or bound it by "
                "least(greatest(…, LEAST), MOST)"
            )

    def values(self) -> str:
        """Every number, in DuckDB's SQL."""
        return ", ".join(f"{value_of(one.sql)} AS {one.column}" for one in self.formulas)

    def raw(self) -> str:
        """What they are computed from, where DuckDB does so later."""
        return ", ".join((KNOWN, *(column.name for column in self.columns)))

    def words(self, skew_us: int, now_us: int) -> dict[str, str | int]:
        """What join.sql leaves open about events.

        Args:
            skew_us: how much an event may seem to precede its cause.
            now_us: what happens later does not count yet.
        """
        kinds = ", ".join(f"'{kind}'" for kind in self.kinds)
        if not self.columns:
            return {
                "kinds": kinds,
                "base_us": self.base_us,
                "early_us": self.window_us - self.settles_us,
                "tallies": "",
                "tallied": "",
                "counted": "",
            }
        aggregates = ", ".join(f"{one.aggregate} AS {one.name}" for one in self.columns)
        return {
            "kinds": kinds,
            "base_us": self.base_us,
            "early_us": self.window_us - self.settles_us,
            "tallies": TALLIES.format(aggregates=aggregates, skew_us=skew_us, now_us=now_us),
            "tallied": "LEFT JOIN tallies x ON x.decision_id = c.decision_id",
            "counted": "".join(f", {one.value} AS {one.name}" for one in self.columns),
        }


def _reward(one: DeclaredReward) -> Reward:
    """A declared reward as the join has it.

    Raises:
        BadInput: it takes the name of one of Marquee's for something else, or says nothing.
    """
    shipped = REWARDS.get(one.name)
    if one.sql is None and shipped is None:
        raise BadInput(
            f"rewards.{one.name} in schema.yaml has no sql; say what it is, or name one of "
            f"{', '.join(REWARDS)}"
        )
    if one.sql is not None and shipped is not None:
        raise BadInput(
            f"rewards.{one.name} in schema.yaml: Marquee has a reward of that name; leave out its "
            "sql, or give yours another name"
        )
    sql = one.sql if one.sql is not None else REWARDS[one.name].sql
    return Reward(one.name, sql, one.within_days, one.range, one.half, one.early)


def _window(one: Reward, base_us: int) -> int:
    return base_us if one.within_days is None else round(one.within_days * DAY_US)


def _resolved(
    one: Reward,
    window: int,
    base_us: int,
    declared: DeclaredOutcomes,
    columns: dict[str, EventColumn],
) -> str:
    """An expression over columns of the join, which are added to `columns`.

    Raises:
        BadInput: it is wrong.
    """
    names = spoken_of(one)
    found: dict[str, str] = {}
    for name in names:
        column = event_column(name.lower(), window, base_us, declared)
        if isinstance(column, str):
            raise BadInput(
                f"the reward {one.name!r} cannot be computed from {one.sql!r:.300}: {column:.1000}"
            )
        if column is not None:
            found[name] = column.name
            columns[column.name] = column
    some, none = samples([name.lower() for name in names])
    refuse_senseless(one, some)
    if one.name not in REWARDS and any(one.name == each.name for each in declared.rewards):
        refuse_where_nothing_happened(one, none)
    return renamed(one, found)


def schema_beside(titles_path: Path | str | None, log: Path) -> Schema:
    """The schema of a join's catalogue; of the log's folder where none is given.

    Raises:
        BadInput: the schema is wrong.
    """
    place = log if titles_path is None else Path(titles_path)
    return read_schema(place if place.is_dir() else place.parent)


def refuse_outcomes(declared: DeclaredOutcomes) -> None:
    """Refuse rewards that no join could compute.

    Raises:
        BadInput: an expression is wrong: by name and remedy.
    """
    Worth.of(None, declared, 2 * DAY_US)
