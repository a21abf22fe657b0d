"""Heads of kind neural_linear: a trained mean, and draws from the posterior of its last layer."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model.heads.bayesian_last_layer import BayesianLastLayer
from model.heads.interface import Functionals, Heads, HeadSettings, Inference, Inferred


class NeuralLinearHeads(Heads):
    """A mean functional that is trained, and draws from the posterior of its last layer.

    The functional is M·(P g), with P g a few features of the context; the posterior is of the
    matrix M, see `BayesianLastLayer`. With `per_arm`, each number of the vector has a posterior of
    its own: exact, and much cheaper, when vectors are one-hot, that is for arms. In training there
    is one head, the mean; in evaluation the bank.

    Source: Riquelme, Tucker and Snoek 2018, "Deep Bayesian Bandits Showdown", NeuralLinear.
    """

    kind = "neural_linear"

    def __init__(self, settings: HeadSettings) -> None:
        super().__init__(settings)
        self.heads, self.trained_heads = settings.heads, 1
        width, rank, few = settings.width, settings.rank, settings.last_width or settings.width
        self.compress = (
            nn.Sequential(nn.Linear(width, few), nn.Tanh())
            if settings.last_width
            else nn.Identity()
        )
        self.functional = nn.Linear(few, rank, bias=False)
        self.bias = nn.Parameter(torch.zeros(rank))
        sizes = [few + 1] * rank if settings.per_arm else [rank * (few + 1)]
        known = {} if settings.noise is None else {"noise": settings.noise, "known": True}
        self.last = [
            BayesianLastLayer(size, settings.prior_scale, settings.link, **known) for size in sizes
        ]
        self.posteriors = nn.ModuleList(self.last)  # so that they are saved
        self.bank: Tensor
        self.register_buffer("bank", torch.zeros(settings.heads, rank, few + 1))
        self.recentre(size=few + 1)
        self.draw(torch.Generator().manual_seed(settings.seed))

    def context(self, g: Float[Tensor, "contexts width"]) -> Float[Tensor, "contexts few"]:
        """What the last layer reads of the context, its last feature a constant."""
        few = self.compress(g)
        return torch.cat([few, torch.ones_like(few[:, :1])], 1)

    def features(
        self, g: Float[Tensor, "contexts width"], vectors: Float[Tensor, "contexts rank_and_prior"]
    ) -> Float[Tensor, "contexts features"]:
        """What the posterior reads of each (context, artwork): the product of both."""
        pairs = vectors[:, : self.rank, None] * self.context(g)[:, None]
        return pairs.flatten(1)

    @torch.no_grad()
    def begin_at_nothing(self) -> None:
        """See `Heads`."""
        super().begin_at_nothing()
        self.bias.zero_()

    @torch.no_grad()
    def recentre(self, size: float, zero: bool = False) -> None:
        """Back to the prior, centred on the trained functional: call it after each training.

        The data must be given to `update` again: the features have changed.

        Args:
            size: mean squared norm of the features.
            zero: centre on nothing instead, and let the data say all.
        """
        matrix = torch.cat([self.functional.weight, self.bias[:, None]], 1)
        centres = (matrix * (0 if zero else 1)).reshape(len(self.last), -1)
        for last, centre in zip(self.last, centres, strict=True):
            last.reset(centre, size)

    @torch.no_grad()
    def update(
        self,
        features: Float[Tensor, "impressions features"],
        rewards: Float[Tensor, " impressions"],
        weights: Float[Tensor, " impressions"] | None = None,
        offset: Float[Tensor, " impressions"] | None = None,
        forget: float = 1.0,
    ) -> None:
        """Observe a batch of rewards, closed form; `draw` then fills the bank anew."""
        for last, x, mine in self._blocks(features):
            if bool(mine.any()) or forget < 1:
                part = [None if v is None else v[mine] for v in (weights, offset)]
                last.update(x[mine], rewards[mine], part[0], part[1], forget)

    @torch.no_grad()
    def predict(
        self, features: Float[Tensor, "rows features"]
    ) -> tuple[Float[Tensor, " rows"], Float[Tensor, " rows"]]:
        """Predicted mean and deviation of the scores; `features` are what `features` gives."""
        mean = torch.zeros(len(features), dtype=torch.float64)
        variance = mean.clone()
        for last, x, mine in self._blocks(features):
            if bool(mine.any()):
                middle, deviation = last.predict(x[mine])
                mean[mine] += middle
                variance[mine] += deviation.square()
        return mean, variance.sqrt()

    def _blocks(self, features: Tensor) -> Iterator[tuple[BayesianLastLayer, Tensor, Tensor]]:
        """Each posterior, its part of the features, and the rows that have any."""
        parts = features.reshape(len(features), len(self.last), -1)
        for block, last in enumerate(self.last):
            x = parts[:, block]
            yield last, x, x.abs().sum(1) > 0

    @torch.no_grad()
    def draw(self, generator: torch.Generator | None = None, scale: float = 1.0) -> None:
        """Fill the bank with draws from the posterior, their deviation times the scale."""
        draws = [last.draws(self.heads, generator, scale) for last in self.last]
        self.bank.copy_(torch.cat(draws, 1).view_as(self.bank))

    def forward(
        self,
        g: Float[Tensor, "contexts width"],
        read: Float[Tensor, "contexts read"] | None = None,
    ) -> Functionals:
        """In training the mean, in evaluation the bank of draws."""
        return nn.functional.pad(self.learnt(g), (0, self.prior))

    def learnt(self, g: Float[Tensor, "contexts width"]) -> Float[Tensor, "contexts heads rank"]:
        """The same without the prior's zeros."""
        few = self.context(g)
        if self.training:
            return (self.functional(few[:, :-1]) + self.bias)[:, None]
        learnt = nn.functional.linear(few, self.bank.flatten(0, 1))
        return learnt.unflatten(1, (self.heads, self.rank))

    def infer(self, inference: Inference[Inferred]) -> Inferred:
        """The posterior of the last layer fills the bank; artworks get random effects beside it."""
        return inference.last_layer(self)
