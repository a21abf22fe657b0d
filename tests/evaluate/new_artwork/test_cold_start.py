"""Exact values on a new catalogue: they agree with the world, and with what was planted."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data.errors import BadInput
from data.images.decode import load_image
from data.images.format import ImageFormat
from evaluate.new_artwork.cold_start import WorldSize, cold_start, new_world, subject_shares
from evaluate.new_artwork.cold_start_result import ColdStartResult
from evaluate.new_artwork.exact_takes import baseline_takes, exact_takes
from evaluate.policies.bundle_scores import open_bundle_scores
from simulate.posters.subjects import Subjects
from simulate.world.true_attributes import WIDTH, artwork_attributes
from tests.evaluate.planted import SIZE, plant

ARTWORK = Path(__file__).parents[3] / "sample" / "artwork"
BRIGHT = [1.0, 1.0, 1.0]


@pytest.fixture(scope="module")
def new(tmp_path_factory):
    folder = tmp_path_factory.mktemp("new") / "catalogue"
    return new_world(Subjects.read(ARTWORK), WorldSize(5, 3, 60), 4, folder)


@pytest.fixture(scope="module")
def told(new, tmp_path_factory):
    """A bundle of attributes that knows an artwork's quality and nothing else."""
    wants = np.zeros((4, WIDTH))
    wants[:, quality_column(new)] = 1
    return plant(tmp_path_factory.mktemp("told"), new.truth.catalogue, new.members.facts, wants)


def pixel_bundle(folder, world, wants, **options):
    facts = world.members.facts
    return plant(folder, world.truth.catalogue, facts, wants, pixels=True, **options)


def quality_column(world):
    said = artwork_attributes(world.truth, world.truth.catalogue.artwork_ids)
    same = np.isclose(said, world.truth.quality[:, None].astype(np.float32)).all(0)
    return int(np.flatnonzero(same)[0])


def brightest(world):
    """Row of each title's brightest poster, from its file alone."""
    catalogue = world.truth.catalogue
    light = [
        load_image(catalogue.image_path(a), ImageFormat(**SIZE)).mean()
        for a in catalogue.artwork_ids
    ]
    rows, _ = world.truth.candidates()
    return rows[np.arange(len(rows)), np.array(light)[rows].argmax(-1)]


def test_one_mind_among_heads_chooses_what_it_wants(new, tmp_path):
    bundle = pixel_bundle(tmp_path, new, [BRIGHT] * 3, epsilon=0.3)
    scored = open_bundle_scores(bundle, new.truth.catalogue, tmp_path / "cache")
    takes = exact_takes(scored, new, ("greedy", "thompson", "bundle-mean"))
    members = np.arange(60)[:, None]
    wanted = new.expected_take(members, brightest(new)[None])
    np.testing.assert_allclose(takes["greedy"], wanted)
    np.testing.assert_allclose(takes["bundle-mean"], wanted)
    mixed = 0.7 * wanted + 0.3 * baseline_takes(new)["random"]
    np.testing.assert_allclose(takes["thompson"], mixed)


def test_heads_that_disagree_share_the_choice(new, tmp_path):
    against = [[-1.0, -1.0, -1.0]]
    bundle = pixel_bundle(tmp_path, new, [BRIGHT] * 3 + against, epsilon=0.0)
    scored = open_bundle_scores(bundle, new.truth.catalogue, tmp_path / "cache")
    takes = exact_takes(scored, new)
    bright = new.expected_take(np.arange(60)[:, None], brightest(new)[None])
    np.testing.assert_allclose(takes["greedy"], bright)
    dark = (takes["thompson"] - 0.75 * bright) / 0.25
    best = baseline_takes(new)["oracle"]
    assert (dark <= best + 1e-9).all()
    assert abs(dark - bright).mean() > 0.001


