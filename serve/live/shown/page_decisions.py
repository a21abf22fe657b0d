"""A page's live decisions, and how their numbers are spelt."""

import hashlib
import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np
from jaxtyping import Float, Int

from data.records import TitleId
from serve.live.shown.told_assets import TitleAssets, logged_beside, spelt_beside


class PageDecisions(NamedTuple):
    """A page's live decisions, a column each; titles outside the catalogue are left out."""

    title_ids: list[TitleId]
    slots: list[int]
    ordinals: list[int]
    decision_ids: list[str]
    propensities: list[float]
    probabilities: Float[np.ndarray, "titles ranks"]
    seeds: list[int]
    epochs: list[int]
    fingerprint: int  # of the features that the page's facts became
    entropy: float  # mean of the titles' policies, nats
    ruled: list[int] | None = None  # effect of rules on each title, 0: none; None: none on any
    alone: Sequence[float] = ()  # chance of each whatever its neighbours are; none: not logged
    beside: Sequence[TitleAssets | None] = ()  # what is shown with each; none: artwork alone


NOTHING_DECIDED = PageDecisions([], [], [], [], [], np.empty((0, 1)), [], [], 0, 0.0)


def spelt_decisions(decisions: PageDecisions, openings: Sequence[str]) -> list[str]:
    """A page's decisions as JSON, one a title.

    Args:
        decisions: of a page.
        openings: of each artwork's JSON, up to the decision id.
    """
    pieces = [
        f'{openings[ordinal]}{name}","propensity":{SPELT[propensity]}}}'
        for ordinal, name, propensity in zip(
            decisions.ordinals, decisions.decision_ids, decisions.propensities, strict=True
        )
    ]
    if not decisions.beside:
        return pieces
    both = zip(pieces, decisions.beside, strict=True)
    return [p if a is None else spelt_beside(p, a.shown, a.joint) for p, a in both]


def logged_columns(
    decisions: PageDecisions,
    lists: Sequence[object],
    artwork_ids: Sequence[str],
    counts: Int[np.ndarray, " titles"] | None,
) -> dict[str, Sequence[object]]:
    """The columns of the log that differ from title to title.

    Args:
        decisions: of a page.
        lists: candidates of each title, as JSON.
        artwork_ids: of the layout.
        counts: candidates of each title; None: every title has one a rank.
    """
    # As an array, which is written faster, where all titles have as many candidates.
    chances = np.ascontiguousarray(decisions.probabilities)
    probabilities = cast("Sequence[object]", chances)
    if counts is not None and (counts < chances.shape[1]).any():
        rows = zip(chances.tolist(), counts.tolist(), strict=True)
        probabilities = [row[:count] for row, count in rows]
    columns: dict[str, Sequence[object]] = {
        "decision_id": decisions.decision_ids,
        "title_id": decisions.title_ids,
        "candidates": lists,
        "action": [artwork_ids[ordinal] for ordinal in decisions.ordinals],
        "propensity": decisions.propensities,
        "probabilities": probabilities,
        "seed": decisions.seeds,
        "epoch": decisions.epochs,
    }
    if decisions.beside:
        columns |= logged_beside(decisions.beside, decisions.ruled)
    return columns | _page_columns(decisions, artwork_ids) if decisions.alone else columns


def _page_columns(
    decisions: PageDecisions, artwork_ids: Sequence[str]
) -> dict[str, Sequence[object]]:
    """Which page decisions are of, and what stands beside them in reading order."""
    named = "".join(decisions.decision_ids).encode()
    shown = [artwork_ids[ordinal] for ordinal in decisions.ordinals]
    return {
        "page_id": [hashlib.blake2b(named, digest_size=16).hexdigest()] * len(shown),
        "page_slot": list(range(len(shown))),
        "left_artwork": [None, *shown[:-1]],
        "right_artwork": [*shown[1:], None],
        "slot_propensity": [None if math.isnan(chance) else chance for chance in decisions.alone],
    }


class Spelt(dict[float, str]):
    """Numbers as JSON spells them; propensities are few, and spelling one takes longest."""

    def __missing__(self, number: float) -> str:
        if len(self) >= SPELT_KEPT:
            self.clear()
        text = self[number] = repr(number)
        return text


SPELT, SPELT_KEPT = Spelt(), 10_000
