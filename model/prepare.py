"""Examples and a catalogue to the arrays that training reads."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float, Int

from data.catalogue import Catalogue
from data.errors import BadInput
from data.features import FeatureSpec, candidate_features, context_features
from model.batches import Examples, Masks, bootstrap_weights

PAGE_FACTS = ("device", "surface", "row", "column")
"""What precompute does not know: hidden at random in training, so one bundle serves both."""
PRIOR_IMPRESSIONS = 20.0
"""Of an average artwork, added to each when its take over all members is told."""


class Split(NamedTuple):
    """Row numbers of the examples, by time."""

    train: Int[np.ndarray, " training"]
    validation: Int[np.ndarray, " validation"]


def split_by_time(examples: pa.Table, share: float) -> Split:
    """The latest share of the time is held out: later days, as in use.

    Raises:
        BadInput: one of the two parts would be empty.
    """
    times = examples["time"].cast(pa.int64()).to_numpy()
    edge = times.min() + (1 - share) * (times.max() - times.min())
    late = times >= edge
    split = Split(np.flatnonzero(~late), np.flatnonzero(late))
    if not len(split.train) or not len(split.validation):
        raise BadInput(
            f"{len(times)} examples cannot be split by time with --data.validation {share}; give "
            "more days of log, or another share"
        )
    return split


def mask_page_facts(facts: pa.StructArray, share: float, seed: int) -> pa.StructArray:
    """Facts of which the page's are hidden in a share of the rows, half of the time all at once."""
    draw = np.random.default_rng(seed)
    every = draw.random(len(facts)) < share / 2
    fields = []
    for field in facts.type:
        column = facts.field(field.name)
        if field.name in PAGE_FACTS:
            hidden = every | (draw.random(len(facts)) < share / 2)
            column = pc.if_else(pa.array(hidden), pa.scalar(None, field.type), column)
        fields.append(column)
    return pa.StructArray.from_arrays(fields, fields=list(facts.type))


def importance_weights(examples: pa.Table, clip: float | None) -> Float[np.ndarray, " decisions"]:
    """1 / (propensity · candidates), clipped: 1 where the log chose at random; mean 1 in all."""
    if clip is None:
        return np.ones(len(examples), np.float32)
    count = pc.list_value_length(examples["candidates"]).to_numpy()
    weights = np.minimum(1 / (examples["propensity"].to_numpy() * count), clip)
    return (weights / weights.mean()).astype(np.float32)


def decay_weights(examples: pa.Table, decay: float) -> Float[np.ndarray, " decisions"]:
    """Weight of each day relative to the last, decay per day."""
    day = examples["time"].cast(pa.int64()).to_numpy() // 86_400_000_000
    return (decay ** (day.max() - day)).astype(np.float32)


def window(examples: pa.Table, days: int | None) -> pa.Table:
    """The examples of the latest days."""
    if days is None:
        return examples
    times = examples["time"].cast(pa.int64()).to_numpy()
    return examples.filter(pa.array(times > times.max() - days * 86_400_000_000))


def prepare(
    examples: pa.Table,
    catalogue: Catalogue,
    spec: FeatureSpec,
    images: np.ndarray,
    image_row: Int[np.ndarray, " artworks"],
    *,
    heads: int,
    masks: Masks = "double_or_nothing",
    mask: float = 0.0,
    clip: float | None = None,
    decay: float = 1.0,
    seed: int = 0,
) -> Examples:
    """Arrays of some examples.

    Args:
        examples: in the schema EXAMPLES, checked against the catalogue.
        catalogue: with every artwork of theirs.
        spec: of the features.
        images: uint8 [images, 3, height, width], or float32 [images, embedding].
        image_row: row in `images` of each artwork of the catalogue, in its order.
        heads: that are trained.
        masks: kind of the bootstrap weights.
        mask: how often the page's facts are hidden.
        clip: of the importance weights; None: all count alike.
        decay: weight of a day relative to the next.
        seed: of what is hidden.
    """
    rows = pa.array(catalogue.artwork_ids)
    artwork_of = pc.index_in(examples["action"], value_set=rows).to_numpy()
    facts = mask_page_facts(examples["facts"].combine_chunks(), mask, seed)
    importance = importance_weights(examples, clip) * decay_weights(examples, decay)
    return Examples(
        context_features(spec, facts),
        artwork_of.astype(np.int64),
        examples["reward"].to_numpy().astype(np.float32),
        importance.astype(np.float32),
        bootstrap_weights(examples["decision_id"].to_pylist(), heads, masks),
        candidate_features(spec, catalogue.titles, catalogue.artworks),
        images,
        image_row,
    )


def unpersonalised_takes(examples: pa.Table, catalogue: Catalogue) -> pa.Table:
    """Smoothed take of each artwork over all members, importance weighted."""
    ids = pa.array(catalogue.artwork_ids)
    at = pc.index_in(examples["action"], value_set=ids).to_numpy()
    count = pc.list_value_length(examples["candidates"]).to_numpy()
    weight = 1 / (examples["propensity"].to_numpy() * count)
    reward = examples["reward"].to_numpy()
    shown = np.bincount(at, minlength=len(ids))
    total = np.bincount(at, weight, minlength=len(ids))
    taken = np.bincount(at, weight * reward, minlength=len(ids))
    titles = catalogue.artworks["title_id"].to_numpy()
    _, title = np.unique(titles, return_inverse=True)
    overall = (weight * reward).sum() / weight.sum()
    by_title = (np.bincount(title, taken) + PRIOR_IMPRESSIONS * overall) / (
        np.bincount(title, total) + PRIOR_IMPRESSIONS
    )
    take = (taken + PRIOR_IMPRESSIONS * by_title[title]) / (total + PRIOR_IMPRESSIONS)
    return pa.table({"title_id": titles, "artwork_id": ids, "take": take, "impressions": shown})
