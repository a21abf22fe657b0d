"""The random effect of each artwork, from the examples that the network was trained on.

One reading, in memory that does not grow with the examples. How large effects are is not known
before: they are kept at a few strengths and scored by progressive validation, each predicting every
batch before it observes what came of it. The one that predicted the last quarter best is taken;
none, if the network alone predicted it better. The network has learnt from these rewards as well,
so what it got to know by heart is no longer to be found here: that makes effects weaker, not
stronger.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from data.artwork_effects import ArtworkRecords, directions
from model.heads.artwork_random_effects import ArtworkRandomEffects
from model.heads.epistemic_index import index_rows, index_size
from model.network.lightning_module import Learner, TrainingBatch
from model.network.names import NameWeights, row_matches
from model.network.towers import Marquee
from model.training.buffered_source import Source
from model.training.dataset import Examples
from model.training.samplers import Shuffled
from model.training.settings import RandomEffects

ROWS = 512
"""Examples that are predicted, then observed."""
ARTWORKS = 4096
"""Artworks that are looked at together."""
STRENGTHS = (0.5, 1.0, 2.0)
"""Of which the best is taken: multiples of both scales."""
LAST = 0.25
"""Share of the examples, the last, that predictions are scored on: early on all know little."""


class ArtworkImpressions(NamedTuple):
    """What random effects read of a batch."""

    functional: Float[Tensor, "impressions rank"]
    """Mean over heads."""
    artworks: Int[Tensor, " impressions"]
    """Rows of the catalogue."""
    reward: Float[Tensor, " impressions"]
    offset: Float[Tensor, " impressions"]
    """The network's logit, mean over heads."""
    weight: Float[Tensor, " impressions"]


@dataclass(frozen=True)
class Content:
    """What the network says of each artwork by its content, in the catalogue's order.

    Zeros stand for artwork that was never shown.
    """

    network: Marquee
    vectors: Float[Tensor, "artworks dimension"]
    titles: Float[Tensor, "artworks width"]
    """Their parts of the title main effect."""
    names: NameWeights
    shown: Int[np.ndarray, " shown"]

    @classmethod
    def of(cls, network: Marquee, part: Examples, shown: Int[np.ndarray, " shown"]) -> "Content":
        """Of artworks of these rows; `part` has embeddings in the images' place."""
        count = len(part.image_row)
        vectors = titles = weights = torch.zeros(0)
        for at in range(0, len(shown), ARTWORKS):
            rows = shown[at : at + ARTWORKS]
            features = (part.images[part.image_row[rows]], *(c[rows] for c in part.candidates))
            said = network.candidate(*(torch.from_numpy(np.array(x)) for x in features))
            if not at:
                vectors, titles, weights = (x.new_zeros(count, x.shape[1]) for x in said)
            vectors[rows], titles[rows], weights[rows] = said
        every = (torch.from_numpy(np.array(column)) for column in part.candidates[1:])
        names = NameWeights(network.candidate.names(*every).ids, weights)
        return cls(network, vectors, titles, names, shown)

    def impressions(
        self, part: Examples, rows: Int[np.ndarray, " impressions"]
    ) -> ArtworkImpressions:
        """What some examples say."""
        network = self.network
        facts = [torch.from_numpy(column[rows]) for column in part.context]
        bank, effect, watched = network.context(*facts)
        functional, shown = bank.mean(1), torch.from_numpy(part.artwork_of[rows])
        match = row_matches(NameWeights(facts[1], watched), self.names.at(shown))
        offset = (functional * self.vectors[shown]).sum(1) + match + network.bias
        return ArtworkImpressions(
            functional[:, : network.context.rank],
            shown,
            torch.from_numpy(part.reward[rows]),
            offset + (effect * self.titles[shown]).sum(1),
            torch.from_numpy(part.importance[rows]),
        )

    def effects(
        self, batch: ArtworkImpressions, settings: RandomEffects, strength: float
    ) -> ArtworkRandomEffects:
        """Those of all artworks, before any reward."""
        rank = self.network.context.rank
        effects = ArtworkRandomEffects(len(self.vectors), rank)
        scales = strength * settings.vector_scale, strength * settings.intercept_scale
        effects.reset(self.vectors[torch.from_numpy(self.shown), :rank], batch.functional, *scales)
        return effects


class NoEffects:
    """Where effects are turned off, or the network predicts better without."""

    def observe(self, examples: Examples, rows: Int[np.ndarray, " observed"]) -> None:
        """Nothing."""

    def added(self, examples: Examples, rows: Int[np.ndarray, " some"]) -> float:
        """Nothing."""
        del examples, rows
        return 0.0

    def records(self) -> None:
        """None."""


