"""The Lightning module: a batch of decisions to the bootstrap loss."""

from typing import NamedTuple

import lightning as L
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from model.network import Marquee, bootstrap_loss


class Batch(NamedTuple):
    """Decisions, and each distinct image of them once."""

    images: UInt8[Tensor, "images 3 height width"]
    title: Float[Tensor, "images title"]
    tag_ids: Int[Tensor, "images cast"]
    tag_weights: Float[Tensor, "images cast"]
    image_of: Int[Tensor, " decisions"]
    context: Float[Tensor, "decisions context"]
    cast_ids: Int[Tensor, "decisions cast"]
    cast_weights: Float[Tensor, "decisions cast"]
    reward: Float[Tensor, " decisions"]
    weights: Float[Tensor, "decisions heads"]


class Learner(L.LightningModule):
    """Trains a `Marquee` on logged decisions."""

    def __init__(self, network: Marquee, rate: float = 2e-3, decay: float = 1e-3) -> None:
        super().__init__()
        self.network, self.rate, self.decay = network, rate, decay

    def logits(self, batch: Batch) -> Float[Tensor, "decisions heads"]:
        """Each head's logit of the artwork that was shown."""
        net = self.network
        vectors, title = net.candidate(
            net.encoder(batch.images), batch.title, batch.tag_ids, batch.tag_weights
        )
        functionals, appeal = net.context(batch.context, batch.cast_ids, batch.cast_weights)
        artwork = (functionals * vectors[batch.image_of][:, None]).sum(2)
        return artwork + (appeal * title[batch.image_of]).sum(1, keepdim=True) + net.bias

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """The loss of one batch."""
        loss = bootstrap_loss(self.logits(batch), batch.reward, batch.weights)
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        """The loss on later days, without bootstrap weights."""
        loss = bootstrap_loss(self.logits(batch), batch.reward, torch.ones_like(batch.weights))
        self.log("validation_loss", loss, prog_bar=True, batch_size=len(batch.reward))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW over what is trained."""
        trained = [p for p in self.parameters() if p.requires_grad]
        return torch.optim.AdamW(trained, lr=self.rate, weight_decay=self.decay)
