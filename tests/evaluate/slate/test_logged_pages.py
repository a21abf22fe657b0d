"""Pages of a log as rows: what neighbours do is learnt, and a bundle's rows are weighed exactly.

About 5 s, nearly all of it the log.
"""

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from data.bundle import Bundle
from data.bundle.row_pairs import RowPairs
from data.catalogue import Catalogue
from data.errors import BadInput
from data.examples.stream import ExampleStream
from data.join.join import join
from evaluate.ope.bootstrap import Bootstrap
from evaluate.policies.bundle_scores import open_bundle_scores
from evaluate.policies.read_examples import read_examples
from evaluate.report.row_findings import judge_rows
from evaluate.slate.bundle_rows import bundle_chances, bundle_slates
from evaluate.slate.command import slate
from evaluate.slate.learn_rows import learn_rows
from evaluate.slate.logged_rows import LoggedRows
from evaluate.slate.neighbours import beyond_chance, latest_pages
from evaluate.slate.row import row
from serve.live.load_model import LiveRows, load_live
from serve.live.page_request import PageRequest
from simulate.browsing.browse import browse_days
from simulate.browsing.day import Browsing
from simulate.browsing.log import write_days
from simulate.browsing.logging_policies import logging_policy
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.switches import Switches
from tests.evaluate.planted import plant

EFFECT = -1.0
EPSILON = 0.3


@pytest.fixture(scope="module")
def world(story, tmp_path_factory):
    """The story's catalogue, of which a bundle is told one direction of style, and a log."""
    root = tmp_path_factory.mktemp("rows")
    shutil.copytree(story.root / "catalogue", root / "catalogue")
    world = ArtworkWorld.read(root / "catalogue", 400, 11)
    np.save(root / "catalogue" / "embeddings.npy", world.truth.style[:, :1].astype(np.float32))
    days = browse_days(
        world,
        logging_policy("uniform", 10, 0.2),
        range(1),
        Browsing(16_000, 3, False, 0.0, False),
        Switches(neighbour=EFFECT),
    )
    write_days(days, root / "log")
    join(root / "log", root / "catalogue", root / "examples")
    return root


def planted(world, folder, epsilon=EPSILON):
    catalogue = Catalogue.read(world / "catalogue")
    facts = ArtworkWorld.read(world / "catalogue", 400, 11).members.facts
    return plant(folder, catalogue, facts, [[1.0], [0.5], [-0.2]], epsilon=epsilon)


@pytest.fixture(scope="module")
def scored(world, tmp_path_factory):
    bundle = planted(world, tmp_path_factory.mktemp("bundle"))
    return open_bundle_scores(bundle, Catalogue.read(world / "catalogue"), "none")


def pages(world):
    return latest_pages(ExampleStream(world / "examples"))


def test_the_log_shows_that_alike_neighbours_dull_each_other(world, scored, tmp_path):
    learnt = learn_rows(scored, Catalogue.read(world / "catalogue"), pages(world))
    assert beyond_chance(learnt)
    assert learnt.pairs.mean[0, 0] < 0
    assert (learnt.pairs.heads[:, 0, 0] < 0).all()
    assert learnt.effect > 0.05
    learnt.pairs.write(tmp_path / "rows.safetensors")
    again = RowPairs.read(tmp_path / "rows.safetensors")
    assert np.array_equal(again.heads, learnt.pairs.heads.astype(np.float32))


def test_where_neighbours_do_nothing_next_to_nothing_is_learnt(world, scored):
    held = pages(world)
    mixed = np.random.default_rng(0).permutation(held["reward"].to_numpy())
    at = held.schema.get_field_index("reward")
    learnt = learn_rows(
        scored,
        Catalogue.read(world / "catalogue"),
        held.set_column(at, "reward", pa.array(mixed)),
    )
    assert not beyond_chance(learnt)
    assert learnt.effect < 0.02


def slates_of(world, scored, pairs=None, epsilon=None):
    scorer = scored.scorer
    served = scorer.manifest.policy
    if epsilon is not None:
        policy = replace(served, head_policy=replace(served.head_policy, epsilon=epsilon))
        scorer.manifest = replace(scorer.manifest, policy=policy)
    try:
        catalogue = Catalogue.read(world / "catalogue")
        rows = LoggedRows.of(read_examples(world / "log", catalogue))
        return bundle_slates(rows, scored, catalogue, pairs)
    finally:
        scorer.manifest = replace(scorer.manifest, policy=served)


def pair_term():
    centre, projection = np.zeros(1), np.ones((1, 1))
    heads = np.array([[[-1.0]], [[-2.0]], [[0.5]]])
    return RowPairs(centre, projection, heads.mean(0), heads)


def test_a_target_that_draws_evenly_weighs_an_even_log_by_one(world, scored):
    slates = slates_of(world, scored, pair_term(), epsilon=1.0)
    assert slates.slate == pytest.approx(np.ones(len(slates)))
    assert slates.of("position")[slates.there] == pytest.approx(1)
    inner = slates.there.copy()
    inner[np.arange(len(slates)), slates.length - 1] = False
    assert slates.of("pair")[inner] == pytest.approx(1)
    assert not slates.of("pair")[~inner].any()


