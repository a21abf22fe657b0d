"""The closed-form posterior of `neural_linear` heads, filled from the examples after training."""

import torch
from torch import nn

from model.heads.neural_linear import NeuralLinearHeads
from model.network.lightning_module import Batch, Learner
from model.training.buffered_source import Source
from model.training.samplers import Shuffled

ROWS = 8192


@torch.no_grad()
def fill_posterior(learner: Learner, examples: Source, seed: int) -> None:
    """Give every example to the last layer once, and fill the bank with draws.

    Heads of another kind are left as they are: their bank is what was trained.

    Args:
        learner: trained; its network's encoder may be None.
        examples: with embeddings in the images' place.
        seed: of the draws.
    """
    heads = learner.network.context.heads
    if not isinstance(heads, NeuralLinearHeads):
        return
    learner.eval()
    centred = False
    for part in examples.buffers(0):
        for some in Shuffled(len(part), ROWS, seed):
            batch = part[some]
            features, offset = _features(learner, heads, batch)
            if not centred:
                heads.recentre(float(features.square().sum(1).mean()))
                centred = True
                features, offset = _features(learner, heads, batch)
            heads.update(features, batch.reward, batch.importance, offset)
    heads.draw(torch.Generator().manual_seed(seed))


def _features(
    learner: Learner, heads: nn.Module, batch: Batch
) -> tuple[torch.Tensor, torch.Tensor]:
    """What the last layer reads of each decision, and the rest of its logit."""
    assert isinstance(heads, NeuralLinearHeads)
    net = learner.network
    vectors, title = net.candidate(batch.images, *batch[1:6])
    vectors, title = vectors[batch.image_of], title[batch.image_of]
    facts = batch.context, batch.cast_ids, batch.cast_weights
    functionals, appeal = net.context(*facts)
    rest = functionals[:, 0, heads.rank :] * vectors[:, heads.rank :]
    offset = rest.sum(1) + (appeal * title).sum(1) + net.bias
    return heads.features(net.context.features(*facts), vectors), offset
