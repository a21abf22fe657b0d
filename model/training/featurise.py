"""Examples and a catalogue to the arrays that training reads."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float, Int

from bandit.choice import profile_keys
from data.catalogue import Catalogue
from data.days import DAY_US
from data.features import CandidateFeatures, FeatureSpec, candidate_features, context_features
from data.schema.page_facts import mask_page_facts
from data.shown.matches import ShownMatch, shown_matches
from data.shown.read_outs import ReadOuts
from data.shown.with_shown import with_shown
from model.training.dataset import Examples, Masks, bootstrap_weights
from model.training.dataset_statistics import random_weights


def importance_weights(
    examples: pa.Table, clip: float | None, mean: float | None = None
) -> Float[np.ndarray, " decisions"]:
    """1 / (propensity · candidates), clipped: 1 where the log chose at random; mean 1 in all.

    Args:
        examples: as EXAMPLES.
        clip: None: all count alike.
        mean: of the clipped weights of all examples; None: these are all.
    """
    if clip is None:
        return np.ones(len(examples), np.float32)
    weights = np.minimum(random_weights(examples), clip)
    return (weights / (weights.mean() if mean is None else mean)).astype(np.float32)


def decay_weights(
    examples: pa.Table, decay: float, last: int | None = None
) -> Float[np.ndarray, " decisions"]:
    """Weight of each day relative to the last, decay per day.

    Args:
        examples: as EXAMPLES.
        decay: weight of a day relative to the next.
        last: moment of the last example of all, µs since 1970; None: the last of these.
    """
    day = examples["time"].cast(pa.int64()).to_numpy() // DAY_US
    return (decay ** ((day.max() if last is None else last // DAY_US) - day)).astype(np.float32)


@dataclass(frozen=True)
class Preparation:
    """Makes arrays of examples; the same decision gets the same numbers wherever it is met."""

    catalogue: Catalogue
    """With every artwork of the examples."""
    spec: FeatureSpec
    images: np.ndarray
    """uint8 [images, 3, height, width], or float32 [images, embedding]."""
    image_row: Int[np.ndarray, " artworks"]
    """Row in `images` of each artwork of the catalogue, in its order; -1: it has none, and examples
    that showed it are left out."""
    heads: int
    """That are trained."""
    masks: Masks = "double_or_nothing"
    """Kind of the bootstrap weights."""
    mask: float = 0.0
    """How often the page's facts are hidden."""
    clip: float | None = None
    """Of the importance weights; None: all count alike."""
    decay: float = 1.0
    """Weight of a day relative to the next."""
    seed: int = 0
    """Of what is hidden."""
    mean: float | None = None
    """Of the clipped weights of all examples; None: each table is all."""
    last: int | None = None
    """Moment of the last of all examples; None: each table is all."""
    by_id: bool = False
    """What is hidden of a decision follows from its id, whatever is met beside it."""
    read_outs: ReadOuts | None = None
    """Of pictures, where `images` are embeddings; None: nothing is read."""

    @cached_property
    def candidates(self) -> CandidateFeatures:
        """Numbers of every artwork of the catalogue."""
        tables = self.spec, self.catalogue.titles, self.catalogue.artworks
        features = candidate_features(*tables)
        if self.read_outs is None:
            return features
        return with_shown(features, self.read_outs.read(self._embeddings, *tables))

    def reading(self, comparable: int) -> "Preparation":
        """The same with read-outs fitted to the catalogue, where there is anything to read.

        Args:
            comparable: how many numbers of embeddings, the first, are on one scale as they are.
        """
        tables = self.spec, self.catalogue.titles, self.catalogue.artworks
        found = ReadOuts.fit(self._embeddings, *tables, comparable)
        return replace(self, read_outs=found or None)

    @property
    def matches(self) -> tuple[ShownMatch, ...]:
        """Of what members watch with what is read of pictures."""
        if self.read_outs is None:
            return ()
        groups = self.read_outs.groups
        first = self.candidates.dense.shape[1] - sum(group.width for group in groups)
        return shown_matches(self.spec, groups, first)

    @property
    def _embeddings(self) -> Float[np.ndarray, "artworks embedding"]:
        """Of every artwork of the catalogue; zeros of those without an image.

        Pixels are still to be learnt to be read: then all are alike.
        """
        there = (self.image_row >= 0)[:, None]
        if self.images.ndim != 2:
            return there.astype(np.float32)
        return np.where(there, self.images[np.where(there[:, 0], self.image_row, 0)], 0)

    @property
    def columns(self) -> tuple[str, ...]:
        """All that is read of an example."""
        weighing = () if self.clip is None else ("candidates", "propensity")
        return ("decision_id", "time", "facts", "action", "reward", *weighing)

    def __call__(self, examples: pa.Table, *draw: int) -> Examples:
        """Arrays of some examples: those whose artwork has an image.

        Args:
            examples: in the schema EXAMPLES (these columns of it), checked against the catalogue.
            draw: further seeds of what is hidden.
        """
        rows = pa.array(self.catalogue.artwork_ids)
        artwork_of = pc.index_in(examples["action"], value_set=rows).to_numpy()
        seen = self.image_row[artwork_of] >= 0
        if not seen.all():
            examples, artwork_of = examples.filter(pa.array(seen)), artwork_of[seen]
        seed = [self.seed, *draw] if draw else self.seed
        hidden = self.spec.declared.schema.known_at_request()
        facts, ids = examples["facts"].combine_chunks(), examples["decision_id"].to_pylist()
        keys = profile_keys(ids) if self.by_id else None
        facts = mask_page_facts(facts, self.mask, seed, hidden, keys)
        importance = importance_weights(examples, self.clip, self.mean)
        importance = importance * decay_weights(examples, self.decay, self.last)
        return Examples(
            context_features(self.spec, facts),
            artwork_of.astype(np.int64),
            examples["reward"].to_numpy().astype(np.float32),
            importance.astype(np.float32),
            bootstrap_weights(ids, self.heads, self.masks),
            self.candidates,
            self.images,
            self.image_row,
        )
