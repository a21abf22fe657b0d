"""Heads: one bank of linear functionals on the artwork's vector, in five kinds.

Every kind gives, for a context, functionals of `rank + prior` numbers, one for each head; a head's
logit for an artwork is the product with the artwork's vector. So a bank scores members × catalogue
as one matrix product, whatever its kind, and a draw of a head is a Thompson sample with an exact
propensity. The last `prior` numbers meet the frozen read-out of the artwork's embedding.

* `bootstrap`: a learnt functional a head, and a fixed random prior function a head.
* `dropout`: one learnt map under a bank of fixed masks; a random mask would not survive ONNX.
* `hierarchical`: a closed form over facts and artwork, concluded after training; heads differ by
  the doubt of each artwork's record.
* `neural_linear`: a closed-form posterior of the last layer, updated between trainings; the bank
  holds draws.
* `point`: one head, no prior: greedy.
"""

from typing import Literal, Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from model.hierarchical import HierarchicalHeads
from model.last_layer import Link
from model.neural_linear import NeuralLinearHeads

Kind = Literal["bootstrap", "dropout", "hierarchical", "neural_linear", "point"]
KINDS: tuple[Kind, ...] = ("bootstrap", "dropout", "hierarchical", "neural_linear", "point")

Functionals = Float[Tensor, "contexts heads rank_and_prior"]


class Heads(Protocol):
    """What every kind has in common."""

    heads: int
    """Functionals in the bank: when serving."""
    trained_heads: int
    """Functionals given in training, each with its own loss: weights need as many columns."""

    def __call__(
        self,
        g: Float[Tensor, "contexts width"],
        frozen: Float[Tensor, "contexts features"] | None = None,
    ) -> Functionals:
        """The bank for each context.

        Args:
            g: what the trunk says of the contexts.
            frozen: what `FrozenContext` says of them; kinds without a prior ignore it.
        """
        ...

    def learnt(self, g: Float[Tensor, "contexts width"]) -> Float[Tensor, "contexts heads rank"]:
        """The first `rank` numbers: what is trained."""
        ...


def make_heads(
    kind: Kind,
    width: int,
    rank: int,
    heads: int = 20,
    *,
    prior: int = 8,
    prior_scale: float = 0.3,
    frozen: int = 0,
    context: int = 0,
    keep: float = 0.8,
    last_width: int = 8,
    link: Link = "logit",
    apart: bool = False,
    noise: float | None = None,
    seed: int = 0,
) -> "AnyHeads":
    """Heads of a kind; see `Heads` for what they do.

    Args:
        kind: which.
        width: numbers that the trunk gives.
        rank: learnt numbers of the artwork's vector.
        heads: how many functionals the bank has; `point` has one.
        prior: frozen numbers of the artwork's vector, after the learnt ones.
        prior_scale: deviation of the prior functions, or of neural_linear's prior, in logits.
        frozen: numbers that `FrozenContext` gives; 0: prior functions of the artwork alone.
        context: numbers of the facts, which hierarchical heads read.
        keep: share of the trunk's numbers that a dropout mask keeps.
        last_width: numbers of the context that neural_linear's posterior reads; 0: the trunk's.
        apart: neural_linear has a posterior for each number of the vector: for one-hot vectors.
        noise: that neural_linear's posterior is told of a reward; none: it estimates it.
        link: of neural_linear's posterior: logit for takes, identity for other rewards.
        seed: of prior functions, masks and posterior draws.

    Raises:
        ValueError: no such kind, or a number out of its range.
    """
    if heads < 1 or rank < 1 or prior < 0 or frozen < 0:
        raise ValueError(
            f"heads is {heads}, rank {rank}, prior {prior}, frozen {frozen}: heads and rank must "
            "be at least 1, the others at least 0"
        )
    match kind:
        case "bootstrap":
            return BootstrapHeads(width, rank, heads, prior, prior_scale, frozen, seed)
        case "dropout":
            return DropoutHeads(width, rank, heads, prior, keep, seed)
        case "hierarchical":
            return HierarchicalHeads(width, context, rank, heads, prior)
        case "neural_linear":
            return NeuralLinearHeads(
                width, rank, heads, prior, last_width, prior_scale, link, seed, apart, noise
            )
        case "point":
            return PointHead(width, rank, prior)
    raise ValueError(f"heads of kind {kind!r}; there are {', '.join(KINDS)}")


