"""Facts, titles and tags to numbers: the same code in training and in serving.

The vocabulary and statistics are learnt once, at training, and travel in the bundle. A value that
was not seen then falls into an out-of-vocabulary bucket; a value that is not known falls into a
bucket of its own, so training can mask what precompute does not know.
"""

from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from data.errors import BadInput
from data.features.bags import cast_counts, cast_named
from data.features.columns import (
    CATEGORIES,
    POSITIONS,
    genre_counts,
    one_hot,
    position,
    scaled,
    tenure_columns,
    tenure_days,
)
from data.features.declared import own_column
from data.features.specification import FeatureSpec
from data.features.switched_off import without_columns, without_facts
from data.own_facts import FactValues, fact_values


class ContextFeatures(NamedTuple):
    """What the context tower reads: one row a decision."""

    dense: Float[np.ndarray, "decisions context"]
    cast_ids: Int[np.ndarray, "decisions cast"]
    cast_weights: Float[np.ndarray, "decisions cast"]


class CandidateFeatures(NamedTuple):
    """What joins the pixels on the candidate's side: one row an artwork.

    The first columns of `dense` are the title's genre mix, in the order of the spec's genres.
    """

    dense: Float[np.ndarray, "artworks title"]
    cast_ids: Int[np.ndarray, "artworks cast"]
    """Who is shown, by tag, nobody where nobody tagged it; then sets that members' counts match."""
    cast_weights: Float[np.ndarray, "artworks cast"]
    title_cast_ids: Int[np.ndarray, "artworks cast"]
    """Who is in the title."""
    title_cast_weights: Float[np.ndarray, "artworks cast"]


def context_features(spec: FeatureSpec, facts: pa.StructArray) -> ContextFeatures:
    """Numbers of the facts: one-hot categories and positions, tenure, genre shares, cast.

    Any facts have finite ones: what is not sound (`data.sound`) is not known, nor is what the
    schema switches off.
    """
    facts = without_facts(facts, spec.declared.off)
    parts = [one_hot(facts.field(name), spec.categories[name]) for name in CATEGORIES]
    parts += [position(facts.field(name)) for name in POSITIONS]
    parts.append(tenure_columns(tenure_days(facts), spec.tenure_mean, spec.tenure_sd))
    parts.append(genre_counts(facts.field("watched_genres"), spec.genres))
    dense = np.concatenate(parts, axis=1).astype(np.float32)
    watched = cast_counts(facts.field("watched_cast"), spec.exact_names)
    features = ContextFeatures(dense, *watched)
    if not spec.declared.facts:
        return features
    own = cast("pa.MapArray", facts.field("own"))
    return with_declared(spec, features, lambda name: fact_values(own, name))


def with_declared(
    spec: FeatureSpec, features: ContextFeatures, values_of: Callable[[str], FactValues]
) -> ContextFeatures:
    """Features of shipped facts with those of declared ones beside them."""
    columns, bags = spec.declared.context(len(features.dense), values_of, spec.exact_names)
    return ContextFeatures(
        *(np.concatenate(pair, axis=1) for pair in zip(features, (columns, *bags), strict=True))
    )


def candidate_features(
    spec: FeatureSpec, titles: pa.Table, artworks: pa.Table
) -> CandidateFeatures:
    """Numbers of each artwork's title and tags, in the order of `artworks`.

    Raises:
        BadInput: an artwork names a title that is not in `titles`.
    """
    popularity = float(np.exp(spec.popularity_mean))
    titles, artworks = without_columns(titles, artworks, spec.declared.off, popularity)
    at = {title: row for row, title in enumerate(titles["title_id"].to_pylist())}
    ids = artworks["title_id"].to_pylist()
    if missing := [title for title in ids if title not in at]:
        raise BadInput(f"artworks.parquet names title {missing[0]}, not in titles.parquet; add it")
    rows = np.array([at[title] for title in ids], dtype=np.int64)
    slot = {name: index for index, name in enumerate(spec.genres)}
    genres = np.zeros((len(titles), len(slot) + 1), dtype=np.float32)
    for row, names in enumerate(titles["genres"].to_pylist()):
        for name in names:
            genres[row, slot.get(name, len(slot))] = 1 / len(names)
    popularity = np.log(np.maximum(titles["popularity"].to_numpy(), 1e-9))
    popularity = scaled(popularity, spec.popularity_mean, spec.popularity_sd)
    by_title = np.concatenate([genres, popularity[:, None].astype(np.float32)], axis=1)
    tone = one_hot(artworks["tone"], spec.tones)
    dense = np.concatenate([by_title[rows], tone], axis=1).astype(np.float32)
    exact = spec.exact_names
    shown = cast_named(artworks["cast_shown"].combine_chunks(), exact)
    ids, weights = cast_named(titles["cast"].combine_chunks(), exact)
    if not spec.declared:
        return CandidateFeatures(dense, *shown, ids[rows], weights[rows])
    own = own_column(titles), own_column(artworks)
    columns, bags = spec.declared.candidates(*own, rows, exact)
    dense = np.concatenate([dense, columns], axis=1)
    shown = tuple(np.concatenate(pair, axis=1) for pair in zip(shown, bags, strict=True))
    return CandidateFeatures(dense, shown[0], shown[1], ids[rows], weights[rows])
