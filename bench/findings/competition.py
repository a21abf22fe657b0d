"""What competition of a page's titles for one play makes of a lift that was judged off-line."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from bandit.simple import greedy, uniform
from bench.findings.pages import Matrix, best, scores
from evaluate.policies.bundle_scores import BundleScores
from simulate.browsing.browse import browse
from simulate.browsing.day import Browsing, DayLog, Requests
from simulate.browsing.habits import NO_HABITS
from simulate.browsing.logging_policies import LoggingPolicy, Uniform
from simulate.world.artwork_world import ArtworkWorld


class Bundled:
    """A bundle's greedy choice, as members browse."""

    name = "greedy"

    def __init__(self, scored: BundleScores) -> None:
        self.scored = scored

    def probabilities(self, requests: Requests) -> Matrix:
        """All on the best mean score."""
        return greedy(scores(self.scored, requests)[0], requests.valid)

    def learn(self, log: DayLog) -> None:
        """It learns from examples, at night, elsewhere."""


class Knowing:
    """The best artwork by the truth, for a title that stands alone."""

    name = "oracle"

    def __init__(self, world: ArtworkWorld) -> None:
        self.world = world

    def probabilities(self, requests: Requests) -> Matrix:
        """All on the best expected take."""
        takes = self.world.candidates(requests.members, requests.titles, requests.day).takes
        return best(takes, requests.valid)

    def learn(self, log: DayLog) -> None:
        """There is nothing to learn."""


def on_and_off_line(
    scored: BundleScores, world: ArtworkWorld, days: range, decisions: int, seed: int
) -> dict[str, dict[str, float]]:
    """Lift over random artwork: judged on the random log, and where the policy decides it all.

    Off-line, a place is judged as if it alone changed: the others show what the log's random policy
    chose. On-line all change, and compete harder.

    Returns:
        greedy and oracle → lifts: off_line (exact), estimated (the same by SNIPS, of the log's
        takes), on_line (exact) and alone (exact, without competition); lost, the share of the
        off-line lift that does not come; and plays, the share of the log's pages with a play.
    """
    policies: dict[str, LoggingPolicy] = {"greedy": Bundled(scored), "oracle": Knowing(world)}
    browsing = Browsing(decisions, seed, competition=True, habits=NO_HABITS)
    sums: dict[str, dict[str, float]] = {name: defaultdict(float) for name in policies}
    for day in days:
        log = browse(world, Uniform(), day, browsing)
        free = browse(world, Uniform(), day, replace(browsing, competition=False)).takes
        shown = log.outcomes.rendered
        taken, choice = log.outcomes.taken[shown], log.outcomes.choice[shown]
        even = uniform(log.requests.valid)[shown]
        together, apart = log.takes[shown], free[shown]
        at = np.arange(len(choice))
        for name, policy in policies.items():
            p = policy.probabilities(log.requests)[shown]
            weight = p[at, choice] / even[at, choice]
            parts = {
                "off_line": (p * together).sum(),
                "random": (even * together).sum(),
                "on_line": _chosen(browse(world, policy, day, browsing)),
                "alone": (p * apart).sum(),
                "random_alone": (even * apart).sum(),
                "estimated": (weight * taken).sum() / weight.sum() * len(taken),
                "taken": taken.sum(),
                "plays": log.outcomes.played.sum(),
                "pages": _pages(log),
            }
            for what, value in parts.items():
                sums[name][what] += float(value)
    return {name: _lifts(total) for name, total in sums.items()}


def _lifts(total: Mapping[str, float]) -> dict[str, float]:
    off_line, on_line = (total[name] / total["random"] - 1 for name in ("off_line", "on_line"))
    return {
        "off_line": off_line,
        "on_line": on_line,
        "estimated": total["estimated"] / total["taken"] - 1,
        "alone": total["alone"] / total["random_alone"] - 1,
        "lost": 1 - on_line / off_line,
        "plays": total["plays"] / total["pages"],
    }


def _chosen(log: DayLog) -> float:
    rows = np.flatnonzero(log.outcomes.rendered)
    return float(log.takes[rows, log.outcomes.choice[rows]].sum())


def _pages(log: DayLog) -> int:
    """Pages of the day: a member opens one at a time."""
    when = log.decisions["time"].to_numpy().astype(np.int64)
    return len(np.unique(np.stack([log.requests.members, when]), axis=1).T)
