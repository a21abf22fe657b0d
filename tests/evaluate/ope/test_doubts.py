"""What speaks against an estimate: each bound from both sides, each sentence as it is read."""

import math
from dataclasses import replace

import pytest

from evaluate.ope.diagnostics import Diagnostics
from evaluate.ope.fraction_intervals import Matched
from evaluate.ope.support import EVERY_ROW, Support
from evaluate.ope.trust import Evidence, can_hold, doubts, verdict_of

SOUND = Evidence("ips", 0.5, fraction=True, removed=0.0, modelled=False)
LOG = Diagnostics(1000, 500, 900.0, 0.5, 2.0, 1.0, 0.01, True)
MANY = Matched(0.5, 500.0, 250.0, 250.0)

GROUPS = (
    "only {} profiles (or decisions, where no profile is given): the interval cannot be trusted"
    " below 30"
)
SMALL = (
    "the log is worth only {} decisions to this target (effective sample size below 100): log with"
    " more exploration, or judge a policy nearer to it"
)
HEAVY = "one decision has weight {}, over 5% of the whole: a single reward decides the estimate"
NEVER = (
    "{} of what the target does was never possible under the logging policy: its value there is"
    " unknown"
)
WRONG = (
    "the mean weight is 1.050 and should be 1, 5 standard errors away: the logged propensities or"
    " the target probabilities are wrong"
)
CHOSEN = (
    "λ was chosen on this log: no interval covers what was chosen (SLOPE bounds its error up to a"
    " factor, and gives none)"
)
CUT = (
    "30% of the weight was cut or shrunk away and {}: no interval covers that bias; use dr or snips"
)
REPLAY = (
    "replay is right only where all decisions were drawn evenly from equally many candidates, and"
    " these were not: prefer snips or dr"
)
DIRECT = (
    "dm is as good as its reward model, and nothing in the log corrects it: no interval tells of"
    " the model's bias"
)
NOBODY = "no decision of the log agrees with the target: nothing is known"
FEW = (
    "only {} of equal weight match the target, fewer than 10: the interval is the binomial one of"
    " so many rows"
)
FEW_REWARDS = (
    "only 9.9 rewards of equal weight match the target, fewer than 10: the interval knows no others"
)
NO, WEAK = "do not use", "weak"


@pytest.mark.parametrize(
    ("log", "found"),
    [
        ({"groups": 30}, []),
        ({"groups": 29}, [(WEAK, GROUPS.format(29))]),
        ({"groups": 10}, [(WEAK, GROUPS.format(10))]),
        ({"groups": 9}, [(NO, GROUPS.format(9))]),
        ({"groups": 29, "mean_weight": 9.0}, [(WEAK, GROUPS.format(29))]),  # errors of few tell no
        ({"ess": 100.0}, []),
        ({"ess": 99.0}, [(WEAK, SMALL.format(99))]),
        ({"ess": 20.0}, [(WEAK, SMALL.format(20))]),
        ({"ess": 19.0}, [(NO, SMALL.format(19))]),
        ({"largest_weight": 50.0}, []),
        ({"largest_weight": 51.0}, [(WEAK, HEAVY.format(51))]),
        ({"largest_weight": 200.0}, [(WEAK, HEAVY.format(200))]),
        ({"largest_weight": 201.0}, [(NO, HEAVY.format(201))]),
        ({"mean_weight": 0.995, "mean_weight_error": 0.001}, []),
        ({"mean_weight": 0.98}, []),  # within three errors it is chance
        ({"mean_weight": 0.98, "mean_weight_error": 0.001}, [(WEAK, NEVER.format("2.0%"))]),
        ({"mean_weight": 0.91, "mean_weight_error": 0.001}, [(WEAK, NEVER.format("9.0%"))]),
        ({"mean_weight": 0.85, "mean_weight_error": 0.001}, [(NO, NEVER.format("15.0%"))]),
        ({"mean_weight": 1.03}, []),
        ({"mean_weight": 1.05}, [(NO, WRONG)]),
        ({"mean_weight": 1.05, "mean_weight_error": 0.0}, []),
        ({"mean_weight": 1.000001, "mean_weight_error": 1e-8}, []),  # thirds of six digits
        ({"mean_weight": 1.009, "mean_weight_error": 1e-8}, []),
    ],
)
def test_what_a_log_says_against_every_estimate(log, found):
    assert doubts(SOUND, replace(LOG, **log), MANY, EVERY_ROW) == found


@pytest.mark.parametrize(
    ("of", "found", "holds"),
    [
        ({}, [], True),
        ({"removed": 0.02}, [], True),
        ({"removed": 0.3}, [(WEAK, CUT.format("its reward is lost"))], False),
        (
            {"removed": 0.3, "modelled": True},
            [(WEAK, CUT.format("the reward model alone speaks for it"))],
            False,
        ),
        ({"chosen": True}, [(WEAK, CHOSEN)], False),
        ({"name": "replay"}, [(NO, REPLAY)], False),
        ({"name": "dm", "removed": 0.3, "chosen": True}, [(NO, DIRECT)], False),
        ({"value": math.nan}, [(NO, NOBODY)], True),
        ({"name": "replay", "value": math.nan}, [(NO, NOBODY), (NO, REPLAY)], False),
    ],
)
def test_what_speaks_against_one_estimator_and_whether_it_can_have_an_interval(of, found, holds):
    uneven = replace(LOG, uniform=False)
    assert doubts(SOUND._replace(**of), uneven, MANY, EVERY_ROW) == found
    assert can_hold(SOUND._replace(**of), uneven) == holds
    assert can_hold(SOUND._replace(name="replay"), LOG)


@pytest.mark.parametrize(
    ("fraction", "takes", "misses", "found"),
    [
        (True, 10.0, 10.0, []),
        (True, 9.9, 10.0, [(WEAK, FEW.format("9.9 takes"))]),
        (True, 10.0, 9.9, [(WEAK, FEW.format("9.9 misses"))]),
        (True, 3.0, 2.0, [(WEAK, FEW.format("2.0 misses"))]),
        (False, 10.0, 0.0, []),
        (False, 9.9, 90.0, [(NO, FEW_REWARDS)]),
    ],
)
def test_few_rows_that_match_are_said(fraction, takes, misses, found):
    matched = Matched(0.5, 20.0, takes, misses)
    assert doubts(SOUND._replace(fraction=fraction), LOG, matched, EVERY_ROW) == found


def test_a_log_that_is_mostly_left_out_is_said():
    half, most = (Support(100, 50, {"level default": n}) for n in (50, 60))
    words = (
        "60% of the log is left out (60.0% level default): the estimate speaks of the smaller part"
    )
    assert doubts(SOUND, LOG, MANY, half) == []
    assert doubts(SOUND, LOG, MANY, most) == [(WEAK, words)]


def test_the_worst_doubt_is_the_reason_and_where_there_is_none_what_speaks_for_it():
    found = doubts(SOUND, replace(LOG, ess=50.0, largest_weight=500.0), MANY, EVERY_ROW)
    assert verdict_of(found, LOG) == (NO, HEAVY.format(500))
    assert verdict_of([], LOG) == (
        "trust",
        "effective sample size 900, largest weight 0.2% of all, mean weight 1.000 [0.980, 1.020]"
        " where it should be 1",
    )
    nothing = replace(LOG, mean_weight=0.0, largest_weight=0.0)
    assert nothing.largest_share == 0
    assert nothing.mean_weight_range[0] == 0
