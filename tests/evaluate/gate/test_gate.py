"""The gate passes what is shown to be no worse, refuses what is shown to be, and says the rest."""

from pathlib import Path
from shutil import copytree, rmtree

import numpy as np
import pyarrow.parquet as pq
import pytest

from data.errors import BadInput
from evaluate.gate.command import gate, show, status
from evaluate.gate.publish_gate import LEVEL, NIGHTS, publish_gate
from tests.evaluate.columns import changed


@pytest.fixture(scope="module")
def bundles(planted, good):
    """What members take most, the same again, its opposite, and one that is a little worse."""
    return {
        "good": good,
        "again": planted([[2.0]] * 4),
        "bad": planted([[-1.0]] * 4),
        "shy": planted([[1.0]] * 4, epsilon=0.2),
    }


def gated(story, candidate, live, **options):
    return publish_gate(candidate, live, story.examples, story.catalogue, **options)


def test_a_better_bundle_passes_and_a_worse_is_refused(story, bundles):
    better = gated(story, bundles["good"], bundles["bad"])
    assert better.verdict == "passed"
    assert better.numbers["comparisons"]["live"]["lead"]["low"] > 0
    worse = gated(story, bundles["bad"], bundles["good"])
    assert worse.verdict == "refused"
    assert worse.numbers["comparisons"]["live"]["lead"]["high"] < 0
    assert "less than 95% of what the live bundle does" in worse.reason


def test_an_equal_bundle_passes_without_any_margin(story, bundles):
    verdict = gated(story, bundles["again"], bundles["good"], margin=0.0)
    assert verdict.verdict == "passed"
    assert verdict.numbers["comparisons"]["live"]["difference"] == {"value": 0, "low": 0, "high": 0}


def test_where_nothing_is_live_only_what_is_worse_than_random_is_refused(story, bundles):
    good, bad = (gated(story, bundles[name], None) for name in ("good", "bad"))
    assert (good.verdict, bad.verdict) == ("passed", "refused")
    assert good.numbers["comparisons"].keys() == {"random", "bundle-table"}
    few = publish_gate(bundles["bad"], None, story.examples.slice(0, 100), story.catalogue)
    assert few.verdict == "undecided"
    assert "nothing is live" in few.reason
    assert "random artwork" in few.reason


def test_a_small_log_tells_nothing_and_says_how_large_a_one_would(story, bundles):
    one = publish_gate(bundles["good"], bundles["bad"], story.examples.slice(0, 1), story.catalogue)
    assert one.verdict == "undecided"
    few = publish_gate(
        bundles["shy"], bundles["good"], story.examples.slice(0, 400), story.catalogue
    )
    assert few.verdict == "undecided"
    rows = few.numbers["comparisons"]["live"]["rows_to_tell"]
    assert f"{rows:,}" in few.reason or f"{rows - 1:,}" in few.reason
    assert "not enough log" in few.reason


def test_a_margin_is_what_may_be_lost(story, bundles):
    """A policy that explores more than the live one loses a known share, and no more."""
    exploring = {
        margin: gated(story, bundles["shy"], bundles["good"], margin=margin)
        for margin in (0.0, 0.001, 0.5)
    }
    assert exploring[0.001].verdict == "refused"
    assert exploring[0.5].verdict == "passed"
    needed = [
        exploring[margin].numbers["comparisons"]["live"]["rows_to_tell"]
        for margin in (0.0, 0.001, 0.5)
    ]
    assert needed[0] is None
    assert needed[1] > needed[2]
    with pytest.raises(BadInput, match=r"margin 1\.5"):
        gated(story, bundles["good"], bundles["bad"], margin=1.5)


def test_the_anchor_must_be_held_too_and_at_a_chains_level(story, bundles):
    """What may follow the live bundle may have lost too much since the anchor."""
    alone = gated(story, bundles["bad"], bundles["bad"])
    floored = gated(story, bundles["bad"], bundles["bad"], anchor=bundles["good"])
    assert (alone.verdict, floored.verdict) == ("passed", "refused")
    assert "the anchor" in floored.reason.split(";")[0]
    compared = floored.numbers["comparisons"]
    assert compared["anchor"]["level"] == pytest.approx(compared["live"]["level"] / NIGHTS)
    assert compared["live"]["level"] == LEVEL


