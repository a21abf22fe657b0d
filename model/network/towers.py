"""The two sides of the product: artwork to a vector, context to a bank of linear functionals."""

import warnings
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from data.features import CAST_KEPT
from model.heads.epistemic_index import index_size
from model.heads.interface import DEFAULT_KIND, Heads, HeadSettings
from model.heads.make_heads import make_heads
from model.heads.prior_network import PriorNetwork

MATCH = 24
"""Dimension of the fixed random vector of a name: two names differ, whether learnt or not."""
PRIOR_FEATURES = 64
"""Of the frozen random network that prior functions read."""
WIDTH, TITLE_WIDTH, CAST_WIDTH = 64, 16, 16
"""Features that the trunk gives; of the title main effect; of a bag of cast."""
LEAST_MIX = 0.02
"""What a genre that the title has not may count as shown: misleading artwork exists."""


@dataclass(frozen=True)
class Architecture:
    """What a network is made of, but for its encoder."""

    embedding: int
    """Dimension of an embedding."""
    context: int
    """Features of the facts."""
    title: int
    """Features of a title and its artwork's tags, the genre mix first."""
    genres: int
    """How many of them are the genre mix."""
    buckets: int
    """Of hashed names."""
    kind: str = DEFAULT_KIND
    """Of the heads."""
    heads: int = 20
    """How many."""
    rank: int = 24
    """Learnt numbers of an artwork's vector."""
    prior: int = 8
    """Its frozen random numbers."""
    prior_scale: float = 0.3
    """Deviation of the prior functions in logits."""
    base: float = -2.0
    """Logit of the mean reward, where learning starts."""
    seed: int = 0
    """Of what is random and never learnt."""
    declared: int = 0
    """How many of the features of title and tags, the last, are facts declared of the artwork."""

    @property
    def content(self) -> int:
        """Dimension of what an artwork is judged by: its embedding, and what is declared of it."""
        return self.embedding + self.declared

    @property
    def head_settings(self) -> HeadSettings:
        """Those of the heads on the context tower's trunk."""
        return HeadSettings(
            WIDTH,
            self.rank,
            self.heads,
            self.prior,
            self.prior_scale,
            PRIOR_FEATURES,
            self.context,
            seed=self.seed,
        )


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

    def __init__(self, made: Architecture) -> None:
        super().__init__()
        rank, tags = made.rank, made.title + CAST_WIDTH
        self.genres, self.declared = made.genres, made.declared
        self.cast = CastBag(made.buckets, CAST_WIDTH)
        self.names = CastBag(made.buckets, MATCH, learnt=False)
        self.image = nn.Linear(made.content, rank)
        with warnings.catch_warnings():
            # A catalogue without genres has nothing to draw first weights for.
            warnings.filterwarnings("ignore", "Initializing zero-element tensors")
            self.genre = nn.Linear(made.embedding, made.genres)
            self.contrast = nn.Linear(made.genres, rank, bias=False)
        self.tags = nn.Sequential(nn.Linear(tags, 64), nn.ReLU(), nn.Linear(64, rank))
        self.gain = nn.Linear(made.title, 1)
        nn.init.zeros_(self.gain.weight)
        nn.init.zeros_(self.gain.bias)
        self.title_effect = nn.Sequential(
            nn.Linear(tags, 64), nn.ReLU(), nn.Linear(64, TITLE_WIDTH)
        )
        self.frozen = nn.Sequential(
            nn.Linear(made.content, 128), nn.Tanh(), nn.Linear(128, made.prior)
        )
        self.frozen.requires_grad_(False)

    def content(
        self, embedding: Float[Tensor, "artworks embedding"], title: Float[Tensor, "artworks title"]
    ) -> Float[Tensor, "artworks content"]:
        """What an artwork is judged by: its embedding, and beside it what is declared of it."""
        if not self.declared:
            return embedding
        return torch.cat([embedding, title[:, -self.declared :]], 1)

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
    ) -> tuple[Float[Tensor, "artworks dimension"], Float[Tensor, "artworks width"]]:
        """The artwork's vector, and the title's part of the title main effect."""
        mix = title[:, : self.genres]
        contrast = self.contrast(self.shown(embedding, mix).exp() - mix)
        tags = torch.cat([title, self.cast(cast_ids, cast_weights)], 1)
        content = self.content(embedding, title)
        learnt = self.image(content) + contrast + self.tags(tags)
        shown = cast_ids[:, :CAST_KEPT], cast_weights[:, :CAST_KEPT]
        tagged = (shown[1].sum(1, keepdim=True) > 0).float()
        absent = self.names(title_cast_ids, title_cast_weights)
        match = (self.names(*shown) - absent) * tagged
        if cast_ids.shape[1] > CAST_KEPT:  # sets that members' counts match, declared by the user
            match = match + self.names(cast_ids[:, CAST_KEPT:], cast_weights[:, CAST_KEPT:])
        gain = self.gain(title).exp()
        vector = torch.cat([gain * learnt, gain * match, self.frozen(content.detach())], 1)
        cast = self.cast(title_cast_ids, title_cast_weights)
        return vector, self.title_effect(torch.cat([title, cast], 1))


