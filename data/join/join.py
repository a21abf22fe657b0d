"""The reward join: decisions ⋈ first impression ⋈ engagement within the attribution window.

`join.sql` says what an example is; this file decides which days to join again. The first run joins
every day. A later run joins the days that new log files touch and those whose windows have closed
since, each from scratch, so late data corrects closed days and a run can be repeated or killed.
"""

import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from data.days import DAY_US, date_of, moment_us
from data.join.attribution import Attribution, Spans
from data.join.day_files import publish_days, write_days
from data.join.early.cohorts import foresight_of
from data.join.engine import Engine, kind_words
from data.join.events.worth import Worth, schema_beside
from data.join.inputs import JoinSources, LogFiles, log_files, refuse_newer_schema
from data.join.open_engine import EngineSettings
from data.join.rendered_draws import file_rendered
from data.join.state import (
    ALL_TIME,
    DAY,
    DayState,
    JoinState,
    day_batches,
    refuse_to_lose,
    settings_of,
    sole_writer,
    touched_days,
)
from data.join.why_nothing import all_wait, why_nothing
from data.sound import believed_span, latest_us

HERE = resources.files("data.join")  # also out of the archive that executors run
SQL = HERE.joinpath("join.sql").read_text()
CHOSEN = HERE.joinpath("chosen.sql").read_text()
SHOWN_KINDS = 20
"""Undeclared kinds of events that a report names."""
SET_ASIDE = HERE.joinpath("set_aside.sql").read_text().format(chosen=CHOSEN)


@dataclass(frozen=True)
class JoinReport:
    """What a run did, and what there is after it."""

    out: str
    engine: str
    reward: str
    now: str
    """Windows were closed up to then."""
    days: int
    """Days with examples."""
    examples: int
    """Over all days."""
    waiting: int
    """Rendered, their window still open; over all days."""
    reward_sum: float
    joined_days: list[str]
    """Days that this run joined."""
    set_aside: dict[str, int]
    """Impressions of those days that cannot be credited to the decision they name, by reason;
    decisions of a time that cannot be; and events that were new and of an undeclared kind."""
    growing: int = 0
    """Examples whose reward is what is expected of it, until its window closes."""
    nothing_because: str | None = None
    """Why there is no example at all, nor one that waits."""


def join(
    log_dir: Path | str,
    titles_path: Path | str | None,
    out: Path | str,
    *,
    attribution: Attribution | None = None,
    now: datetime | None = None,
    reward: str | None = None,
    engine: EngineSettings | None = None,
    rebuild: bool = False,
) -> JoinReport:
    """Join a log folder into examples, `out/day=YYYY-MM-DD/examples.parquet`.

    Args:
        log_dir: holds `decisions/**/*.parquet` and `events/**/*.parquet`.
        titles_path: titles.parquet or the catalogue folder that holds it (runtimes); titles that
            it lacks are looked up in `log_dir/titles.parquet`, where there is one.
        out: the examples' folder; a day's file is replaced whole, by a rename.
        attribution: which engagement counts; the defaults if None.
        now: windows that close after it wait; the log's own clock (the latest receipt) if None.
        reward: a name of data/join/rewards.py, one that the catalogue's schema.yaml declares, or
            `name=SQL expression`; if None the one that is declared to be maximised, else take.
        engine: what runs it; DuckDB if None.
        rebuild: join every day again, say because runtimes have changed.

    Raises:
        BadInput: no such log or reward; or the examples were made otherwise and the log that
            could make them again is gone.
    """
    out, spans = Path(out), (attribution or Attribution()).spans()
    schema = schema_beside(titles_path, Path(log_dir))
    page_facts, worth = (
        schema.known_at_request(),
        Worth.of(reward, schema.outcomes, spans.window_us),
    )
    spans, engine = spans._replace(window_us=worth.window_us), engine or EngineSettings()
    optional = (*(["value"] if worth.has_values else []), *(["own"] if page_facts else []))
    file_rendered(Path(log_dir), log_files(Path(log_dir), "events"))
    files = LogFiles.of(Path(log_dir), optional)
    marks = files.marks()
    out.mkdir(parents=True, exist_ok=True)
    with sole_writer(out) as staging, engine.open(staging) as runner:
        state = JoinState.read(out)
        sources = JoinSources.of(files, titles_path, staging)
        settings = settings_of(spans, worth)
        if rebuild or state.settings != settings:
            refuse_to_lose(state, files, out)
            state = JoinState(settings)
            state.write(out)  # killed from here on, the next run starts over
        fresh = (unread := files.unread(marks, state.files)).conformed(staging)
        for file, name in zip(fresh.every, unread.every, strict=True):
            refuse_newer_schema(file, name)
        of = (runner, sources, spans, worth, staging, out)
        days = _Days(*of, Counter(), optional, page_facts, files.page_columns)
        days.count_undeclared(fresh, schema.outcomes.kinds)
        joined = _join_changed(days, fresh, state, now, engine.batch_decisions)
        state.files |= marks
        state.write(out)
        why = days.why_none(state)
    return _report(days, state, joined, engine.name, why)