def test_members_in_blocks_give_the_same(new, tmp_path, monkeypatch):
    bundle = pixel_bundle(tmp_path, new, np.random.default_rng(0).normal(size=(5, 3)))
    scored = open_bundle_scores(bundle, new.truth.catalogue, tmp_path / "cache")
    names = ("greedy", "thompson", "bundle-mean")
    whole = {**exact_takes(scored, new, names), **baseline_takes(new)}
    monkeypatch.setattr("evaluate.policies.bundle_scores.BLOCK", 5 * 3 * 5 * 7)  # seven members
    monkeypatch.setattr("evaluate.new_artwork.exact_takes.BLOCK", 5 * 3 * 7)
    parts = {**exact_takes(scored, new, names), **baseline_takes(new)}
    for name, takes in whole.items():
        np.testing.assert_allclose(parts[name], takes, err_msg=name)


def test_nothing_beats_the_oracle_and_no_single_artwork_the_best_single(new):
    baselines = baseline_takes(new)
    rows, _ = new.truth.candidates()
    assert (baselines["oracle"] >= baselines["oracle-for-all"] - 1e-12).all()
    best = baselines["oracle-for-all"].mean(0)
    for place in range(rows.shape[1]):
        each = new.expected_take(np.arange(60)[:, None], rows[:, place][None]).mean(0)
        assert (best >= each - 1e-12).all()


def test_a_ceiling_is_told_what_others_see(new, told, tmp_path):
    scored = open_bundle_scores(told, new.truth.catalogue, tmp_path)
    rows, _ = new.truth.candidates()
    finest = rows[np.arange(5), new.truth.quality[rows].argmax(-1)]
    wanted = new.expected_take(np.arange(60)[:, None], finest[None])
    np.testing.assert_allclose(exact_takes(scored, new)["greedy"], wanted)


def test_a_ceiling_that_was_told_other_attributes_is_refused(new, tmp_path):
    catalogue = new.truth.catalogue
    wants = np.ones((2, WIDTH + 1024))
    former = plant(tmp_path, catalogue, new.members.facts, wants)
    with pytest.raises(BadInput, match=r"was told \d+ attributes .* train it again"):
        open_bundle_scores(former, catalogue, tmp_path)


def test_attributes_keep_their_width_and_tell_artworks_apart(new):
    ids = new.truth.catalogue.artwork_ids
    said = artwork_attributes(new.truth, ids)
    assert said.shape == (15, WIDTH)
    assert said.dtype == np.float32
    assert len(np.unique(said, axis=0)) == 15
    np.testing.assert_array_equal(artwork_attributes(new.truth, ids[::-1]), said[::-1])
    with pytest.raises(BadInput, match="'nobody'"):
        artwork_attributes(new.truth, ["nobody"])


def test_shares_are_of_the_lift_over_random_and_lie_in_their_intervals():
    rng = np.random.default_rng(3)
    random = rng.uniform(0.05, 0.15, (80, 20))
    takes = {"random": random, "greedy": random + 0.02, "attribute_ceiling": random + 0.04}
    takes |= {"oracle": random + rng.uniform(0.07, 0.09, (80, 20))}
    result = ColdStartResult.of(takes)
    assert result.shares["share_of_ceiling"] == pytest.approx((0.5, 0.5, 0.5))
    share = result.shares["share_of_oracle"]
    assert share.low < share.value < share.high
    assert share.high - share.low < 0.02
    assert result.takes["random"].low < random.mean() < result.takes["random"].high


def shared_world(titles=40, members=30, subjects=8):
    """What a policy gains differs by the subject that titles share, and by nothing else."""
    rng = np.random.default_rng(9)
    subject = np.arange(titles) % subjects
    base = np.full((members, titles), 0.1)
    gain = 0.02 * (1 + 0.5 * rng.standard_normal(subjects))[subject] * np.ones((members, 1))
    takes = {"random": base, "greedy": base + gain, "oracle": base + 0.05}
    return takes, np.eye(subjects)[subject]


def width(of):
    return of.high - of.low


def test_titles_of_few_subjects_say_less_of_titles_of_others():
    takes, subjects = shared_world()
    alone, together = (
        ColdStartResult.of(takes, subjects=shares).shares["share_of_oracle"]
        for shares in (None, subjects)
    )
    assert alone.value == together.value
    # The spread over 8 subjects, drawn again: 40 titles would be √5 times as sure as they are.
    assert width(together) > 1.7 * width(alone)