@dataclass(frozen=True)
class ArtworkPosterior:
    """Random effects at the strength that predicted best."""

    content: Content
    settings: RandomEffects
    """At that strength."""
    artwork_ids: Sequence[str]
    """Of the catalogue, in its order."""
    effects: ArtworkRandomEffects

    @torch.no_grad()
    def observe(self, examples: Examples, rows: Int[np.ndarray, " observed"]) -> None:
        """See `model.training.posterior.Posterior`."""
        known = rows[np.isin(examples.artwork_of[rows], self.content.shown)]
        if len(known):
            self.effects.update(*self.content.impressions(examples, known))

    @torch.no_grad()
    def added(
        self, examples: Examples, rows: Int[np.ndarray, " some"]
    ) -> Float[Tensor, " some"] | float:
        """What the effects add to the logits of what was shown, on average."""
        batch = self.content.impressions(examples, rows)
        return self.effects(batch.functional, batch.artworks)

    def records(self) -> ArtworkRecords:
        """See `model.training.posterior.Posterior`."""
        shown, scale = self.content.shown, self.settings.share()
        ids = [self.artwork_ids[int(row)] for row in shown]
        draws = index_size(self.content.network.context.heads.heads)
        return ArtworkRecords(
            ids,
            self.effects.vectors.numpy()[shown],
            self.effects.intercepts.numpy()[shown],
            self.effects.deviations().numpy()[shown, None] * directions(ids, draws),
            np.full(len(ids), scale),
            self.settings.intercept_scale,
            scale,
        )


@torch.no_grad()
def fit_random_effects(
    network: Marquee, examples: Source, artwork_ids: Sequence[str], settings: RandomEffects
) -> tuple[ArtworkPosterior | NoEffects, dict[str, float]]:
    """Random effects of the artworks that were shown.

    Args:
        network: trained, on the CPU, in evaluation.
        examples: that it was trained on, with embeddings in the images' place; none of those that
            it will be judged by.
        artwork_ids: of the catalogue, in its order.
        settings: how large effects may be.

    Returns:
        The effects; none where they are turned off or predict no better. And how much less
        surprising the last rewards were with them, in nats an example.
    """
    if not settings.vector_scale or not settings.intercept_scale:
        return NoEffects(), {}
    candidates: list[ArtworkRandomEffects] = []
    shown, content = examples.distinct, None
    gains, seen, scored = np.zeros(len(STRENGTHS)), 0, 0
    early = (1 - LAST) * sum(examples.sizes)
    for part in examples.buffers(0):
        content = content or Content.of(network, part, shown)
        for rows in Shuffled(len(part), ROWS):
            batch = content.impressions(part, rows)
            if not candidates:
                candidates = [content.effects(batch, settings, s) for s in STRENGTHS]
            if seen >= early:
                gains += [_gain(effects, batch) for effects in candidates]
                scored += len(rows)
            seen += len(rows)
            for effects in candidates:
                effects.update(*batch)
    if content is None or gains.max() <= 0:
        return NoEffects(), {"own_record_gain": 0.0}
    best = int(gains.argmax())
    scaled = replace(settings, intercept_scale=settings.intercept_scale * STRENGTHS[best])
    gain = {"own_record_gain": float(gains[best] / scored), "own_record_strength": STRENGTHS[best]}
    return ArtworkPosterior(content, scaled, artwork_ids, candidates[best]), gain


def _gain(effects: ArtworkRandomEffects, batch: ArtworkImpressions) -> float:
    """How much better the effects predict a batch than the network alone does, in nats."""
    logits = batch.offset, batch.offset + effects(batch.functional, batch.artworks)
    losses = [
        binary_cross_entropy_with_logits(logit, batch.reward, batch.weight, reduction="sum")
        for logit in logits
    ]
    return float(losses[0] - losses[1])


class RecordEffects:
    """Records in torch, as bundles serve them: what they add to each head's logit.

    Args:
        records: of artworks.
        artwork_ids: of the catalogue, in its order.
    """

    def __init__(self, records: ArtworkRecords, artwork_ids: Sequence[str]) -> None:
        self.rank, self.more = records.vectors.shape[1], records.more
        nothing = np.zeros((len(artwork_ids), self.rank + self.more), np.float32)
        self.numbers = torch.from_numpy(records.joined(nothing, artwork_ids))

    @torch.no_grad()
    def logits(
        self, learner: Learner, batch: TrainingBatch, artworks: Int[np.ndarray, " decisions"]
    ) -> Float[Tensor, "decisions heads"]:
        """For decisions that showed artworks of these rows of the catalogue."""
        bank = learner.network.context(batch.context, batch.cast_ids, batch.cast_weights)[0]
        numbers = self.numbers[torch.from_numpy(artworks)]
        vectors, indexed = numbers[:, : self.rank], numbers[:, self.rank :]
        read = (bank[:, :, : self.rank] * vectors[:, None]).sum(2)
        return read + indexed @ index_rows(bank.shape[1]).T
