"""The Lightning module: a batch of decisions to the loss of every head."""

import math
from typing import NamedTuple

import lightning as L
import torch
from jaxtyping import Float, Int
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor

from data.features import CAST_KEPT
from model.heads.scale_gradient import scale_gradient
from model.network.augment import ZOOM, Draws, random_views, recoloured
from model.network.losses import bootstrap_loss, named_loss, shown_loss
from model.network.names import NameWeights, row_matches
from model.network.towers import Marquee

WARM_UP = 0.1
"""Share of the steps in which the learning rate rises."""
ZOOM_VARIANCE = math.log(ZOOM[1] / ZOOM[0]) ** 2 / 12


class TrainingBatch(NamedTuple):
    """Decisions, and each distinct image of them once.

    `images` is uint8 [images, 3, height, width], or float32 [images, embedding] where embeddings
    stand in the pixels' place.
    """

    images: Tensor
    title: Float[Tensor, "images title"]
    tag_ids: Int[Tensor, "images cast"]
    tag_weights: Float[Tensor, "images cast"]
    title_cast_ids: Int[Tensor, "images cast"]
    title_cast_weights: Float[Tensor, "images cast"]
    image_of: Int[Tensor, " decisions"]
    context: Float[Tensor, "decisions context"]
    cast_ids: Int[Tensor, "decisions cast"]
    cast_weights: Float[Tensor, "decisions cast"]
    reward: Float[Tensor, " decisions"]
    importance: Float[Tensor, " decisions"]
    weights: Float[Tensor, "decisions heads"]
    place: Int[Tensor, " images"] | None = None
    """Which of the whole batch's images these are; None: all, in one process."""
    all_images: int = 0
    """Of the whole batch, where several processes share it."""
    image_part: float = 1.0
    """What a mean over these images counts, so that processes average to the whole batch's."""
    decision_part: float = 1.0
    """The same for decisions."""


class LearnerSettings(NamedTuple):
    """How a network is trained; see `model.training.settings.Fit`, which explains each."""

    rate: float = 3e-3
    decay: float = 1e-2
    catalogue_share: float = 0.3
    zoom_share: float = 1.0
    recolour: float = 0.5
    half: bool = False


