"""How often any test could find predictions that are too high: what a week's log lets be known."""

import numpy as np
from scipy.stats import norm

from bench.judging.monitor_world import FAULTY_DAYS, TOO_HIGH, Service, days_of
from bench.judging.row import Effort, Row, run_each, share_row

FAULT = "predictions 10% too high"


def limit(effort: Effort, first: int, level: float, runs: int) -> Row:
    """Power of the likelihood ratio of the whole week, by one who knows all but the answer.

    It knows on which day the fault would begin, and that it is this one. Its threshold is that of a
    week's false alarms, each day's being at `level`: no monitor that looks every day and warns as
    seldom can find more (Neyman and Pearson 1933).

    Args:
        effort: how many processes.
        first: seed of the first log.
        level: of a day's false alarms.
        runs: clean logs, and as many with the fault.
    """
    clean = [Service(seed, FAULTY_DAYS + 1) for seed in range(first, first + runs)]
    faulty = [service._replace(seed=service.seed + runs, fault=FAULT) for service in clean]
    ratios = np.array(run_each(likelihood_ratio, [*clean, *faulty], effort.workers))
    sound, broken = ratios[:runs], ratios[runs:]
    threshold = sound.mean() + norm.isf(FAULTY_DAYS * level) * sound.std(ddof=1)
    what = f"the most that any test could find in {FAULTY_DAYS} days of 2,000, the first known"
    return share_row("monitor", what, FAULT, (broken > threshold).tolist(), None, "shown")


def likelihood_ratio(service: Service) -> float:
    """Log likelihood of later days if predictions are too high, less that if they are right.

    Takes are independent beside predictions that are right on the whole of a service's profiles.
    """
    days = days_of(service)
    late = days.day > 0
    said, reward = days.predicted[late], days.reward[late]
    true = said / TOO_HIGH
    taken, not_taken = np.log(true / said), np.log((1 - true) / (1 - said))
    return float((reward * taken + (1 - reward) * not_taken).sum())
