"""Parquet files: their bytes changed, and columns of other types, names and values."""

import datetime
import os
import re
import tempfile
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from data.catalogue import Catalogue
from data.check.kinds import table_problems
from data.check.known import Known
from data.check.path import check_path
from data.examples.stream import ExampleStream
from data.join.command import join_command
from data.records import ARTWORKS, DECISIONS, EVENTS, EXAMPLES, PROFILES, TITLES
from data.schema_cast import parquet_files, read_table, refuse
from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.estimate import estimate
from serve.precompute.profiles import readable_profiles
from tests.data.check.check_rows import decision, event, example
from tests.fuzz.kind import Kind
from tests.fuzz.mutations import ODD, of_bytes
from tests.fuzz.targets.journals import shm

WHOLE_CHECK = 50
"""One in so many is checked with all that is asked of a log as a whole, which takes DuckDB."""
JOINED = 500
"""A log that check finds right is joined as well, of so many the first."""
DAY = datetime.date(2026, 1, 1)
TITLE = {"title_id": 7, "name": "a", "genres": ["drama"], "cast": ["Ada"], "popularity": 1.0}
TITLE |= {"launch_day": DAY, "runtime_minutes": 90.0, "default_artwork_id": "x"}
ARTWORK = {"artwork_id": "x", "title_id": 7, "path": "x.png", "added_day": DAY, "tone": "dark"}
PROFILE = {"profile_id": "ada", "facts": {"country": "FR", "watched_genres": [("drama", 2.0)]}}
ROWS = {
    "decisions": (DECISIONS, [decision(i) for i in range(3)]),
    "events": (EVENTS, [event(i) for i in range(3)]),
    "examples": (EXAMPLES, [example(i) for i in range(3)]),
    "titles": (TITLES, [TITLE]),
    "artworks": (ARTWORKS, [ARTWORK, ARTWORK | {"artwork_id": "y", "withdrawn_day": DAY}]),
    "profiles": (PROFILES, [PROFILE, PROFILE | {"profile_id": "bo", "profiling": False}]),
}
TABLES = {kind: pa.Table.from_pylist(rows, schema) for kind, (schema, rows) in ROWS.items()}
KINDS = tuple(TABLES)


def written(table: pa.Table, **options) -> bytes:
    out = pa.BufferOutputStream()
    pq.write_table(table, out, **options)
    return out.getvalue().to_pybytes()


FEEDBACK = pa.table(
    {
        "decision_id": list("abcd"),
        "candidates": [["x", "y"], ["x", "y", "z"], ["z"], ["y", "x"]],
        "action": list("xyzy"),
        "reward": [1.0, 0.0, 1.0, 0.5],
        "propensity": [0.5, 0.25, 1.0, 0.4],
        "target_probabilities": [[0.5, 0.5], [0.2, 0.3, 0.5], [1.0], [0.9, 0.1]],
        "estimated_rewards": [[0.5, 0.1], [0.2, 0.3, 0.5], [1.0], [0.0, 1.0]],
        "profile_id": ["p", "q", "p", "r"],
        "level": ["personalised", "personalised", "default", "personalised"],
        "probabilities": [[0.5, 0.5], [0.5, 0.25, 0.25], [1.0], None],
        "rule": [False, False, False, True],
    }
)
WHOLE = {kind: written(table) for kind, table in TABLES.items()}


class Read:
    """Each kind's file where the product looks for it, read by all that read it."""

    def __init__(self):
        self.root = Path(tempfile.mkdtemp(prefix="fuzz-", dir=shm()))
        self.out, self.asked = self.root / "out", 0

    def put(self, kind: str, content: bytes) -> Path:
        folder = self.root / kind
        places = {"decisions": folder / "decisions", "events": folder / "events"}
        place = places.get(kind, folder)
        place.mkdir(parents=True, exist_ok=True)
        if kind == "events":
            (folder / "decisions").mkdir(exist_ok=True)
            (folder / "decisions" / "a.parquet").write_bytes(WHOLE["decisions"])
        for other in ("titles", "artworks") if kind in ("titles", "artworks") else ():
            (folder / f"{other}.parquet").write_bytes(WHOLE[other])
        name = f"{kind}.parquet" if kind in ("titles", "artworks") else "a.parquet"
        (place / name).write_bytes(content)
        self.asked += 1  # another time of writing, so that nothing is remembered of another case
        os.utime(place / name, ns=(10**18 + self.asked, 10**18 + self.asked))
        return folder

    def __call__(self, kind: str, content: bytes) -> None:
        folder = self.put(kind, content)
        if self.asked % WHOLE_CHECK == 0:
            problems = check_path(folder, images=False)
        else:  # but for what DuckDB is asked
            place = next(f for f in parquet_files(folder) if f.read_bytes() == content)
            problems = table_problems(read_table(place), kind, place, Known())
        for problem in problems:
            assert 0 < len(str(problem)) < 4000
            list(problem.lines())
        if kind in ("titles", "artworks"):
            Catalogue.read(folder).candidates(7, DAY)
        elif kind == "profiles":
            readable_profiles(folder)
        elif kind == "examples":
            stream = ExampleStream(folder, size=2)
            stream.span()
            for _ in islice(stream.batches(), 3):
                pass
        elif not problems and self.asked % JOINED == 0:
            out = self.root / f"out-{self.asked}"
            join_command(folder, self.root / "titles", out)
        refuse(problems)


