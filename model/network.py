"""The two sides of the product: artwork to a vector, context to a bank of linear functionals."""

import itertools

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn


class ImageEncoder(nn.Module):
    """A small CNN that trains from scratch; normalisation is inside, so input is uint8 RGB."""

    def __init__(self, width: int = 32, embedding: int = 64) -> None:
        super().__init__()
        sizes = [3, width, 2 * width, 4 * width, 4 * width]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(sizes):
            layers += [nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.out = nn.Linear(sizes[-1], embedding)

    def forward(
        self, image: UInt8[Tensor, "images 3 height width"]
    ) -> Float[Tensor, "images embedding"]:
        """Pixels alone, so any image can be scored."""
        return self.out(self.layers(image.float() / 127.5 - 1).mean((2, 3)))


class CastBag(nn.Module):
    """Weighted mean of hashed cast embeddings; bucket 0 pads."""

    def __init__(self, buckets: int, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(buckets, width, padding_idx=0)
        nn.init.normal_(self.table.weight, std=0.1)

    def forward(
        self, ids: Int[Tensor, "rows cast"], weights: Float[Tensor, "rows cast"]
    ) -> Float[Tensor, "rows width"]:
        """Rows without cast give zero."""
        return (self.table(ids) * weights[..., None]).sum(1)


class CandidateTower(nn.Module):
    """Image embedding, title and tags to the vector that every head scores.

    The title joins here and not in the context tower, so that members × catalogue is one matrix
    product. The last `prior` numbers come from a frozen random network: each head reads them with
    fixed random weights, its prior function (Osband et al. 2018, "Randomized Prior Functions").
    """

    def __init__(self, embedding: int, title: int, cast: CastBag, rank: int, prior: int) -> None:
        super().__init__()
        self.cast = cast
        width = cast.table.embedding_dim
        self.vector = nn.Linear(embedding, rank)
        self.tags = nn.Sequential(nn.Linear(title + width, 64), nn.ReLU(), nn.Linear(64, rank))
        self.appeal = nn.Sequential(nn.Linear(title, 32), nn.ReLU(), nn.Linear(32, 16))
        self.frozen = nn.Sequential(nn.Linear(embedding, 128), nn.Tanh(), nn.Linear(128, prior))
        for parameter in self.frozen.parameters():
            parameter.requires_grad_(False)

    def forward(
        self,
        embedding: Float[Tensor, "artworks embedding"],
        dense: Float[Tensor, "artworks title"],
        cast_ids: Int[Tensor, "artworks cast"],
        cast_weights: Float[Tensor, "artworks cast"],
    ) -> tuple[Float[Tensor, "artworks rank"], Float[Tensor, "artworks appeal"]]:
        """The artwork's vector, and the title's part of the appeal."""
        tags = torch.cat([dense, self.cast(cast_ids, cast_weights)], 1)
        learnt = self.vector(embedding) + self.tags(tags)
        return torch.cat([learnt, self.frozen(embedding.detach())], 1), self.appeal(dense)


class ContextTower(nn.Module):
    """Facts to one linear functional a head over artwork vectors, and to the appeal's part."""

    def __init__(
        self, context: int, cast: CastBag, heads: int, rank: int, prior: int, prior_scale: float
    ) -> None:
        super().__init__()
        self.cast, self.heads, self.rank = cast, heads, rank
        width = context + cast.table.embedding_dim
        self.trunk = nn.Sequential(nn.Linear(width, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU())
        self.functional = nn.Linear(64, heads * rank)
        self.appeal = nn.Linear(64, 16)
        self.prior: Tensor
        self.register_buffer("prior", prior_scale * torch.randn(heads, prior) / prior**0.5)

    def forward(
        self,
        dense: Float[Tensor, "decisions context"],
        cast_ids: Int[Tensor, "decisions cast"],
        cast_weights: Float[Tensor, "decisions cast"],
    ) -> tuple[Float[Tensor, "decisions heads rank"], Float[Tensor, "decisions appeal"]]:
        """The product of a functional and a vector is the head's logit for that artwork."""
        g = self.trunk(torch.cat([dense, self.cast(cast_ids, cast_weights)], 1))
        learnt = self.functional(g).unflatten(1, (self.heads, self.rank))
        prior = self.prior.expand(len(g), -1, -1)
        return torch.cat([learnt, prior], 2), self.appeal(g)


class Marquee(nn.Module):
    """Encoder and towers together: the logit of each head for one artwork a decision."""

    def __init__(
        self,
        context: int,
        title: int,
        buckets: int,
        heads: int = 20,
        rank: int = 24,
        prior: int = 8,
        prior_scale: float = 0.3,
    ) -> None:
        super().__init__()
        self.encoder = ImageEncoder()
        self.candidate = CandidateTower(64, title, CastBag(buckets, 16), rank, prior)
        self.context = ContextTower(context, CastBag(buckets, 16), heads, rank, prior, prior_scale)
        self.bias = nn.Parameter(torch.tensor(-2.0))


def bootstrap_loss(
    logits: Float[Tensor, "decisions heads"],
    reward: Float[Tensor, " decisions"],
    weights: Float[Tensor, "decisions heads"],
) -> Float[Tensor, ""]:
    """Cross-entropy of each head on its own bootstrap of the decisions, mean over heads."""
    target = reward[:, None].expand_as(logits)
    loss = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (weights * loss).mean()