def half_is_fast() -> bool:
    """Whether this machine computes in bfloat16 as fast as it should."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


class Learner(L.LightningModule):
    """Trains a `Marquee` on logged decisions.

    Besides the reward, the encoder learns from what the catalogue says of each image: the genres
    of its title and the names on its tags or in its cast. And it learns to tell, from two views of
    an image, how much nearer one is: how close a poster is then shows in any subject, known or not.
    Neither needs impressions.
    """

    def __init__(
        self, network: Marquee, settings: LearnerSettings | None = None, seed: int = 0
    ) -> None:
        super().__init__()
        if network.encoder is not None:
            network.encoder.to(memory_format=torch.channels_last)
        self.network, self.settings = network, settings or LearnerSettings()
        self.steps = 1000
        """Of the stage; the learning rate follows a curve over them."""
        architecture = network.architecture
        self.names = torch.nn.Linear(architecture.embedding, architecture.buckets)
        self.zoom = torch.nn.Linear(architecture.embedding, 1, bias=False)
        self.draw = torch.Generator().manual_seed(seed)

    def embed(self, images: Tensor) -> Float[Tensor, "images embedding"]:
        """Embeddings of a batch's images, or the embeddings that stand there."""
        encoder = self.network.encoder
        if encoder is None:
            return images
        half = self.settings.half and self.training
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half):
            return encoder(images).float()

    def logits(
        self, batch: TrainingBatch, embedding: Float[Tensor, "images embedding"]
    ) -> Float[Tensor, "decisions heads"]:
        """Each head's logit of the artwork that was shown."""
        net = self.network
        vectors, title, weights = net.candidate(embedding, *batch[1:6])
        functionals, effect, watched = net.context(
            batch.context, batch.cast_ids, batch.cast_weights
        )
        vectors = scale_gradient(vectors, 1 / functionals.shape[1])
        artwork = (functionals * vectors[batch.image_of][:, None]).sum(2)
        names = NameWeights(net.candidate.names(*batch[2:6]).ids, weights)
        match = row_matches(NameWeights(batch.cast_ids, watched), names.at(batch.image_of))
        main_effect = (effect * title[batch.image_of]).sum(1) + match + net.bias
        return artwork + scale_gradient(main_effect[:, None], 1 / functionals.shape[1])

    def training_step(self, batch: TrainingBatch, _: int) -> Tensor:
        """The loss of one batch of decisions, and of what the catalogue says of its images."""
        loss, parts = self.loss(batch)
        for name, part in parts.items():
            self.log(name, part, prog_bar=True)
        return loss

    def loss(self, batch: TrainingBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """What is minimised, and the parts of it that are worth a curve."""
        if self.network.encoder is None:
            loss = self._reward_loss(batch, batch.images)
            return loss, {"train_loss": loss / batch.weights.shape[1]}
        draw = Draws(self.draw, len(batch.images), batch.place, batch.all_images)
        plain = random_views(batch.images, draw)
        zoomed = random_views(batch.images, draw, ZOOM)
        other = (draw() < self.settings.recolour).to(self.device)
        both = torch.cat([plain.images, recoloured(zoomed.images, other, draw)])
        embedding, elsewhere = self.embed(both).chunk(2)
        reward = self._reward_loss(batch, embedding)
        net, mix = self.network, batch.title[:, : self.network.candidate.genres]
        catalogue = shown_loss(net.candidate.genre(elsewhere), mix) + named_loss(
            self.names(elsewhere), *(part[:, :CAST_KEPT] for part in batch[2:6])
        )
        predicted = self.zoom(elsewhere - embedding)[:, 0]
        zoom = (predicted - (zoomed.zoom - plain.zoom)).square().mean() / ZOOM_VARIANCE
        curves = {
            "train_loss": reward / batch.weights.shape[1],
            "catalogue_loss": catalogue,
            "zoom_loss": zoom,
        }
        beside = self.settings.catalogue_share * catalogue + self.settings.zoom_share * zoom
        return reward + batch.image_part * beside, curves

    def _reward_loss(self, batch: TrainingBatch, embedding: Tensor) -> Tensor:
        weights = batch.weights * batch.importance[:, None]
        loss = bootstrap_loss(self.logits(batch, embedding), batch.reward, weights)
        return batch.decision_part * loss

    def validation_step(self, batch: TrainingBatch, _: int) -> None:
        """The mean loss of the trained heads on later days, without bootstrap weights."""
        heads = self.network.context.heads
        heads.train()  # the mean of neural_linear: its bank of draws is filled after training
        loss = bootstrap_loss(
            self.logits(batch, self.embed(batch.images)),
            batch.reward,
            torch.ones_like(batch.weights),
        )
        heads.eval()
        self.log(
            "validation_loss",
            loss / batch.weights.shape[1],
            prog_bar=True,
            batch_size=len(batch.reward),
        )

    def on_save_checkpoint(self, checkpoint: dict[str, object]) -> None:
        """Keep where the random views are, so that a run that goes on sees the same ones."""
        checkpoint["draw"] = self.draw.get_state()

    def on_load_checkpoint(self, checkpoint: dict[str, object]) -> None:
        """Go on from there."""
        if isinstance(state := checkpoint.get("draw"), Tensor):
            self.draw.set_state(state)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW over what is trained; the rate rises, then falls to nothing."""
        trained = [p for p in self.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(
            trained, lr=self.settings.rate, weight_decay=self.settings.decay
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._share_of_rate)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def _share_of_rate(self, step: int) -> float:
        """A tenth of the steps up, the rest down along a cosine; a longer run starts anew in it."""
        done = min(1.0, step / max(1, self.steps))
        if done < WARM_UP:
            return (step + 1) / (WARM_UP * self.steps + 1)
        return 0.5 * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP)))
