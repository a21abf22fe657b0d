"""What logged rewards say of artwork beside what a bundle predicted of it, title by title."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from evaluate.new_artwork.contrasts import (
    PersonalSums,
    ShownRewards,
    contrast_sums,
    contrasts,
    held,
    reach,
    usual_new_reach,
    usual_reach,
)

FEWEST_TAKES = 5.0
"""Of a title: with fewer its take is not known well enough to hold artwork against."""


class ArtworkEvidence(NamedTuple):
    """Levels of artworks: ratios to the title's known artwork, less 1."""

    new: Bool[np.ndarray, " artworks"]
    """The bundle was not trained on it."""
    foreseen: Float[np.ndarray, " artworks"]
    """What the bundle predicts."""
    seen: Float[np.ndarray, " artworks"]
    """What rewards say."""
    noise: Float[np.ndarray, " artworks"]
    """Variance of that."""
    own_seen: Float[np.ndarray, " artworks"]
    """The same among those for whom the bundle would choose it by its looks; NaN: of none."""
    own_noise: Float[np.ndarray, " artworks"]
    among: Float[np.ndarray, " artworks"]
    """Known artworks of the title."""

    def part(self, which: Bool[np.ndarray, " artworks"]) -> "ArtworkEvidence":
        """Some of them."""
        return ArtworkEvidence(*(column[which] for column in self))

    def without_itself(self) -> "ArtworkEvidence":
        """Known artwork held against the others of its title, as new artwork is."""
        factor = self.among / np.maximum(self.among - 1, 1)
        return self._replace(seen=factor * self.seen, noise=factor**2 * self.noise)

    @classmethod
    def joined(cls, parts: Iterable["ArtworkEvidence"]) -> "ArtworkEvidence":
        """Of all titles."""
        none = cls(np.zeros(0, bool), *np.zeros((6, 0)))
        return cls(*map(np.concatenate, zip(none, *parts, strict=True)))


class TitleEvidence(NamedTuple):
    """A title in the log."""

    take: float
    """With its known artwork, shown as often each."""
    deviation: float
    """Of that, from its number of takes."""
    decisions: int
    scale: float | None
    """Of what the bundle predicts of a decision; None: what it predicted was not compared."""
    artworks: ArtworkEvidence
    rows: Int[np.ndarray, " artworks"]
    """Places of these artworks among those given."""
    personal: PersonalSums


class NewArtworkEvidence(NamedTuple):
    """Of all titles."""

    artworks: ArtworkEvidence
    personal: list[PersonalSums]
    """Title by title: members of one are not independent."""

    @classmethod
    def of(cls, titles: Iterable[TitleEvidence]) -> "NewArtworkEvidence":
        """Titles together."""
        titles = list(titles)
        return cls(ArtworkEvidence.joined(t.artworks for t in titles), [t.personal for t in titles])


class TitleLog(NamedTuple):
    """Decisions of a title: what the bundle says of its artworks, and what came of one."""

    known: Float[np.ndarray, "decisions artworks"]
    """Predicted takes, by looks and records."""
    looks: Float[np.ndarray, "decisions artworks"]
    """The same by looks alone."""
    trained: Bool[np.ndarray, " artworks"]
    """Whether the bundle was trained on it."""
    offered: Bool[np.ndarray, "decisions artworks"]
    """The decision's candidates."""
    action: Int[np.ndarray, " decisions"]
    reward: Float[np.ndarray, " decisions"]
    weight: Float[np.ndarray, " decisions"]
    """1 / (propensity · candidates)."""


def title_evidence(log: TitleLog) -> TitleEvidence | None:
    """What a title's decisions say; None where they are too few.

    The bundle's predictions are scaled to what the title earned, so that its level does not count
    as its artworks'.
    """
    shown = np.bincount(log.action, minlength=len(log.trained)) > 0
    known = log.trained & shown
    of_known = known[log.action]
    weighted = log.weight * log.reward
    total = float(weighted[of_known].sum())
    if known.sum() < 2 or total < FEWEST_TAKES:
        return None
    of_action = log.known[np.arange(len(log.action)), log.action]
    scale = total / float((log.weight * of_action)[of_known].sum())
    everyone = scale * log.known[:, known].mean(1)
    doubt = float((log.weight * weighted * log.reward)[of_known].sum()) / total**2
    foreseen = scale * log.known.mean(0) / everyone.mean() - 1
    rows = np.flatnonzero(shown)
    table = np.full((4, len(rows)), np.nan)
    for at, row in enumerate(rows):
        here = log.action == row
        # A known artwork is part of what it is held against, new artwork is not.
        against = (1 - 1 / known.sum(), 0.0) if known[row] else (1.0, doubt)
        table[:2, at] = _level(log, here, everyone, *against)
        rivals = log.known[:, known & (np.arange(len(known)) != row)].max(1)
        own = here & (log.looks[:, row] > rivals)
        if own.any():
            table[2:, at] = _level(log, own, everyone, *against)
    artworks = ArtworkEvidence(
        ~log.trained[rows],
        foreseen[rows],
        table[0],
        table[1],
        table[2],
        table[3],
        np.full(len(rows), float(known.sum())),
    )
    take = float(everyone.mean())
    sums = _personal_sums(log, scale, everyone, shown, known)
    return TitleEvidence(take, take * doubt**0.5, len(log.action), scale, artworks, rows, sums)


def _personal_sums(
    log: TitleLog,
    scale: float,
    everyone: Float[np.ndarray, " decisions"],
    shown: Bool[np.ndarray, " artworks"],
    known: Bool[np.ndarray, " artworks"],
) -> PersonalSums:
    """Sums of contrasts by looks of all that was shown, and of known artwork by records too.

    Looks of artwork that training saw tell what members differ by as well as those of new artwork:
    an encoder knows by heart how good an artwork is, and not whom it pleases.
    """
    outcomes = ShownRewards(log.action, log.reward, log.weight)
    looks, records = (contrasts(scale * part, everyone) for part in (log.looks, log.known))
    reaches = reach(looks, everyone)[known]
    usual = np.where(known, usual_reach(reaches), usual_new_reach(reaches))
    return PersonalSums(
        contrast_sums(held(looks, everyone, usual), everyone, log.offered & shown, outcomes),
        contrast_sums(records, everyone, log.offered & known, outcomes),
    )


def _level(
    log: TitleLog,
    which: Bool[np.ndarray, " decisions"],
    expected: Float[np.ndarray, " decisions"],
    share: float,
    doubt: float,
) -> tuple[float, float]:
    """Level of what these decisions showed, and its variance.

    A take's variance is that of its mean, not of what was observed, which may be no take at all;
    other rewards have only what was observed.

    Args:
        log: of a title.
        which: decisions.
        expected: take of each with the title's known artwork.
        share: of the variance that is not of what they are held against too.
        doubt: relative variance of what they are held against.
    """
    weight, reward = log.weight[which], log.reward[which]
    mean = expected[which]
    base = float((weight * mean).sum())
    level = float((weight * reward).sum()) / base - 1
    fraction = ((log.reward >= 0) & (log.reward <= 1)).all()
    spread = np.maximum(mean * (1 - mean), 0.1 * mean) if fraction else (reward - mean) ** 2
    return level, share * float((weight**2 * spread).sum()) / base**2 + doubt
