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
from model.heads.standardise import InferredBase, mean_and_deviation
from model.network.former_weights import with_present_names
from model.network.names import ColumnMatch, NameWeights

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
    groups: tuple[tuple[str, int], ...] = ()
    """Name and width of each part of an embedding that is judged on its own scale, in order."""
    shown: tuple[int, ...] = ()
    """Widths of the groups of what is read of its picture, which come after these features."""
    matches: tuple[ColumnMatch, ...] = ()
    """Numbers of members that meet numbers of artworks, beside names."""

    @property
    def content(self) -> int:
        """Dimension of it: its embedding, what is declared of it, and what is read of it."""
        return self.embedding + self.declared + sum(self.shown)

    @property
    def head_settings(self) -> HeadSettings:
        """Those of the heads on the context tower's trunk."""
        sizes = WIDTH, self.rank, self.heads, self.prior, self.prior_scale, PRIOR_FEATURES
        return HeadSettings(*sizes, self.context, seed=self.seed)


class CastBag(nn.Module):
    """Weighted mean of the vectors of names, a vector a bucket; 0 pads.

    A name's number less its bucket is a multiple of the number of buckets.
    """

    def __init__(self, buckets: int, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(buckets, width, padding_idx=0)
        nn.init.normal_(self.table.weight, std=0.1)
        self.table.weight.data[0] = 0

    def forward(
        self, ids: Int[Tensor, "rows cast"], weights: Float[Tensor, "rows cast"]
    ) -> Float[Tensor, "rows width"]:
        """Rows without cast give zero."""
        return (self.table(ids % self.table.num_embeddings) * weights[..., None]).sum(1)


class CandidateTower(nn.Module):
    """Embedding, title and tags to the vector that every head scores.

    The title joins here and not in the context tower, so that members × catalogue is one matrix
    product. An image says most in contrast to what its title is: of the genres that the title has,
    which are shown; of the names in it, whom the tags name. Names meet the member's most watched
    by equality (`model.network.names`), so that a name works that training never saw.

    The last `prior` numbers come from a frozen random network: each head reads them at random, its
    prior function (Osband et al. 2018, "Randomized Prior Functions").
    """

    def __init__(self, made: Architecture) -> None:
        super().__init__()
        rank, tags = made.rank, made.title + CAST_WIDTH
        self.genres, self.title = made.genres, made.title
        self.judged = made.title - made.declared
        self.cast = CastBag(made.buckets, CAST_WIDTH)
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
        self.columns = [column for match in made.matches for column in match.artwork]
        self.match_of = [at for at, match in enumerate(made.matches) for _ in match.artwork]
        self.worth = nn.Parameter(torch.zeros(len(made.matches)), bool(made.matches))
        """What each match of columns is worth, in logits."""

    def content(
        self, embedding: Float[Tensor, "artworks embedding"], title: Float[Tensor, "artworks title"]
    ) -> Float[Tensor, "artworks content"]:
        """What an artwork is judged by: its embedding, what is declared of it and read of it."""
        if title.shape[1] == self.judged:
            return embedding
        return torch.cat([embedding, title[:, self.judged :]], 1)

    def shown(
        self, embedding: Float[Tensor, "artworks embedding"], mix: Float[Tensor, "artworks genres"]
    ) -> Float[Tensor, "artworks genres"]:
        """Log share of each genre that the image shows, given those that its title has."""
        return (self.genre(embedding) + (mix + LEAST_MIX).log()).log_softmax(1)

    @staticmethod
    def names(
        cast_ids: Int[Tensor, "artworks cast"],
        cast_weights: Float[Tensor, "artworks cast"],
        title_cast_ids: Int[Tensor, "artworks title_cast"],
        title_cast_weights: Float[Tensor, "artworks title_cast"],
    ) -> NameWeights:
        """Whom an artwork's tags name in contrast to its title's cast; without tags nobody.

        After the tags come sets that members' counts match, declared by the user, as they are.
        """
        shown, declared = cast_weights[:, :CAST_KEPT], cast_weights[:, CAST_KEPT:]
        tagged = (shown.sum(1, keepdim=True) > 0).to(shown.dtype)
        weights = torch.cat([shown * tagged, declared, -title_cast_weights * tagged], 1)
        return NameWeights(torch.cat([cast_ids, title_cast_ids], 1), weights)

    def forward(
        self,
        embedding: Float[Tensor, "artworks embedding"],
        title: Float[Tensor, "artworks title"],
        cast_ids: Int[Tensor, "artworks cast"],
        cast_weights: Float[Tensor, "artworks cast"],
        title_cast_ids: Int[Tensor, "artworks title_cast"],
        title_cast_weights: Float[Tensor, "artworks title_cast"],
    ) -> tuple[
        Float[Tensor, "artworks dimension"],
        Float[Tensor, "artworks width"],
        Float[Tensor, "artworks names"],
    ]:
        """The artwork's vector, the title's part of the title main effect, and weights of `names`.

        Their ids are those given, the tags' first.
        """
        content, matched = self.content(embedding, title), title[:, self.columns]
        title = title[:, : self.title]
        mix = title[:, : self.genres]
        contrast = self.contrast(self.shown(embedding, mix).exp() - mix)
        tags = torch.cat([title, self.cast(cast_ids, cast_weights)], 1)
        learnt = self.image(content) + contrast + self.tags(tags)
        names = self.names(cast_ids, cast_weights, title_cast_ids, title_cast_weights)
        gain = self.gain(title).exp()
        parts = [gain * learnt, self.frozen(content.detach())]
        if self.columns:
            parts.insert(1, self.worth[self.match_of] * matched)
        cast = self.cast(title_cast_ids, title_cast_weights)
        effect = self.title_effect(torch.cat([title, cast], 1))
        return torch.cat(parts, 1), effect, gain * names.weights


class ContextTower(nn.Module):
    """Facts to one linear functional a head over artwork vectors, and to the title main effect.

    Heads that learn by gradients do so about a functional that is inferred in closed form; those
    of kind hierarchical are one themselves.
    """

    def __init__(self, made: Architecture) -> None:
        super().__init__()
        self.cast = CastBag(made.buckets, CAST_WIDTH)
        self.trunk = nn.Sequential(
            nn.Linear(made.context + CAST_WIDTH, 128), nn.ReLU(), nn.Linear(128, WIDTH), nn.ReLU()
        )
        self.frozen = PriorNetwork(made.context, PRIOR_FEATURES, made.seed)
        self.heads: Heads = make_heads(made.kind, made.head_settings)
        self.heads.begin_stage()
        self.base = (
            None if made.kind == DEFAULT_KIND else InferredBase(made.context, made.heads, made.rank)
        )
        self.rank = made.rank
        self.match = nn.Linear(WIDTH, 1)
        """What a match of names is worth beyond 1, in logits: the same for all heads."""
        self.title_effect = nn.Linear(WIDTH, TITLE_WIDTH)
        self.columns = [column for match in made.matches for column in match.member]
        self.match_shift: Tensor
        self.match_spread: Tensor
        self.register_buffer("match_shift", torch.zeros(len(self.columns)))
        self.register_buffer("match_spread", torch.ones(len(self.columns)))

    @torch.no_grad()
    def standardise(self, dense: Float[Tensor, "contexts context"]) -> None:
        """Take contexts like these for usual ones: before the first training, once."""
        self.frozen.standardise(dense)
        if not self.columns:
            return
        mean, deviation = mean_and_deviation(dense[:, self.columns])
        self.match_shift.copy_(mean)
        self.match_spread.copy_(deviation)

    def matched(
        self, dense: Float[Tensor, "decisions context"]
    ) -> Float[Tensor, "decisions matched"]:
        """A member's numbers that meet those of artworks, standardised."""
        return (dense[:, self.columns] - self.match_shift) / self.match_spread

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
    ) -> tuple[
        Float[Tensor, "decisions heads dimension"],
        Float[Tensor, "decisions width"],
        Float[Tensor, "decisions cast"],
    ]:
        """Functionals, the member's part of the title main effect, and weights of the names.

        A head's logit for an artwork is the product of functional and vector, and the match of the
        names, which have the ids given.
        """
        g = self.features(dense, cast_ids, cast_weights)
        bank = self.heads(g, self.heads.context_input(dense, self.frozen))
        if self.base is not None:
            learnt = bank[:, :, : self.rank] + self.base.projected(dense)[:, None]
            bank = torch.cat([learnt, bank[:, :, self.rank :]], 2)
        if self.columns:
            matched = self.matched(dense)[:, None].expand(-1, bank.shape[1], -1)
            bank = torch.cat([bank[:, :, : self.rank], matched, bank[:, :, self.rank :]], 2)
        return bank, self.title_effect(g), cast_weights * (1 + self.match(g))


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
        self.bias = nn.Parameter(torch.tensor(architecture.base))
        draws = index_size(self.context.heads.heads)
        self.doubt: Tensor
        self.register_buffer("doubt", torch.zeros(architecture.content + 1, draws))
        self.register_load_state_dict_pre_hook(with_present_names)
