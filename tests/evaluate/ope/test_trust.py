"""Each estimate says how far to trust it and why, and the one to read comes first."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.command import show
from evaluate.ope.estimate import estimate
from evaluate.ope.trust import ORDER, PREFERENCE, to_read

BOOTSTRAP = Bootstrap(100)


def judged(
    rows=5000, logging=(0.5, 0.5), target=(0.8, 0.2), rates=(0.3, 0.2), names="all", **other
):
    rng = np.random.default_rng(0)
    action = rng.choice(2, rows, p=logging)
    columns = {
        "decision_id": [str(i) for i in range(rows)],
        "candidates": [["a", "b"]] * rows,
        "action": np.array(["a", "b"])[action],
        "reward": (rng.random(rows) < np.asarray(rates)[action]).astype(float),
        "propensity": np.asarray(logging)[action],
        "target_probabilities": [list(target)] * rows,
    }
    wanted = list(PREFERENCE) if names == "all" else names
    return estimate(pa.table(columns | other), wanted, bootstrap=BOOTSTRAP)


def test_a_large_even_log_is_trusted_and_says_what_speaks_for_it():
    dr = judged()["dr"]
    assert dr.verdict == "trust"
    assert dr.believable
    assert f"{dr.ess:,.0f}" in dr.reason
    assert f"[{dr.mean_weight_low:.3f}, {dr.mean_weight_high:.3f}]" in dr.reason
    assert dr.mean_weight_low < 1 < dr.mean_weight_high


def test_replay_is_not_read_where_decisions_have_more_or_fewer_candidates():
    """Half of the pages choose among two and take .3, half among ten and take .1: an even draw
    earns .2. Of two candidates more draws agree, so replay counts these pages five times."""
    rng, rows = np.random.default_rng(3), 6000
    sizes = np.where(np.arange(rows) % 2, 2, 10)
    names = [[f"{at}" for at in range(size)] for size in sizes]
    log = {
        "decision_id": [str(row) for row in range(rows)],
        "candidates": names,
        "action": [of[at] for of, at in zip(names, rng.integers(0, sizes), strict=True)],
        "reward": (rng.random(rows) < np.where(sizes == 2, 0.3, 0.1)).astype(float),
        "propensity": 1 / sizes,
        "target_probabilities": [[1 / size] * size for size in sizes],
    }
    found = estimate(pa.table(log), ["replay", "snips", "dr"], bootstrap=BOOTSTRAP)
    assert found["replay"].value > 0.25
    assert found["replay"].verdict == "do not use"
    assert np.isnan(found["replay"].low)
    assert "equally many" in found["replay"].reason
    for name in ("snips", "dr"):
        assert found[name].verdict == "trust"
        assert found[name].low < 0.2 < found[name].high


@settings(max_examples=20, deadline=None)
@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_the_direct_method_is_never_trusted(chance, wanted):
    dm = judged(600, (chance, 1 - chance), (wanted, 1 - wanted), names=["dm"])["dm"]
    assert dm.verdict == "do not use"
    assert "model" in dm.reason


@pytest.mark.parametrize(
    ("log", "verdict", "words"),
    [
        ({"rows": 3000, "logging": (0.004, 0.996), "target": (1, 0)}, "do not use", "only"),
        ({"rows": 120}, "weak", "effective sample size below 100"),
        ({"rows": 20}, "do not use", "effective sample size below 100"),
        ({"rates": (0.0, 0.2), "target": (1, 0)}, "weak", "takes of equal weight match"),
        ({"rates": (1.0, 0.2), "target": (1, 0)}, "weak", "misses of equal weight match"),
        ({"propensity": np.full(5000, 0.4)}, "do not use", "mean weight is 1.25"),
        ({"propensity": np.full(5000, 0.53)}, "weak", "never possible"),
        ({"propensity": np.full(5000, 0.7)}, "do not use", "never possible"),
        ({"profile_id": ["p", "q"] * 2500}, "do not use", "only 2 profiles"),
        ({"profile_id": [str(i % 20) for i in range(5000)]}, "weak", "only 20 profiles"),
    ],
)
def test_what_speaks_against_an_estimate_is_its_reason(log, verdict, words):
    for name, e in judged(**log, names=["ips", "snips", "dr"]).items():
        assert e.verdict == verdict, name
        assert not e.believable
        assert words in e.reason


def test_a_tiny_effective_sample_is_not_to_be_used_however_many_rows_there_are():
    """One row in a thousand is of what the target does."""
    dr = judged(10_000, (0.001, 0.999), (1, 0), names=["dr"])["dr"]
    assert dr.ess < 20
    assert dr.verdict == "do not use"


def test_a_log_of_mostly_fallbacks_is_weak():
    rng = np.random.default_rng(1)
    level = np.where(rng.random(5000) < 0.6, "default", "personalised")
    dr = judged(names=["dr"], level=level)["dr"]
    assert dr.verdict == "weak"
    assert "level default" in dr.reason


def test_minutes_that_hardly_match_are_not_to_be_used():
    minutes = np.zeros(5000)
    minutes[:3] = 40.0
    assert judged(names=["ips"], reward=minutes)["ips"].verdict == "do not use"
    assert judged(names=["ips"], reward=np.full(5000, 40.0))["ips"].verdict == "trust"


def test_the_doubly_robust_estimate_is_read_where_its_checks_pass():
    estimates = judged()
    assert to_read([estimates]) == "dr"
    doubtful = {name: replace(e, verdict="weak") for name, e in estimates.items()}
    assert to_read([doubtful]) == "dr"
    without = {**estimates, "dr": doubtful["dr"], "sndr": doubtful["sndr"]}
    assert to_read([without]) == "snips"
    assert to_read([estimates, without]) == "snips"
    assert to_read([{"dm": estimates["dm"]}]) == "dm"


@given(st.dictionaries(st.sampled_from(PREFERENCE), st.sampled_from(ORDER), min_size=1))
def test_nothing_is_read_where_something_is_trusted_more(verdicts):
    class OfVerdict:
        def __init__(self, verdict):
            self.verdict = verdict

    read = to_read([{name: OfVerdict(verdict) for name, verdict in verdicts.items()}])
    assert verdicts[read] == min(verdicts.values(), key=ORDER.index)


def test_the_table_leads_with_it_and_says_why(capsys):
    estimates = judged(names=["ips", "dm", "dr"])
    assert estimates["dm"].between() == "no interval"
    ips = replace(estimates["ips"], low=0.123456, high=0.2)
    assert (ips.between(), ips.between(2)) == ("0.1235 … 0.2000", "0.12 … 0.20")
    show(estimates)
    shown = capsys.readouterr().out
    rows = [line for line in shown.splitlines() if line.startswith("│")]
    assert [row.split("│")[1].strip() for row in rows] == ["dr", "ips", "dm"]
    assert "do not use" in rows[2]
    assert (
        "no interval" in rows[2]
    )  # in place of an interval that knows nothing of the model's bias
    assert "read dr (trust)" in shown