def parquet():
    """The first byte is the kind."""
    read = Read()

    def target(raw: bytes) -> None:
        if raw:
            read(KINDS[raw[0] % len(KINDS)], raw[1:])

    plain = {"compression": "none", "use_dictionary": False}
    seeds = [bytes([at]) + WHOLE[kind] for at, kind in enumerate(KINDS)]
    seeds += [bytes([at]) + written(TABLES[kind], **plain) for at, kind in enumerate(KINDS)]
    return Kind(target, seeds, [of_bytes, footer])


def footer(raw, rng):
    """Only what a file says of itself is changed."""
    size = int.from_bytes(raw[-8:-4], "little")
    start = len(raw) - 8 - size
    if not 0 < start < len(raw):
        return of_bytes(raw, rng)
    said = of_bytes(raw[start:-8], rng)
    return raw[:start] + said + len(said).to_bytes(4, "little") + raw[-4:]


TYPES = [
    *(pa.int8(), pa.int64(), pa.uint64(), pa.float32(), pa.float64(), pa.bool_(), pa.string()),
    *(pa.large_string(), pa.binary(), pa.null(), pa.date32(), pa.timestamp("us"), pa.float16()),
    *(pa.timestamp("ns", "Asia/Tokyo"), pa.timestamp("s"), pa.decimal128(20, 3), pa.time64("us")),
    *(pa.list_(pa.string()), pa.large_list(pa.float64()), pa.dictionary(pa.int8(), pa.string())),
    *(pa.struct([("a", pa.int8())]), pa.map_(pa.string(), pa.int8()), pa.duration("us")),
    *(pa.string_view(), pa.list_(pa.string(), 2), pa.month_day_nano_interval(), pa.uuid()),
    *(pa.list_view(pa.string()), pa.struct([]), pa.binary(3), pa.list_(pa.null())),
    pa.decimal256(60, 0),
]


def changed(table: pa.Table, rng) -> pa.Table:
    """A table with a column of another type, name, number or of odd values."""
    at = rng.randrange(table.num_columns)
    name, rows = table.column_names[at], table.num_rows
    how = rng.random()
    if how < 0.1:
        return table.remove_column(at)
    if how < 0.2:
        return table.append_column(rng.choice((name, name.upper(), "x", "")), table.column(at))
    if how < 0.25:
        return table.slice(0, rng.randrange(rows + 1))
    if how < 0.3:
        return pa.concat_tables([table, table])
    column = table.column(at)
    if how < 0.65:
        kind = rng.choice(TYPES)
        try:
            made = column.cast(kind, safe=rng.random() < 0.5)
        except (pa.ArrowException, ValueError, TypeError):
            made = pa.nulls(rows, kind)
        return table.set_column(at, name, made)
    values = column.to_pylist()
    if values:
        values[rng.randrange(rows)] = odd(values[0], rng)
    if "map<" in str(column.type) and re.search(r"[\[ ]None[,\]]", repr(values)):
        return table  # of a pair that is null Arrow ends the process that would make it
    try:
        return table.set_column(at, name, pa.array(values, column.type))
    except (pa.ArrowException, ValueError, TypeError, OverflowError, AttributeError):
        try:
            return table.set_column(at, name, pa.array([odd(None, rng)] * rows))
        except (pa.ArrowException, ValueError, TypeError, OverflowError):
            return table


def odd(like, rng):
    """A value of the same shape, or of none that is expected."""
    if isinstance(like, dict) and like and rng.random() < 0.9:
        return {**like, rng.choice(list(like)): rng.choice(ODD)}
    if isinstance(like, list) and like and rng.random() < 0.7:
        return rng.choice(([], [None], like * 2, like * 300, [rng.choice(ODD)], like[:-1]))
    if isinstance(like, datetime.datetime):
        return like + datetime.timedelta(days=rng.choice((-3650, 3650, 10**5, 0)))
    return rng.choice(ODD)


def schemas():
    """Eight bytes, a number, say how a table is changed: the fuzzer's choice is which number."""
    import random

    read = Read()

    def target(raw: bytes) -> None:
        rng = random.Random(int.from_bytes(raw[:8], "big"))
        kind = rng.choice(KINDS)
        table = TABLES[kind]
        for _ in range(rng.choice((1, 1, 2, 3))):
            if table.num_columns:
                table = changed(table, rng)
        try:
            content = written(table)
        except (pa.ArrowException, ValueError):
            return
        read(kind, content)

    return Kind(target, [bytes(8)], [lambda raw, rng: rng.randbytes(8)])


def feedback():
    """As `schemas`, of what `evaluate estimate` judges."""
    import random

    file = Path(tempfile.mkdtemp(prefix="fuzz-", dir=shm())) / "feedback.parquet"
    few = Bootstrap(100)

    def target(raw: bytes) -> None:
        rng = random.Random(int.from_bytes(raw[:8], "big"))
        table = FEEDBACK
        for _ in range(rng.choice((1, 1, 2, 3))):
            if table.num_columns:
                table = changed(table, rng)
        try:
            file.write_bytes(written(table))
        except (pa.ArrowException, ValueError):
            return
        estimate(file, interval=rng.choice(("bootstrap", "betting")), bootstrap=few)

    return Kind(target, [bytes(8)], [lambda raw, rng: rng.randbytes(8)])


TARGETS = {"parquet": parquet, "schemas": schemas, "feedback": feedback}
