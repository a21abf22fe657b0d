"""What is inferred once the towers have learnt, and goes on learning without them."""

from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Int

from data.artwork_effects import ArtworkRecords
from model.training.dataset import Examples


class Posterior(Protocol):
    """What rewards say beyond the trained towers, in closed form."""

    def observe(self, examples: Examples, rows: Int[np.ndarray, " observed"]) -> None:
        """Take in further rewards; those of artwork that it was not fitted on wait for a training.

        Args:
            examples: with embeddings in the images' place.
            rows: of them.
        """
        ...

    def records(self) -> ArtworkRecords | None:
        """What artworks have of their own by now; None: nothing. The network has the rest."""
        ...


class Inferred(NamedTuple):
    """What became of the examples beside the network's weights."""

    posterior: Posterior
    records: ArtworkRecords | None
    """Of the artworks that were shown."""
    metrics: dict[str, float]
    """For the bundle's manifest."""
