"""`python -m bench shadow`: what Marquee would have earned beside a caller, against the truth."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from rich.console import Console
from rich.table import Table
from scipy.special import softmax

from evaluate.shadow.rows import ShownRows
from evaluate.shadow.shadow import Varies, shadow_report

Present = Literal["by title", "by taste"]
TITLES, RANKS, TASTES = 30, 4, 6
SETTINGS: tuple[tuple[Present, Varies], ...] = (
    ("by title", "given"),
    ("by taste", "given"),
    ("by title", "by-title"),
    ("by taste", "by-title"),
)
"""How the present logic chooses, and what is known of it."""


@dataclass(frozen=True)
class ShadowFigures:
    """What many estimates of one setting come to."""

    present: Present
    varies: Varies
    runs: int
    held: float
    """Share of runs whose interval of the difference holds the truth."""
    bias: float
    """Mean error of the difference."""
    half: float
    """Mean half width of the interval."""
    truth: float
    """Difference in truth, mean."""
    switch: float
    """Share of runs that say switch."""


# Each parameter is an option of the command.
def shadow(
    runs: int = 100, members: int = 1_500, pages: int = 6, seed: int = 51_000, quick: bool = False
) -> list[ShadowFigures]:
    """Estimate the difference of two policies in worlds whose truth is known.

    Members have one of six tastes, unevenly; takes of a title follow taste and artwork. Marquee
    (fixed) knows the tastes a little; the present logic draws with probabilities of its own: by
    title alone, or by taste too. The truth is of members as they come, computed and not drawn.

    Args:
        runs: of each setting, each with a world of its own.
        members: of a run.
        pages: of one title each that a member is shown, on average; a few are shown many.
        seed: of the first world.
        quick: a few small runs, to see that it works.
    """
    if quick:
        runs, members = 5, 300
    return [
        _figures(present, varies, runs, members, pages, seed + 10_000 * at)
        for at, (present, varies) in enumerate(SETTINGS)
    ]


def show(figures: list[ShadowFigures]) -> None:
    """A row a setting."""
    names = "present logic, propensities, runs, held, bias, half width, truth, switch"
    table = Table(*names.split(", "))
    for one in figures:
        numbers = [f"{n:+.5f}" for n in (one.bias, one.half, one.truth)]
        table.add_row(
            one.present, one.varies, str(one.runs), f"{one.held:.2f}", *numbers, f"{one.switch:.2f}"
        )
    Console().print(table)


def _figures(
    present: Present, varies: Varies, runs: int, members: int, pages: int, seed: int
) -> ShadowFigures:
    held, errors, halves, truths, switches = [], [], [], [], []
    for run in range(runs):
        rows, truth = _world(np.random.default_rng(seed + run), present, members, pages)
        report = shadow_report(rows, varies)
        one = report.beside
        assert one is not None
        held.append(one.low <= truth <= one.high)
        errors.append(one.difference - truth)
        halves.append((one.high - one.low) / 2)
        truths.append(truth)
        switches.append(report.verdict == "switch")
    means = (float(np.mean(x)) for x in (held, errors, halves, truths, switches))
    return ShadowFigures(present, varies, runs, *means)


def _world(
    g: np.random.Generator, present: Present, members: int, pages: int
) -> tuple[ShownRows, float]:
    """A log of a world of its own, and the true difference of the two policies."""
    tastes = g.dirichlet(np.full(TASTES, 3.0))
    worth = 1 / (1 + np.exp(-(-1.8 + g.normal(0, 0.5, (TASTES, TITLES, RANKS)))))
    own = softmax(2 * np.log(worth) + g.normal(0, 0.7, worth.shape), 2)
    by_title = softmax(g.normal(0, 0.8, (1, TITLES, RANKS)), 2)
    shown_by = np.broadcast_to(by_title, worth.shape)
    if present == "by taste":
        shown_by = softmax(np.log(by_title) + 4 * (worth - worth.mean(2, keepdims=True)) * 5, 2)
        shown_by = 0.9 * shown_by + 0.1 / RANKS
    truth = float(tastes @ ((own - shown_by) * worth).sum(2).mean(1))
    taste = g.choice(TASTES, members, p=tastes)
    counts = np.minimum(g.poisson(g.gamma(1.0, pages, members)), 60)
    member = np.repeat(np.arange(members), counts)
    title = g.integers(TITLES, size=len(member))
    at = taste[member], title
    action = _drawn(g, shown_by[at])
    reward = (g.random(len(member)) < worth[(*at, action)]).astype(float)
    rows = ShownRows(
        member,
        title,
        title * RANKS + action,
        shown_by[(*at, action)],
        reward,
        np.full(len(member), RANKS),
        own[(*at, action)],
        own[at].max(1),
        ["bundle"],
    )
    return rows, truth


def _drawn(g: np.random.Generator, chances: Float[np.ndarray, "rows ranks"]) -> np.ndarray:
    return (g.random((len(chances), 1)) > np.cumsum(chances, 1)[:, :-1]).sum(1)
