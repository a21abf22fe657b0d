"""What policies would have earned: against the truth of a simulated log."""

import numpy as np
import pytest

from data.errors import BadInput
from evaluate.policies.judge import judge, policy_values
from evaluate.policies.table import show
from simulate.browsing.log import read_expected
from tests.evaluate.columns import changed


@pytest.fixture(scope="module")
def names(good, torn):
    return ["random", "best-on-log", good, torn, f"{torn}:greedy"]


@pytest.fixture(scope="module")
def found(story, names):
    return judge(story.examples, story.catalogue, names, expected=read_expected(story.log))


def test_truth_orders_policies_as_they_were_planted(found, good, torn):
    truth = found.truth
    assert truth["random"] < truth[torn] < truth[f"{torn}:greedy"]
    # The mean over heads wants the same as all heads of the other.
    assert truth[good] == pytest.approx(0.95 * truth[f"{torn}:greedy"] + 0.05 * truth["random"])


def test_lift_is_the_difference_from_random(found, good):
    lift, values = found.lift_over_random[good], found.policies
    difference = values[good]["dr"].value - values["random"]["dr"].value
    assert lift.difference.value == pytest.approx(difference)
    assert lift.difference.low < difference < lift.difference.high
    assert lift.relative.value == pytest.approx(difference / values["random"]["dr"].value)
    assert found.lift_over_random["random"].difference == (0, 0, 0)
    # What both have in common cancels: the difference is known better than either.
    width = lift.difference.high - lift.difference.low
    assert width < lift.value.high - lift.value.low + 1e-9


def test_segments_divide_the_log_and_their_values_add_up(story, found, good):
    total = len(story.examples)
    for parts in found.segments.values():
        assert sum(part.decisions for part in parts.values()) == total
        mean = sum(p.decisions * p.policies[good].value.value for p in parts.values())
        assert mean / total == pytest.approx(found.policies[good]["dr"].value)
    assert set(found.segments) == {"surface", "device", "popularity", "artwork_age"}


def test_no_profile_chooses_what_it_is_judged_by(story, tmp_path):
    """Without any difference between artworks the best on the log earns no more than random."""
    rng, values = np.random.default_rng(0), []
    for _ in range(10):
        chance = (rng.random(len(story.examples)) < 0.1).astype(float)
        noise = changed(story.examples, "reward", chance)
        made = policy_values(noise, story.catalogue, ["best-on-log"], cache=tmp_path)
        values.append(made["best-on-log"]["dr"].value)
    assert abs(np.mean(values) - 0.1) < 3 * np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values) - 0.1) < 0.01


def test_every_estimate_has_a_verdict_and_the_one_to_read_leads_the_table(found, capsys):
    assert found.read == "dr"
    for name, estimates in found.policies.items():
        assert estimates["dr"].verdict == "trust"
        if name != "best-on-log":
            assert estimates["dm"].verdict == "do not use"
    show(found)
    shown = capsys.readouterr().out
    heading = next(line for line in shown.splitlines() if "policy" in line)
    assert heading.index("dr") < min(heading.index(name) for name in ("replay", "ips", "dm"))
    assert "read dr of" in shown


def test_means_of_a_log_do_not_judge_the_choice_of_the_best_of_them(story, found):
    """The direct method would say of each title's highest mean that it is as good as it looks."""
    assert "dm" not in found.policies["best-on-log"]
    with pytest.raises(BadInput, match="cannot judge best-on-log"):
        judge(story.examples, story.catalogue, ["best-on-log"], estimator="dm")


def test_a_name_that_three_policies_had_is_refused_with_theirs(story, good):
    for name in ("unpersonalised", f"{good}:unpersonalised"):
        with pytest.raises(BadInput, match=r"best-on-log .* BUNDLE:bundle-table"):
            policy_values(story.examples, story.catalogue, [name])


def test_what_a_log_earned_is_said_a_draw_and_an_impression(story, good, capsys):
    pages = np.where(np.arange(len(story.examples)) % 4 == 0, 3, 1)
    judged = judge(
        changed(story.examples, "impressions", pages), story.catalogue, [good], by_segment=False
    )
    takes = np.asarray(story.examples["reward"]).sum()
    assert judged.impressions == pages.sum()
    assert judged.logged_an_impression == pytest.approx(takes / pages.sum())
    assert judged.logged.value == pytest.approx(takes / len(pages))
    show(judged)
    assert f"{takes / pages.sum():.4f} an impression (1.50 a draw)" in " ".join(
        capsys.readouterr().out.split()
    )
    uncounted = changed(story.examples, "impressions", [None, *pages[1:].tolist()])
    assert judge(uncounted, story.catalogue, [good], by_segment=False).impressions is None