def test_a_chain_s_weights_are_those_of_its_parts_and_mean_one(world, scored):
    slates = slates_of(world, scored, pair_term())
    assert (slates.logged, slates.target) == ("alone", "neighbour")
    for part in ("position", "prefix", "pair"):
        weights = slates.of(part)[:, 0]
        error = weights.std() / np.sqrt(len(weights))
        assert abs(weights[slates.length > 1].mean() - 1) < 5 * error, part
    first = slates.of("position")[:, 0]
    assert first == pytest.approx(slates.of("prefix")[:, 0])
    two = slates.length == 2
    assert slates.of("pair")[two, 0] == pytest.approx(slates.of("prefix")[two, 1])
    alone = slates_of(world, scored)
    assert alone.target == "alone"
    assert alone.of("prefix") == pytest.approx(
        np.cumprod(np.where(alone.there, alone.of("position"), 1), axis=1) * alone.there
    )


def test_rows_end_at_what_was_not_seen_and_hold_no_other_page():
    columns = {
        "page_id": ["a", "a", "a", "b", "c", "c", None, "d", "d"],
        "page_slot": [0, 1, 3, 1, 1, 0, 0, 0, 1],
        "action": ["p", "q", "r", "s", "u", "t", "v", "w", "x"],
        "left_artwork": [None, "p", "q2", "s0", "t", None, None, None, "other"],
        "right_artwork": [None] * 9,
        "slot_propensity": [0.5] * 9,
        "level": ["personalised"] * 9,
    }
    rows = LoggedRows.of(pa.table(columns))
    assert rows.examples["action"].to_pylist() == ["p", "q", "t", "u", "w"]
    assert rows.row.tolist() == [0, 0, 1, 1, 2]
    assert rows.place.tolist() == [0, 1, 0, 1, 0]
    assert (len(rows), rows.left_out) == (3, 4)


def test_a_log_without_pages_is_refused_in_words(story, good):
    with pytest.raises(BadInput, match="--rows true"):
        slate(story.root / "examples", bundle=Path(good), catalogue=story.root / "catalogue")


def test_a_report_judges_whole_rows_where_the_log_has_pages(world, story, good, tmp_path):
    from export.graphs.rows import with_row_pairs  # of torch, which few here need

    catalogue = Catalogue.read(world / "catalogue")
    examples = read_examples(world / "examples", catalogue)
    held = Bundle.open(planted(world, tmp_path / "one"))
    folder = with_row_pairs(held, pair_term(), tmp_path / "two")
    found = judge_rows(examples, catalogue, str(folder), tmp_path, Bootstrap(100))
    assert found is not None
    assert found.rows == len(LoggedRows.of(examples))
    assert list(found.estimates) == ["logged", "title by title", "as rows"]
    for name, gain in found.gains.items():
        apart = found.estimates[name].value - found.estimates["logged"].value
        assert gain.value == pytest.approx(apart)
        assert gain.low < gain.value < gain.high
    assert judge_rows(story.examples, story.catalogue, good, tmp_path, Bootstrap(100)) is None


def test_live_decides_pages_as_an_estimate_says_that_the_bundle_does(world, tmp_path):
    from export.graphs.rows import with_row_pairs  # of torch, which few here need

    catalogue = Catalogue.read(world / "catalogue")
    held = Bundle.open(planted(world, tmp_path / "one"))
    bundle = with_row_pairs(held, pair_term(), tmp_path / "two")
    live = load_live(bundle, world / "catalogue", tmp_path, date(2026, 1, 2), rows=LiveRows(True))
    scored = open_bundle_scores(bundle, catalogue, tmp_path)
    titles = live.layout.title_ids.tolist()[:6]
    facts = ArtworkWorld.read(world / "catalogue", 400, 11).members.facts.slice(0, 20)
    asked = [PageRequest(f"p{who}", titles, 20_500, who, {}) for who in range(20)]
    decided = live.decide(asked, facts)
    rows = {name: row for row, name in enumerate(catalogue.artwork_ids)}
    one = np.array([[rows[name] for name in live.layout.candidates(at)] for at in range(6)])
    candidates = np.repeat(one[None], 20, 0)
    chances = bundle_chances(
        scored,
        facts.take(np.repeat(np.arange(20), 6)),
        candidates,
        np.ones(candidates.shape, bool),
        np.full(20, 6),
        scored.scorer.row_pairs,
    )
    shown = np.array([page.ordinals for page in decided]) - live.layout.starts[:6]
    parts = chances.parts(np.arange(20), shown)
    steps = chances.conditional(np.arange(20), shown)
    np.testing.assert_allclose([page.propensities for page in decided], steps, atol=1e-9)
    np.testing.assert_allclose([page.alone for page in decided], parts.position, atol=1e-9)
    assert (np.array([page.alone for page in decided]) != steps).any()


def test_the_row_that_is_shown_says_what_the_truth_says(world, tmp_path):
    found = row(planted(world, tmp_path), world / "catalogue", -0.5, 4000, 10, 200, tmp_path)
    assert found["rows"] == 10
    assert len(found["row"]) == 5
    assert found["oracle"] >= max(found["alone"], found["beside"]) > 0
    assert found["gain"] == pytest.approx(found["beside"] / found["alone"] - 1)


def test_a_bundle_keeps_its_pair_term_and_refuses_another_s(world, tmp_path):
    from export.graphs.rows import with_row_pairs  # of torch, which nothing else here needs

    held = Bundle.open(planted(world, tmp_path / "one"))
    folder = with_row_pairs(held, pair_term(), tmp_path / "two", parent=held.bundle_id)
    found = Bundle.open(folder)
    assert found.manifest.parent == held.bundle_id
    pairs = found.row_pairs()
    assert pairs is not None
    assert np.array_equal(pairs.heads, pair_term().heads)
    more = replace(pair_term(), heads=np.zeros((2, 1, 1)))
    with pytest.raises(BadInput, match="heads"):
        with_row_pairs(held, more, tmp_path / "three")
