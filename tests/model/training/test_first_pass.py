"""Examples that are read in parts teach what they teach at once."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.catalogue import Catalogue
from data.days import DAY_US
from data.errors import BadInput
from data.examples.stream import ExampleStream
from data.features import FeatureSpec
from data.records import ARTWORKS, EXAMPLES, METRICS, TITLES
from evaluate.metrics.metrics import metric_names, metric_values
from model.training.dataset import Examples
from model.training.featurise import Preparation
from model.training.first_pass import Evenly, FirstPass, first_pass, window

START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
DAYS, A_DAY = 5, 400
SPLIT = {"validation": 0.2, "held_out": 10_000, "clip": 2.0, "seed": 3}
SHOWN = ("a0", "a1", "a2", "a3", "a4", "a5")


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory) -> Catalogue:
    artworks = [
        {
            "artwork_id": name,
            "title_id": 1 + i // 3,
            "path": f"{name}.png",
            "added_day": date(2026, 1, 1),
            "tone": ("warm", "cold")[i % 2],
        }
        for i, name in enumerate(SHOWN)
    ]
    titles = [
        {
            "title_id": i,
            "name": f"t{i}",
            "genres": ["drama"],
            "cast": ["ann"],
            "popularity": 0.1,
            "launch_day": date(2026, 1, 1),
            "runtime_minutes": 90.0,
            "default_artwork_id": SHOWN[3 * i - 3],
        }
        for i in (1, 2)
    ]
    return Catalogue(
        tmp_path_factory.mktemp("catalogue"),
        pa.Table.from_pylist(titles, TITLES),
        pa.Table.from_pylist(artworks, ARTWORKS),
    )


@pytest.fixture(scope="module")
def stream(tmp_path_factory) -> ExampleStream:
    folder, rng = tmp_path_factory.mktemp("examples"), np.random.default_rng(0)
    for day in range(DAYS):
        rows = [example(day * A_DAY + i, rng) for i in range(A_DAY)]
        file = folder / f"day={date(2026, 1, 1 + day)}" / "examples.parquet"
        file.parent.mkdir()
        pq.write_table(pa.Table.from_pylist(rows, EXAMPLES), file, row_group_size=90)
    return ExampleStream(folder)


def preparation(parted: FirstPass, catalogue: Catalogue, **options) -> Preparation:
    images = np.zeros((6, 4), np.float32)
    spec = parted.statistics.specification()
    return Preparation(catalogue, spec, images, np.arange(6), heads=5, clip=2.0, **options)


def example(number: int, rng: np.random.Generator) -> dict:
    title = 1 + number % 2
    candidates = [f"a{3 * title - 3 + i}" for i in range(3)]
    return {
        "decision_id": f"{number:032x}",
        "time": START + number * DAY_US // A_DAY,
        "profile_id": f"p{number % 50}",
        "title_id": title,
        "facts": {
            "country": ("BR", "FR", None)[number % 3],
            "device": "tv",
            "row": number % 5,
            "tenure_days": float(number % 90) if number % 7 else None,
            "watched_genres": [("crime" if number == 3 else "drama", 2.0)],
        },
        "candidates": candidates,
        "action": candidates[rng.integers(3)],
        "propensity": float(rng.choice([0.1, 1 / 3, 0.8])),
        "policy": "uniform",
        "level": "personalised",
        "played": False,
        "minutes": 0.0,
        "reward": float(rng.random() < 0.3),
        "reward_name": "take",
    }


def read(stream: ExampleStream) -> pa.Table:
    return pa.concat_tables(rows for _, rows in stream.rows())


def test_features_are_those_of_all_examples_at_once(stream, catalogue):
    parted = first_pass(stream, catalogue, buffer=100, **SPLIT)
    facts = read(parted.stream)["facts"].combine_chunks()
    whole = FeatureSpec.learn(facts, catalogue.titles, catalogue.artworks)
    spec = parted.statistics.specification()
    assert replace(spec, tenure_mean=0, tenure_sd=0) == replace(whole, tenure_mean=0, tenure_sd=0)
    assert (spec.tenure_mean, spec.tenure_sd) == pytest.approx((whole.tenure_mean, whole.tenure_sd))
    assert parted.statistics.count == len(facts)


def test_what_is_held_out_is_later_than_all_that_is_learnt_from(stream, catalogue):
    parted = first_pass(stream, catalogue, buffer=100, **SPLIT)
    learnt, later = read(parted.stream)["time"].to_pylist(), parted.later["time"].to_pylist()
    assert max(learnt) < min(later)
    assert len(learnt) + len(later) == DAYS * A_DAY
    assert len(later) == pytest.approx(0.2 * DAYS * A_DAY, rel=0.01)


def test_what_is_held_out_has_its_metrics_for_the_gate(stream, catalogue, tmp_path):
    for group in stream.row_groups():
        rows = pq.ParquetFile(group.file).read()
        file = tmp_path / group.file.parent.name / "examples.parquet"
        file.parent.mkdir(exist_ok=True)
        if group.first_day.day > 2:  # the first days were joined before there were metrics
            maps = pa.array([[("left", float(n))] for n in range(len(rows))], METRICS)
            rows = rows.append_column("metrics", maps)
        pq.write_table(rows, file)
    parted = first_pass(ExampleStream(tmp_path), catalogue, buffer=10_000, **SPLIT)
    assert metric_names(parted.later) == ["left"]
    assert metric_values(parted.later, "left").tolist() == list(range(len(parted.later)))
    assert parted.table is not None
    assert parted.table.schema.equals(EXAMPLES)


def test_no_more_is_held_out_than_asked_for_and_evenly(stream, catalogue):
    parted = first_pass(stream, catalogue, buffer=100, **{**SPLIT, "held_out": 100})
    assert len(parted.later) == 100
    steps = np.diff(parted.later["time"].cast(pa.int64()).to_numpy())
    assert steps.max() <= 1.5 * steps.mean()


@pytest.mark.parametrize(("count", "most"), [(10, 3), (10, 10), (3, 10), (1000, 7), (0, 5)])
def test_evenly_keeps_as_many_as_there_may_be(count, most):
    kept = Evenly(count, most)
    table = pa.table({"x": np.arange(count)})
    for at in range(0, max(count, 1), 4):
        kept.add(table.slice(at, 4))
    assert len(kept.table()) == min(count, most)


def test_buffers_hold_every_example_once_as_it_is_among_all(stream, catalogue):
    parted = first_pass(stream, catalogue, buffer=300, **SPLIT)
    assert parted.table is None
    prepared = preparation(parted, catalogue, decay=0.8)
    source = parted.source(prepared, 300)
    parts = list(source.buffers(0))
    assert [len(part) for part in parts] == source.sizes
    at_once = prepared(read(parted.stream))

    def sorted_rows(examples: Examples) -> np.ndarray:
        columns = [*examples.context, examples.weights]
        flat = [
            *(c.reshape(len(examples), -1) for c in columns),
            examples.reward[:, None],
            examples.importance[:, None],
            examples.artwork_of[:, None],
        ]
        rows = np.concatenate(flat, 1)
        return rows[np.lexsort(rows.T)]

    np.testing.assert_allclose(sorted_rows(Examples.joined(parts)), sorted_rows(at_once), rtol=1e-5)
    first = next(source.buffers(1))
    assert not np.array_equal(first.weights, parts[0].weights)


def test_all_that_fits_a_buffer_is_prepared_once(stream, catalogue):
    parted = first_pass(stream, catalogue, buffer=10_000, **SPLIT)
    source = parted.source(preparation(parted, catalogue), 10_000)
    assert next(iter(source.buffers(0))) is next(iter(source.buffers(1)))


def test_a_window_reads_nothing_of_other_days(stream, tmp_path):
    latest = window(stream, 2)
    assert {group.first_day for group in latest.row_groups()} == {
        date(2026, 1, 4),
        date(2026, 1, 5),
    }
    assert latest.count() == 2 * A_DAY
    assert window(stream, None) == stream
    with pytest.raises(BadInput, match="window-days 0"):
        window(stream, 0)


def test_examples_of_one_moment_cannot_be_split(tmp_path, catalogue):
    rows = [example(i, np.random.default_rng(0)) | {"time": START} for i in range(9)]
    pq.write_table(pa.Table.from_pylist(rows, EXAMPLES), tmp_path / "one.parquet")
    with pytest.raises(BadInput, match="more days of log"):
        first_pass(ExampleStream(tmp_path), catalogue, buffer=10, **SPLIT)


def test_a_repeated_id_is_found_wherever_its_copy_is(tmp_path, catalogue):
    rng = np.random.default_rng(0)
    rows = [example(i, rng) for i in range(500)]
    rows[499]["decision_id"] = rows[20]["decision_id"]
    for at, name in ((0, "a"), (250, "b")):
        table = pa.Table.from_pylist(rows[at : at + 250], EXAMPLES)
        pq.write_table(table, tmp_path / f"{name}.parquet", row_group_size=50)
    with pytest.raises(BadInput, match=r"b\.parquet, column decision_id, row 249: .*row 20"):
        first_pass(ExampleStream(tmp_path), catalogue, buffer=10, **SPLIT)
