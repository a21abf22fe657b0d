from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

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
