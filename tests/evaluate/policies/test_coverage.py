"""95% intervals hold the truth about as often as they say, over many draws of one log."""

from dataclasses import replace

import numpy as np
import pytest

from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.estimate import estimate_feedback
from evaluate.ope.estimators import PLAIN
from evaluate.policies.expected_takes import expected_takes
from evaluate.policies.logged_examples import LoggedExamples
from evaluate.policies.policy_probabilities import PolicyProbabilities
from simulate.browsing.log import read_expected
from tests.evaluate.columns import changed

ESTIMATORS = ("replay", "ips", "snips", "dr")
"""Those whose intervals must hold the truth; dm is as good as its model."""
DRAWS = 40


def drawn_again(examples, expected, seed):
    """Examples of the same decisions, with other choices and other outcomes."""
    rng = np.random.default_rng(seed)
    takes = dict(zip(*(expected[c].to_pylist() for c in ("decision_id", "expected")), strict=True))
    rows = examples.select(["decision_id", "candidates"]).to_pylist()
    places = [int(rng.integers(len(row["candidates"]))) for row in rows]
    chance = [takes[row["decision_id"]][at] for row, at in zip(rows, places, strict=True)]
    actions = [row["candidates"][at] for row, at in zip(rows, places, strict=True)]
    rewards = (rng.random(len(rows)) < chance).astype(float)
    return changed(changed(examples, "action", actions), "reward", rewards)


@pytest.fixture(scope="module")
def held(story, good, torn, tmp_path_factory):
    """Policy → whether each interval holds the truth, over draws and estimators."""
    examples, expected = story.examples.slice(0, 4000), read_expected(story.log)
    logged = LoggedExamples.of(examples, story.catalogue)
    takes, cache = expected_takes(expected, logged), tmp_path_factory.mktemp("images")
    probabilities = PolicyProbabilities(logged, cache)
    fixed = {name: probabilities(name) for name in ("random", good, torn, f"{torn}:greedy")}
    held = {name: [] for name in (*fixed, "best-on-log")}
    for seed in range(DRAWS):
        logged = LoggedExamples.of(drawn_again(examples, expected, seed), story.catalogue)
        best = PolicyProbabilities(logged, cache)("best-on-log")
        for name, target in {**fixed, "best-on-log": best}.items():
            feedback = replace(logged.feedback, target=target)
            estimators = [PLAIN[estimator]() for estimator in ESTIMATORS]
            estimates = estimate_feedback([feedback], estimators, bootstrap=Bootstrap(400))
            truth = (target * takes).sum() / len(logged)
            sure = [e for e in estimates.values() if e.interval != "none"]
            held[name] += [e.low < truth < e.high for e in sure]
    return held


def test_intervals_of_a_policy_that_was_there_before_the_log(held):
    fixed = [inside for name, inside in held.items() if name != "best-on-log"]
    assert np.mean(fixed) >= 0.88
    assert not np.all(fixed)  # or they would be too wide


def test_intervals_of_a_policy_that_is_chosen_on_the_log_hold_it_less_often(held):
    """They are drawn as if the choice were given; it is the log's too, if of other profiles."""
    assert np.mean(held["best-on-log"]) >= 0.75
