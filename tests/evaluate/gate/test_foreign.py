"""A bundle of another catalogue is nothing to lose, and is served by --foreign alone."""

from dataclasses import replace
from datetime import date

import pyarrow.parquet as pq
import pytest

from data.bundle.belonging import foreign
from data.catalogue import Catalogue
from data.errors import BadInput
from evaluate.gate.publish_gate import publish_gate
from export.publish.publish import publish
from serve.live.load_model import load_live
from serve.precompute.command import precompute
from serve.scoring.decide_requests import decide_requests
from tests.evaluate.columns import changed
from tests.evaluate.planted import plant


def renamed(catalogue: Catalogue, kept: int = 0) -> Catalogue:
    """The same pictures under other ids, but for the first artworks of the first title."""
    ids = [a if at < kept else f"other-{a}" for at, a in enumerate(catalogue.artwork_ids)]
    new = dict(zip(catalogue.artwork_ids, ids, strict=True))
    defaults = [new[a] for a in catalogue.titles["default_artwork_id"].to_pylist()]
    return replace(
        catalogue,
        titles=changed(catalogue.titles, "default_artwork_id", defaults),
        artworks=changed(catalogue.artworks, "artwork_id", ids),
    )


@pytest.fixture(scope="module")
def stranger(story, tmp_path_factory):
    """A bundle that was trained among the same pictures under other ids."""
    facts = story.examples["facts"].combine_chunks()
    return plant(tmp_path_factory.mktemp("strange"), renamed(story.catalogue), facts, [[1.0]] * 4)


def test_a_bundle_is_of_a_catalogue_that_has_some_of_its_artworks(story, good, stranger):
    catalogue = story.catalogue
    assert foreign(good, catalogue) is None
    assert "of the 40 artworks that it was trained among 0 are in" in foreign(stranger, catalogue)
    grown = renamed(catalogue, kept=1)
    assert foreign(good, grown) is None
    moved = [title + 1 for title in catalogue.title_ids]
    owners = [title + 1 for title in catalogue.artworks["title_id"].to_pylist()]
    of_others = replace(
        catalogue,
        titles=changed(catalogue.titles, "title_id", moved),
        artworks=changed(catalogue.artworks, "title_id", owners),
    )
    assert "of another catalogue" in foreign(good, of_others)


def test_a_live_bundle_of_another_catalogue_is_nothing_to_lose(story, good, planted, stranger):
    examples, catalogue = story.examples, story.catalogue
    bad = planted([[-1.0]] * 4)
    verdicts = [publish_gate(one, stranger, examples, catalogue) for one in (good, bad)]
    assert [one.verdict for one in verdicts] == ["passed", "refused"]
    assert verdicts[0].reason.startswith("nothing to lose: bundle ")
    assert verdicts[0].numbers["comparisons"].keys() == {"random", "bundle-table"}


def test_a_log_that_cannot_tell_keeps_no_bundle_of_another_catalogue_live(
    story, good, stranger, tmp_path
):
    few = story.examples.slice(0, 60)

    def gate(candidate, live, anchor):
        return publish_gate(candidate, live, few, story.catalogue, anchor=anchor)

    store = tmp_path / "store"
    assert publish(stranger, store).published
    done = publish(good, store, gate)
    assert done.verdict["verdict"] == "undecided"
    assert done.published


def test_it_is_served_when_asked_for_alone(story, stranger, tmp_path):
    catalogue = story.root / "catalogue"
    requests, out = tmp_path / "requests.parquet", tmp_path / "out.parquet"
    pq.write_table(story.examples.select(["facts", "candidates"]).slice(0, 5), requests)
    profiles = tmp_path / "profiles.parquet"
    pq.write_table(story.examples.select(["profile_id", "facts"]).slice(0, 1), profiles)
    where = {"catalogue": catalogue, "cache": tmp_path / "cache"}
    asked = (
        lambda: decide_requests(requests, out, stranger, **where),
        lambda: precompute(stranger, profiles=profiles, store=str(tmp_path / "maps"), **where),
        lambda: load_live(stranger, catalogue, tmp_path / "cache", date(2026, 1, 2)),
    )
    for served in asked:
        with pytest.raises(BadInput, match=r"of another catalogue.*by --foreign"):
            served()
    assert decide_requests(requests, out, stranger, foreign=True, **where).requests == 5
    assert not (tmp_path / "maps").exists()
