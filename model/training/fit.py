"""Training in two stages, by Lightning: progress, curves, checkpoints, early stopping.

First the encoder learns to see, with the towers: few artworks a batch, since an image costs as
much as hundreds of decisions. Then the towers learn alone from the embeddings of all images, with
decisions in random order: a decision costs little then, and batches of all artworks tell members'
tastes apart far better than batches of a few (docs/decisions.md has the numbers).
"""

import logging
import shutil
import warnings
from contextlib import nullcontext
from pathlib import Path

import lightning as L
import numpy as np
import torch
from jaxtyping import Float32
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from torch.utils.data import DataLoader

from data.errors import BadInput
from model.heads.bootstrap import BootstrapHeads
from model.network.lightning_module import Learner
from model.network.sync_batch_norm import normed_together
from model.training.buffered_source import Deals, Source
from model.training.dataset import AT_ONCE, Dealt, Examples
from model.training.fit_neural_linear import fill_posterior
from model.training.samplers import ByArtwork, Shuffled
from model.training.settings import Fit

EMBEDDED = 256
"""Images embedded at a time."""


def fit(
    learner: Learner, train: Source, validation: Examples, settings: Fit, out: Path, seed: int
) -> dict[str, float]:
    """Train; the learner ends with the weights that were best on the validation days.

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
        if isinstance(heads := learner.network.context.heads, BootstrapHeads):
            heads.start_alike()
    try:
        metrics |= _stage("towers", learner, train, validation, settings, out, seed)
        fill_posterior(learner, train, seed)
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
    best = ModelCheckpoint(
        folder, "best", "validation_loss", save_last=True, enable_version_counter=False
    )
    seeing = name == "encoder"
    logging.getLogger("lightning.pytorch.utilities.rank_zero").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        for known in (".*many workers.*", ".*LeafSpec.*", ".*not empty.*", ".*logging interval.*"):
            warnings.filterwarnings("ignore", known)
        trainer = L.Trainer(
            accelerator="auto" if settings.devices == 1 else "cpu",
            devices=settings.devices,
            strategy="auto" if settings.devices == 1 else "ddp_find_unused_parameters_true",
            max_epochs=settings.epochs if seeing else settings.passes,
            callbacks=[
                best,
                EarlyStopping("validation_loss", patience=settings.patience),
                TQDMProgressBar(refresh_rate=10),
            ],
            logger=_loggers(out, name),
            check_val_every_n_epoch=settings.validate_every if seeing else 1,
            use_distributed_sampler=False,
            log_every_n_steps=10,
            default_root_dir=out,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        rank, world = trainer.global_rank, trainer.world_size
        size, artworks, distinct = settings.decisions, settings.artworks, train.distinct
        if seeing:
            length = -(-len(distinct) // artworks)
            # An epoch holds 1 / visits of all decisions, or a whole buffer where that is less.
            visits = max(1, round(settings.visits * train.sizes[0] / sum(train.sizes)))
            order = Deals(
                train,
                lambda part: ByArtwork(part.artwork_of, artworks, visits, seed, distinct),
                length, visits, rank, world,
            )  # fmt: skip
            shown = ByArtwork(validation.artwork_of, 4 * artworks, most=AT_ONCE)
        else:
            length = sum(-(-decisions // size) for decisions in train.sizes)
            order = Deals(
                train, lambda part: Shuffled(len(part), size, seed), length, None, rank, world
            )
            shown = Shuffled(len(validation), 2 * size)
        learner.steps = (trainer.max_epochs or 1) * len(order)
        last = folder / "last.ckpt"
        learner.train()
        apart = nullcontext() if world == 1 else normed_together(learner)
        with apart:
            trainer.fit(
                learner,
                DataLoader(Dealt(), batch_size=None, sampler=order),
                DataLoader(validation, batch_size=None, sampler=shown),
                ckpt_path=str(last) if settings.resume and last.is_file() else None,
            )
    if best.best_model_path:
        state = torch.load(best.best_model_path, map_location="cpu", weights_only=True)
        learner.load_state_dict(state["state_dict"])
    if best.best_model_score is None:
        return {}
    return {f"{name}_loss": float(best.best_model_score)}


def _loggers(out: Path, stage: str) -> list[Logger]:
    """Curves as CSV and for TensorBoard; for MLflow where it is installed."""
    loggers: list[Logger] = [
        CSVLogger(out / "curves", name="", version=stage),
        TensorBoardLogger(out / "tensorboard", name="", version=stage),
    ]
    try:
        import mlflow  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError:
        return loggers
    from lightning.pytorch.loggers import MLFlowLogger

    return [*loggers, MLFlowLogger("marquee", tracking_uri=(out / "mlruns").resolve().as_uri())]
