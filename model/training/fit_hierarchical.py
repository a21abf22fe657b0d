"""The closed form of hierarchical heads, from the examples that the towers were trained on.

A few readings of the examples, each a Newton step on all weights and a few EM steps on their
variances. Memory is that of the sums, (facts + 3)² floats for each artwork that was shown: 23 KB
for 73 facts, whatever the number of examples.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from data.artwork_effects import ArtworkRecords
from data.catalogue import Catalogue
from model.heads.epistemic_index import LEAST_TEMPERATURE, doubts_of
from model.heads.hierarchical import HierarchicalHeads
from model.heads.hierarchical_logistic import Factors, Hierarchy
from model.heads.standardise import mean_and_deviation
from model.network.lightning_module import Learner
from model.network.towers import MATCH, Marquee
from model.training.buffered_source import Source
from model.training.dataset import Examples
from model.training.fit import embed_all

PLACES = 24
"""Directions of the embeddings in which artworks have their place."""
PASSES = 3
"""Readings of the examples."""
ROWS = 65_536
"""Examples told at a time."""
LEAST_UNIT = 1e-4
"""Of matches that are scaled by their deviation: below, there are none."""


class Places(NamedTuple):
    """Where artworks lie: leading directions of their standardised embeddings."""

    matrix: Float[Tensor, "embedding place"]
    shift: Float[Tensor, " place"]

    @classmethod
    def of(cls, embeddings: Float[Tensor, "artworks embedding"]) -> "Places":
        """Of these artworks; their rows have mean square 1."""
        mean, spread = mean_and_deviation(embeddings)
        scaled = (embeddings - mean) / spread
        axes = torch.linalg.svd(scaled, full_matrices=False)[2][:PLACES].T
        size = (scaled @ axes).square().sum(1).mean().sqrt().clamp(min=1e-6)
        matrix = axes / spread[:, None] / size
        return cls(matrix, -(mean @ matrix))

    def __call__(
        self, embeddings: Float[Tensor, "artworks embedding"]
    ) -> Float[Tensor, "artworks place"]:
        """Of any artworks."""
        return embeddings @ self.matrix + self.shift


@torch.no_grad()
def fit_hierarchy(
    learner: Learner, examples: Source, catalogue: Catalogue, temperature: float
) -> ArtworkRecords:
    """Conclude the network's heads, and give the records of the artworks that were shown.

    Args:
        learner: trained, on the CPU, with hierarchical heads.
        examples: that it was trained on; none of those that it will be judged by.
        catalogue: theirs.
        temperature: factor on the doubt of records.

    Returns:
        The records; the network's towers have the rest.
    """
    learner.eval()
    network = learner.network
    heads = network.context.heads
    if not isinstance(heads, HierarchicalHeads):
        raise ValueError(f"the heads are {type(heads).__name__}; only hierarchical ones conclude")
    if network.encoder is not None:
        examples = examples.seen_as(embed_all(learner, examples.images))
    _clear(network)
    shown = examples.distinct
    found: Fitting | None = None
    for epoch in range(PASSES):
        if found is not None:
            found.posterior.forget()
        for part in examples.buffers(epoch):
            found = found or Fitting.start(network, heads, part, shown, catalogue)
            for at in range(0, len(part), ROWS):
                found.tell(part, np.arange(at, min(at + ROWS, len(part))))
        assert found is not None
        found.posterior.settle()
        found.posterior.learn_scales()
    assert found is not None
    return found.conclude([catalogue.artwork_ids[int(row)] for row in shown], temperature)


def _clear(network: Marquee) -> None:
    """Take out of the towers what the closed form takes the place of."""
    tags = network.candidate.tags[-1]
    assert isinstance(tags, nn.Linear)
    for part in (network.candidate.contrast, tags, network.candidate.gain, network.context.match):
        nn.init.zeros_(part.weight)
        if part.bias is not None:
            nn.init.zeros_(part.bias)


class Fitting(NamedTuple):
    """The posterior on its way, and what it is told by."""

    network: Marquee
    heads: HierarchicalHeads
    posterior: Hierarchy
    places: Places
    row: Int[np.ndarray, " artworks"]
    """Of each artwork of the catalogue in the posterior."""
    appeals: Float[Tensor, "shown appeal"]
    shows: Float[Tensor, "shown names"]
    """Whom an artwork's tags name beyond its title, as random vectors."""
    names: Float[Tensor, "shown names"]
    """Whom its title names."""
    unit: float
    """What counts as 1 of a match."""
    second: Float[Tensor, "numbers numbers"]
    """Second moment of the facts' numbers."""

    @classmethod
    def start(
        cls, network: Marquee, heads: HierarchicalHeads, part: Examples,
        shown: Int[np.ndarray, " shown"], catalogue: Catalogue,
    ) -> "Fitting":  # fmt: skip
        """Before any reward; `part` is what facts and matches are scaled by."""
        given = [torch.from_numpy(np.array(column[shown])) for column in part.candidates]
        embeddings = torch.from_numpy(np.array(part.images[part.image_row[shown]]))
        vectors, appeals = network.candidate(embeddings, *given)
        shows = vectors[:, network.context.rank :][:, :MATCH]
        facts = torch.from_numpy(part.context.dense[:ROWS])
        heads.standardise(facts)
        x = heads.numbers(facts)
        watched = network.context.names(*(torch.from_numpy(c[:ROWS]) for c in part.context[1:]))
        places = Places.of(embeddings)
        titles = catalogue.artworks["title_id"].to_numpy(zero_copy_only=False)[shown]
        title_of = torch.from_numpy(np.unique(titles, return_inverse=True)[1])
        row = np.full(len(catalogue.artworks), -1)
        row[shown] = np.arange(len(shown))
        names = network.candidate.names(given[-2], given[-1])
        return cls(
            network, heads, Hierarchy(places(embeddings), title_of, x.shape[1] + 2), places, row,
            appeals, shows, names, _unit(watched, shows, names), x.T @ x / len(x),
        )  # fmt: skip

    def tell(self, part: Examples, rows: Int[np.ndarray, " some"]) -> None:
        """Some examples."""
        context = self.network.context
        facts = [torch.from_numpy(column[rows]) for column in part.context]
        shown = torch.from_numpy(self.row[part.artwork_of[rows]])
        watched = context.names(*facts[1:]) / self.unit
        matches = [(watched * of[shown]).sum(1) for of in (self.names, self.shows)]
        x = torch.cat([self.heads.numbers(facts[0]), torch.stack(matches, 1)], 1)
        appeal = (context.appeal(context.features(*facts)) * self.appeals[shown]).sum(1)
        reward, weight = (torch.from_numpy(c[rows]) for c in (part.reward, part.importance))
        self.posterior.tell(x, shown, reward, appeal + self.network.bias, weight)

    def conclude(self, artwork_ids: list[str], temperature: float) -> ArtworkRecords:
        """Write what all artworks share into the towers; give what each has of its own."""
        network, heads, posterior = self.network, self.heads, self.posterior
        factors = posterior.factors(heads.rank, self.second)
        _write_places(network.candidate.image, self.places, factors)
        heads.conclude(factors.reads)
        match = float(posterior.own_and_shared()[:, -1].mean())
        nn.init.constant_(network.context.match.bias, match / self.unit - 1)
        own = factors.vectors - posterior.places @ factors.shared
        variance = posterior.variance.own[: len(self.second)]
        prior = float((variance * self.second.diagonal()).sum().sqrt())
        level = float(variance[0].sqrt())  # over all contexts: the other numbers have mean 0
        return ArtworkRecords(
            artwork_ids, own.numpy(), np.zeros(len(artwork_ids)),
            temperature * posterior.doubts(self.second).numpy(), temperature * prior,
            doubts_of(heads.heads), level / prior / max(temperature, LEAST_TEMPERATURE),
        )  # fmt: skip


def _unit(
    watched: Float[Tensor, "contexts names"],
    shows: Float[Tensor, "shown names"],
    names: Float[Tensor, "shown names"],
) -> float:
    """Deviation of the matches of tags; without tags of those of titles, without names 1."""
    spreads = [float((watched @ of.T).std()) for of in (shows, names)]
    return next((spread for spread in spreads if spread > LEAST_UNIT), 1.0)


def _write_places(image: nn.Linear, places: Places, factors: Factors) -> None:
    """The vector of an artwork by its looks: its place times what all share."""
    shared, every = factors.shared[:-1], factors.shared[-1]
    image.weight.copy_((places.matrix @ shared).T)
    image.bias.copy_(places.shift @ shared + every)
