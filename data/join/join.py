"""The reward join: decisions ⋈ first impression ⋈ engagement within the attribution window.

`join.sql` says what an example is; this file decides which days to join again. The first run joins
every day. A later run joins the days that new log files touch and those whose windows have closed
since, each from scratch, so late data corrects closed days and a run can be repeated or killed.
"""

import importlib
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from data.days import DAY_US, HOUR_US, MINUTE_US, date_of, moment_us
from data.errors import BadInput
from data.join.day_files import publish_days, write_days
from data.join.inputs import (
    empty,
    log_files,
    mark,
    refuse_newer_schema,
    refuse_senseless,
    title_files,
)
from data.join.rewards import Reward, reward_named
from data.join.state import (
    ALL_TIME,
    DAY,
    day_batches,
    read_state,
    refuse_to_lose,
    sole_writer,
    touched_days,
    write_state,
)
from data.records import EVENTS

SQL = Path(__file__).with_suffix(".sql").read_text()
ENGINES = {
    "duckdb": ("data.join.duckdb_engine", "DuckDB"),
    "spark": ("data.join.spark_engine", "Spark"),
}


@dataclass(frozen=True)
class Attribution:
    """When an engagement counts for an impression, and an impression for a decision."""

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

    def microseconds(self) -> dict[str, int]:
        """The placeholders of join.sql."""
        return {
            "window_us": round(self.window_hours * HOUR_US),
            "skew_us": round(self.skew_minutes * MINUTE_US),
            "horizon_us": round(self.horizon_days * DAY_US),
        }


def join(
    log_dir: Path | str,
    titles_path: Path | str | None,
    out: Path | str,
    *,
    window_hours: float = 48,
    now: datetime | None = None,
    reward: str = "take",
    engine: str = "duckdb",
    skew_minutes: float = 5,
    horizon_days: float = 30,
    rebuild: bool = False,
    batch_decisions: int = 500_000,
    memory: str = "2GB",
) -> dict[str, Any]:
    """Join a log folder into examples, `out/day=YYYY-MM-DD/examples.parquet`.

    Args:
        log_dir: holds `decisions/**/*.parquet` and `events/**/*.parquet`.
        titles_path: titles.parquet or the catalogue folder that holds it (runtimes); titles that
            it lacks are looked up in `log_dir/titles.parquet`, where there is one.
        out: the examples' folder; a day's file is replaced whole, by a rename.
        window_hours: the attribution window, from the first impression.
        now: windows that close after it wait; the log's own clock (the latest receipt) if None.
        reward: a name of data/join/rewards.py or `name=SQL expression`.
        engine: duckdb or spark.
        skew_minutes: how far an event may seem to precede its cause.
        horizon_days: how long after the decision its first impression may come.
        rebuild: join every day again, say because runtimes have changed.
        batch_decisions: days are joined together up to about this many decisions.
        memory: what DuckDB may hold before it spills to disk.

    Returns:
        What was done: days, examples and waiting (over all days), reward_sum, joined_days, …

    Raises:
        BadInput: no such log, engine or reward; or the examples were made otherwise and the log
            that could make them again is gone.
    """
    log, out = Path(log_dir), Path(out)
    attribution = Attribution(window_hours, skew_minutes, horizon_days)
    named = reward_named(reward)
    if engine not in ENGINES:
        raise BadInput(f"there is no join engine {engine!r}; choose one of {', '.join(ENGINES)}")
    files = {kind: log_files(log, kind) for kind in ("decisions", "events")}
    if not files["decisions"]:
        raise BadInput(
            f"{log} holds no decisions/*.parquet; give the folder that the log is rolled into"
        )
    marks = {str(f.relative_to(log)): mark(f) for kind in files for f in files[kind]}
    out.mkdir(parents=True, exist_ok=True)
    with sole_writer(out) as staging:
        state = read_state(out)
        settings = {**attribution.microseconds(), "reward": asdict(named)}
        module, name = ENGINES[engine]
        runner = getattr(importlib.import_module(module), name)(staging, memory)
        try:
            refuse_senseless(runner, named)
            if rebuild or state["settings"] != settings:
                refuse_to_lose(state, files, log, out)
                state = {"settings": settings, "files": {}, "days": {}, "now": ALL_TIME[0]}
                write_state(out, state)  # killed from here on, the next run starts over
            read = state["files"]
            fresh = {
                kind: [f for f in found if read.get(key := str(f.relative_to(log))) != marks[key]]
                for kind, found in files.items()
            }
            for file in (*fresh["decisions"], *fresh["events"]):
                refuse_newer_schema(file)
            sources = {
                "decisions": files["decisions"],
                "events": files["events"] or [empty(EVENTS, staging / "none.parquet")],
                "titles": title_files(titles_path, log, staging),
            }
            done = _join_days(
                runner, sources, fresh, state, attribution, named, now, out, staging,
                batch_decisions,
            )  # fmt: skip
        finally:
            runner.close()
        state["files"] |= marks
        write_state(out, state)
    days = state["days"].values()
    return {
        "out": str(out),
        "engine": engine,
        "reward": named.name,
        "now": datetime.fromtimestamp(state["now"] / 1e6, UTC).isoformat(),
        "days": sum(day["examples"] > 0 for day in days),
        "examples": sum(day["examples"] for day in days),
        "waiting": sum(day["waiting"] for day in days),
        "reward_sum": sum(day["reward"] for day in days),
        "joined_days": [str(date_of(day)) for day in done],
    }


