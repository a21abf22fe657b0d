"""What a reader is told of a log of rows: the steadiest sound estimate, and which are biased."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluate.ope.bootstrap import Bootstrap
from evaluate.slate.estimate import estimate_slates
from evaluate.slate.read_slates import read_slates
from evaluate.slate.slates import Slates

GOLDEN = Path(__file__).parents[2] / "golden" / "slate"
TRUE = json.loads((GOLDEN / "expected.json").read_text())
FEW = Bootstrap(resamples=200)


def test_the_command_says_what_to_read_and_what_not_to():
    done = subprocess.run(
        [*(sys.executable, "-m", "evaluate", "slate", str(GOLDEN / "chain.parquet"), "--json")],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    truth = TRUE["chain"]["true_value_target"]
    assert found["slope"]["chosen"] == "pi2_dr"
    assert found["pi2"]["value"] == pytest.approx(TRUE["chain"]["pi2"], abs=1e-9)
    for name in ("sips", "rips", "pi2", "sips_dr", "cascade_dr", "pi2_dr"):
        assert found[name]["low"] < truth < found[name]["high"], name
        assert found[name]["verdict"] == "trust", name
    for name in ("iips", "pi", "iips_dr", "pi_dr"):
        assert found[name]["verdict"] == "do not use", name
        assert not found[name]["low"] < truth < found[name]["high"], name
    assert "no profile_id" in done.stderr


def test_a_model_of_the_rewards_makes_intervals_narrower():
    found = estimate_slates(read_slates(GOLDEN / "chain.parquet")[0], FEW)
    for plain, robust in (("sips", "sips_dr"), ("pi", "pi_dr"), ("pi2", "pi2_dr")):
        widths = [found[name].high - found[name].low for name in (plain, robust)]
        assert widths[1] < 0.8 * widths[0], plain


def test_no_window_is_read_where_choices_read_more():
    slates, _ = read_slates(GOLDEN / "cascade.parquet")
    found = estimate_slates(slates, FEW)
    assert found["slope"].chosen in ("cascade_dr", "sips_dr")
    assert found["pi2_dr"].verdict == "do not use"
    assert "choices read more than the slot before" in found["pi2_dr"].reason


def test_what_nothing_can_check_is_not_trusted():
    slates, _ = read_slates(GOLDEN / "chain.parquet")
    bare = replace(slates, slate=None, prefix=None, pair=None, logged=None, target=None)
    found = estimate_slates(bare, FEW)
    for name in ("iips", "pi", "iips_dr", "pi_dr"):
        assert found[name].verdict == "weak", name
        assert "nothing here can tell" in found[name].reason
    assert found["slope"].chosen == "pi_dr"
    assert found["slope"].reason == found["pi_dr"].reason
    whole = estimate_slates(replace(bare, position=None, slate=slates.slate), FEW)
    assert whole["sips"].verdict == "trust"
    assert whole["slope"].chosen == "sips_dr"


def test_rows_of_one_member_count_as_one():
    slates, _ = read_slates(GOLDEN / "chain.parquet")
    rows = np.tile(np.arange(300), 4)
    part = replace(
        slates,
        **{
            name: getattr(slates, name)[rows]
            for name in ("length", "reward", "slate", "position", "prefix", "pair")
        },
        model=type(slates.model)(*(each[rows] for each in slates.model[:4])),
    )
    apart = estimate_slates(replace(part, group=np.arange(1200)), FEW)
    together = estimate_slates(replace(part, group=rows), FEW)
    for name in ("pi2_dr", "iips", "sniips"):
        wide, narrow = (found[name].high - found[name].low for found in (together, apart))
        assert wide > 1.6 * narrow, name
        assert together[name].value == pytest.approx(apart[name].value)


def test_wrong_probabilities_are_noticed():
    slates, _ = read_slates(GOLDEN / "chain.parquet")
    doubled = replace(slates, position=slates.position * 1.3)
    found = estimate_slates(doubled, FEW)
    assert found["iips"].verdict == "do not use"
    assert found["logged"].value == pytest.approx(slates.reward.sum(1).mean())
    assert found["sips"].verdict == "trust"


def test_a_log_with_hardly_a_reward_says_so():
    rows = 400
    one = np.ones((rows, 2))
    reward = np.zeros((rows, 2))
    reward[:5, 0] = 1
    slates = Slates(
        np.full(rows, 2), reward, np.arange(rows), position=one, logged="alone", target="alone"
    )
    from evaluate.slate.slot_model import Places

    zeros = np.zeros(rows, int)
    places = Places(
        slates.there,
        slates.length,
        np.arange(rows) % 5,
        zeros,
        np.zeros((rows, 2), int),
        None,
        None,
    )
    found = estimate_slates(replace(slates, model=places.model(reward)), FEW)
    assert found["iips"].verdict == "do not use"
    assert "only 5 rows with a reward" in found["iips"].reason
    assert set(found) == {"logged", "iips", "sniips", "pi", "iips_dr", "pi_dr", "slope"}
