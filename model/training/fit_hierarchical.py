"""The closed form of hierarchical heads, from the examples that the towers were trained on.

A few readings of the examples, each a Newton step on all weights and a few EM steps on their
variances. Memory is that of the sums, (facts + 3)² floats for each artwork that was shown, and of
the draws: 33 KB for 73 facts, whatever the number of examples.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from data.artwork_effects import ArtworkRecords
from model.heads.epistemic_index import index_size
from model.heads.hierarchical_logistic import HierarchicalLogistic
from model.heads.interface import ProjectedHeads
from model.heads.logistic_weights import Factors, group_of_each
from model.network.matches import ArtworkMatches, matches_of, write_worths
from model.network.towers import Marquee
from model.training.buffered_source import Source
from model.training.components import Components
from model.training.dataset import Examples

PASSES = 3
"""Readings of the examples."""
ROWS = 65_536
"""Examples observed at a time."""
MATCH_WORTH = 0.1
"""Logits that a usual match is expected to be worth before there are rewards: whoever declares one,
or watches what a picture shows, thinks that it matters."""
STEPS = 20
"""Of the solver, after each batch of further rewards."""


class CatalogueArtworks(NamedTuple):
    """Those of the catalogue, in its order."""

    ids: Sequence[str]
    title_ids: np.ndarray


class ObservedExamples(NamedTuple):
    """Examples as `HierarchicalLogistic.observe` takes them."""

    x: Float[Tensor, "impressions features"]
    shown: Int[Tensor, " impressions"]
    rewards: Float[Tensor, " impressions"]
    offset: Float[Tensor, " impressions"]
    weights: Float[Tensor, " impressions"]


@torch.no_grad()
def fit_hierarchical(
    network: Marquee,
    heads: ProjectedHeads,
    examples: Source,
    artworks: CatalogueArtworks,
) -> "HierarchicalPosterior":
    """Infer the network's heads, and the random effects of the artworks that were shown.

    Args:
        network: trained, on the CPU, in evaluation.
        heads: its own.
        examples: that it was trained on, with embeddings in the images' place; none of those that
            it will be judged by.
        artworks: of the catalogue.

    Returns:
        The posterior; its records are still to be taken, and the towers written to with them.
        Heads explore with all of the doubt, until it is given another scale.
    """
    _clear(network)
    shown = examples.distinct
    posterior: HierarchicalPosterior | None = None
    for epoch in range(PASSES):
        if posterior is not None:
            posterior.regression.forget()
        for part in examples.buffers(epoch):
            if posterior is None:
                posterior = RegressionInputs.of(network, heads, part, shown).posterior(artworks)
            for at in range(0, len(part), ROWS):
                posterior.add(part, np.arange(at, min(at + ROWS, len(part))))
        assert posterior is not None
        posterior.regression.solve()
        posterior.regression.learn_variances()
    assert posterior is not None
    return posterior


def _clear(network: Marquee) -> None:
    """Take out of the towers what the closed form takes the place of."""
    tags = network.candidate.tags[-1]
    for part in (network.candidate.contrast, tags, network.candidate.gain, network.context.match):
        assert isinstance(part, nn.Linear)
        nn.init.zeros_(part.weight)
        if part.bias is not None:
            nn.init.zeros_(part.bias)


@dataclass(frozen=True)
class RegressionInputs:
    """What the regression reads of the network, for the artworks that were shown."""

    network: Marquee
    heads: ProjectedHeads
    shown: Int[np.ndarray, " shown"]
    """Rows of the catalogue."""
    components: Components
    scores: Float[Tensor, "shown components"]
    titles: Float[Tensor, "shown width"]
    """Their parts of the title main effect."""
    matches: ArtworkMatches
    units: Sequence[float]
    """What counts as 1 of each match."""
    second: Float[Tensor, "features features"]
    """Second moment of the facts' features."""
    groups: Sequence[int] = ()
    """How many of the components are of each group of numbers, where there are several."""

    @classmethod
    def of(
        cls,
        network: Marquee,
        heads: ProjectedHeads,
        part: Examples,
        shown: Int[np.ndarray, " shown"],
    ) -> "RegressionInputs":
        """Before any reward; `part` is what facts and matches are scaled by."""
        candidates = [torch.from_numpy(np.array(column[shown])) for column in part.candidates]
        embeddings = torch.from_numpy(np.array(part.images[part.image_row[shown]]))
        titles = network.candidate(embeddings, *candidates)[1]
        facts = [torch.from_numpy(column[:ROWS]) for column in part.context]
        heads.standardise(facts[0])
        x = heads.features(facts[0])
        content = network.candidate.content(embeddings, candidates[0])
        made = network.architecture
        of = made.groups, made.declared, made.shown
        components, groups = Components.by_group(content, *of)
        matches = ArtworkMatches.of(network, candidates)
        return cls(
            network,
            heads,
            shown,
            components,
            components(content),
            titles,
            matches,
            matches.units(network, facts),
            x.T @ x / len(x),
            groups,
        )

    def posterior(self, artworks: CatalogueArtworks) -> "HierarchicalPosterior":
        """That of these artworks, before any reward."""
        title_of = np.unique(artworks.title_ids[self.shown], return_inverse=True)[1]
        of_title, features = torch.from_numpy(title_of), matches_of(len(self.second), self.network)
        groups = group_of_each(self.groups)
        expected = torch.zeros(features)
        expected[-len(self.units) :] = MATCH_WORTH
        regression = HierarchicalLogistic(
            self.scores, of_title, features, group_of=groups, expected=expected
        )
        row = np.full(len(artworks.ids), -1)
        row[self.shown] = np.arange(len(self.shown))
        ids = [artworks.ids[int(at)] for at in self.shown]
        return HierarchicalPosterior(self, regression, row, ids)


