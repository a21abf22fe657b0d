"""How far what a bundle says of artwork that nobody has shown may be believed: empirical Bayes.

Levels are ratios to the title's known artwork, less 1. Of artwork that training did not see

    level = shift + slope · predicted + N(0, rest²),   rest² = spread² − (slope · spread predicted)²

Artwork that training saw cannot tell these: the encoder knows its rewards by heart. What members
differ by around the level counts by a slope of its own, which the looks of all artwork tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from evaluate.new_artwork.contrasts import PersonalSums, SlopeSums
from evaluate.new_artwork.evidence import ArtworkEvidence, NewArtworkEvidence

LEAST, UNKNOWN, MOST = 0.05, 0.3, 2.0
"""Spreads: the smallest, that before any artwork is known, and the largest."""
PRIOR_ARTWORKS = 10.0
"""Artworks that the spread before any counts for."""
ROUNDS = 4
"""Of slopes given the spread, and the spread given slopes."""
ENOUGH = 10
"""Artworks whose predictions tell how far predictions differ."""
OWN = 1.3
"""Spread among those for whom an artwork is chosen over that among all, before a log tells: they
are alike, and have more in common than the bundle knows of. Measured: docs/decisions.md."""


class Belief(NamedTuple):
    """What a number is thought to be, normal about `value`."""

    value: float
    deviation: float


class Slopes(NamedTuple):
    """How far what members differ by comes true, for new artwork and for known: normal."""

    values: Float[np.ndarray, " 2"]
    covariance: Float[np.ndarray, "2 2"]

    @property
    def new(self) -> Belief:
        """Of artwork that nobody has shown."""
        return Belief(float(self.values[0]), float(self.covariance[0, 0] ** 0.5))


SHIFT, SLOPE = Belief(0.0, 0.05), Belief(0.25, 0.25)
"""Before a log tells: new artwork is as good as known artwork, give or take a twentieth, and little
of what the bundle says of its level holds. Measured: docs/decisions.md."""
KNOWN = Belief(1.0, 0.25)
"""What the bundle says of the levels of artwork which it was trained on holds."""
PERSONAL = Slopes(np.full(2, 0.5), 0.3**2 * np.array([[1.0, 0.9], [0.9, 1.0]]))
"""Anything between nothing and all of what the bundle says of whom artwork pleases holds, and much
the same of new artwork and of known: it is the same bundle that says it."""


@dataclass(frozen=True)
class Foresight:
    """What predictions for artwork mean.

    Attributes:
        shift: of the levels of new artwork.
        slope: of predicted levels of new artwork.
        personal: slopes of what members differ by.
        known_slope: of predicted levels of artwork that training saw.
        spread: standard deviation of true levels.
        known_rest: that of what is left of them once a known artwork's level is predicted.
        own_rest: that of the errors among those for whom an artwork would be chosen.
        predicted_spread: that of predicted levels of new artwork; None: too few to tell.
        artworks: that training had not seen and the log has shown.
    """

    shift: Belief
    slope: Belief
    personal: Slopes
    known_slope: float
    spread: float
    known_rest: float
    own_rest: float
    predicted_spread: float | None
    artworks: int

    @classmethod
    def of(cls, evidence: NewArtworkEvidence) -> "Foresight":
        """What a log tells; the priors, where it does not."""
        seen = evidence.artworks
        new, known = seen.part(seen.new), seen.part(~seen.new)
        others = known.without_itself()
        shift, slope = SHIFT, SLOPE
        spread = spread_of(others.seen, others.noise)
        for _ in range(ROUNDS):
            shift, slope = _levels(new, spread)
            rest = new.seen - shift.value - slope.value * new.foreseen
            spread = spread_of(
                np.concatenate([others.seen, rest]), np.concatenate([others.noise, new.noise])
            )
        known_slope = _known_slope(known)
        own = seen.own_seen - _group_means(seen)
        there = np.isfinite(own)
        return cls(
            shift,
            slope,
            slopes(evidence.personal),
            known_slope,
            spread,
            _known_rest(known, known_slope, spread),
            max(spread, spread_of(own[there], seen.own_noise[there]))
            if there.sum() > ENOUGH
            else OWN * spread,
            float(new.foreseen.std()) if len(new.seen) >= ENOUGH else None,
            len(new.seen),
        )

    def level(self, foreseen: float, doubt: float, predicted_spread: float) -> Belief:
        """The level of new artwork.

        Args:
            foreseen: that is predicted.
            doubt: standard deviation of it between the bundle's heads.
            predicted_spread: of predictions for new artwork.
        """
        rest = self.spread**2 * (1 - self.known(predicted_spread) ** 2)
        lines = self.shift.deviation**2 + (self.slope.deviation * foreseen) ** 2
        return Belief(
            self.shift.value + self.slope.value * foreseen,
            float(np.sqrt(max(rest, doubt**2) + lines)),
        )

    def known(self, predicted_spread: float) -> float:
        """How much of the levels of new artwork is known: deviation foreseen over true."""
        return float(np.clip(self.slope.value * predicted_spread / self.spread, 0.0, 0.95))

    def known_levels(
        self,
        foreseen: Float[np.ndarray, " artworks"],
        seen: Float[np.ndarray, " artworks"],
        noise: Float[np.ndarray, " artworks"],
    ) -> tuple[Float[np.ndarray, " artworks"], Float[np.ndarray, " artworks"]]:
        """Levels of artwork that training saw, from predictions and the log, and deviations.

        Args:
            foreseen: levels that the bundle predicts.
            seen: levels in the log; not read where `noise` is infinite.
            noise: their variances.
        """
        prior = self.known_slope * foreseen
        weight = self.known_rest**2 / (self.known_rest**2 + noise)
        there = np.where(np.isfinite(noise), seen, 0.0)
        return prior + weight * (there - prior), self.known_rest * np.sqrt(1 - weight)


def spread_of(
    errors: Float[np.ndarray, " some"],
    noise: Float[np.ndarray, " some"],
    unknown: float = UNKNOWN,
) -> float:
    """Standard deviation beyond noise of known variances, of an average artwork.

    By moments, weighted by precision once: the likeliest of a normal weighs by it twice, and then
    speaks of the titles that are shown most, whose artworks differ less.

    Args:
        errors: of artworks.
        noise: variances of these.
        unknown: what it is before any artwork is known.
    """
    spread = unknown
    for _ in range(20):
        weights = 1 / (spread**2 + noise)
        before = PRIOR_ARTWORKS / spread**2
        square = float((weights * (errors**2 - noise)).sum()) + before * unknown**2
        square /= float(weights.sum()) + before
        spread = float(np.clip(np.sqrt(max(square, 0.0)), LEAST, MOST))
    return spread


def posterior(prior: Belief, sums: SlopeSums) -> Belief:
    """A slope after sums of a log, which is normal about its least squares."""
    if sums.square <= 0 or sums.variance <= 0:
        return prior
    found, precision = sums.product / sums.square, sums.square**2 / sums.variance
    before = prior.deviation**-2
    both = before + precision
    return Belief((before * prior.value + precision * found) / both, float(both**-0.5))


def slopes(titles: Sequence[PersonalSums]) -> Slopes:
    """Slopes after sums of a log, which are normal about their least squares.

    One for new artwork and one for known, since what a poster adds is the difference of what each
    says: the same rewards tell both, and so they err together, by as much as titles show. Slopes
    are no surer than titles agree on them: members return to a title, and rewards follow the
    contrasts of some artwork further than those of other. Nor are they surer than by decisions,
    where titles agree by chance.

    Source: Liang and Zeger (1986), "Longitudinal data analysis using generalized linear models",
    Biometrika 73.
    """
    sums = np.array(titles, float).reshape(-1, 2, 3)
    sums = sums[(sums[:, :, 1] > 0).all(1)]
    count = len(sums)
    product, square, variance = sums.sum(0).T
    if not (count and (variance > 0).all()):
        return PERSONAL
    found = product / square
    rest = sums[:, :, 0] - found * sums[:, :, 1]
    between = rest.T @ rest * count / max(1, count - 1)
    # Two titles always lie on a line: the fewer they are, the less they tell of what goes together.
    errors = between * max(0.0, 1 - 2 / count)
    np.fill_diagonal(errors, np.maximum(between.diagonal(), variance))
    errors /= np.outer(square, square)
    prior, covariance = PERSONAL
    gain = covariance @ np.linalg.inv(covariance + errors)
    return Slopes(prior + gain @ (found - prior), covariance - gain @ covariance)


def _levels(new: ArtworkEvidence, spread: float) -> tuple[Belief, Belief]:
    """Shift and slope of levels given their spread: normal, conjugate."""
    design = np.stack([np.ones(len(new.seen)), new.foreseen], 1)
    weights = 1 / (spread**2 + new.noise)
    prior = np.diag([SHIFT.deviation**-2, SLOPE.deviation**-2])
    precision = prior + design.T @ (weights[:, None] * design)
    pull = prior @ [SHIFT.value, SLOPE.value] + design.T @ (weights * new.seen)
    covariance = np.linalg.inv(precision)
    mean, deviation = covariance @ pull, np.sqrt(covariance.diagonal())
    return Belief(float(mean[0]), float(deviation[0])), Belief(float(mean[1]), float(deviation[1]))


def _known_slope(known: ArtworkEvidence) -> float:
    """Slope of predicted levels of artwork that training saw; 0 where nothing was predicted."""
    if not known.foreseen.any():
        return 0.0
    rest = spread_of(known.seen - known.foreseen, known.noise)
    weights = 1 / (rest**2 + known.noise)
    square = float((weights * known.foreseen**2).sum())
    product = float((weights * known.foreseen * known.seen).sum())
    return posterior(KNOWN, SlopeSums(product, square, square)).value


def _known_rest(known: ArtworkEvidence, slope: float, spread: float) -> float:
    """Spread of what is left of known levels once they are predicted.

    Before any: that of all levels, about the mean of which they are part, less what is predicted.
    """
    foreseen = slope * known.foreseen
    if not len(foreseen):
        return spread
    part = float((1 - 1 / known.among).mean())
    before = part * spread**2 - float((foreseen**2).mean())
    return spread_of(known.seen - foreseen, known.noise, max(before, LEAST**2) ** 0.5)


def _group_means(seen: ArtworkEvidence) -> Float[np.ndarray, " artworks"]:
    """Mean level among those for whom artwork would be chosen: of new artwork, or of known."""
    means = np.zeros(len(seen.seen))
    for group in (seen.new, ~seen.new):
        there = group & np.isfinite(seen.own_seen)
        if there.any():
            weights = 1 / (1 + seen.own_noise[there])
            means[group] = np.average(seen.own_seen[there], weights=weights)
    return means
