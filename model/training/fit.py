"""Training in two stages, by Lightning: progress, curves, checkpoints, early stopping.

First the encoder learns to see, with the towers: few artworks a batch, since an image costs as
much as hundreds of decisions. Then the towers learn alone from the embeddings of all images, with
decisions in random order: a decision costs little then, and batches of all artworks tell members'
tastes apart far better than batches of a few (docs/decisions.md has the numbers).
"""

import logging
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path

import lightning as L
import numpy as np
import torch
from jaxtyping import Float32
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger, Logger, MLFlowLogger, TensorBoardLogger
from torch.utils.data import DataLoader

from data.errors import BadInput
from data.servers.free_port import free_port
from model.network.lightning_module import Learner
from model.network.sync_batch_norm import normed_together
from model.training.buffered_source import Deals, Source
from model.training.dataset import AT_ONCE, Dealt, Examples
from model.training.samplers import ByArtwork, Shuffled
from model.training.settings import Fit

EMBEDDED = 256
"""Images embedded at a time."""


def fit(
    learner: Learner,
    train: Source,
    validation: Examples,
    settings: Fit,
    out: Path,
    seed: int,
    begin: Callable[[Source], None] = lambda _: None,
) -> dict[str, float]:
    """Train; the learner ends with the weights that were best on the validation days.

    Args:
        learner: of the network.
        train: to learn from.
        validation: to judge by.
        settings: how.
        out: folder of checkpoints and curves.
        seed: of the order.
        begin: what is done with the examples, embeddings in the images' place, before the towers
            learn alone.

    Raises:
        BadInput: there is nothing to resume.
    """
    checkpoints = out / "checkpoints"
    if settings.resume and not any(checkpoints.glob("*/last.ckpt")):
        raise BadInput(f"--fit.resume: {checkpoints} holds none; leave it out to start anew")
    if not settings.resume:
        shutil.rmtree(checkpoints, ignore_errors=True)
    metrics = {}
    encoder = learner.network.encoder
    if encoder is not None:
        metrics |= _stage("encoder", learner, train, validation, settings, out, seed)
        embeddings = embed_all(learner, train.images)
        train, validation = train.seen_as(embeddings), validation.seen_as(embeddings)
        learner.network.encoder = None
        learner.network.context.heads.begin_stage()
    learner.eval()
    begin(train)
    try:
        metrics |= _stage("towers", learner, train, validation, settings, out, seed)
    finally:
        learner.network.encoder = encoder
    return metrics


def embed_all(learner: Learner, images: np.ndarray) -> Float32[np.ndarray, "images embedding"]:
    """Embeddings of all images, as they are."""
    learner.eval()
    with torch.no_grad():
        parts = [
            learner.embed(torch.from_numpy(np.array(images[at : at + EMBEDDED]))).cpu().numpy()
            for at in range(0, len(images), EMBEDDED)
        ]
    return np.concatenate(parts)


def _stage(
    name: str,
    learner: Learner,
    train: Source,
    validation: Examples,
    settings: Fit,
    out: Path,
    seed: int,
) -> dict[str, float]:
    """Train what the stage trains, and load its best weights."""
    folder = out / "checkpoints" / name
    seeing = name == "encoder"
    best = ModelCheckpoint(
        folder, "best", "validation_loss", save_last=True, enable_version_counter=False
    )
    with _quiet():
        trainer = _trainer(seeing, settings, out, name, best)
        processes = trainer.global_rank, trainer.world_size
        if seeing:
            order = _by_artwork(train, settings, seed, *processes)
            later = ByArtwork(validation.artwork_of, 4 * settings.artworks, most=AT_ONCE)
        else:
            order = _shuffled(train, settings, seed, *processes)
            later = Shuffled(len(validation), 2 * settings.decisions)
        learner.steps = (trainer.max_epochs or 1) * len(order)
        last = folder / "last.ckpt"
        learner.train()
        together = nullcontext() if trainer.world_size == 1 else normed_together(learner)
        with together:
            trainer.fit(
                learner,
                DataLoader(Dealt(), batch_size=None, sampler=order),
                DataLoader(validation, batch_size=None, sampler=later),
                ckpt_path=str(last) if settings.resume and last.is_file() else None,
            )
    if best.best_model_path:
        state = torch.load(best.best_model_path, map_location="cpu", weights_only=True)
        learner.load_state_dict(state["state_dict"])
    if best.best_model_score is None:
        return {}
    return {f"{name}_loss": float(best.best_model_score)}


def _trainer(seeing: bool, settings: Fit, out: Path, name: str, best: ModelCheckpoint) -> L.Trainer:
    """Lightning's, for a stage."""
    early = EarlyStopping("validation_loss", patience=settings.patience)
    if settings.devices > 1:  # one that Lightning takes may go to somebody's connection meanwhile
        os.environ.setdefault("STANDALONE_PORT", str(free_port()))
    bar = [TQDMProgressBar(refresh_rate=10)] if settings.progress else []
    return L.Trainer(
        accelerator="auto" if settings.devices == 1 else "cpu",
        devices=settings.devices,
        strategy="auto" if settings.devices == 1 else "ddp_find_unused_parameters_true",
        max_epochs=settings.epochs if seeing else settings.passes,
        callbacks=[best, early, *bar],
        logger=_loggers(out, name),
        check_val_every_n_epoch=settings.validate_every if seeing else 1,
        use_distributed_sampler=False,
        log_every_n_steps=10,
        default_root_dir=out,
        enable_model_summary=False,
        enable_progress_bar=settings.progress,
        num_sanity_val_steps=0,
    )


def _by_artwork(train: Source, settings: Fit, seed: int, rank: int, world: int) -> Deals:
    """Few artworks a batch: an epoch shows every artwork once, with a part of its decisions."""
    artworks, distinct = settings.artworks, train.distinct
    # An epoch holds 1 / visits of all decisions, or a whole buffer where that is less.
    visits = max(1, round(settings.visits * train.sizes[0] / sum(train.sizes)))

    def order(part: Examples) -> ByArtwork:
        return ByArtwork(part.artwork_of, artworks, visits, seed, distinct)

    return Deals(train, order, -(-len(distinct) // artworks), visits, rank, world)


def _shuffled(train: Source, settings: Fit, seed: int, rank: int, world: int) -> Deals:
    """Decisions in random order, whatever they showed."""
    size = settings.decisions
    length = sum(-(-decisions // size) for decisions in train.sizes)
    return Deals(train, lambda part: Shuffled(len(part), size, seed), length, None, rank, world)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what Lightning says of things that are meant as they are."""
    logging.getLogger("lightning.pytorch.utilities.rank_zero").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        for known in (".*many workers.*", ".*LeafSpec.*", ".*not empty.*", ".*logging interval.*"):
            warnings.filterwarnings("ignore", known)
        yield


def _loggers(out: Path, stage: str) -> list[Logger]:
    """Curves as CSV and for TensorBoard; for MLflow where MLFLOW_TRACKING_URI says whose."""
    loggers: list[Logger] = [
        CSVLogger(out / "curves", name="", version=stage),
        TensorBoardLogger(out / "tensorboard", name="", version=stage),
    ]
    server = os.environ.get("MLFLOW_TRACKING_URI")
    if not server or find_spec("mlflow") is None:
        return loggers
    return [*loggers, MLFlowLogger("marquee", tracking_uri=server)]
