"""The table of eyes: its peer computes the same, parts are switched off, nothing is done twice."""

import json

import numpy as np
import pytest

from bench.eyes.eyes import Kept, eyes
from bench.eyes.in_torch import InTorch
from bench.eyes.parts import NAMES, without
from bench.eyes.table import table_of
from bench.eyes.worlds import TOLD, TOLD_LOOKS, Variant
from data.errors import BadInput
from data.shown.catalogue_sets import GENRES
from data.shown.read_outs import ReadOuts, shown_group
from model.eyes.efficientnet_lite import EfficientNetLite
from model.eyes.features import run_graph
from tests.data.shown.planted import planted, specification
from tests.model.eyes.pictures import cut_outs, package


def test_torch_computes_what_it_is_measured_beside():
    graph = EfficientNetLite(package()).graph((64, 96))
    pictures = cut_outs("mammals-tiger", "birds-owl", size=(64, 96))
    said = InTorch(graph.model)(pictures)
    np.testing.assert_allclose(said, run_graph(graph.model, 1)(pictures), rtol=1e-3, atol=1e-3)


def test_a_part_that_is_switched_off_says_nothing_and_the_others_do():
    world = planted(titles=30)
    spec = specification(world)
    whole = ReadOuts.fit(world.features, spec, *world.tables)
    said = whole.read(world.features, spec, *world.tables)
    assert without("", whole) is whole
    of_genres, foreign = shown_group(GENRES), f"{GENRES} foreign"
    off = without("foreign", whole).read(world.features, spec, *world.tables)
    assert np.abs(said.of(foreign)).max() > 0
    assert np.abs(off.of(foreign)).max() == 0
    np.testing.assert_array_equal(off.of(of_genres), said.of(of_genres))
    assert len(off.guessed.row) == len(said.guessed.row) > 0
    assert not len(without(NAMES, whole).read(world.features, spec, *world.tables).guessed.row)


def test_what_was_measured_is_read_again_and_is_a_row_of_the_table(tmp_path):
    kept = Kept(tmp_path / "results.jsonl")
    takes = {"random": 0.1, "oracle": 0.2, "thompson": 0.13, "seconds": 1.0}
    for seed in (1, 2):
        kept.add("unseen", Variant(TOLD), {**takes, "greedy": 0.18}, seed)
        kept.add("unseen", Variant("simple"), {**takes, "greedy": 0.14}, seed)
        kept.add("theatre", TOLD_LOOKS, {**takes, "greedy": 0.18}, seed)
    again = Kept(tmp_path / "results.jsonl")
    assert again.has("unseen", Variant("simple"), 2)
    assert not again.has("unseen", Variant("simple", "tone"), 2)
    table = {row["encoder"]: row for row in table_of(again.rows)}
    assert table["simple"]["unseen_greedy_of_told"]["mean"] == pytest.approx(0.5)
    assert table["simple"]["unseen_greedy_of_oracle"]["mean"] == pytest.approx(0.4)
    assert "theatre_takes" not in table["simple"]
    json.dumps(table_of(again.rows))


def test_work_that_there_is_not_is_refused():
    with pytest.raises(BadInput, match="--work costs: choose among cost, posters"):
        eyes(work="costs")
