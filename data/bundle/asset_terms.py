"""What kinds of assets add beside the artwork, as a bundle keeps it: numbers alone, no graph.

Artwork is what the bundle's graphs say of it. Of a synopsis or a trailer the logit of a take has a
main effect by what the member sees in artwork, the asset's own, and pairs: with the artwork's
coordinates and with the other kinds (`bandit.kinds.kind_terms`), one draw of the posterior a head.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import orjson
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from bandit.kinds.kind_terms import KindTerms
from data.bundle.row_pairs import FURTHEST
from data.errors import BadInput
from data.texts.hashed_words import HashedWords
from data.texts.interface import TextEncoder
from data.texts.mini_lm import MiniLm
from data.texts.text_places import TextPlaces

ASSET_TERMS = "kinds.safetensors"
"""Name of the file in a bundle."""
ENCODERS: Mapping[str, Callable[[], TextEncoder]] = {
    HashedWords.name: HashedWords,
    MiniLm.name: MiniLm.installed,
}
"""Encoder of texts by its name."""
NUMBERS = ("centre", "projection", "taste", "middle", "spread", "mean", "axes", "weights", "heads")


@dataclass(frozen=True)
class AssetTerms:
    """A bundle's terms of kinds.

    Raises:
        ValueError: the parts do not fit each other, or a number is not finite.
    """

    kinds: tuple[str, ...]
    """Beside the artwork, in the order in which they were learnt."""
    own: tuple[tuple[str, ...], ...]
    """Ids of each kind's assets that have an effect of their own."""
    encoder: str
    """Name of the encoder of texts."""
    centre: Float[np.ndarray, " dimension"]
    """Mean vector of the artworks it was learnt on."""
    projection: Float[np.ndarray, "dimension rank"]
    """From vectors of artworks to their coordinates."""
    taste: Float[np.ndarray, "dimension rank"]
    """From functionals of members to what they see in each coordinate."""
    middle: Float[np.ndarray, " rank"]
    """Mean of that over members."""
    spread: Float[np.ndarray, " rank"]
    """And its deviation."""
    mean: Float[np.ndarray, " numbers"]
    """Of the encoder's vectors."""
    axes: Float[np.ndarray, "numbers directions"]
    """From these to places of texts."""
    weights: Float[np.ndarray, " terms"]
    """By the posterior's mean, as `terms` orders them."""
    heads: Float[np.ndarray, "heads terms"]
    """By head."""
    said: Mapping[str, object] = field(default_factory=dict)
    """What it was learnt from, for people."""

    def __post_init__(self) -> None:
        if not self.kinds or len(self.own) != len(self.kinds):
            raise ValueError(f"{len(self.own)} lists of assets for kinds {self.kinds}")
        width, rank = self.projection.shape
        shapes = (self.centre.shape, self.taste.shape, self.middle.shape, self.spread.shape)
        if shapes != ((width,), (width, rank), (rank,), (rank,)):
            raise ValueError(f"projection {self.projection.shape} beside {shapes}")
        if self.mean.shape != self.axes.shape[:1] or self.weights.shape != (self.terms.size,):
            raise ValueError(f"{self.weights.shape} weights, {self.terms.size} terms")
        if self.heads.ndim != 2 or not len(self.heads) or self.heads.shape[1] != self.terms.size:
            raise ValueError(f"heads are {self.heads.shape}, terms {self.terms.size}")
        if not all(np.isfinite(getattr(self, name)).all() for name in NUMBERS):
            raise ValueError("a number is not finite")

    @cached_property
    def terms(self) -> KindTerms:
        """Which weight is of what; artwork is the first kind, and has pairs alone."""
        rank, directions = self.projection.shape[1], self.axes.shape[1]
        return terms_of(rank, directions, [len(ids) for ids in self.own])

    @cached_property
    def places(self) -> TextPlaces:
        """What reads texts.

        Raises:
            BadInput: its encoder is not to be had here.
        """
        if self.encoder not in ENCODERS:
            raise BadInput(
                f"a bundle reads texts by {self.encoder!r:.80}, which this code has not; train with"
                " this version"
            )
        return TextPlaces(ENCODERS[self.encoder](), self.mean, self.axes)

    def coordinates(
        self, vectors: Float[np.ndarray, "artworks dimension"]
    ) -> Float[np.ndarray, "artworks rank"]:
        """Of artworks, by the bundle's vectors of them; cut to FURTHEST."""
        return _cut((vectors - self.centre) @ self.projection)

    def facts(
        self, functionals: Float[np.ndarray, "decisions heads dimension"]
    ) -> Float[np.ndarray, "decisions facts"]:
        """A constant 1, then what members see in each coordinate by the mean of all heads."""
        seen = functionals.mean(1) @ self.taste
        return with_one(_cut((seen - self.middle) / self.spread))

    def write(self, file: Path) -> None:
        """As safetensors, with names and what is said beside the numbers."""
        single = {name: np.ascontiguousarray(getattr(self, name), np.float32) for name in NUMBERS}
        told = {"kinds": self.kinds, "own": self.own, "encoder": self.encoder, "said": self.said}
        save_file(single, file, {"told": orjson.dumps(told).decode()})

    @classmethod
    def read(cls, file: Path) -> "AssetTerms":
        """What `write` wrote.

        Raises:
            BadInput: it is not that.
        """
        try:
            with safe_open(file, "np") as held:
                parts = {name: held.get_tensor(name) for name in NUMBERS}
                told = orjson.loads((held.metadata() or {})["told"])
            kinds, own = tuple(map(str, told["kinds"])), tuple(map(tuple, told["own"]))
            return cls(kinds, own, str(told["encoder"]), **parts, said=told["said"])
        except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
            raise BadInput(
                f"{file} holds no terms of kinds ({str(error)[:120]}); train and export again"
            ) from None


def terms_of(rank: int, directions: int, own: Sequence[int], titles: int = 0) -> KindTerms:
    """Terms beside a bundle's own of artwork.

    Args:
        rank: coordinates of an artwork, and of what a member sees in it.
        directions: numbers of a text's place.
        own: assets of each kind beside the artwork that have an effect of their own.
        titles: with a level of their own, which only learning asks for.
    """
    places = (rank, *[directions] * len(own))
    return KindTerms(1 + rank, places, (0, *own), titles=titles, rank=rank, bare=(0,))


def with_one(facts: Float[np.ndarray, "decisions some"]) -> Float[np.ndarray, "decisions facts"]:
    """Facts behind a constant 1."""
    return np.concatenate([np.ones((len(facts), 1), facts.dtype), facts], axis=1)


def _cut(found: Float[np.ndarray, "rows rank"]) -> Float[np.ndarray, "rows rank"]:
    length = np.linalg.norm(found, axis=1, keepdims=True) / np.sqrt(found.shape[1])
    return (found / np.maximum(length / FURTHEST, 1.0)).astype(np.float32)