class _Days(NamedTuple):
    """Joins days of a log."""

    engine: Engine
    sources: JoinSources
    spans: Spans
    worth: Worth
    staging: Path
    out: Path
    set_aside: Counter[str]
    """Impressions that cannot be credited, decisions of no day and events of no kind, by reason."""
    optional: Sequence[str]
    """Optional columns of events that are read."""
    page_facts: Sequence[str]
    """Facts of the user's own that impressions fill in."""
    page_columns: Sequence[str]
    """Columns of decisions that say what each stood and was chosen beside."""

    def lay_views(self) -> None:
        """Lay the views over the whole log."""
        self.engine.view("decisions", "decisions", self.sources.decisions, believed_span())
        self._view_events(ALL_TIME)
        self.engine.view("titles", "titles", self.sources.titles, ALL_TIME)

    def why_none(self, state: JoinState) -> str | None:
        """Why there are no examples at all; None: there are."""
        if any(day.examples for day in state.days.values()):
            return None
        self.lay_views()
        return all_wait(state.days.values()) or why_nothing(self.engine, self.spans)

    def _words(self, now_us: int) -> dict[str, str | int]:
        """What join.sql is filled in with besides spans."""
        return self.worth.words(self.spans.skew_us, now_us) | kind_words(self.page_columns)

    def _view_events(self, times: tuple[int, int]) -> None:
        self.engine.view("events", "events", self.sources.events, times, self.optional)

    def count_strays(self) -> None:
        """Set aside the decisions whose time cannot be: one wrong clock moves nobody's window."""
        first, stop = believed_span()
        for reason, span in (
            ("decisions of a time before 2000", (ALL_TIME[0], first)),
            ("decisions of a time after now", (stop, ALL_TIME[1])),
        ):
            self.engine.view("strays", "known", self.sources.decisions, span)
            [(count,)] = self.engine.query("SELECT count(*) FROM strays")
            if count:
                self.set_aside[reason] += count

    def count_undeclared(self, fresh: LogFiles, kinds: Sequence[str]) -> None:
        """Set aside events of kinds that nobody declared: they harm no others."""
        if not fresh.events:
            return
        self.engine.view("strangers", "events", fresh.events, ALL_TIME)
        among = ", ".join(f"'{kind}'" for kind in kinds)
        rows = self.engine.query(
            "SELECT kind, count(DISTINCT event_id) FROM strangers"
            f" WHERE kind NOT IN ({among}) GROUP BY kind ORDER BY kind"
        )
        for kind, count in rows[:SHOWN_KINDS]:
            self.set_aside[f"events of the undeclared kind {kind!r:.80}"] += count
        if rows[SHOWN_KINDS:]:
            rest = sum(count for _, count in rows[SHOWN_KINDS:])
            self.set_aside["events of further undeclared kinds"] += rest

    def counts(self) -> dict[int, int]:
        """Day → its decisions."""
        return dict(self.engine.query(f"SELECT {DAY}, count(*) FROM decisions GROUP BY {DAY}"))

    def latest(self) -> int:
        """The log's own clock: the latest receipt, or the latest decision, µs."""
        [(decided, received)] = self.engine.query(
            "SELECT (SELECT max(decided_at) FROM decisions),"
            f" (SELECT max(received_at) FROM events WHERE received_at <= {latest_us()})"
        )
        return max(decided, received if received is not None else decided)

    def publish(self, days: list[int], now_us: int, joined: Iterable[int]) -> dict[int, DayState]:
        """Join adjacent days, put their files in place, and say what is on each.

        Args:
            days: adjacent ones.
            now_us: when it is.
            joined: days whose files are there, as the same settings made them.

        Raises:
            BadInput: the reward is not a number for every example; these days stay as they were.
        """
        horizon, window, skew = self.spans.horizon_us, self.spans.window_us, self.spans.skew_us
        start, stop = days[0] * DAY_US, (days[-1] + 1) * DAY_US
        decisions = self.sources.decisions
        span = (start, stop)
        self.engine.view("decisions", "decisions", decisions, span, self.page_columns)
        self.engine.view("known", "known", decisions, (start - horizon, stop))
        earliest, latest = start - 2 * skew - window, stop + horizon + window + skew
        self._view_events((earliest, latest))
        self.engine.focus()
        self.set_aside.update(dict(self.engine.query(SET_ASIDE)))
        value = self.engine.value(self.worth)
        words = {"from_us": start, "now_us": now_us, "value": value, "chosen": CHOSEN}
        sql = SQL.format(**self.spans._asdict(), **words, **self._words(now_us))
        foresight = foresight_of(self.out, joined, self.worth.steps) if self.worth.steps else None
        paid = self.worth.paid._replace(growing=self.worth.growing(now_us, foresight))
        paid = paid._replace(beside=tuple(self.page_columns))
        told = {"paid": paid, "page_facts": self.page_facts}
        writer = partial(write_days, folder=self.staging, **told)
        results = {row.day: row for row in self.engine.write(sql, writer, self.worth)}
        self.worth.refuse_odd(list(results.values()))
        paths = {day: results[day].path if day in results else None for day in days}
        publish_days(paths, self.out)
        return {day: DayState.of(results.get(day)) for day in days}


