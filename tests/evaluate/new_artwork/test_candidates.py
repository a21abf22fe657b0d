"""Images that nobody has shown: judged by what the planted heads want."""

import json
import subprocess
import sys
from datetime import date
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from data.errors import BadInput
from data.records import FACTS
from evaluate.new_artwork.audience import NewMembers
from evaluate.new_artwork.command import candidates as command
from evaluate.new_artwork.image_kinds import best_image_kinds, donors, image_kinds
from evaluate.new_artwork.value import (
    gain,
    greedy_order,
    mean_gains,
    over_heads,
    probability_of_best,
    title_values,
)
from evaluate.new_artwork.value_images import value_images
from serve.scoring.scorer import Scorer

takes = st.integers(1, 9).flatmap(
    lambda members: st.tuples(st.integers(1, 4), st.integers(2, 6)).flatmap(
        lambda shape: arrays(np.float64, (members, *shape), elements=st.floats(0.01, 0.99))
    )
)


@pytest.fixture(scope="module")
def bright(planted):
    """Three heads of four want brightness, one its opposite."""
    return planted([[1.0, 1.0, 1.0]] * 3 + [[-1.0, -1.0, -1.0]], pixels=True)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    paths = []
    for name, level in (("white", 255), ("grey", 128), ("black", 0)):
        Image.new("RGB", (160, 90), (level,) * 3).save(folder / f"{name}.png")
        paths.append(str(folder / f"{name}.png"))
    return paths


@pytest.fixture(scope="module")
def audience(story):
    return NewMembers(story.world.members.facts)


@pytest.fixture(scope="module")
def found(story, bright, pictures, audience, tmp_path_factory):
    title, day = story.catalogue.title_ids[2], date(2026, 1, 5)
    cache = tmp_path_factory.mktemp("cache")
    return value_images(Scorer(bright), story.catalogue, title, pictures, audience, day, cache)


def test_the_image_that_the_heads_want_comes_first(found):
    white, *_, black = found.images
    assert white.image.endswith("white.png")
    assert white.probability_of_best == pytest.approx(0.75)
    assert white.adds.value > 0
    assert black.probability_of_best == pytest.approx(0.25)
    assert black.adds.value == 0
    # All heads but one say 1 / (1 + e^(2 − 3)), the other 1 / (1 + e^(2 + 3)).
    said = [1 / (1 + np.exp(-1))] * 3 + [1 / (1 + np.exp(5))]
    assert white.expected_take == pytest.approx(np.mean(said), rel=1e-5)
    assert white.low < white.expected_take < white.high + 1e-9


def test_the_curve_begins_with_the_best_and_counts_all(story, found):
    today = story.catalogue.candidates(story.catalogue.title_ids[2], date(2026, 1, 5))
    assert found.curve[0].artwork.endswith("white.png")
    assert found.curve[0].new
    assert [point.candidates for point in found.curve] == list(range(1, len(today) + 4))
    assert {point.artwork for point in found.curve if not point.new} == set(today)
    assert found.today.artworks == today


def test_bright_kinds_are_commissioned_first(found):
    kinds = [kind.kind for kind in found.commission_next]
    assert "bright" in kinds[0]
    assert "dark" in kinds[-1]
    assert {"dark", "bright"} == {k.split(",")[0] for k in kinds if k.endswith("picture")}
    gains = [kind.gain for kind in found.commission_next]
    assert gains == sorted(gains, reverse=True)


def test_segments_are_parts_of_the_audience(found, audience):
    for image in found.images:
        assert "device=tv" in image.audience
        for segment in image.audience.values():
            assert 20 <= segment.members < len(audience)


def test_images_of_other_titles_come_by_likeness_of_genre(story):
    rows = donors(story.catalogue, story.catalogue.title_ids[0])
    owners = np.array(story.catalogue.artworks["title_id"].to_pylist())[rows]
    assert story.catalogue.title_ids[0] not in owners
    genres = dict(
        zip(story.catalogue.title_ids, story.catalogue.titles["genres"].to_pylist(), strict=True)
    )
    mine = set(genres[story.catalogue.title_ids[0]])
    shared = [bool(mine & set(genres[o])) for o in owners]
    assert shared == sorted(shared, reverse=True)


@given(takes)
def test_gains_never_rise_along_the_greedy_order(values):
    steps = greedy_order(values)
    gains = [step.gain for step in steps]
    assert sorted(step.artwork for step in steps) == list(range(values.shape[2]))
    assert all(a >= b - 1e-12 for a, b in pairwise(gains))
    np.testing.assert_allclose(np.cumsum(gains), [step.value.value for step in steps])
    np.testing.assert_allclose(steps[-1].value.value, values.mean(1).max(-1).mean())


@given(takes)
def test_what_an_image_adds_is_the_difference_of_two_values(values):
    last, others = values.shape[2] - 1, np.arange(values.shape[2] - 1)
    added = gain(values, others, last)
    both = title_values(values, np.arange(values.shape[2])).mean()
    assert added.value == pytest.approx(both - title_values(values, others).mean(), abs=1e-12)
    assert added.value >= -1e-12
    assert mean_gains(values, others)[last] == pytest.approx(added.value, abs=1e-12)