def test_the_anchor_holds_where_nothing_is_live(story, bundles, planted):
    """As when the live bundle is damaged: what fell below the anchor does not take its place."""
    fallen = planted([[1.0]] * 4, epsilon=0.7)
    alone = gated(story, fallen, None)
    floored = gated(story, fallen, None, anchor=bundles["good"])
    assert (alone.verdict, floored.verdict) == ("passed", "undecided")
    assert "the anchor" in floored.reason.split(";")[1]
    assert gated(story, bundles["good"], None, anchor=bundles["again"]).verdict == "passed"


def test_the_anchor_of_the_live_bundles_store_is_found_by_any_way_to_it(story, bundles, tmp_path):
    log = str(story.root / "examples")
    store, good, bad = tmp_path / "store", Path(bundles["good"]), Path(bundles["bad"])
    for bundle in (good, bad):
        copytree(bundle, store / bundle.name)
    (store / "current").symlink_to(bad.name)
    (store / "anchor").symlink_to(good.name)
    for live in (store, store / "current", store / bad.name):
        said = gate(str(bad), log, str(live), resamples=100)
        assert (said["verdict"], said["anchor_bundle"]) == ("refused", good.name)
    rmtree(store / good.name)  # the link leads nowhere: no floor vanishes in silence
    with pytest.raises(BadInput, match=r"no bundle at .*anchor"):
        gate(str(bad), log, str(store), resamples=100)
    assert gate(str(bad), log, str(store), anchor="none", resamples=100)["verdict"] == "passed"


def test_what_few_rewards_speak_for_does_not_pass_on_a_model_alone(story, bundles):
    """Nobody ever took anything: both are worth nothing, for all that the log tells."""
    nothing = changed(story.examples, "reward", np.zeros(len(story.examples)))
    unknown = publish_gate(bundles["good"], bundles["bad"], nothing, story.catalogue)
    assert unknown.verdict == "undecided"
    assert "fewer than 10 takes" in unknown.reason
    same = publish_gate(bundles["good"], bundles["again"], nothing, story.catalogue)
    assert same.verdict == "passed"


def test_it_says_by_which_estimate_it_decided_and_how_far_to_trust_it(story, bundles):
    result = gated(story, bundles["good"], bundles["bad"])
    assert result.numbers["estimator"] == "dr"
    verdicts = result.numbers["verdicts"]
    assert verdicts["candidate"]["verdict"] == verdicts["live"]["verdict"] == "trust"
    assert "decided by dr: trust for the candidate, trust for the live bundle" in result.reason
    few = publish_gate(
        bundles["good"], bundles["good"], story.examples.slice(0, 60), story.catalogue
    )
    assert few.numbers["verdicts"]["candidate"]["verdict"] != "trust"
    assert few.numbers["verdicts"]["candidate"]["reason"] in few.reason


def test_the_command_ends_with_0_1_or_3(story, bundles, tmp_path, capsys):
    good, bad, shy = bundles["good"], bundles["bad"], bundles["shy"]
    log = str(story.root / "examples")
    passed, refused = gate(good, log, bad), gate(bad, log, good)
    pq.write_table(story.examples.slice(0, 400), tmp_path / "few.parquet")
    few, catalogue = str(tmp_path / "few.parquet"), str(story.root / "catalogue")
    undecided = gate(shy, few, good, catalogue=catalogue)
    assert [status(one) for one in (passed, refused, undecided)] == [0, 1, 3]
    assert [one["verdict"] for one in (passed, refused, undecided)] == [
        *("passed", "refused", "undecided")
    ]
    assert refused["candidate_bundle"] == passed["live_bundle"] == Path(bad).name
    assert passed["anchor_bundle"] is None
    show(undecided)
    assert "not enough log" in capsys.readouterr().out
