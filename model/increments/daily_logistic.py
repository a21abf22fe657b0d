"""A hierarchical regression that goes on day by day from its sums, and its draws with it.

A day's rewards are linearised by a few Newton steps over that day alone, beside the sums of all
days before it, and then added to them: what comes of many days is defined as one reading of them in
order, and costs no day twice. How far each fact may reach is learnt on by two EM steps a day: with
the variances of the last full training, ten days earned 1.4% less than a full one. The noise that
makes draws is summed with them, each observation's by its id, so draws are exact after any number
of days: it has the covariance of the sums.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, UInt64
from torch import Tensor

from model.heads.hierarchical_logistic import HierarchicalLogistic
from model.heads.logistic_weights import LogisticWeights
from model.increments.observed_noise import noise_of

READINGS = 3
"""Newton steps over a day."""
VARIANCE_STEPS = 2
"""EM steps on the variances after it, which go on from those of the days before."""
STEPS = 1000
"""Of the solver at most: it stops where it has converged."""
NEAR, CONVERGED, DRAWN = 1e-10, 1e-16, 1e-10
"""Squared residuals at which it stops: before the last step, after it, and of draws."""
AT_ONCE = 65_536
"""Impressions of a day that are worked on together, in float64."""


class DayImpressions(NamedTuple):
    """A day's observations, in any order."""

    x: Float[Tensor, "impressions features"]
    shown: Int[Tensor, " impressions"]
    """Rows of the artworks."""
    rewards: Float[Tensor, " impressions"]
    offset: Float[Tensor, " impressions"]
    """The part of the logit that is not of the weights."""
    weights: Float[Tensor, " impressions"]
    """How much each counts."""
    noise: Float[Tensor, "impressions draws"]
    """Standard normal, by the observations' ids."""

    def parts(self) -> Iterator["DayImpressions"]:
        """Some at a time, in float64."""
        for at in range(0, len(self.shown), AT_ONCE):
            some = (part[at : at + AT_ONCE] for part in self)
            yield DayImpressions(*(p.double() if p.is_floating_point() else p for p in some))