def scale_gradient(x: Float[Tensor, "*shape"], factor: float) -> Float[Tensor, "*shape"]:
    """The same numbers; what flows back through them is multiplied by the factor."""
    still = x.detach()
    return still + factor * (x - still)


class FrozenContext(nn.Module):
    """A wide random network that never learns, standardised: what prior functions read.

    One network for all heads: each head's prior function is a random read-out of it, so the bank
    stays a matrix product (Dwaracherla et al. 2022, "Ensembles for Uncertainty Estimation").
    """

    def __init__(self, context: int, features: int = 256, seed: int = 0) -> None:
        super().__init__()
        self.features = features
        self.layers = nn.Sequential(
            nn.Linear(context, features), nn.ReLU(), nn.Linear(features, features), nn.ReLU()
        )
        draw = torch.Generator().manual_seed(seed)
        for layer in self.layers[::2]:
            assert isinstance(layer, nn.Linear)
            nn.init.normal_(layer.weight, std=(2 / layer.in_features) ** 0.5, generator=draw)
            nn.init.normal_(layer.bias, std=0.5, generator=draw)
        self.requires_grad_(False)
        self.shift: Tensor
        self.spread: Tensor
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("shift", torch.zeros(context))
        self.register_buffer("spread", torch.ones(context))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))
        self.standardise(torch.randn(1024, context, generator=draw))

    @torch.no_grad()
    def standardise(self, contexts: Float[Tensor, "contexts context"]) -> None:
        """Make facts and features of these contexts have mean 0 and deviation 1.

        Call it once, with contexts as they come, before the first training: later it would change
        the prior functions under the heads. What hardly varies is left small.
        """
        self.shift.copy_(contexts.mean(0))
        self.spread.copy_(contexts.std(0, correction=0).clamp(min=0.05))
        features = self.layers((contexts - self.shift) / self.spread)
        self.mean.copy_(features.mean(0))
        deviation = features.std(0, correction=0)
        self.deviation.copy_(deviation.clamp(min=0.1 * float(deviation.mean()) + 1e-6))

    def forward(
        self, context: Float[Tensor, "contexts context"]
    ) -> Float[Tensor, "contexts features"]:
        """Features, of about mean 0 and deviation 1 each."""
        features = self.layers((context.detach() - self.shift) / self.spread)
        return (features - self.mean) / self.deviation