def _join_changed(
    days: _Days, fresh: LogFiles, state: JoinState, now: datetime | None, batch_decisions: int
) -> list[int]:
    """Join the days that have changed, and note them in `state`; which they are."""
    days.count_strays()
    days.lay_views()
    counts = days.counts()
    now_us = days.latest() if now is None else moment_us(now)
    if not state.days or now_us < state.now:
        touched = set(counts)
    else:
        closed = {
            number
            for number, day in state.days.items()
            if day.next_close is not None and day.next_close <= now_us
        }
        touched = (touched_days(days.engine, fresh, days.spans) | closed) & set(counts)
    if not state.days:
        for folder in days.out.glob("day=*"):
            if folder.name not in {f"day={date_of(day)}" for day in counts}:
                shutil.rmtree(folder)
    # Days whose rewards are whole come first: they teach what the younger ones will bring.
    ripe = {day for day in touched if (day + 1) * DAY_US + days.spans.window_us <= now_us}
    for part in (ripe, touched - ripe) if days.worth.steps else (touched,):
        for batch in day_batches(part, counts, batch_decisions):
            state.days |= days.publish(batch, now_us, state.days)
    state.now = now_us
    return sorted(touched)


def _report(
    days: _Days, state: JoinState, joined: Sequence[int], engine: str, why: str | None
) -> JoinReport:
    """What a run did, and what there is after it."""
    every = state.days.values()
    return JoinReport(
        out=str(days.out),
        engine=engine,
        reward=days.worth.reward.name,
        now=datetime.fromtimestamp(state.now / 1e6, UTC).isoformat(),
        days=sum(day.examples > 0 for day in every),
        examples=sum(day.examples for day in every),
        waiting=sum(day.waiting for day in every),
        reward_sum=sum(day.reward for day in every),
        joined_days=[str(date_of(day)) for day in joined],
        set_aside=dict(sorted(days.set_aside.items())),
        growing=sum(day.growing for day in every),
        nothing_because=why,
    )
