"""Odd logs: everything that goes wrong in logs, in types and places that others write them in."""

import random
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from simulate.anomalies.anomalous_log import write_anomalous_log
from simulate.anomalies.forms import READ_ALIKE, REFUSED, Form, put

DECISIONS = 120
"""Of each log, before copies."""
REWARDS: dict[str, "Truth | None"] = {
    "take": None,
    "share=minutes / runtime_minutes": None,  # that some titles have not: null, and so refused
    "share=coalesce(minutes / nullif(runtime_minutes, 0), 0)": lambda r: (
        r["minutes"] / r["runtime"] if r["runtime"] else 0.0
    ),
    "whole=CAST(minutes AS INTEGER) + CAST(minutes * 0.7 AS BIGINT)": None,
    "tens=minutes // 10 + thumb % 2": None,
    "halves=CAST(round(minutes / 3, 1) AS DECIMAL(9, 1)) + (CASE WHEN played THEN 1 ELSE 0 END)": (
        None
    ),
    "logs=ln(1 + minutes) + greatest(thumb, 0) * log10(2 + minutes)": None,
    "integers=3 / 2 + 7 / (1 + thumb)": None,  # a division by zero where the thumb is down
    "least=least(minutes, runtime_minutes, 90)": lambda r: min(
        r["minutes"], r["runtime"] or 90.0, 90.0
    ),
    "text=length(CAST(minutes AS VARCHAR))": lambda r: float(len(str(r["minutes"]))),
}
"""Of logs → the same in Python, of an example and its title's runtime, where that is plain."""


Truth = Callable[[dict[str, Any]], float]


class OddLog(NamedTuple):
    """A log on disk, and what its join must give."""

    name: str
    folder: Path
    truth: Path
    """Decision ids and takes."""
    reward: str
    refused: bool
    """Whether every reader must refuse it."""