@given(takes)
def test_probabilities_of_best_of_all_images_sum_to_one(values):
    values = values + np.arange(values.shape[2]) * 1e-7  # no ties
    every = np.arange(values.shape[2])
    total = sum(probability_of_best(values, np.delete(every, at), at) for at in every)
    assert total == pytest.approx(1)


def test_an_image_that_equals_what_is_there_is_best_half_the_time():
    values = np.full((5, 3, 2), 0.3)
    assert probability_of_best(values, np.array([0]), 1) == 0.5
    assert gain(values, np.array([0]), 1).value == 0


def test_a_title_without_images_earns_nothing_and_any_image_is_its_best():
    values, nothing = np.full((3, 2, 1), 0.2), np.zeros(0, np.int64)
    assert over_heads(title_values(values, nothing)).value == 0
    assert probability_of_best(values, nothing, 0) == 1
    assert gain(values, nothing, 0).value == pytest.approx(0.2)


def test_kinds_with_few_images_are_left_out():
    names = [f"a{i}" for i in range(12)]
    kinds = [["common"]] * 8 + [["rare"]] * 4
    found = best_image_kinds(names, kinds, np.arange(12.0))
    assert [kind.kind for kind in found] == ["common"]
    assert found[0].gain == pytest.approx(3.5)
    assert found[0].best == "a7"
    assert found[0].low < 3.5 < found[0].high


def test_kinds_come_from_pixels_and_tags(story):
    images = np.zeros((4, 3, 2, 2), np.uint8)
    images[0] = 250
    images[1, 0] = 200
    images[2, 2] = 30
    artworks = pa.table(
        {"cast_shown": [["a"], ["a", "b"], [], None], "tone": ["dark", None, None, None]}
    )
    kinds = image_kinds(artworks, images)
    assert kinds[0][0].startswith("bright")
    assert kinds[1] == ["bright, warm picture", "several of the cast"]
    assert kinds[2] == ["dark, cool picture", "nobody of the cast"]
    assert kinds[0][1:] == ["one of the cast alone", "tone: dark"]


def test_an_audience_is_restricted_by_all_that_is_asked(audience):
    some = audience.only("device=tv, country=US")
    assert 0 < len(some) < len(audience)
    assert set(some.values["device"]) == {"tv"}
    assert set(some.values["country"]) == {"US"}
    for wrong, said in (("device=fridge", "device may be"), ("planet=mars", "segments are")):
        with pytest.raises(BadInput, match=said):
            audience.only(wrong)


def test_a_profiles_last_facts_speak_for_it(tmp_path):
    rows = [
        {"profile_id": name, "facts": {"country": country}}
        for name, country in (("a", "US"), ("b", "FR"), ("a", "JP"))
    ]
    schema = pa.schema([("profile_id", pa.string()), ("facts", FACTS)])
    pq.write_table(pa.Table.from_pylist(rows, schema), tmp_path / "p.parquet")
    assert sorted(NewMembers.read(tmp_path).values["country"]) == ["FR", "JP"]
    assert len(NewMembers.read(tmp_path / "p.parquet", members=1)) == 1


def test_the_command_prints_one_object_and_a_page_of_its_own(story, bright, pictures, tmp_path):
    page = tmp_path / "page.html"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "evaluate",
            "candidates",
            *pictures,
            "--title",
            str(story.catalogue.title_ids[0]),
            "--catalogue",
            str(story.root / "catalogue"),
            "--bundle",
            bright,
            "--audience",
            "device=tv",
            "--day",
            "2026-01-05",
            "--html",
            str(page),
            "--json",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stdout)
    assert said["images"][0]["image"] == pictures[0]
    assert said["members"] < 400
    assert len(said["curve"]) == len(said["today"]["artworks"]) + 3
    assert said["commission_next"]
    text = page.read_text()
    assert "data:image/jpeg;base64" in text
    assert "<script src=" not in text


def test_bad_input_is_named(story, bright, good, pictures, tmp_path):
    title, where = story.catalogue.title_ids[0], str(story.root / "catalogue")
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    cases = [
        ({"images": [str(tmp_path / "torn.png")]}, "torn.png"),
        ({"images": [str(tmp_path / "none.png")]}, "none.png"),
        ({"images": []}, "no image"),
        ({"images": [pictures[0], pictures[0]]}, "twice"),
        ({"title": 7}, "title 7"),
        ({"bundle": good}, "reads no pixels"),
        ({"facts": where + "/titles.parquet"}, "no column facts"),
        ({"day": "tomorrow"}, "tomorrow"),
    ]
    for changed, said in cases:
        given = {"images": pictures, "title": title, "catalogue": where, "bundle": bright}
        with pytest.raises(BadInput, match=said):
            command(**given | changed)
