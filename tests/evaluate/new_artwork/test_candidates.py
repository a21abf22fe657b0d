"""Images that nobody has shown: judged by what the planted heads want."""

import json
import subprocess
import sys
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from data.errors import BadInput
from data.records import FACTS
from evaluate.new_artwork.audience import NewMembers
from evaluate.new_artwork.command import candidates as command
from evaluate.new_artwork.image_kinds import best_image_kinds, donors, image_kinds
from evaluate.new_artwork.value_images import value_images
from evaluate.new_artwork.what_is_known import what_is_known
from serve.scoring.scorer import Scorer


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


def judged(story, bundle, pictures, audience, cache, examples=None):
    scorer, title = Scorer(bundle, judging=True), story.catalogue.title_ids[8]
    known = what_is_known(scorer, story.catalogue, title, examples, cache)
    day = date(2026, 1, 5)
    return value_images(scorer, story.catalogue, title, pictures, audience, day, cache, known)


@pytest.fixture(scope="module")
def found(story, bright, pictures, audience, tmp_path_factory):
    return judged(story, bright, pictures, audience, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def logged(story, bright, pictures, audience, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    return judged(story, bright, pictures, audience, folder, story.examples)


def test_the_image_that_the_heads_want_comes_first(found):
    white, *_, black = found.images
    assert white.image.endswith("white.png")
    assert white.probability_of_best > 1 / (1 + len(found.today.artworks))
    assert black.probability_of_best < white.probability_of_best
    assert black.adds.value == 0
    assert white.ratio.value > black.ratio.value
    for image in found.images:
        assert image.ratio.low < image.ratio.value < image.ratio.high
        assert image.low < image.expected_take < image.high


def test_an_image_beats_each_of_today_as_often_as_levels_say(found, logged):
    for value in (found, logged):
        white, *_, black = value.images
        for image in value.images:
            assert set(image.beats) == set(value.today.artworks)
            assert all(0 < chance < 1 for chance in image.beats.values())
        assert all(white.beats[name] > black.beats[name] for name in value.today.artworks)
    # A log tells artworks of today apart, and so what an image would beat.
    apart = [max(v.images[0].beats.values()) - min(v.images[0].beats.values()) for v in (logged,)]
    assert min(apart) > 0.1


def test_takes_are_of_those_who_are_shown_the_title(story, logged):
    own = story.examples.filter(pa.array(story.examples["title_id"].to_numpy() == logged.title))
    take = own["reward"].to_numpy().mean()
    assert logged.today.anchor == "log"
    assert logged.today.take.value == pytest.approx(take, rel=0.02)  # drawn evenly, but by chance
    assert logged.today.take.low < take < logged.today.take.high
    for image in logged.images:
        assert image.expected_take == pytest.approx(image.ratio.value * logged.today.take.value)
    assert f"{len(own):,} decisions" in logged.words[0]


def test_a_bundle_that_predicts_twice_as_much_judges_the_same(
    story, planted, pictures, audience, tmp_path
):
    """Where heads agree, a higher level of all predictions is no higher take."""
    low, high = (
        judged(
            story,
            planted([[1.0, 1.0, 1.0]] * 2, pixels=True, bias=bias),
            pictures,
            audience,
            tmp_path,
            story.examples,
        )
        for bias in (-7.0, -7.0 + np.log(2))
    )
    for one, other in zip(low.images, high.images, strict=True):
        assert one.image == other.image
        assert other.expected_take == pytest.approx(one.expected_take, rel=0.05)


def test_without_a_log_training_is_the_anchor_and_it_is_said(found, story):
    assert found.today.anchor == "training"
    assert "Give --log" in found.words[0]
    assert "No artwork in the log came after training" in found.words[2]
    assert "pleases, 0.50 (-0.09 … 1.09) counts" in found.words[3]
    takes = np.linspace(0.1, 0.2, 40)[32:36]  # as planted
    assert found.today.take.value == pytest.approx(takes.mean(), rel=1e-6)


def test_a_title_that_nothing_is_known_of_has_no_level(story, bright, pictures, audience, tmp_path):
    scorer, title = Scorer(bright, judging=True), story.catalogue.title_ids[8]
    known = what_is_known(scorer, story.catalogue, title, None, tmp_path)
    value = value_images(
        scorer,
        story.catalogue,
        title,
        pictures,
        audience,
        date(2026, 1, 5),
        tmp_path,
        known._replace(title=None, anchor="none"),
    )
    assert "not anchored" in value.words[0]
    assert value.images[0].ratio.value > 0


def test_nobody_is_named_whom_an_image_is_for_where_members_are_alike(logged):
    """All members see the same in these heads: a difference of segments can only be chance."""
    for image in logged.images:
        assert image.most_for == []
        for segment in image.audience.values():
            assert segment.difference.low <= 0 <= segment.difference.high


def test_the_curve_begins_with_the_best_and_counts_all(story, found):
    today = story.catalogue.candidates(story.catalogue.title_ids[8], date(2026, 1, 5))
    assert [point.candidates for point in found.curve] == list(range(1, len(today) + 4))
    assert {point.artwork for point in found.curve if not point.new} == set(today)
    values = [point.value for point in found.curve]
    assert values == sorted(values)
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
            "--log",
            str(story.root / "examples"),
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
    assert said["today"]["anchor"] == "log"
    assert said["foresight"]["spread"] > said["foresight"]["foreseen"]
    assert "of those who are shown the title" in text
    assert "of what makes one earn more" in text
    assert "data:image/webp;base64" in text
    assert "<script" not in text


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
        ({"facts": where + "/titles.parquet"}, "column profile_id"),
        ({"day": "tomorrow"}, "tomorrow"),
        ({"day": "2020-01-31"}, "no artwork on 2020-01-31"),
        ({"log": where}, "no column decision_id"),
    ]
    for changed, said in cases:
        given = {"images": pictures, "title": title, "catalogue": where, "bundle": bright}
        with pytest.raises(BadInput, match=said):
            command(**given | changed)
