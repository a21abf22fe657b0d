"""What images are worth to a title that shows each member the best of what it has.

Nobody has shown these images. What a bundle predicts of them is held against what it predicts of
the title's known artwork, and counts as far as `Foresight` has it; the level is what the title
earns among those who are shown it.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import t

from evaluate.new_artwork.contrasts import contrasts, held
from evaluate.new_artwork.foresight import PRIOR_ARTWORKS, Belief, Foresight
from evaluate.ope.paired_bootstrap import Range

HeadTakes = Float[np.ndarray, "members heads artworks"]
Z = 1.96
FEW = float(t.ppf(0.975, PRIOR_ARTWORKS))
"""In place of Z where the spread of levels counts: it is itself known from few artworks."""


class Addition(NamedTuple):
    """What an image adds, member by member."""

    gains: Float[np.ndarray, " members"]
    """0 for whom the bundle prefers what there is."""
    exposure: Float[np.ndarray, " members"]
    """Take with known artwork of those for whom it prefers the image; 0 for others."""
    relative: Float[np.ndarray, "members 2"]
    """What the gain would change by if members' differences counted by one more, those of new and
    of known artwork."""

    def value(self, part: Bool[np.ndarray, " members"] | slice = slice(None)) -> float:
        """To the title's take, in a part of the audience."""
        return float(self.gains[part].mean())


@dataclass(frozen=True)
class TitleToday:
    """A title with its artwork of today, before an audience.

    Attributes:
        takes: that the bundle predicts for this artwork.
        scale: what the title earns over what is predicted; its deviation as a share of itself.
        levels: of each artwork, ratios to their mean, less 1.
        doubts: standard deviations of these.
        foresight: what predictions mean.
        predicted_spread: standard deviation of predicted levels of new artwork.
        usual_reach: of contrasts by looks: those of new artwork count no further.
    """

    takes: HeadTakes
    scale: Belief
    levels: Float[np.ndarray, " known"]
    doubts: Float[np.ndarray, " known"]
    foresight: Foresight
    predicted_spread: float
    usual_reach: float

    @cached_property
    def mean(self) -> Float[np.ndarray, "members known"]:
        """Predicted takes, the mean over heads."""
        return self.takes.mean(1)

    @cached_property
    def everyone(self) -> Float[np.ndarray, " members"]:
        """Predicted take of each member with known artwork."""
        return self.mean.mean(1)

    @cached_property
    def take(self) -> Range:
        """Of the title with its artwork shown as often each."""
        value = float(self.scale.value) * float(self.everyone.mean())
        half = float(Z * self.scale.deviation)
        return Range(value, value * math.exp(-half), value * math.exp(half))

    @cached_property
    def best(self) -> Int[np.ndarray, " members"]:
        """Which artwork the bundle shows to each member today."""
        return self.mean.argmax(1)

    @cached_property
    def known(self) -> Float[np.ndarray, "members known"]:
        """Expected takes of today's artwork, once predictions count as far as they may."""
        return self._expected(self.levels, self.known_differs, self.foresight.personal.values[1])

    @cached_property
    def known_differs(self) -> Float[np.ndarray, "members known"]:
        """Contrasts of today's artwork."""
        return contrasts(self.mean, self.everyone)

    @cached_property
    def today(self) -> float:
        """Expected take of the title, when the bundle chooses among what there is."""
        return float(self.known[np.arange(len(self.best)), self.best].mean())

    def foreseen(
        self, mean: Float[np.ndarray, "members artworks"]
    ) -> Float[np.ndarray, " artworks"]:
        """Levels that the bundle predicts, of the mean over heads."""
        return mean.mean(0) / self.everyone.mean() - 1

    def level(self, takes: Float[np.ndarray, "members heads"]) -> Belief:
        """Of an image."""
        by_head = takes.mean(0) / self.takes.mean((0, 2)) - 1
        foreseen = float(takes.mean() / self.everyone.mean() - 1)
        return self.foresight.level(foreseen, float(by_head.std()), self.predicted_spread)

    def new(self, mean: Float[np.ndarray, "members images"]) -> Float[np.ndarray, "members images"]:
        """Expected takes of images, once predictions count as far as they may."""
        foresight = self.foresight
        levels = foresight.shift.value + foresight.slope.value * self.foreseen(mean)
        return self._expected(levels, self.differs(mean), foresight.personal.values[0])

    def differs(
        self, mean: Float[np.ndarray, "members images"]
    ) -> Float[np.ndarray, "members images"]:
        """Contrasts of images, as far as they are usual."""
        return held(contrasts(mean, self.everyone), self.everyone, self.usual_reach)

    def adds(self, mean: Float[np.ndarray, " members"]) -> Addition:
        """Of an image: of those for whom the bundle would prefer it."""
        rows = np.arange(len(mean))
        chosen = mean > self.mean[rows, self.best]
        gains = self.new(mean[:, None])[:, 0] - self.known[rows, self.best]
        relative = [self.differs(mean[:, None])[:, 0], -self.known_differs[rows, self.best]]
        scaled = np.where(chosen, self.scale.value, 0.0)
        return Addition(
            np.where(chosen, gains, 0.0),
            scaled * self.everyone,
            scaled[:, None] * np.stack(relative, 1),
        )

    def doubt(
        self, added: Addition, level: Belief, part: Bool[np.ndarray, " members"] | slice
    ) -> float:
        """Standard deviation of what an image adds to a part of the audience."""
        exposure = float(added.exposure[part].mean())
        rest = np.hypot(level.deviation, self._own_rest)
        known = float((added.exposure * self.doubts[self.best])[part].mean())
        slope = self._slopes_doubt(added.relative[part].mean(0))
        level_of_title = self.scale.deviation * added.value(part)
        # Members are a sample, and what one of them gains differs by about a take of the title:
        # one more than were found, since those for whom it is chosen may be too few to be found.
        chosen = added.exposure[part] > 0
        members = self.take.value * np.sqrt(chosen.sum() + 1) / len(chosen)
        parts = (rest * exposure, known, slope, level_of_title, members)
        return float(np.linalg.norm(parts))

    def difference_doubt(
        self, added: Addition, level: Belief, part: Bool[np.ndarray, " members"]
    ) -> float:
        """The same of how much more it adds there than to the whole audience."""
        inside = part.mean()
        exposure = added.exposure[part].mean()
        common = level.deviation * (exposure - added.exposure.mean())
        own = self._own_rest * exposure * np.sqrt(1 - inside)
        slope = self._slopes_doubt(added.relative[part].mean(0) - added.relative.mean(0))
        return float(np.sqrt(common**2 + own**2 + slope**2))

    def _slopes_doubt(self, relative: Float[np.ndarray, " 2"]) -> float:
        """Standard deviation of a gain that changes so with slopes."""
        return float(np.sqrt(relative @ self.foresight.personal.covariance @ relative))

    @property
    def _own_rest(self) -> float:
        """What those for whom an image is chosen have in common beyond its level."""
        foresight = self.foresight
        return float(np.sqrt(max(foresight.own_rest**2 - foresight.spread**2, 0.0)))

    def _expected(
        self,
        levels: Float[np.ndarray, " artworks"],
        differs: Float[np.ndarray, "members artworks"],
        slope: float,
    ) -> Float[np.ndarray, "members artworks"]:
        return self.scale.value * (self.everyone[:, None] * (1 + levels) + slope * differs)


