"""Logs with everything that goes wrong in logs, and what their join must give.

Each decision is a short scenario: what was shown, what the member did, what the log made of it. It
knows its own outcome, so the truth comes from how the log was made, in plain Python, and
never from the join that it judges. The log ends at a known time: records received later are not in
it, and windows that are open then are not in the truth.
"""

from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.atomic_write import whole_folder
from data.errors import BadInput
from data.log.parquet import write_whole
from data.records import DECISIONS, EVENTS, TITLES
from simulate.anomalies.record_factory import (
    END,
    FIRST_TITLE,
    WINDOW,
    DecisionRecords,
    Record,
    RecordFactory,
)
from simulate.anomalies.scenarios import ANOMALIES, Scenario, plain

CHUNK = 20_000
TRUTH = pa.schema(
    [
        pa.field("decision_id", pa.string(), nullable=False),
        pa.field("reward", pa.float64(), nullable=False),
    ]
)


def simulated(
    factory: RecordFactory, decisions: int, scenarios: list[Scenario]
) -> Iterator[DecisionRecords]:
    """That many decisions, a third of them of the plain scenario, in random order."""

    def endless() -> Iterator[DecisionRecords]:
        while True:
            plainly = not scenarios or factory.rng.random() < 1 / 3
            scenario = plain if plainly else factory.rng.choice(scenarios)
            yield from scenario(factory)

    return islice(endless(), decisions)


def outcome(decision: DecisionRecords, factory: RecordFactory) -> float | None:
    """The example's reward; None if the decision is no example, or not yet."""
    shown = [time for time, received in decision.shown if received <= END]
    if not decision.rows or not shown or min(shown) + WINDOW > END:
        return None
    needed = factory.needed(decision.title_id)
    took = any(m >= needed for m, received in decision.watched if received <= END)
    return float(took)


def titles(factory: RecordFactory) -> pa.Table:
    """The titles that the catalogue knows."""
    rows = [
        {
            "title_id": title,
            "name": f"Title {title}",
            "genres": ["drama"],
            "cast": [],
            "popularity": 1.0,
            "launch_day": date(2025, 1, 1),
            "runtime_minutes": runtime,
            "default_artwork_id": f"{title}-0",
        }
        for title, runtime in factory.runtimes.items()
    ]
    return pa.Table.from_pylist(rows, TITLES)


def chosen_anomalies(text: str) -> list[Scenario]:
    """The scenarios of `all`, `none`, or names with commas between.

    Raises:
        BadInput: no such anomaly.
    """
    names = {"all": list(ANOMALIES), "none": []}.get(text, text.split(","))
    for name in names:
        if name not in ANOMALIES:
            raise BadInput(
                f"there is no anomaly {name!r}; --anomalies takes all, none, or some of "
                f"{', '.join(ANOMALIES)} with commas between"
            )
    return [ANOMALIES[name] for name in names]


def write_anomalous_log(
    decisions: int, seed: int, out: Path | str, truth: Path | str | None, anomalies: str = "all"
) -> dict[str, object]:
    """Write a log of six days with anomalies, the titles it speaks of, and what its join must give.

    Args:
        decisions: how many; at least 1.
        seed: the same seed writes the same records.
        out: a new or empty folder: `decisions/`, `events/` and `titles.parquet`.
        truth: Parquet file of (decision_id, reward) of the examples that are closed when the log
            ends, with take as the reward; none is written if None.
        anomalies: all, none, or names from ANOMALIES with commas between.

    Returns:
        decisions, events (records written), examples, takes, now (the log's last moment, which is
        what the join takes for the present).

    Raises:
        BadInput: an unknown anomaly, no decisions, or a folder that is not empty.
    """
    scenarios, out = chosen_anomalies(anomalies), Path(out)
    if decisions < 1:
        raise BadInput(f"--decisions {decisions} makes no log; give at least 1")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{out} is there already and not empty; give --out a new folder")
    with whole_folder(out) as part:
        factory = RecordFactory(seed)
        rewards, written = _write_log(factory, simulated(factory, decisions, scenarios), seed, part)
    if truth is not None:
        ids = sorted(rewards)
        table = pa.table({"decision_id": ids, "reward": [rewards[name] for name in ids]}, TRUTH)
        Path(truth).resolve().parent.mkdir(parents=True, exist_ok=True)
        write_whole(table, Path(truth).resolve())
    takes = sum(rewards.values())
    return {**written, "examples": len(rewards), "takes": takes, "now": END.isoformat()}


def _write_log(
    factory: RecordFactory, simulated: Iterator[DecisionRecords], seed: int, out: Path
) -> tuple[dict[str, float], dict[str, int]]:
    """Write the log; the rewards of its closed examples, and how many records it has."""
    for kind in ("decisions", "events"):
        (out / kind).mkdir(parents=True)
    rewards: dict[str, float] = {}
    written = {"decisions": 0, "events": 0}
    delayed: list[Record] = []
    part = 0
    while chunk := list(islice(simulated, CHUNK)):
        rows = [row for decision in chunk for row in decision.rows if row["time"] <= END]
        events = [e for decision in chunk for e in decision.events if e["received"] <= END]
        for decision in chunk:
            reward = outcome(decision, factory)
            if reward is not None:
                rewards[decision.decision_id] = reward
        events += delayed
        factory.rng.shuffle(rows)
        factory.rng.shuffle(events)
        keep = len(events) - len(events) // 10  # a tenth comes in a later file
        events, delayed = events[:keep], events[keep:]
        _write(out, f"part-{part:05}", rows, events, written)
        part += 1
    # The log's clock reads its end: something is received then, of no decision.
    last = RecordFactory(seed).event(
        DecisionRecords("", END, "nobody", FIRST_TITLE), "play", END, END
    )
    _write(out, f"part-{part:05}", [], [*delayed, last | {"decision_id": None}], written)
    pq.write_table(titles(factory), out / "titles.parquet")
    return rewards, written


def _write(
    out: Path, name: str, rows: list[Record], events: list[Record], written: dict[str, int]
) -> None:
    """Write one Parquet file of each kind."""
    for kind, records, schema in (("decisions", rows, DECISIONS), ("events", events, EVENTS)):
        if records:
            table = pa.Table.from_pylist(records, schema)
            pq.write_table(table, out / kind / f"{name}.parquet", compression="zstd")
        written[kind] += len(records)
