"""Nights that take a day in, in a simulated world: each from the files of the one before."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from bench.training.night_figures import Night, posterior_gap
from bench.training.nights import Learnt, Nights
from data.days import DAY_US
from data.errors import BadInput
from data.examples.stream import ExampleStream
from model.increments.increment import DaySource, PosteriorByDay
from model.increments.kept_posterior import KeptPosterior
from model.increments.refit import otherwise, overdue, told
from model.training.settings import HeadOptions, Model, Settings

NEW, FIRST_NIGHT = "10010000-1", "day=2026-01-05"


@pytest.fixture(scope="module")
def nights(tmp_path_factory) -> Nights:
    """A world; one artwork of it is not shown before the nights."""
    folder = tmp_path_factory.mktemp("world")
    made = Nights.made(folder, 1, 4, 150, 3500, history=4, days=3)
    for number, (file, rows) in enumerate(made.examples.rows()):
        at = folder / "without" / f"{file.parent.name}"
        at.mkdir(parents=True, exist_ok=True)
        if file.parent.name < FIRST_NIGHT:
            rows = rows.filter(pc.not_equal(rows["action"], NEW))
        pq.write_table(rows, at / f"{number}.parquet")
    return replace(made, examples=ExampleStream(folder / "without"))


@pytest.fixture(scope="module")
def before(nights) -> Learnt:
    torch.set_num_threads(1)
    return nights.first()


@pytest.fixture(scope="module")
def file(before, tmp_path_factory) -> Path:
    """What the full training kept: nights move what is in memory."""
    at = tmp_path_factory.mktemp("kept") / "posterior.safetensors"
    before.kept.write(at)
    return at


@pytest.fixture(scope="module")
def gone_on(nights, before, file) -> tuple[PosteriorByDay, PosteriorByDay, list[Night], float]:
    """Nights, the same days in one reading, each night, and greedy's value without them."""
    value = nights.value(before.trained.network, before.trained.records, before.spec)
    nightly, found = nights.nightly(before)
    return nightly, nights.once(before), found, value


def test_nights_are_one_reading_of_their_days_and_lose_nothing_to_no_update(nights, gone_on):
    nightly, once, found, value = gone_on
    assert posterior_gap(nightly.kept, once.kept) < 1e-6
    assert nightly.kept.artwork_ids == once.kept.artwork_ids
    assert (nights.choices(nightly) == nights.choices(once)).all()
    assert all(night.examples > 50 for night in found)
    assert found[-1].value > 0.97 * value


def test_every_example_is_counted_once_in_the_table_of_takes(nights, file, gone_on):
    nightly, _, found, _ = gone_on
    read = KeptPosterior.read_from(file).read
    statistics = nightly.statistics()
    assert statistics.count == read.examples + sum(night.examples for night in found)
    through = replace(nights.examples, until=nightly.kept.read.through)
    shown = pa.concat_tables(table for _, table in through.rows())["action"]
    counts = {row["values"]: row["counts"] for row in pc.value_counts(shown).to_pylist()}
    table = statistics.unpersonalised_takes().to_pylist()
    assert {row["artwork_id"]: row["impressions"] for row in table if row["impressions"]} == counts


def test_artwork_that_came_since_has_a_record(file, gone_on):
    assert NEW not in KeptPosterior.read_from(file).artwork_ids
    records = gone_on[0].records()
    at = records.artwork_ids.index(NEW)
    assert np.abs(records.vectors[at]).max() > 0


def test_examples_of_another_reward_are_refused_and_nothing_is_kept(nights, before, file):
    network, rows = before.trained.network, np.arange(len(nights.attributes))
    source = DaySource(
        nights.examples, nights.catalogue, before.spec, nights.attributes, rows, "minutes"
    )
    going = PosteriorByDay(KeptPosterior.read_from(file), network, source)
    with pytest.raises(BadInput, match="are of the reward 'take', and the bundle predicts 'minut"):
        going.read(nights.spans(going.kept), 1000)


def other(**changed) -> Settings:
    settings = Settings(model=Model("attributes"))
    return replace(
        settings, **{name: replace(getattr(settings, name), **of) for name, of in changed.items()}
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"data": {"decay": 0.9}}, "--data.decay is 0.9 now, and was 1.0"),
        ({"model": {"encoder": "cnn"}}, "--model.encoder is cnn now, and was attributes"),
        ({"model": {"heads": HeadOptions("bootstrap")}}, "--model.heads.kind is bootstrap now"),
        ({"fit": {"mask": 0.0}}, "--fit.mask is 0.0 now"),
    ],
)
def test_other_settings_train_in_full_and_say_which(before, changed, said):
    assert str(otherwise(before.kept.told, told(other(**changed)))).startswith(said)
    assert otherwise(before.kept.told, told(other())) is None


def test_a_full_training_is_due_after_so_many_days(before):
    later = before.kept.read.trained + 7 * DAY_US
    assert overdue(before.kept, later - 1, 7) is None
    assert "7 days have come since the last full training" in str(overdue(before.kept, later, 7))
    assert overdue(before.kept, later + 100 * DAY_US, None) is None


def rewritten(file: Path, change) -> None:
    """A posterior's file with something else in it."""
    parts = load_file(file)
    with safe_open(file, "pt") as held:
        said = held.metadata()
    said["posterior"] = json.dumps(change(json.loads(said["posterior"]), parts))
    save_file(parts, file, said)


def of_later_version(said, parts):
    return said | {"version": said["version"] + 1}


def with_a_title_too_few(said, parts):
    return said | {"title_ids": said["title_ids"][:-1]}


def with_a_number_that_is_none(said, parts):
    parts["regression.gram"][0, 0, 0] = float("nan")
    return said


def without_sums(said, parts):
    del parts["regression.moment"]
    return said


@pytest.mark.parametrize(
    "change", [of_later_version, with_a_title_too_few, with_a_number_that_is_none, without_sums]
)
def test_a_posterior_that_is_none_is_refused(file, tmp_path, change):
    copy = shutil.copy(file, tmp_path / "posterior.safetensors")
    rewritten(copy, change)
    with pytest.raises(BadInput, match="holds no posterior that days can be added to"):
        KeptPosterior.read_from(copy)
    copy.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(BadInput, match="holds no posterior that days can be added to"):
        KeptPosterior.read_from(copy)
