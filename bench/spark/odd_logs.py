"""Odd logs: everything that goes wrong in logs, in types and places that others write them in."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from simulate.anomalies.anomalous_log import write_anomalous_log
from simulate.anomalies.forms import READ_ALIKE, REFUSED, Form

DECISIONS = 120
"""Of each log, before copies."""
REWARDS = (
    "take",
    "share=minutes / runtime_minutes",  # which some titles have not: null, and so refused
    "share=coalesce(minutes / nullif(runtime_minutes, 0), 0)",
    "whole=CAST(minutes AS INTEGER) + CAST(minutes * 0.7 AS BIGINT)",
    "tens=minutes // 10 + thumb % 2",
    "halves=CAST(round(minutes / 3, 1) AS DECIMAL(9, 1)) + (CASE WHEN played THEN 1 ELSE 0 END)",
    "logs=ln(1 + minutes) + greatest(thumb, 0) * log10(2 + minutes)",
    "integers=3 / 2 + 7 / (1 + thumb)",  # a division by zero where the thumb is down
    "least=least(minutes, runtime_minutes, 90)",
    "text=length(CAST(minutes AS VARCHAR))",
)


class OddLog(NamedTuple):
    """A log on disk, and what its join must give."""

    name: str
    folder: Path
    truth: Path
    """Decision ids and takes."""
    reward: str
    refused: bool
    """Whether every reader must refuse it."""


def odd_logs(count: int, folder: Path) -> Iterator[OddLog]:
    """So many logs, each written into a folder of its own, one at a time.

    Args:
        count: how many; a tenth of them must be refused.
        folder: to write into.
    """
    alike = [name for name in READ_ALIKE if name != "seconds in a zone"]  # these have parts of one
    refused, places = list(REFUSED), list(PLACES)
    for number in range(count):
        bad = number % 10 == 9
        form = refused[number // 10 % len(refused)] if bad else alike[number % len(alike)]
        place = places[number % len(places)]
        log = folder / f"log-{number}"
        truth = folder / f"truth-{number}.parquet"
        write_anomalous_log(DECISIONS, number, log, truth)
        rng = random.Random(number)
        _rewrite(log, (REFUSED if bad else READ_ALIKE)[form], PLACES[place], rng)
        reward = REWARDS[number % len(REWARDS)]
        yield OddLog(f"{number}: {form}; {place}; {reward}", log, truth, reward, bad)


def _rewrite(log: Path, form: Form, put: "Place", rng: random.Random) -> None:
    """Every file of a log in another form, put elsewhere."""
    decisions, events = (_emptied(log / kind, rng) for kind in ("decisions", "events"))
    put(log / "decisions", decisions, lambda part: form(part, events)[0], rng)
    put(log / "events", events, lambda part: form(decisions, part)[1], rng)


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
    """All rows twice, and copies that tie in all but what nobody joins by."""
    again = rows.take(pa.array(rng.sample(range(len(rows)), len(rows))))
    name = "bundle" if "bundle" in rows.column_names else "device"
    said = pa.array([rng.choice(["x", "y", None]) for _ in range(len(again))], pa.string())
    again = again.set_column(again.column_names.index(name), name, said)
    pq.write_table(formed(rows), folder / "a.parquet")
    pq.write_table(formed(again), folder / "b.parquet")


PLACES: dict[str, Place] = {
    "one file": _one_file,
    "two schemas": _two_schemas,
    "names that are patterns": _globs,
    "odd names": _odd_names,
    "day folders": _day_folders,
    "copies that tie": _copies,
}
