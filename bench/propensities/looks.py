"""Looks of members at titles, and the truth of the draws that they saw."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import expit

from simulate.visits.draw_takes import WINDOW_US, first_take

ENGAGED_US = 60_000_000
"""From a look to the end of what comes of it: later than that it is outside the window."""

Matrix = Float[np.ndarray, "looks candidates"]


class Looks(NamedTuple):
    """Places that were in view, in the order of time; of some the member skipped the title."""

    time: Int[np.ndarray, " looks"]  # microseconds
    member: Int[np.ndarray, " looks"]
    title: Int[np.ndarray, " looks"]
    draw: Int[np.ndarray, " looks"]  # number of the draw that was shown, or would have been
    rank: Int[np.ndarray, " looks"]  # of what was shown, among the title's candidates
    rendered: Bool[np.ndarray, " looks"]  # False: skipped, since it was played before
    changed_from: Int[np.ndarray, " looks"]  # rank of what the member saw last, −1: nothing
    last_draw: Int[np.ndarray, " looks"]  # draw that the member saw last, −1: none
    logit: Matrix  # of a play of each candidate in that place, but for the cost of a change
    enjoy: Matrix  # probability that who plays enjoys

    @staticmethod
    def together(parts: "list[Looks]") -> "Looks":
        """All of them, in order."""
        return Looks(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def play_logits(looks: Looks, rows: np.ndarray, draw: int, cost: float) -> Matrix:
    """Logits of a play in some looks, had a draw fallen on each candidate.

    Args:
        looks: all.
        rows: which.
        draw: the draw that is thought of otherwise; what others fell on stays.
        cost: taken from the logit where the artwork is not what was seen last.
    """
    ranks = np.arange(looks.logit.shape[1])
    before = looks.changed_from[rows, None]
    changed = (before >= 0) & (before != ranks) & (looks.last_draw[rows, None] != draw)
    return looks.logit[rows] - cost * changed


def values_of_draws(looks: Looks, cost: float) -> dict[int, Float[np.ndarray, " candidates"]]:
    """Expected outcome of each draw that was rendered, for each candidate it could have shown.

    The outcome of a draw is a take within the window of its first rendering. Which pages have the
    title in view in those hours does not depend on the draw; on which of them the member still
    looks does, and is averaged over: a play of another draw of the same title ends it too.
    """
    values: dict[int, np.ndarray] = {}
    order = np.lexsort((looks.time, looks.title, looks.member))
    pair = looks.member[order].astype(np.int64) * (looks.title.max() + 1) + looks.title[order]
    for rows in np.split(order, np.flatnonzero(np.diff(pair)) + 1):
        for draw in np.unique(looks.draw[rows][looks.rendered[rows]]).tolist():
            mine = rows[(looks.draw[rows] == draw) & looks.rendered[rows]]
            first = looks.time[mine[0]]
            last = first + WINDOW_US - ENGAGED_US
            within = rows[(looks.time[rows] >= first) & (looks.time[rows] <= last)]
            plays = expit(play_logits(looks, within, draw, cost))
            others = looks.draw[within] != draw
            at = looks.rank[within[others]]
            plays[others] = np.take_along_axis(plays[others], at[:, None], 1)
            takes = plays * looks.enjoy[mine[0]] * ~others[:, None]
            values[draw] = first_take(takes, plays)
    return values