def test_titles_that_share_nothing_are_drawn_the_same_either_way():
    takes, _ = shared_world()
    alone, together = (
        ColdStartResult.of(takes, subjects=shares).shares["share_of_oracle"]
        for shares in (None, np.eye(40))
    )
    assert width(together) == pytest.approx(width(alone), rel=0.15)


def test_titles_that_all_show_the_same_subject_are_as_sure_as_without_it():
    takes, _ = shared_world()
    alone, together = (
        ColdStartResult.of(takes, subjects=shares) for shares in (None, np.ones((40, 1)))
    )
    assert together.shares == alone.shares
    assert together.takes.keys() == alone.takes.keys()
    assert width(together.takes["greedy"]) == pytest.approx(width(alone.takes["greedy"]))


def test_shares_of_subjects_are_those_that_posters_show(new):
    shares = subject_shares(new.truth)
    np.testing.assert_allclose(shares.sum(1), 1)
    for title, row in enumerate(shares):
        shown = new.truth.subjects_shown[new.truth.title_of == title]
        assert set(np.flatnonzero(row)) == set(shown[shown >= 0])


def test_a_ceiling_without_lift_has_no_share():
    same = np.full((30, 10), 0.1)
    takes = {"random": same, "greedy": same, "attribute_ceiling": same - 0.01}
    result = ColdStartResult.of(takes)
    assert np.isnan(result.shares["share_of_ceiling"].value)
    assert result.as_record()["share_of_ceiling"] is None


def test_the_command_prints_one_object_and_leaves_nothing_behind(new, told, tmp_path):
    bundle = pixel_bundle(tmp_path, new, [BRIGHT] * 2)
    command = [
        sys.executable,
        "-m",
        "evaluate",
        "cold-start",
        "--subjects",
        str(ARTWORK),
        "--bundle",
        str(bundle),
        "--ceiling",
        str(told),
        "--titles",
        "3",
        "--artworks",
        "3",
        "--members",
        "30",
        "--seed",
        "14",
        "--exclude-subjects",
        "birds-crow",
        "--json",
    ]
    (tmp_path / "t").mkdir()
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin", "TMPDIR": str(tmp_path / "t")},
    )
    said = json.loads(done.stdout)
    for name in ("bundle-mean", "greedy", "thompson", "attribute_ceiling", "random"):
        assert 0 < said[name] <= said["oracle"]
        low, high = said["intervals"][name]
        assert low <= said[name] <= high
    assert said["attribute_ceiling"] > said["random"]
    expected = (said["greedy"] - said["random"]) / (said["attribute_ceiling"] - said["random"])
    assert said["share_of_ceiling"] == pytest.approx(expected)
    low, high = said["intervals"]["share_of_ceiling"]
    assert low <= said["share_of_ceiling"] <= high
    assert list((tmp_path / "t").glob("cold-start*")) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"titles": 0}, "titles 0"),
        ({"members": 0}, "members 0"),
        ({"subjects": "nowhere"}, "nowhere"),
        ({"bundle": "nowhere"}, "no bundle at nowhere"),
        ({"resamples": 3}, "resamples 3"),
        ({"exclude_subjects": "nobody at all"}, "nobody at all"),
    ],
)
def test_bad_input_is_named(new, tmp_path, changed, said):
    bundle = str(pixel_bundle(tmp_path, new, [BRIGHT]))
    given = {"subjects": str(ARTWORK), "bundle": bundle, "titles": 1, "artworks": 2, "members": 3}
    with pytest.raises(BadInput, match=said):
        cold_start(**given | changed)


def test_a_ceiling_that_sees_pixels_is_refused(new, tmp_path):
    bundle = str(pixel_bundle(tmp_path, new, [BRIGHT]))
    with pytest.raises(BadInput, match="encoder attributes"):
        cold_start(str(ARTWORK), bundle, bundle, titles=1, artworks=2, members=3)
