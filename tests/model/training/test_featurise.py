from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from data.page_facts import HIDDEN_IN_TRAINING, mask_page_facts
from data.records import FACTS
from model.training.featurise import decay_weights, importance_weights

START = datetime(2026, 1, 1, tzinfo=UTC)


def table(hours: list[float], **columns) -> pa.Table:
    times = [START + timedelta(hours=h) for h in hours]
    return pa.table({"time": pa.array(times, pa.timestamp("us", tz="UTC")), **columns})


def test_importance_weights_undo_the_logging_policy_up_to_their_clip():
    examples = pa.table({"candidates": [["a", "b"]] * 4, "propensity": [0.5, 0.5, 0.9, 0.01]})
    weights = importance_weights(examples, clip=3.0)
    assert weights.mean() == pytest.approx(1)
    assert weights[3] / weights[0] == pytest.approx(3)
    assert weights[2] / weights[0] == pytest.approx(1 / (0.9 * 2))
    assert importance_weights(examples, None).tolist() == [1, 1, 1, 1]


def test_only_what_the_page_knows_is_hidden():
    facts = pa.array(
        [{"country": "FR", "device": "tv", "surface": "home", "row": 1, "column": 2}] * 4000, FACTS
    )
    masked = mask_page_facts(facts, 0.4, seed=1)
    assert masked.field("country").null_count == 0
    hidden = np.array([masked.field(n).is_null().to_numpy(False) for n in HIDDEN_IN_TRAINING])
    assert 0.3 < hidden.mean() < 0.4
    assert 0.18 < hidden.all(0).mean() < 0.25
    assert mask_page_facts(facts, 0.4, seed=1).equals(masked)
    assert mask_page_facts(facts, 0.0, seed=1).equals(facts)


def test_an_older_day_weighs_less():
    examples = table([0, 25, 49])
    assert decay_weights(examples, 0.5).tolist() == [0.25, 0.5, 1]


def test_a_part_of_the_examples_weighs_as_it_does_among_all():
    given = {"candidates": [["a", "b"]] * 4, "propensity": [0.5, 0.5, 0.9, 0.01]}
    examples = table([0, 25, 49, 50], **given)
    raw = np.minimum(1 / (2 * np.array(given["propensity"])), 3.0)
    clipped = importance_weights(examples, 3.0)
    decayed = decay_weights(examples, 0.5)
    last = examples["time"].cast(pa.int64())[-1].as_py()
    part = examples.slice(1, 2)
    np.testing.assert_allclose(importance_weights(part, 3.0, raw.mean()), clipped[1:3], rtol=1e-6)
    assert decay_weights(part, 0.5, last).tolist() == decayed[1:3].tolist()