def ratio_range(level: Belief, more: float = 0.0) -> Range:
    """1 + level with its 95% interval, which is cut off at 0.

    Args:
        level: less 1.
        more: relative deviation of what the ratio is multiplied by.
    """
    value = max(1 + level.value, 0.0)
    half = FEW * float(np.hypot(level.deviation, more * value))
    return Range(value, max(value - half, 0.0), value + half)


def probability_of_best(takes: HeadTakes, today: Int[np.ndarray, " some"], artwork: int) -> float:
    """Share of members and heads for whom the image beats all that the title has; ties count half.

    So often would Thompson sampling show it.
    """
    rival, mine = takes[:, :, today].max(-1), takes[:, :, artwork]
    return float((mine > rival).mean() + 0.5 * (mine == rival).mean())


def greedy_order(
    expected: Float[np.ndarray, "members artworks"],
) -> list[tuple[int, float, float]]:
    """Artworks in the order in which each adds most to those before it: which, value, and gain.

    The value of a set is the mean over members of its best image, so gains can only fall, and no
    other set of a size is worth more than 1 / (1 − 1/e) times as much.

    Source: Nemhauser, Wolsey and Fisher (1978), "An analysis of approximations for maximizing
    submodular set functions", Mathematical Programming 14.
    """
    best = np.zeros(len(expected))
    left = list(range(expected.shape[1]))
    order: list[tuple[int, float, float]] = []
    while left:
        gains = np.maximum(expected[:, left] - best[:, None], 0).mean(0)
        gain = float(gains.max())
        pick = left.pop(int(gains.argmax()))
        best = np.maximum(best, expected[:, pick])
        order.append((pick, float(best.mean()), gain))
    return order


def shrunk_differences(
    differences: Float[np.ndarray, " parts"], doubts: Float[np.ndarray, " parts"]
) -> tuple[Float[np.ndarray, " parts"], Float[np.ndarray, " parts"]]:
    """How parts differ from the whole, shrunk to 0, and their standard deviations.

    By as much as their doubts explain how far they differ (empirical Bayes, one factor for all).
    """
    square = float((differences**2).sum())
    factor = max(0.0, 1 - float((doubts**2).sum()) / square) if square > 0 else 0.0
    return factor * differences, np.sqrt(factor) * doubts
