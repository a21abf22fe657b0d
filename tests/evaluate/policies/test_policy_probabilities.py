"""What policies would have done in each logged decision."""

import numpy as np

from bandit.thompson import thompson_probabilities
from evaluate.policies.logged_examples import LoggedExamples
from evaluate.policies.policy_probabilities import PolicyProbabilities


def test_a_bundles_policy_is_thompson_sampling_over_its_heads(story, torn, tmp_path):
    logged = LoggedExamples.of(story.examples.slice(0, 300), story.catalogue)
    given = PolicyProbabilities(logged, tmp_path)(torn)
    embedding = story.catalogue.embeddings[logged.rows, 0]
    scores = np.array([1.0, 1.0, 1.0, -1.0])[None, :, None] * embedding[:, None]
    wanted = thompson_probabilities(scores, logged.valid, 0.2)[logged.valid]
    np.testing.assert_allclose(given, wanted)


def test_blocks_of_decisions_give_the_same(story, torn, tmp_path, monkeypatch):
    logged = LoggedExamples.of(story.examples.slice(0, 300), story.catalogue)
    whole, takes = (
        PolicyProbabilities(logged, tmp_path)(torn),
        PolicyProbabilities(logged, tmp_path).takes(torn),
    )
    monkeypatch.setattr("evaluate.policies.bundle_scores.BLOCK", 4 * 4 * 7)
    np.testing.assert_allclose(PolicyProbabilities(logged, tmp_path)(torn), whole)
    np.testing.assert_allclose(PolicyProbabilities(logged, tmp_path).takes(torn), takes, rtol=1e-6)


def test_takes_are_of_what_was_shown(story, good, tmp_path):
    logged = LoggedExamples.of(story.examples.slice(0, 300), story.catalogue)
    rows = {a: row for row, a in enumerate(story.catalogue.artwork_ids)}
    shown = [rows[a] for a in story.examples["action"].slice(0, 300).to_pylist()]
    wanted = 1 / (1 + np.exp(2.0 - story.catalogue.embeddings[shown, 0]))
    np.testing.assert_allclose(PolicyProbabilities(logged, tmp_path).takes(good), wanted, rtol=1e-5)


def test_a_bundles_table_shows_everybody_its_best(story, good, tmp_path):
    logged = LoggedExamples.of(story.examples.slice(0, 300), story.catalogue)
    chosen = PolicyProbabilities(logged, tmp_path)(f"{good}:bundle-table")
    # The planted table's takes rise along the file, so the last candidate is the best.
    wanted = np.zeros(len(chosen))
    wanted[logged.feedback.offsets[1:] - 1] = 1
    np.testing.assert_array_equal(chosen, wanted)
