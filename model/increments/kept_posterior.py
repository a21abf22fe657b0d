"""What a bundle keeps of its posterior, so that later days can be added to it: one file.

Nothing that serves reads it. It is bounded: 4 · features · (features + 34) bytes an artwork that
was shown, 34 KB for 73 facts; a larger one than `MOST_BYTES` is not kept.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from data.errors import BadInput
from model.heads.hierarchical_logistic import HierarchicalLogistic
from model.increments.daily_logistic import DailyLogistic
from model.training.components import Components
from model.training.dataset_statistics import SUMS, DatasetStatistics
from model.training.fit_hierarchical import HierarchicalPosterior

POSTERIOR = "posterior.safetensors"
VERSION = 2
MOST_BYTES = 2 << 30
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
REGRESSION, SAID = "regression.", "posterior"
WRONG = (SafetensorError, ValueError, KeyError, TypeError, IndexError, RuntimeError, OSError)
"""What reading another file raises."""


def _iso(at: int) -> str:
    return (EPOCH + timedelta(microseconds=at)).isoformat()


def kept_bytes(regression: HierarchicalLogistic) -> int:
    """About what a regression's file takes."""
    artworks, features = regression.moment.shape
    return 4 * artworks * features * (features + 2 * regression.count + 4)


@dataclass(frozen=True)
class ReadSoFar:
    """Which examples a posterior has read, and how they were weighed.

    Moments are µs since 1970.
    """

    through: int
    """Every example before this moment has been read; none after it."""
    trained: int
    """The same when the network was last trained."""
    examples: int
    """That were learnt from."""
    counts: Mapping[str, int]
    """Day → examples of the last days that were read, to find those that come late."""
    mask: float
    """How often the page's facts are hidden."""
    seed: int
    """Of what is hidden."""
    clip: float | None
    """Of importance weights."""
    mean_importance: float
    """That clipped weights are divided by."""
    decay: float
    """Weight of a day relative to the next."""

    def said(self) -> dict[str, str]:
        """What a manifest says of it: up to when examples were read, and the network trained."""
        return {"read_through": _iso(self.through), "trained_through": _iso(self.trained)}


@dataclass(frozen=True)
class KeptPosterior:
    """A regression that goes on by days, and all that it needs beside the network."""

    regression: DailyLogistic
    artwork_ids: list[str]
    """Of its artworks."""
    title_ids: list[str]
    """Of its titles, as text."""
    components: Components
    second: Float[Tensor, "features features"]
    """Second moment of the facts' features."""
    units: Sequence[float]
    """What counts as 1 of each match."""
    bias: float
    """Of the network, before it was calibrated."""
    scale: float
    """Factor on the posterior deviation by which heads explore."""
    takes: Float[Tensor, "artworks sums"]
    """See `DatasetStatistics.sums`."""
    read: ReadSoFar
    told: Mapping[str, object] = field(default_factory=dict)
    """Settings that it was trained with, by option: with others it would be another."""

    @classmethod
    def of(
        cls,
        trained: HierarchicalPosterior,
        title_ids: Sequence[object],
        bias: float,
        statistics: DatasetStatistics,
        read: ReadSoFar,
        told: Mapping[str, object],
    ) -> "KeptPosterior":
        """That of a full training.

        Args:
            trained: its posterior, with its draws.
            title_ids: of each artwork of the catalogue.
            bias: of the network, before it was calibrated.
            statistics: of the examples.
            read: which they were.
            told: settings that it depends on.
        """
        inputs = trained.inputs
        titles = np.unique(np.asarray(title_ids)[inputs.shown])  # as the regression has them
        return cls(
            DailyLogistic(trained.regression),
            list(trained.artwork_ids),
            [str(title) for title in titles.tolist()],
            inputs.components,
            inputs.second,
            inputs.units,
            bias,
            trained.scale,
            torch.from_numpy(statistics.sums()[inputs.shown]),
            read,
            told,
        )

    def bounded(self) -> "KeptPosterior | None":
        """The same; None: new artwork has made it too large to keep."""
        return self if kept_bytes(self.regression) <= MOST_BYTES else None

    def write(self, file: Path) -> None:
        """As safetensors; texts and numbers as JSON in their header."""
        said = {
            "version": VERSION,
            "artwork_ids": self.artwork_ids,
            "title_ids": self.title_ids,
            "units": list(self.units),
            "bias": self.bias,
            "scale": self.scale,
            "read": asdict(self.read),
            "told": dict(self.told),
        }
        parts = {f"{REGRESSION}{name}": of for name, of in self.regression.tensors().items()}
        parts |= {"matrix": self.components.matrix, "shift": self.components.shift}
        parts |= {"second": self.second, "takes": self.takes}
        held = {name: part.contiguous() for name, part in parts.items()}
        save_file(held, file, {SAID: json.dumps(said)})

    @classmethod
    def read_from(cls, file: Path) -> "KeptPosterior":
        """What `write` wrote.

        Raises:
            BadInput: it is not that.
        """
        try:
            with safe_open(file, "pt") as held:
                said: dict[str, Any] = json.loads(held.metadata()[SAID])
                if said["version"] != VERSION:
                    raise ValueError(f"it is of version {said['version']}, not {VERSION}")
            return cls._of(said, load_file(file))
        except WRONG as error:
            raise BadInput(
                f"{file} holds no posterior that days can be added to ({str(error)[:160]}); train "
                "in full, without --increment.of"
            ) from None

    @classmethod
    def _of(cls, said: Mapping[str, Any], parts: Mapping[str, Tensor]) -> "KeptPosterior":
        """Of the parts of a file.

        Raises:
            ValueError: they do not fit each other, or a number is not finite.
        """
        if broken := [name for name, part in parts.items() if not bool(part.isfinite().all())]:
            raise ValueError(f"{broken[0]} is not finite")
        own = {n.removeprefix(REGRESSION): p for n, p in parts.items() if n.startswith(REGRESSION)}
        made = cls(
            DailyLogistic.of_tensors(own),
            said["artwork_ids"],
            said["title_ids"],
            Components(parts["matrix"], parts["shift"]),
            parts["second"],
            [float(unit) for unit in said["units"]],
            float(said["bias"]),
            float(said["scale"]),
            parts["takes"],
            ReadSoFar(**said["read"]),
            said["told"],
        )
        artworks, titles = len(made.artwork_ids), len(made.title_ids)
        regression = made.regression
        sizes = [len(regression.moment), len(made.takes), len(regression.mean.artwork)]
        if sizes != [artworks] * 3 or len(regression.mean.title) != titles:
            raise ValueError(f"{artworks} artworks of {titles} titles, but sums are of {sizes}")
        if made.takes.shape[1] != len(SUMS) or not made.read.through >= made.read.trained:
            raise ValueError("its sums of takes or its moments are none")
        return made
