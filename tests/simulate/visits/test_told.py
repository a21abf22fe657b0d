"""Synopses that members read on a service's pages: their truth is the world's, and exact."""

import shutil

import numpy as np
import pytest

from data.assets.assets import Assets
from data.catalogue import Catalogue
from data.errors import BadInput
from loop.product_steps import ProductLoopSettings
from loop.product_table import days_table, summary
from simulate.browsing.day import Browsing
from simulate.browsing.offers import offers_of
from simulate.browsing.pages import drawn_pages
from simulate.kinds.catalogue_synopses import read_kinds, synopses, told_of
from simulate.named_rng import named_generator
from simulate.visits.told import SynopsesRead
from simulate.world.artwork_world import ArtworkWorld
from tests.loop.test_product_loop import CUT_OUTS, HISTORY, LIVE_DAY


@pytest.fixture(scope="module")
def place(catalogue, tmp_path_factory):
    folder = tmp_path_factory.mktemp("told") / "catalogue"
    shutil.copytree(catalogue, folder)
    synopses(folder, 7)
    return folder


def test_synopses_are_written_once_and_read_by_the_seed_that_wrote_them(place):
    shown = Assets.read(Catalogue.read(place))
    assert shown.kinds == ["artwork", "synopsis"]
    assert len(shown.rows) == 3 * len(shown.catalogue.title_ids)
    world = ArtworkWorld.read(place, 20, 3)
    assert told_of(world, place, 7).texts[0][1] in {row["text"] for row in shown.rows.values()}
    with pytest.raises(BadInput, match="has not the synopses of seed 8; write them with"):
        told_of(world, place, 8)
    with pytest.raises(BadInput, match="is there already"):
        synopses(place, 7)


def test_members_read_synopses_alone():
    assert read_kinds(["synopsis"])
    assert not read_kinds(None)
    with pytest.raises(BadInput, match="read the kind synopsis alone; give --kinds synopsis"):
        read_kinds(["synopsis", "trailer"])


def test_what_a_synopsis_adds_is_what_the_world_says_of_both_together(place):
    world = ArtworkWorld.read(place, 40, 3)
    read = SynopsesRead(told_of(world, place, 7))
    page = drawn_pages(world, 300, 0, named_generator("visit", 1, 0), Browsing(300, 1).habits, None)
    offers = offers_of(world, page, 0)
    shown = np.random.default_rng(0).integers(-1, 3, len(page.title))
    after, felt = read.felt(page, offers, shown)
    level = page._replace(offset=np.zeros(len(shown)))
    _, flat = read.felt(level, offers_of(world, level, 0), shown)
    every = read.told.takes(page.member, page.title, offers.requests.candidates)
    seen, at = offers.requests.valid, np.arange(len(shown))
    both = np.where(seen, every[at, :, np.maximum(shown, 0)], 0)
    np.testing.assert_allclose(flat.takes[shown >= 0], both[shown >= 0], atol=1e-12)
    np.testing.assert_allclose(felt.takes[shown < 0], offers.takes[shown < 0], atol=1e-12)
    np.testing.assert_allclose(after.offset - page.offset, (felt.offset - offers.offset)[:, 0])
    choice = np.zeros(len(shown), int)
    worth = read.worth(level, offers_of(world, level, 0), choice, page.in_view, shown)
    rows = page.in_view & (shown >= 0)
    assert worth.impressions == rows.sum()
    assert worth.expected == pytest.approx(both[rows, 0].sum())
    assert worth.even == pytest.approx(every[rows, 0].mean(1).sum())
    assert worth.best == pytest.approx(every[rows, 0].max(1).sum())


def test_a_loop_with_synopses_says_what_they_add_and_one_without_is_as_it_was():
    told = {"impressions": 90.0, "expected": 11.0, "even": 10.0, "best": 12.5}
    rows = [HISTORY, LIVE_DAY | {"synopses": {"live": told}}]
    cells = {column.header: next(iter(column.cells)) for column in days_table(rows).columns}
    assert cells["synopses live"] == "+10.0% of +25.0%"
    assert cells["synopses map"] == "–"
    assert summary(rows)["synopses_add_to_artwork"] == [pytest.approx(0.1)]
    assert "synopses live" not in [c.header for c in days_table([HISTORY, LIVE_DAY]).columns]


def test_a_loop_that_was_begun_before_there_were_kinds_goes_on():
    begun = [1, 8, 30, 250, 3, 0.0, 1, CUT_OUTS, (), (), 0.2, "publish"]
    assert "kinds" not in ProductLoopSettings(*begun).record()
    assert ProductLoopSettings(*begun, kinds=("synopsis",)).record()["kinds"] == ("synopsis",)
