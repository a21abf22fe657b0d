"""The closed-form posterior of a last layer, from the examples after training."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from data.artwork_effects import ArtworkRecords
from model.heads.interface import LastLayerHeads
from model.network.lightning_module import TrainingBatch
from model.network.names import NameWeights, row_matches
from model.network.towers import Marquee
from model.training.buffered_source import Source
from model.training.dataset import Examples
from model.training.fit_random_effects import ArtworkPosterior, NoEffects
from model.training.samplers import Shuffled

ROWS = 8192


@torch.no_grad()
def fit_last_layer(network: Marquee, heads: LastLayerHeads, examples: Source, seed: int) -> None:
    """Let the last layer observe every example once, and fill the bank with draws.

    Args:
        network: trained, in evaluation.
        heads: its own.
        examples: with embeddings in the images' place.
        seed: of the draws.
    """
    centred = False
    for part in examples.buffers(0):
        for rows in Shuffled(len(part), ROWS, seed):
            batch = part[rows]
            features, offset = _features(network, heads, batch)
            if not centred:
                heads.recentre(float(features.square().sum(1).mean()))
                centred = True
                features, offset = _features(network, heads, batch)
            heads.update(features, batch.reward, batch.importance, offset)
    heads.draw(torch.Generator().manual_seed(seed))


class LastLayerPosterior:
    """A last layer, and the random effects beside it."""

    def __init__(
        self,
        network: Marquee,
        heads: LastLayerHeads,
        effects: ArtworkPosterior | NoEffects,
        seed: int,
    ) -> None:
        self.network, self.heads, self.effects = network, heads, effects
        self.generator = torch.Generator().manual_seed(seed)

    @torch.no_grad()
    def observe(self, examples: Examples, rows: Int[np.ndarray, " observed"]) -> None:
        """See `Posterior`; the last layer first, then each artwork's effect."""
        batch = examples[rows]
        features, offset = _features(self.network, self.heads, batch)
        offset = offset + self.effects.added(examples, rows)
        self.heads.update(features, batch.reward, batch.importance, offset)
        self.heads.draw(self.generator)
        self.effects.observe(examples, rows)

    def records(self) -> ArtworkRecords | None:
        """See `Posterior`."""
        return self.effects.records()


def _features(
    network: Marquee, heads: LastLayerHeads, batch: TrainingBatch
) -> tuple[Float[Tensor, "decisions features"], Float[Tensor, " decisions"]]:
    """What the last layer reads of each decision, and the rest of its logit."""
    vectors, title, weights = network.candidate(batch.images, *batch[1:6])
    vectors, title = vectors[batch.image_of], title[batch.image_of]
    facts = batch.context, batch.cast_ids, batch.cast_weights
    functionals, effect, watched = network.context(*facts)
    rest = functionals[:, 0, heads.rank :] * vectors[:, heads.rank :]
    names = NameWeights(network.candidate.names(*batch[2:6]).ids, weights)
    match = row_matches(NameWeights(batch.cast_ids, watched), names.at(batch.image_of))
    offset = rest.sum(1) + match + (effect * title).sum(1) + network.bias
    if network.context.base is not None:
        base = network.context.base.projected(batch.context)
        offset = offset + (base * vectors[:, : heads.rank]).sum(1)
    return heads.features(network.context.features(*facts), vectors), offset