class ContextTower(nn.Module):
    """Facts to one linear functional a head over artwork vectors, and to the title main effect."""

    def __init__(self, made: Architecture) -> None:
        super().__init__()
        self.cast = CastBag(made.buckets, CAST_WIDTH)
        self.names = CastBag(made.buckets, MATCH, learnt=False)
        self.trunk = nn.Sequential(
            nn.Linear(made.context + CAST_WIDTH, 128), nn.ReLU(), nn.Linear(128, WIDTH), nn.ReLU()
        )
        self.frozen = PriorNetwork(made.context, PRIOR_FEATURES, made.seed)
        self.heads: Heads = make_heads(made.kind, made.head_settings)
        self.heads.begin_stage()
        self.rank = made.rank
        self.match = nn.Linear(WIDTH, 1)
        self.title_effect = nn.Linear(WIDTH, TITLE_WIDTH)

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
    ) -> tuple[Float[Tensor, "decisions heads dimension"], Float[Tensor, "decisions width"]]:
        """The product of a functional and a vector is the head's logit for that artwork."""
        g = self.features(dense, cast_ids, cast_weights)
        bank = self.heads(g, self.heads.context_input(dense, self.frozen))
        match = self.names(cast_ids, cast_weights) * (1 + self.match(g))
        match = match[:, None].expand(-1, bank.shape[1], -1)
        parts = [bank[:, :, : self.rank], match, bank[:, :, self.rank :]]
        return torch.cat(parts, 2), self.title_effect(g)


class Marquee(nn.Module):
    """Encoder and towers together.

    Args:
        encoder: pixels to an embedding; None: embeddings are given.
        architecture: of the towers and heads.

    `doubt` is what an artwork's content leaves open of its level, a draw of the posterior a column:
    read by the content, and a constant. It stays 0 but for heads that infer what all share.
    """

    def __init__(self, encoder: nn.Module | None, architecture: Architecture) -> None:
        super().__init__()
        self.encoder, self.architecture = encoder, architecture
        self.candidate = CandidateTower(architecture)
        self.context = ContextTower(architecture)
        self.context.names = self.candidate.names  # one vector a name on both sides
        self.bias = nn.Parameter(torch.tensor(architecture.base))
        draws = index_size(self.context.heads.heads)
        self.doubt: Tensor
        self.register_buffer("doubt", torch.zeros(architecture.content + 1, draws))
        self.register_load_state_dict_pre_hook(with_present_names)


FORMER_NAMES = {
    "candidate.appeal.": "candidate.title_effect.",
    "context.appeal.": "context.title_effect.",
    "context.heads.reads": "context.heads.projection",
    "context.heads.posteriors.0.told": "context.heads.posteriors.0.totals",
}
"""In bundles and checkpoints written before, → what they are called now."""


def with_present_names(
    network: nn.Module, state: dict[str, Tensor], prefix: str, *_: object
) -> None:
    """Rename, in place, the weights that had another name when they were saved; add new ones."""
    for former, now in FORMER_NAMES.items():
        for name in [name for name in state if name.startswith(prefix + former)]:
            state[prefix + now + name.removeprefix(prefix + former)] = state.pop(name)
    if isinstance(network, Marquee):
        state.setdefault(f"{prefix}doubt", torch.zeros_like(network.doubt))