def join_command(
    log: Path = Path("artifacts/log"),
    catalogue: Path | None = None,
    out: Path = Path("artifacts/examples"),
    engine: str = "duckdb",
    reward: str = "take",
    window_hours: float = 48,
    now: str | None = None,
    rebuild: bool = False,
    memory: str = "2GB",
    json: bool = False,
) -> dict[str, Any]:
    """Join decisions with their impressions and engagement: the examples that training reads.

    A second run joins only the days that new log files touch or whose windows have closed since.

    Args:
        log: folder with decisions/ and events/ of Parquet files.
        catalogue: folder with titles.parquet, for the titles' runtimes.
        out: the examples' folder, one file a day.
        engine: duckdb (this machine) or spark.
        reward: take, play, minutes, or your own as 'name=SQL expression' over played, minutes,
            runtime_minutes and thumb.
        window_hours: how long after the first impression engagement counts.
        now: windows that close after it wait, as 2026-01-31T00:00; the log's own clock if not
            given.
        rebuild: join every day again.
        memory: what DuckDB may hold before it spills to disk.
        json: print one JSON object.
    """
    moment = None
    if now is not None:
        try:
            moment = datetime.fromisoformat(now)
        except ValueError:
            raise BadInput(f"--now {now!r} is not a time; write it as 2026-01-31T00:00") from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return join(
        log,
        catalogue,
        out,
        window_hours=window_hours,
        now=moment,
        reward=reward,
        engine=engine,
        rebuild=rebuild,
        memory=memory,
    )


def _join_days(
    runner: Any,
    sources: dict[str, list[Path]],
    fresh: dict[str, list[Path]],
    state: dict[str, Any],
    attribution: Attribution,
    reward: Reward,
    now: datetime | None,
    out: Path,
    staging: Path,
    batch_decisions: int,
) -> list[int]:
    """Join what has changed, publish it, note it in `state`; the days that were joined."""
    spans = attribution.microseconds()
    for kind, files in sources.items():
        runner.view(kind, kind, files, ALL_TIME)
    counts = dict(runner.query(f"SELECT {DAY}, count(*) FROM decisions GROUP BY {DAY}"))
    if now is None:
        [(decided, received)] = runner.query(
            "SELECT (SELECT max(decided_at) FROM decisions), (SELECT max(received_at) FROM events)"
        )
        now_us = max(decided, received if received is not None else decided)
    else:
        now_us = moment_us(now)
    if not state["days"] or now_us < state["now"]:
        touched = set(counts)
    else:
        touched = touched_days(runner, fresh, spans)
        touched |= {
            day for day, was in state["days"].items()
            if was["next_close"] is not None and was["next_close"] <= now_us
        }  # fmt: skip
        touched &= set(counts)
    if not state["days"]:
        for folder in out.glob("day=*"):
            if folder.name not in {f"day={date_of(day)}" for day in counts}:
                shutil.rmtree(folder)
    writer = partial(write_days, folder=staging, reward_name=reward.name)
    for days in day_batches(touched, counts, batch_decisions):
        start, stop = days[0] * DAY_US, (days[-1] + 1) * DAY_US
        lookback = start - spans["horizon_us"]
        runner.view("decisions", "decisions", sources["decisions"], (start, stop))
        runner.view("known", "known", sources["decisions"], (lookback, stop))
        latest = stop + spans["horizon_us"] + spans["window_us"] + spans["skew_us"]
        earliest = start - 2 * spans["skew_us"] - spans["window_us"]
        runner.view("events", "events", sources["events"], (earliest, latest))
        runner.focus()
        sql = SQL.format(**spans, from_us=start, now_us=now_us, reward=reward.sql)
        results = {row["day"]: row for row in runner.write(sql, writer)}
        worthless = sum(row["worthless"] for row in results.values())
        if worthless:
            raise BadInput(
                f"the reward {reward.name!r} ({reward.sql}) is null or not finite for {worthless} "
                "examples; wrap it in coalesce(…, 0) or mend the expression"
            )
        publish_days({day: results.get(day, {}).get("path") for day in days}, out)
        for day in days:
            found = results.get(day, {"examples": 0, "waiting": 0, "next_close": None, "reward": 0})
            state["days"][day] = {
                key: found[key] for key in ("examples", "waiting", "next_close", "reward")
            }
    state["now"] = now_us
    return sorted(touched)
