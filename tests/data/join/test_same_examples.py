"""The same log gives the same bytes of examples, on any number of threads and in any order."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.join.duckdb_engine import DuckDB
from data.join.join import join
from data.join.open_engine import ENGINES, EngineSettings
from data.records import DECISIONS, EVENTS
from tests.data.join.test_join import MUCH_LATER, NOON, decision, event, hours

COUNT = 70_000  # more than two of the engine's batches


def tables(rng):
    """Decisions on two days and events of them; some came twice, and their copies disagree."""
    names = [f"d-{n:06}" for n in range(COUNT)]
    start = round(NOON.timestamp() * 1e6)
    times = pa.array(start + rng.integers(0, 86_400, COUNT) * 1_000_000, pa.int64())
    decisions = repeated(decision(), DECISIONS, COUNT)
    decisions = put(
        decisions, decision_id=pa.array(names), time=times.cast(DECISIONS.field(2).type)
    )
    shown = rng.integers(0, COUNT, COUNT)
    minutes = pa.array(rng.integers(0, 40, COUNT), pa.float32())
    later = pa.array(np.asarray(times)[shown] + 60_000_000).cast(EVENTS.field(3).type)
    about = {"decision_id": pa.array(names).take(pa.array(shown)), "time": later, "received": later}
    ids = pa.array([f"e-{n % (COUNT // 2):06}" for n in range(COUNT)])
    rows = pa.array(rng.integers(0, 9, COUNT), pa.int16())
    seen = put(repeated(event("impression", NOON), EVENTS, COUNT), event_id=ids, row=rows, **about)
    watched = repeated(event("progress", NOON), EVENTS, COUNT)
    watched = put(watched, event_id=pa.array([f"w-{n}" for n in names]), minutes=minutes, **about)
    twins = put(seen, row=pa.array(np.asarray(rows) + 1, pa.int16()))
    some = pa.array(np.arange(0, COUNT, 3))
    cells = pa.array(rng.choice(["a", "b"], len(some)))
    copies = put(decisions.take(some), cell=cells)
    return pa.concat_tables([decisions, copies]), pa.concat_tables([seen, twins, watched])


def repeated(row, schema, count):
    return pa.Table.from_pylist([row], schema).take(pa.array(np.zeros(count, np.int64)))


def put(table, **columns):
    for name, values in columns.items():
        table = table.set_column(table.schema.get_field_index(name), table.field(name), values)
    return table


def write(folder, tables, order):
    """The log in files of a third each, its rows in some order."""
    for kind, table in zip(("decisions", "events"), tables, strict=True):
        (folder / kind).mkdir(parents=True)
        mixed = table.take(pa.array(order.permutation(len(table))))
        third = -(-len(table) // 3)
        for part in range(3):
            pq.write_table(mixed.slice(part * third, third), folder / kind / f"{part}.parquet")
    return folder


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    place, made = tmp_path_factory.mktemp("logs"), tables(np.random.default_rng(5))
    return [write(place / str(n), made, np.random.default_rng(n)) for n in range(2)]


@pytest.mark.parametrize("threads", [1, 4])
def test_neither_threads_nor_the_order_of_the_log_change_a_byte(logs, threads, monkeypatch):
    def some(scratch, settings):
        return DuckDB(scratch, settings.memory, threads)

    monkeypatch.setitem(ENGINES, "some", some)
    made = []
    for log, engine in ((logs[0], "duckdb"), (logs[1], "some")):
        out = log / f"examples-{threads}"
        report = join(log, None, out, now=MUCH_LATER + hours(48), engine=EngineSettings(engine))
        made.append({f.parent.name: f.read_bytes() for f in out.rglob("*.parquet")})
        rows = pq.read_table(out, columns=["reward"], partitioning=None)
        assert (report.examples, report.reward_sum) == (len(rows), sum(rows["reward"].to_pylist()))
        assert report.examples > 40_000
    assert len(made[0]) == 2
    assert made[0] == made[1]
