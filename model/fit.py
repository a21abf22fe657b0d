"""Lightning around the learner: progress, curves, checkpoints, early stopping."""

import warnings
from pathlib import Path

import lightning as L
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from torch.utils.data import DataLoader

from data.errors import BadInput
from model.batches import ByArtwork, Examples
from model.learner import Learner
from model.settings import Fit


def fit(
    learner: Learner, train: Examples, validation: Examples, settings: Fit, out: Path, seed: int
) -> dict[str, float]:
    """Train; the learner ends with the weights that were best on the validation days.

    Raises:
        BadInput: there is nothing to resume.
    """
    last = out / "checkpoints" / "last.ckpt"
    if settings.resume and not last.is_file():
        raise BadInput(f"--fit.resume: {last} is not there; leave it out to start anew")
    best = ModelCheckpoint(
        out / "checkpoints",
        "best",
        monitor="validation_loss",
        save_last=True,
        enable_version_counter=False,
    )
    stop = EarlyStopping("validation_loss", patience=settings.patience)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")
        trainer = L.Trainer(
            accelerator="auto" if settings.devices == 1 else "cpu",
            devices=settings.devices,
            strategy="auto" if settings.devices == 1 else "ddp",
            max_epochs=settings.epochs,
            precision=settings.precision,
            callbacks=[best, stop],
            logger=_loggers(out),
            check_val_every_n_epoch=settings.validate_every,
            use_distributed_sampler=False,
            log_every_n_steps=10,
            default_root_dir=out,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        rank, world = trainer.global_rank, trainer.world_size
        sampler = ByArtwork(train.artwork_of, settings.artworks, settings.visits, seed, rank, world)
        learner.steps = settings.epochs * len(sampler)
        shown = ByArtwork(validation.artwork_of, 4 * settings.artworks)
        trainer.fit(
            learner,
            DataLoader(train, batch_size=None, sampler=sampler),
            DataLoader(validation, batch_size=None, sampler=shown),
            ckpt_path=str(last) if settings.resume else None,
        )
    if best.best_model_path:
        state = torch.load(best.best_model_path, map_location="cpu", weights_only=True)
        learner.load_state_dict(state["state_dict"])
    score = best.best_model_score
    return {
        "validation_loss": float(score) if score is not None else float("nan"),
        "epochs": float(trainer.current_epoch),
    }


def _loggers(out: Path) -> list[Logger]:
    """Curves as CSV and for TensorBoard; for MLflow where it is installed."""
    loggers: list[Logger] = [
        CSVLogger(out, name="", version="curves"),
        TensorBoardLogger(out, name="", version="tensorboard"),
    ]
    try:
        import mlflow  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError:
        return loggers
    from lightning.pytorch.loggers import MLFlowLogger

    return [*loggers, MLFlowLogger("marquee", tracking_uri=(out / "mlruns").resolve().as_uri())]