def odd_logs(numbers: Iterable[int], folder: Path) -> Iterator[OddLog]:
    """Logs of some numbers, each written into a folder of its own, one at a time.

    Args:
        numbers: which; those that end in 9 must be refused.
        folder: to write into.
    """
    alike = [name for name in READ_ALIKE if name != "seconds in a zone"]  # these have parts of one
    refused, places, rewards = list(REFUSED), list(PLACES), list(REWARDS)
    for number in numbers:
        bad = number % 10 == 9
        form = refused[number // 10 % len(refused)] if bad else alike[number % len(alike)]
        place = places[(number + number // len(places)) % len(places)]
        log = folder / f"log-{number}"
        truth = folder / f"truth-{number}.parquet"
        write_anomalous_log(DECISIONS, number, log, truth)
        rng = random.Random(number)
        _rewrite(log, (REFUSED if bad else READ_ALIKE)[form], PLACES[place], rng)
        reward = rewards[0] if bad else rewards[number % len(rewards)]
        yield OddLog(f"{number}: {form}; {place}; {reward}", log, truth, reward, bad)


def _rewrite(log: Path, form: Form, place: "Place", rng: random.Random) -> None:
    """Every file of a log in another form, put elsewhere."""
    decisions, events = (_emptied(log / kind, rng) for kind in ("decisions", "events"))
    place(log / "decisions", decisions, lambda part: form(part, events)[0], rng)
    place(log / "events", events, lambda part: form(decisions, part)[1], rng)


def _emptied(folder: Path, rng: random.Random) -> pa.Table:
    """The rows of a folder's files, shuffled; the files are gone."""
    files = sorted(folder.glob("*.parquet"))
    rows = pa.concat_tables([pq.ParquetFile(file).read() for file in files])
    for file in files:
        file.unlink()
    return rows.take(pa.array(rng.sample(range(len(rows)), len(rows))))


Place = Callable[[Path, pa.Table, Callable[[pa.Table], pa.Table], random.Random], None]
"""Writes rows into a folder, in one form or another."""


def _one_file(folder: Path, rows: pa.Table, formed: Callable, _: random.Random) -> None:
    pq.write_table(formed(rows), folder / "part.parquet")


def _two_schemas(folder: Path, rows: pa.Table, formed: Callable, rng: random.Random) -> None:
    """Two files, of which one is as Marquee writes it."""
    half = rng.randrange(1, len(rows))
    pq.write_table(rows.slice(half), folder / "a.parquet")
    pq.write_table(formed(rows.slice(0, half)), folder / "b.parquet")


def _globs(folder: Path, rows: pa.Table, formed: Callable, rng: random.Random) -> None:
    """Names that are patterns to whoever reads them as such."""
    half = rng.randrange(1, len(rows))
    pq.write_table(formed(rows.slice(0, half)), folder / "a[1].parquet")
    pq.write_table(formed(rows.slice(half)), folder / "a1.parquet")


def _odd_names(folder: Path, rows: pa.Table, formed: Callable, rng: random.Random) -> None:
    """Folders and files with colons, braces, per cent signs, spaces and other letters."""
    half = rng.randrange(1, len(rows))
    for name, part in (("09:00 {a,b}", rows.slice(0, half)), ("100%25 é", rows.slice(half))):
        (folder / "kind=play").mkdir(exist_ok=True)
        pq.write_table(formed(part), folder / "kind=play" / f"{name}.parquet")


def _day_folders(folder: Path, rows: pa.Table, formed: Callable, rng: random.Random) -> None:
    """Days of whoever wrote them, deeper and shallower, with what is nobody's beside them."""
    for number, start in enumerate(range(0, len(rows), 40)):
        place = folder / f"day=2026-01-{number + 1:02}" / ("deeper" if number % 2 else "")
        place.mkdir(parents=True)
        pq.write_table(formed(rows.slice(start, 40)), place / "part.parquet", row_group_size=7)
    (folder / "_temporary").mkdir()
    (folder / "_temporary" / "half.parquet").write_bytes(b"PAR1")
    (folder / ".hidden.parquet").write_bytes(b"")


def _copies(folder: Path, rows: pa.Table, formed: Callable, rng: random.Random) -> None:
    """All rows twice, and copies that tie in all that SQL can order."""
    order = rng.sample(range(len(rows)), len(rows))
    again = rows
    if "facts" in rows.column_names:
        own = [{}, {"a": {"names": ["x", None]}}, {"a": {"numbers": [0.0]}}, {"b": {}}, None]
        facts = [fact | {"own": rng.choice(own)} for fact in rows["facts"].to_pylist()]
        again = put(again, "facts", pa.array(facts, rows.schema.field("facts").type))
    name = "bundle" if "bundle" in rows.column_names else "device"
    said = [rng.choice(["x", "y", None]) for _ in order]
    again = put(again, name, pa.array(said, pa.string())).take(pa.array(order))
    pq.write_table(formed(rows), folder / "a.parquet")
    pq.write_table(formed(again), folder / "b.parquet")


def _odd_ids(folder: Path, rows: pa.Table, formed: Callable, _: random.Random) -> None:
    """Ids with quotes, tabs, patterns, letters of two words and no end."""
    for name in {"profile_id", "event_id"} & {*rows.column_names}:
        ids = [f"\t'{text}\\%_ \"é🦊{'x' * 400}" for text in rows[name].to_pylist()]
        rows = put(rows, name, pa.array(ids))
    pq.write_table(formed(rows), folder / "a.parquet")


def _beside(folder: Path, rows: pa.Table, formed: Callable, rng: random.Random) -> None:
    """Columns of anybody's that are of other types in each file, and files of no rows."""
    half = rng.randrange(1, len(rows))
    for name, part, extra in (
        ("a", rows.slice(0, half), 7),
        ("b", rows.slice(half), {"deep": ["x"]}),
        ("c", rows.slice(0, 0), None),
    ):
        formed_part = formed(part)
        column = pa.array([extra] * len(formed_part))
        pq.write_table(formed_part.append_column("extra", column), folder / f"{name}.parquet")
    nothing = pa.table({name: pa.nulls(0) for name in rows.column_names})
    pq.write_table(nothing, folder / "0.parquet")


def _nonsense(folder: Path, rows: pa.Table, formed: Callable, rng: random.Random) -> None:
    """Decisions of years that cannot be; minutes and thumbs that nobody believes."""
    some = rows.take(pa.array(rng.sample(range(len(rows)), 20)))
    if "minutes" in rows.column_names:
        minutes = [rng.choice([float("nan"), float("inf"), -1.0, -0.0, 3e38]) for _ in range(20)]
        some = put(some, "minutes", pa.array(minutes, pa.float32()))
        some = put(
            some, "thumb", pa.array([rng.choice([-128, 0, 5]) for _ in range(20)], pa.int8())
        )
        some = put(some, "kind", pa.array(["progress"] * 20))
    else:
        years = [datetime(rng.choice([1700, 1969, 2200]), 1, 1, tzinfo=UTC) for _ in range(20)]
        some = put(some, "time", pa.array(years, rows.schema.field("time").type))
        some = put(some, "decision_id", pa.array([f"stray-{n}" for n in range(20)]))
    pq.write_table(formed(pa.concat_tables([some.cast(rows.schema), rows])), folder / "a.parquet")


PLACES: dict[str, Place] = {
    "one file": _one_file,
    "two schemas": _two_schemas,
    "names that are patterns": _globs,
    "odd names": _odd_names,
    "day folders": _day_folders,
    "copies that tie": _copies,
    "odd ids": _odd_ids,
    "others' columns": _beside,
    "nonsense": _nonsense,
}
