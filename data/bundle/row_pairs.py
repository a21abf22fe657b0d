"""What artworks do to their neighbours, as a bundle keeps it: numbers alone, no graph.

An artwork has a few coordinates, a projection of the bundle's vector of it; two neighbours add
eᵀ B e′ to each other's logit of a take. B is learnt in the closed form from logged pages
(`bandit.rows`), with one draw of its posterior for each head of the bundle.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from data.errors import BadInput

ROW_PAIRS = "rows.safetensors"
"""Name of the file in a bundle."""
FURTHEST = 3.0
"""Coordinates are cut to this length over the root of their number: what is unlike all that
training saw is not taken for anything more than that."""


@dataclass(frozen=True)
class RowPairs:
    """A bundle's term of pairs.

    Raises:
        ValueError: the parts do not fit each other, or a number is not finite.
    """

    centre: Float[np.ndarray, " dimension"]
    """Mean vector of the artworks it was learnt on."""
    projection: Float[np.ndarray, "dimension rank"]
    """To coordinates."""
    mean: Float[np.ndarray, "rank rank"]
    """B by the posterior's mean, in logits: symmetric."""
    heads: Float[np.ndarray, "heads rank rank"]
    """B by head."""
    said: Mapping[str, object] = field(default_factory=dict)
    """What it was learnt from, for people."""

    def __post_init__(self) -> None:
        width, rank = self.projection.shape
        if self.centre.shape != (width,) or self.mean.shape != (rank, rank):
            raise ValueError(f"centre {self.centre.shape}, projection {self.projection.shape}")
        if self.heads.ndim != 3 or not len(self.heads) or self.heads.shape[1:] != (rank, rank):
            raise ValueError(f"heads are {self.heads.shape}, coordinates {rank}")
        parts = (self.centre, self.projection, self.mean, self.heads)
        if not all(np.isfinite(part).all() for part in parts):
            raise ValueError("a number is not finite")

    @property
    def nothing(self) -> bool:
        """Whether neighbours add nothing, whichever they are."""
        return not self.heads.any()

    def coordinates(
        self, vectors: Float[np.ndarray, "artworks dimension"]
    ) -> Float[np.ndarray, "artworks rank"]:
        """Of artworks, by the bundle's vectors of them."""
        found = (vectors - self.centre) @ self.projection
        length = np.linalg.norm(found, axis=1, keepdims=True) / np.sqrt(found.shape[1])
        return (found / np.maximum(length / FURTHEST, 1.0)).astype(np.float32)

    def write(self, file: Path) -> None:
        """As safetensors, with what is said beside the numbers."""
        parts = {"centre": self.centre, "projection": self.projection}
        parts |= {"mean": self.mean, "heads": self.heads}
        single = {name: np.ascontiguousarray(part, np.float32) for name, part in parts.items()}
        save_file(single, file, {"said": orjson.dumps(self.said).decode()})

    @classmethod
    def read(cls, file: Path) -> "RowPairs":
        """What `write` wrote.

        Raises:
            BadInput: it is not that.
        """
        try:
            with safe_open(file, "np") as held:
                parts = [held.get_tensor(n) for n in ("centre", "projection", "mean", "heads")]
                said = orjson.loads((held.metadata() or {}).get("said", "{}"))
            return cls(*parts, said=said)
        except (SafetensorError, OSError, ValueError, TypeError) as error:
            raise BadInput(
                f"{file} holds no pair term ({str(error)[:120]}); train and export again"
            ) from None
