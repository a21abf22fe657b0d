"""A bad image costs its artwork alone: what offers it is left out of a log, and counted."""

import shutil
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from data.catalogue import Catalogue
from data.errors import BadInput
from evaluate.attribution.attribution import attribution
from evaluate.gate.publish_gate import publish_gate
from evaluate.new_artwork.audience import NewMembers
from evaluate.new_artwork.value_images import value_images
from evaluate.new_artwork.what_is_known import what_is_known
from evaluate.policies.judge import judge, policy_values
from evaluate.policies.predictions import predicted_takes
from evaluate.report.findings import judge_bundle
from serve.scoring.scorer import Scorer


@pytest.fixture(scope="module")
def red(planted):
    return planted([[1.0, 0, -1.0]] * 4, pixels=True)


@pytest.fixture(scope="module")
def blue(planted):
    return planted([[-1.0, 0, 1.0]] * 4, pixels=True)


@pytest.fixture(scope="module")
def torn(story, tmp_path_factory):
    """The story's catalogue with one image broken off."""
    folder = tmp_path_factory.mktemp("torn") / "catalogue"
    shutil.copytree(story.root / "catalogue", folder)
    catalogue = Catalogue.read(folder)
    image = catalogue.image_path(catalogue.artwork_ids[1])
    image.write_bytes(image.read_bytes()[:100])
    return catalogue


@pytest.fixture(scope="module")
def bad(torn):
    return torn.artwork_ids[1]


@pytest.fixture(scope="module")
def others(story, bad):
    """The log's rows that do not offer the artwork."""
    offered = story.examples["candidates"].to_pylist()
    return story.examples.filter(pa.array([bad not in names for names in offered]))


@pytest.fixture(scope="module")
def reason(bad):
    return f"offering {bad}, whose image cannot be had"


def test_policies_are_judged_by_the_rows_that_do_not_offer_it(
    story, torn, others, red, blue, reason
):
    names = ["random", "best-on-log", red, f"{blue}:greedy", f"{red}:bundle-table"]
    found = policy_values(story.examples, torn, names)
    alone = policy_values(others, story.catalogue, names)
    for name in names:
        for estimator, estimate in found[name].items():
            wanted = alone[name][estimator]
            assert (estimate.value, estimate.low, estimate.high) == (
                wanted.value,
                wanted.low,
                wanted.high,
            )
    support = found[red]["dr"].support
    assert support.left_out == {reason: len(story.examples) - len(others)}
    assert support.rows == len(story.examples)
    assert reason in support.words()[0]


def test_the_gate_says_what_it_would_of_those_rows(story, torn, others, red, blue, reason):
    found = publish_gate(red, blue, story.examples, torn)
    alone = publish_gate(red, blue, others, story.catalogue)
    assert found.verdict == alone.verdict
    for part in ("candidate", "comparisons", "decisions"):
        assert found.numbers[part] == alone.numbers[part]
    assert reason in found.numbers["support"]["left_out"]


def test_nothing_but_such_rows_is_undecided_and_says_why(story, torn, others, red, bad):
    every = set(others["decision_id"].to_pylist())
    offering = [one not in every for one in story.examples["decision_id"].to_pylist()]
    log = story.examples.filter(pa.array(offering))
    assert publish_gate(red, None, log, torn).verdict == "undecided"
    with pytest.raises(BadInput, match=f"such as {bad}: mend the images"):
        policy_values(log, torn, [red])


def test_reports_predictions_and_attribution_go_on_without_it(story, torn, others, red, reason):
    judgement = judge(story.examples, torn, ["random", red], by_segment=False)
    assert judgement.support.left_out == {reason: len(story.examples) - len(others)}
    findings = judge_bundle(story.examples, torn, red)
    assert findings.support.left_out == judgement.support.left_out
    bad = set(torn.artwork_ids) - {
        name for names in others["candidates"].to_pylist() for name in names
    }
    assert not bad & {name for title in findings.titles for name in title.artwork_ids}
    log, where = str(story.root / "examples"), str(torn.root)
    assert len(predicted_takes(red, log, where)) == len(others)
    assert attribution(log, red, where).decisions == len(others)


def test_new_images_are_held_against_the_titles_other_artwork(story, torn, bad, red, tmp_path):
    title = torn.artworks["title_id"][1].as_py()
    scorer, audience = Scorer(red, judging=True), NewMembers(story.world.members.facts)
    images = [torn.image_path(torn.artwork_ids[-1])]
    for of in (title, torn.title_ids[-1]):
        known = what_is_known(scorer, torn, of, story.examples, tmp_path)
        found = value_images(scorer, torn, of, images, audience, date(2026, 1, 5), tmp_path, known)
        assert bad not in found.today.artworks
        assert np.isfinite(found.images[0].ratio.value)


def test_a_catalogue_without_a_whole_image_is_refused(story, red, tmp_path):
    shutil.copytree(story.root / "catalogue", tmp_path / "catalogue")
    catalogue = Catalogue.read(tmp_path / "catalogue")
    for name in catalogue.artwork_ids:
        catalogue.image_path(name).unlink()
    with pytest.raises(BadInput, match="40 of 40 images"):
        publish_gate(red, None, story.examples, catalogue)