class BootstrapHeads(nn.Module):
    """Functionals learnt apart on one trunk, each about a fixed random prior function.

    In training, what flows back into the trunk is divided by the number of heads: sum the heads'
    losses, and heads learn at the full rate, the trunk at that of their mean.

    Source: Osband, Aslanides and Cassirer 2018, "Randomized Prior Functions for Deep Reinforcement
    Learning".
    """

    def __init__(
        self,
        width: int,
        rank: int,
        heads: int,
        prior: int,
        prior_scale: float,
        frozen: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.heads = self.trained_heads = heads
        self.rank, self.prior = rank, prior
        self.functional = nn.Linear(width, heads * rank)
        draw = torch.Generator().manual_seed(seed)
        # R_h: [features → prior]; the product with a standardised read-out has deviation
        # `prior_scale`. Without a frozen context the prior function is of the artwork alone.
        reach = max(1, frozen * prior) ** 0.5 if frozen else max(1, prior) ** 0.5
        read_out = torch.randn(max(1, frozen), heads * prior, generator=draw)
        self.frozen = frozen
        self.read_out: Tensor
        self.register_buffer("read_out", prior_scale / reach * read_out)

    def forward(
        self,
        g: Float[Tensor, "contexts width"],
        frozen: Float[Tensor, "contexts features"] | None = None,
    ) -> Functionals:
        """The learnt part, then the prior part."""
        learnt = self.learnt(g)
        if not self.prior:
            return learnt
        if self.frozen and frozen is None:
            raise ValueError(f"prior functions read {self.frozen} frozen features; give them")
        features = frozen if self.frozen and frozen is not None else torch.ones_like(g[:, :1])
        return torch.cat([learnt, self.prior_part(features)], 2)

    def learnt(self, g: Float[Tensor, "contexts width"]) -> Float[Tensor, "contexts heads rank"]:
        """What is trained."""
        if self.training:
            g = scale_gradient(g, 1 / self.heads)
        return self.functional(g).unflatten(1, (self.heads, self.rank))

    @torch.no_grad()
    def start_alike(self) -> None:
        """Make all heads what their mean is: data and prior functions alone tell them apart then.

        What heads differ in by chance, or by an encoder that was still learning, would else stay
        where data say nothing, and be explored for ever.
        """
        for part in (self.functional.weight, self.functional.bias):
            heads = part.unflatten(0, (self.heads, self.rank))
            heads.copy_(heads.mean(0, keepdim=True).expand_as(heads).clone())

    def prior_part(
        self, frozen: Float[Tensor, "contexts features"]
    ) -> Float[Tensor, "contexts heads prior"]:
        """What is not: for a context the same for ever, so a replay may keep it."""
        return (frozen @ self.read_out).unflatten(1, (self.heads, self.prior))


class DropoutHeads(nn.Module):
    """One learnt functional under a bank of fixed dropout masks.

    Training takes the loss under every mask of the bank: all that will be served is trained.

    Source: Gal and Ghahramani 2016, "Dropout as a Bayesian Approximation".
    """

    def __init__(
        self, width: int, rank: int, heads: int, prior: int, keep: float, seed: int
    ) -> None:
        super().__init__()
        if not 0 < keep <= 1:
            raise ValueError(f"keep is {keep}; a mask keeps a share above 0, at most 1")
        self.heads = self.trained_heads = heads
        self.rank, self.prior = rank, prior
        self.functional = nn.Linear(width, rank)
        draw = torch.Generator().manual_seed(seed)
        masks = (torch.rand(heads, width, generator=draw) < keep).float()
        # Each mask keeps something, and all keep the same sum: their mean is the whole.
        masks[masks.sum(1) == 0] = 1.0
        self.masks: Tensor
        self.register_buffer("masks", masks * width / masks.sum(1, keepdim=True))

    def forward(
        self,
        g: Float[Tensor, "contexts width"],
        frozen: Float[Tensor, "contexts features"] | None = None,
    ) -> Functionals:
        """The functional under each mask."""
        return nn.functional.pad(self.learnt(g), (0, self.prior))

    def learnt(self, g: Float[Tensor, "contexts width"]) -> Float[Tensor, "contexts heads rank"]:
        """What is trained."""
        if self.training:
            g = scale_gradient(g, 1 / self.heads)
        bank = self.masks[:, None] * self.functional.weight  # heads, rank, width
        learnt = nn.functional.linear(g, bank.flatten(0, 1)).unflatten(1, (self.heads, self.rank))
        return learnt + self.functional.bias


class PointHead(nn.Module):
    """One functional and no prior: the greedy baseline."""

    def __init__(self, width: int, rank: int, prior: int) -> None:
        super().__init__()
        self.heads = self.trained_heads = 1
        self.rank, self.prior = rank, prior
        self.functional = nn.Linear(width, rank)

    def forward(
        self,
        g: Float[Tensor, "contexts width"],
        frozen: Float[Tensor, "contexts features"] | None = None,
    ) -> Functionals:
        """The functional."""
        return nn.functional.pad(self.learnt(g), (0, self.prior))

    def learnt(self, g: Float[Tensor, "contexts width"]) -> Float[Tensor, "contexts 1 rank"]:
        """What is trained."""
        return self.functional(g)[:, None]


AnyHeads = BootstrapHeads | DropoutHeads | HierarchicalHeads | NeuralLinearHeads | PointHead
"""What `make_heads` gives."""
