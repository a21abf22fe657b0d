from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.findings.clickbait import trained_on
from bench.findings.competition import on_and_off_line
from bench.findings.findings import PARTS, findings
from bench.findings.pages import by_candidates, by_fame, by_policy, new_members, pages_of
from data.errors import BadInput
from evaluate.policies.bundle_scores import open_bundle_scores
from simulate.posters.subjects import Subjects
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.catalogue import Rendering, write_catalogue
from simulate.world.true_attributes import WIDTH
from tests.evaluate.planted import plant

ARTWORK = Path(__file__).parents[3] / "sample" / "artwork"
QUALITY, MISLEADING = WIDTH - 4, WIDTH - 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("findings") / "catalogue"
    write_catalogue(Subjects.read(ARTWORK), 16, 6, 5, out, 0, Rendering(width=64, workers=1))
    return out


@pytest.fixture(scope="module")
def world(folder):
    return ArtworkWorld.read(folder, 50, 1)


@pytest.fixture(scope="module")
def bundle(world, tmp_path_factory):
    """It wants good posters that do not mislead, for everybody."""
    wants = np.zeros((3, WIDTH))
    wants[:, QUALITY], wants[:, MISLEADING] = 1, -10
    return plant(tmp_path_factory.mktemp("told"), world.truth.catalogue, world.members.facts, wants)


@pytest.fixture(scope="module")
def scored(bundle, world, tmp_path_factory):
    return open_bundle_scores(bundle, world.truth.catalogue, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def pages(scored, bundle, world):
    return pages_of(scored, bundle, new_members(world, 1), range(2), 3000, 1)


def test_policies_are_ordered_by_what_they_know(pages):
    takes = by_policy(pages)
    assert takes["random"] < takes["greedy"] <= takes["oracle-for-all"] < takes["oracle"]


def test_every_policy_is_one_and_chooses_among_the_valid(pages):
    for p in pages.policies().values():
        np.testing.assert_allclose(p.sum(1), 1)
        assert (p[~pages.valid] == 0).all()


def test_one_candidate_leaves_no_choice_and_more_leave_more(pages):
    takes = by_candidates(pages)
    assert takes[1]["random"] == pytest.approx(takes[1]["greedy"]) == takes[1]["oracle"]
    oracle = [row["oracle"] for row in takes.values()]
    assert (np.diff(oracle) > 0).all()
    rows = pages.valid.sum(1) == 6
    assert takes[6]["oracle"] == pytest.approx(pages.takes[rows].max(1).mean())


def test_a_title_that_is_known_gains_least(pages):
    lifts = [row["oracle"] / row["random"] for row in by_fame(pages)]
    assert lifts[0] == min(lifts)


def test_a_page_gives_less_than_its_places_promise(scored, world):
    found = on_and_off_line(scored, new_members(world, 1), range(2), 3000, 1)
    for row in found.values():
        assert 0 < row["on_line"] < row["off_line"]
        assert 0 < row["plays"] < 1
        assert row["lost"] == pytest.approx(1 - row["on_line"] / row["off_line"])


def test_where_plays_are_rare_titles_do_not_compete(scored, world):
    rare = replace(world, effects=replace(world.effects, base_play=-9.0))
    row = on_and_off_line(scored, new_members(rare, 1), range(2), 3000, 1)["oracle"]
    assert row["on_line"] == pytest.approx(row["off_line"], rel=0.1)
    assert row["alone"] == pytest.approx(row["off_line"], rel=0.1)


def test_who_is_told_plays_falls_for_clickbait(folder):
    found = trained_on(folder, 0.5, 8, 4000, 1)
    assert found["plays"]["clickbait"] > found["takes"]["clickbait"]
    assert found["random"]["take"] < found["takes"]["take"] < found["oracle"]["take"]


def test_unknown_parts_are_named():
    with pytest.raises(BadInput, match=f"fame.*{next(iter(PARTS))}"):
        findings(parts="fame")
