"""The two sides of the product: artwork to a vector, context to a bank of linear functionals."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from model.heads.bootstrap import BootstrapHeads
from model.heads.hierarchical import HierarchicalHeads
from model.heads.interface import Kind
from model.heads.make_heads import make_heads
from model.heads.prior_network import FrozenContext

MATCH = 24
"""Numbers of the fixed random vector of a name: two names differ, whether learnt or not."""
FROZEN = 64
"""Numbers of the frozen random network that prior functions read."""
LEAST_MIX = 0.02
"""What a genre that the title has not may count as shown: misleading artwork exists."""


class CastBag(nn.Module):
    """Weighted mean of the vectors of hashed names; bucket 0 pads."""

    def __init__(self, buckets: int, width: int, learnt: bool = True) -> None:
        super().__init__()
        self.table = nn.Embedding(buckets, width, padding_idx=0)
        nn.init.normal_(self.table.weight, std=0.1 if learnt else width**-0.5)
        self.table.weight.data[0] = 0
        self.table.weight.requires_grad_(learnt)

    def forward(
        self, ids: Int[Tensor, "rows cast"], weights: Float[Tensor, "rows cast"]
    ) -> Float[Tensor, "rows width"]:
        """Rows without cast give zero."""
        return (self.table(ids) * weights[..., None]).sum(1)


class CandidateTower(nn.Module):
    """Embedding, title and tags to the vector that every head scores.

    The title joins here and not in the context tower, so that members × catalogue is one matrix
    product. An image says most in contrast to what its title is: of the genres that the title has,
    which are shown; of the names in it, whom the tags name. Names meet the member's most watched
    by fixed random vectors, so that a name works that training never saw.

    The last `prior` numbers come from a frozen random network: each head reads them at random, its
    prior function (Osband et al. 2018, "Randomized Prior Functions").
    """

    def __init__(
        self, embedding: int, title: int, genres: int, buckets: int, rank: int, prior: int
    ) -> None:
        super().__init__()
        self.genres = genres
        self.cast, self.names = CastBag(buckets, 16), CastBag(buckets, MATCH, learnt=False)
        self.image = nn.Linear(embedding, rank)
        self.genre = nn.Linear(embedding, genres)
        self.contrast = nn.Linear(genres, rank, bias=False)
        self.tags = nn.Sequential(nn.Linear(title + 16, 64), nn.ReLU(), nn.Linear(64, rank))
        self.gain = nn.Linear(title, 1)
        nn.init.zeros_(self.gain.weight)
        nn.init.zeros_(self.gain.bias)
        self.appeal = nn.Sequential(nn.Linear(title + 16, 64), nn.ReLU(), nn.Linear(64, 16))
        self.frozen = nn.Sequential(nn.Linear(embedding, 128), nn.Tanh(), nn.Linear(128, prior))
        self.frozen.requires_grad_(False)

    def shown(
        self, embedding: Float[Tensor, "artworks embedding"], mix: Float[Tensor, "artworks genres"]
    ) -> Float[Tensor, "artworks genres"]:
        """Log share of each genre that the image shows, given those that its title has."""
        return (self.genre(embedding) + (mix + LEAST_MIX).log()).log_softmax(1)

    def forward(
        self,
        embedding: Float[Tensor, "artworks embedding"],
        title: Float[Tensor, "artworks title"],
        cast_ids: Int[Tensor, "artworks cast"],
        cast_weights: Float[Tensor, "artworks cast"],
        title_cast_ids: Int[Tensor, "artworks cast"],
        title_cast_weights: Float[Tensor, "artworks cast"],
    ) -> tuple[Float[Tensor, "artworks dimension"], Float[Tensor, "artworks appeal"]]:
        """The artwork's vector, and the title's part of the appeal."""
        mix = title[:, : self.genres]
        contrast = self.contrast(self.shown(embedding, mix).exp() - mix)
        tags = torch.cat([title, self.cast(cast_ids, cast_weights)], 1)
        learnt = self.image(embedding) + contrast + self.tags(tags)
        tagged = (cast_weights.sum(1, keepdim=True) > 0).float()
        absent = self.names(title_cast_ids, title_cast_weights)
        match = (self.names(cast_ids, cast_weights) - absent) * tagged
        gain = self.gain(title).exp()
        vector = torch.cat([gain * learnt, gain * match, self.frozen(embedding.detach())], 1)
        cast = self.cast(title_cast_ids, title_cast_weights)
        return vector, self.appeal(torch.cat([title, cast], 1))


class ContextTower(nn.Module):
    """Facts to one linear functional a head over artwork vectors, and to the appeal's part."""

    def __init__(
        self,
        context: int,
        buckets: int,
        kind: Kind,
        heads: int,
        rank: int,
        prior: int,
        prior_scale: float,
        seed: int,
    ) -> None:
        super().__init__()
        self.cast, self.names = CastBag(buckets, 16), CastBag(buckets, MATCH, learnt=False)
        width = context + 16
        self.trunk = nn.Sequential(nn.Linear(width, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU())
        self.frozen = FrozenContext(context, features=FROZEN, seed=seed)
        self.heads = make_heads(
            kind, 64, rank, heads, prior=prior, prior_scale=prior_scale, frozen=FROZEN,
            context=context, seed=seed,
        )  # fmt: skip
        if isinstance(self.heads, BootstrapHeads):
            self.heads.start_alike()
        self.rank = rank
        self.match = nn.Linear(64, 1)
        self.appeal = nn.Linear(64, 16)

    def features(
        self,
        dense: Float[Tensor, "decisions context"],
        cast_ids: Int[Tensor, "decisions cast"],
        cast_weights: Float[Tensor, "decisions cast"],
    ) -> Float[Tensor, "decisions features"]:
        """What the trunk makes of the facts."""
        return self.trunk(torch.cat([dense, self.cast(cast_ids, cast_weights)], 1))

    def forward(
        self,
        dense: Float[Tensor, "decisions context"],
        cast_ids: Int[Tensor, "decisions cast"],
        cast_weights: Float[Tensor, "decisions cast"],
    ) -> tuple[Float[Tensor, "decisions heads dimension"], Float[Tensor, "decisions appeal"]]:
        """The product of a functional and a vector is the head's logit for that artwork."""
        g = self.features(dense, cast_ids, cast_weights)
        closed = isinstance(self.heads, HierarchicalHeads)
        bank = self.heads(g, dense if closed else self.frozen(dense))
        match = self.names(cast_ids, cast_weights) * (1 + self.match(g))
        match = match[:, None].expand(-1, bank.shape[1], -1)
        parts = [bank[:, :, : self.rank], match, bank[:, :, self.rank :]]
        return torch.cat(parts, 2), self.appeal(g)


class Marquee(nn.Module):
    """Encoder and towers together.

    Args:
        encoder: pixels to an embedding; None: embeddings are given.
        embedding: numbers of an embedding.
        context: numbers of the facts.
        title: numbers of a title and its artwork's tags, the genre mix first.
        genres: how many of them are the genre mix.
        buckets: of hashed names.
        kind: of the heads.
        heads: how many.
        rank: learnt numbers of an artwork's vector.
        prior: its frozen random numbers.
        prior_scale: deviation of the prior functions in logits.
        base: logit of the mean reward, where learning starts.
        seed: of what is random and never learnt.
    """

    def __init__(
        self,
        encoder: nn.Module | None,
        *,
        embedding: int,
        context: int,
        title: int,
        genres: int,
        buckets: int,
        kind: Kind = "bootstrap",
        heads: int = 20,
        rank: int = 24,
        prior: int = 8,
        prior_scale: float = 0.3,
        base: float = -2.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.encoder, self.embedding = encoder, embedding
        self.sizes = {"context": context, "title": title, "genres": genres, "buckets": buckets}
        self.candidate = CandidateTower(embedding, title, genres, buckets, rank, prior)
        self.context = ContextTower(context, buckets, kind, heads, rank, prior, prior_scale, seed)
        self.context.names = self.candidate.names  # one vector a name on both sides
        self.bias = nn.Parameter(torch.tensor(base))