class DailyLogistic(HierarchicalLogistic):
    """Sums, mean and noise in float64.

    After each day the sums are rounded to what is kept of them, float32, so that it makes no
    difference whether a day is followed by another at once or after it was written and read.
    """

    def __init__(self, trained: HierarchicalLogistic) -> None:
        """Go on from a regression that was trained; it stays as it is."""
        super().__init__(
            trained.components[:, :-1],
            trained.title_of,
            trained.gram.shape[1],
            trained.count,
            trained.seed,
        )
        self.group_of = trained.group_of
        self.load_state_dict(trained.state_dict())
        self.observed = kept(trained.observed_noise().double())
        self.prior = _doubled(trained.prior_noise())
        self.mean, self.variance = _doubled(trained.mean), _doubled(trained.variance)
        self.about, self.reach = self.mean, trained.reach.double()
        self.double()

    def joined_by(
        self,
        components: Float[Tensor, "new components"],
        title_of: Int[Tensor, " new"],
        keys: UInt64[np.ndarray, " new"],
        title_keys: UInt64[np.ndarray, " new_titles"],
    ) -> "DailyLogistic":
        """The same with further artworks, of which nothing was observed; draws are to be made.

        Args:
            components: of the new artworks.
            title_of: their titles; numbers from the present number of titles on are new ones.
            keys: of the artworks' ids, from `bandit.choice.profile_keys`.
            title_keys: of the new titles' ids.
        """
        held, features = self.tensors(), self.moment.shape[1]
        every = torch.cat([components, torch.ones(len(components), 1)], 1)
        held["components"] = torch.cat([held["components"], every])
        held["title_of"] = torch.cat([held["title_of"], title_of])
        for name in ("gram", "moment", "observed", "mean.artwork"):
            held[name] = _longer(held[name], len(keys))
        held["mean.title"] = _longer(held["mean.title"], len(title_keys))
        for name, of in (("prior.artwork", keys), ("prior.title", title_keys)):
            drawn = noise_of(of, features * self.count).reshape(-1, features, self.count)
            held[name] = torch.cat([held[name], torch.from_numpy(drawn).float()])
        return DailyLogistic.of_tensors(held)

    def tensors(self) -> dict[str, Tensor]:
        """All that it goes on from, by name; per artwork 4 · features · (features + 34) bytes."""
        parts = {"mean": self.mean, "variance": self.variance, "prior": self.prior}
        named = {
            f"{name}.{field}": part.float() if name != "mean" else part
            for name, weights in parts.items()
            for field, part in weights._asdict().items()
        }
        sums = {"gram": self.gram.float(), "observed": self.observed.float()}
        whole = {**named, **sums, "moment": self.moment, "title_of": self.title_of}
        whole |= {"components": self.components.float(), "reach": self.reach.double()}
        whole["expected"] = self.expected.float()
        if self.group_of is not None:
            whole["group_of"] = self.group_of
        return {name: part.contiguous().clone() for name, part in whole.items()}

    @classmethod
    def of_tensors(cls, tensors: dict[str, Tensor]) -> "DailyLogistic":
        """The same again, from what `tensors` gave."""
        count = tensors["observed"].shape[2]
        components, title_of = tensors["components"][:, :-1], tensors["title_of"]
        made = cls(HierarchicalLogistic(components, title_of, tensors["gram"].shape[1], count))
        for name in ("gram", "moment", "components"):
            getattr(made, name).copy_(tensors[name])
        made.group_of = tensors.get("group_of")
        if "expected" in tensors:  # posteriors that were kept before expected nothing
            made.expected.copy_(tensors["expected"])
        made.reach = tensors["reach"].double()
        made.observed = tensors["observed"].double()
        for name in ("mean", "variance", "prior"):
            parts = (tensors[f"{name}.{field}"].double() for field in LogisticWeights._fields)
            setattr(made, name, LogisticWeights(*parts))
        made.about = made.mean
        return made

    def observed_noise(self) -> Float[Tensor, "artworks features draws"]:
        """As it was summed up."""
        return self.observed

    def prior_noise(self) -> LogisticWeights:
        """As the training drew it."""
        return self.prior

    @torch.no_grad()
    def fade(self, factor: float) -> None:
        """Let all that was observed count so much less; the prior does not fade.

        Raises:
            ValueError: the factor is not above 0 and at most 1.
        """
        if not 0 < factor <= 1:
            raise ValueError(f"factor is {factor}; it must be above 0 and at most 1")
        self.gram.copy_(kept(self.gram * factor))
        self.moment.mul_(factor)
        self.observed = kept(self.observed * factor**0.5)

    @torch.no_grad()
    def take_in(self, day: DayImpressions) -> None:
        """Add a day, and move the mean and the draws to where it has them."""
        seen = torch.unique(day.shown)
        gram, moment = self.gram[seen].clone(), self.moment[seen].clone()
        for _ in range(READINGS):
            self.gram[seen], self.moment[seen] = gram, moment
            for part in day.parts():
                self.observe(*part[:5])
            self.solve(STEPS, NEAR)
        self._add_noise(day)
        self.gram.copy_(kept(self.gram))
        self.observed = kept(self.observed)
        self.draws = None
        self.learn_variances(VARIANCE_STEPS)
        self.variance = LogisticWeights(*(kept(part) for part in self.variance))
        self.solve(STEPS, CONVERGED)
        self.draw(STEPS, converged=DRAWN)

    def _add_noise(self, day: DayImpressions) -> None:
        """To each artwork's sum, noise of the covariance of what the day added to it."""
        u = self.weights(self.about)
        for part in day.parts():
            p = torch.sigmoid((part.x * u[part.shown]).sum(1) + part.offset)
            noise = (part.weights * p * (1 - p)).sqrt()[:, None] * part.noise
            for artwork in torch.unique(part.shown).tolist():
                rows = part.shown == artwork
                self.observed[artwork] += part.x[rows].T @ noise[rows]


def kept(sums: Tensor) -> Tensor:
    """Sums as they are kept between days."""
    return sums.float().double()


def _doubled(weights: LogisticWeights) -> LogisticWeights:
    return LogisticWeights(*(part.double() for part in weights))


def _longer(part: Tensor, more: int) -> Tensor:
    return torch.cat([part, part.new_zeros(more, *part.shape[1:])])