@dataclass(frozen=True)
class HierarchicalPosterior:
    """The regression, what it reads, and where its outcome is written to."""

    inputs: RegressionInputs
    regression: HierarchicalLogistic
    row: Int[np.ndarray, " artworks"]
    """Of each artwork of the catalogue in the regression; -1: it was not shown."""
    artwork_ids: Sequence[str]
    """Of those that were."""
    scale: float = 1.0
    """Factor on the posterior deviation by which heads explore."""

    def add(self, part: Examples, rows: Int[np.ndarray, " some"]) -> None:
        """Add some examples to the sums."""
        self.regression.observe(*self.impressions(part, rows))

    def impressions(self, part: Examples, rows: Int[np.ndarray, " some"]) -> ObservedExamples:
        """Some examples as the regression reads them."""
        inputs, context = self.inputs, self.inputs.network.context
        facts = [torch.from_numpy(column[rows]) for column in part.context]
        shown = torch.from_numpy(self.row[part.artwork_of[rows]])
        matches = inputs.matches.numbers(inputs.network, facts, shown, inputs.units)
        x = torch.cat([inputs.heads.features(facts[0]), matches], 1)
        effect = (context.title_effect(context.features(*facts)) * inputs.titles[shown]).sum(1)
        reward, weight = (torch.from_numpy(c[rows]) for c in (part.reward, part.importance))
        return ObservedExamples(x, shown, reward, effect + inputs.network.bias, weight)

    @torch.no_grad()
    def observe(self, examples: Examples, rows: Int[np.ndarray, " observed"]) -> None:
        """See `model.training.posterior.Posterior`."""
        self.add(examples, rows[self.row[examples.artwork_of[rows]] >= 0])
        self.regression.solve(STEPS)

    @torch.no_grad()
    def share(self) -> Factors:
        """Write what all artworks share into the towers."""
        network, heads, regression = self.inputs.network, self.inputs.heads, self.regression
        factors = regression.factors(heads.rank, self.inputs.second)
        _write_components(network.candidate.image, self.inputs.components, factors)
        heads.project(factors.projection)
        write_worths(network, regression.within_title(), self.inputs.units)
        return factors

    @torch.no_grad()
    def records(self) -> ArtworkRecords:
        """The same, and what each artwork has of its own."""
        network, heads, second = self.inputs.network, self.inputs.heads, self.inputs.second
        regression = self.regression
        regression.draw(STEPS)
        factors = self.share()
        vectors = factors.vectors - regression.components @ factors.shared
        doubt = regression.doubt(second, index_size(heads.heads))
        network.doubt.copy_(_of_content(self.inputs.components, doubt.shared))
        return ArtworkRecords(
            self.artwork_ids,
            vectors.numpy(),
            np.zeros(len(self.artwork_ids)),
            doubt.levels.numpy(),
            self.scale * doubt.readings.numpy(),
            doubt.prior,
            self.scale * doubt.prior_reading,
        )


def _of_content(
    components: Components, by_component: Float[Tensor, "components columns"]
) -> Float[Tensor, "content_and_one columns"]:
    """What reads components, as what reads content and a constant."""
    return torch.cat([components.matrix, components.shift[None]]) @ by_component


def _write_components(image: nn.Linear, components: Components, factors: Factors) -> None:
    """The vector of an artwork by its content: its components times what all share."""
    shared, every = factors.shared[:-1], factors.shared[-1]
    image.weight.copy_((components.matrix @ shared).T)
    image.bias.copy_(components.shift @ shared + every)
