"""Facts, titles and tags to numbers: the same code in training and in serving.

The vocabulary and statistics are learnt once, at training, and travel in the bundle. A value that
was not seen then falls into an out-of-vocabulary bucket; a value that is not known falls into a
bucket of its own, so training can mask what precompute does not know.
"""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float, Int

from data.errors import BadInput
from data.sound import MOST_COUNT, MOST_DAYS, entries, numbers, within

FEATURES_VERSION = 1
CATEGORIES = ("country", "language", "device", "surface", "day_part")
POSITIONS = ("row", "column")
POSITION_BUCKETS = 8
CAST_BUCKETS = 4096  # bucket 0 pads; names hash into 1 … CAST_BUCKETS − 1
CAST_KEPT = 8
LEAST_VARIED = 1e-6  # a lesser deviation is the rounding of a constant


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
    """Who is shown, by tag; nobody where nobody tagged it."""
    cast_weights: Float[np.ndarray, "artworks cast"]
    title_cast_ids: Int[np.ndarray, "artworks cast"]
    """Who is in the title."""
    title_cast_weights: Float[np.ndarray, "artworks cast"]


@dataclass(frozen=True)
class FeatureSpec:
    """Vocabulary and statistics learnt at training; equal specs compute equal numbers."""

    categories: dict[str, list[str]]
    genres: list[str]
    tones: list[str]
    tenure_mean: float
    tenure_sd: float
    popularity_mean: float
    popularity_sd: float
    version: int = FEATURES_VERSION

    @classmethod
    def learn(cls, facts: pa.StructArray, titles: pa.Table, artworks: pa.Table) -> "FeatureSpec":
        """Learn the vocabulary from the facts of examples and from the catalogue."""
        tenure = np.log1p(tenure_days(facts))
        popularity = np.log(np.maximum(titles["popularity"].to_numpy(), 1e-9))
        genres = set(pc.list_flatten(titles["genres"]).to_pylist())
        genres |= set(pc.unique(facts.field("watched_genres").keys).to_pylist())
        return cls(
            categories={name: _values(facts.field(name)) for name in CATEGORIES},
            genres=sorted(genres),
            tones=_values(artworks["tone"]),
            tenure_mean=float(np.nanmean(tenure)) if np.isfinite(tenure).any() else 0.0,
            tenure_sd=float(np.nanstd(tenure)) if np.isfinite(tenure).any() else 1.0,
            popularity_mean=float(popularity.mean()),
            popularity_sd=float(popularity.std()),
        )

    def to_json(self) -> str:
        """The specification as text with sorted keys, so that equal specs are equal bytes."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> "FeatureSpec":
        """Read what `to_json` wrote.

        Raises:
            BadInput: the text is not a feature specification of this version.
        """
        try:
            spec = cls(**json.loads(text))
            if wrong := spec._of_another_type():
                raise ValueError(f"{wrong} is of another type")
        except (TypeError, ValueError, RecursionError) as error:
            raise BadInput(f"not a feature specification ({error!s:.200}); train again") from None
        if spec.version != FEATURES_VERSION:
            raise BadInput(
                f"feature specification of version {spec.version}, this code computes "
                f"version {FEATURES_VERSION}; train again"
            )
        return spec

    def _of_another_type(self) -> str | None:
        """The first field whose values are not what it holds; JSON does not say."""
        kept = self.categories if isinstance(self.categories, dict) else {}
        if not kept.keys() >= set(CATEGORIES):
            return "categories"
        texts = {"genres": self.genres, "tones": self.tones, **kept}
        for name, values in texts.items():
            if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
                return name
        for name in ("tenure_mean", "tenure_sd", "popularity_mean", "popularity_sd"):
            number = getattr(self, name)
            if type(number) not in (int, float) or not math.isfinite(number):
                return name
        return None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the specification, 64 hex digits."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def context_features(spec: FeatureSpec, facts: pa.StructArray) -> ContextFeatures:
    """Numbers of the facts: one-hot categories and positions, tenure, genre shares, cast.

    Any facts have finite ones: what is not sound (`data.sound`) is not known.
    """
    parts = [_one_hot(facts.field(name), spec.categories[name]) for name in CATEGORIES]
    parts += [_position(facts.field(name)) for name in POSITIONS]
    parts.append(tenure_columns(spec, tenure_days(facts)))
    parts.append(_genre_counts(facts.field("watched_genres"), spec.genres))
    dense = np.concatenate(parts, axis=1).astype(np.float32)
    return ContextFeatures(dense, *_cast_counts(facts.field("watched_cast")))


def candidate_features(
    spec: FeatureSpec, titles: pa.Table, artworks: pa.Table
) -> CandidateFeatures:
    """Numbers of each artwork's title and tags, in the order of `artworks`.

    Raises:
        BadInput: an artwork names a title that is not in `titles`.
    """
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
    popularity = _scaled(popularity, spec.popularity_mean, spec.popularity_sd)
    by_title = np.concatenate([genres, popularity[:, None].astype(np.float32)], axis=1)
    tone = _one_hot(artworks["tone"], spec.tones)
    dense = np.concatenate([by_title[rows], tone], axis=1).astype(np.float32)
    shown = _cast_named(artworks["cast_shown"].combine_chunks())
    ids, weights = _cast_named(titles["cast"].combine_chunks())
    return CandidateFeatures(dense, *shown, ids[rows], weights[rows])


def tenure_days(facts: pa.StructArray) -> Float[np.ndarray, " members"]:
    """Days since the profile was made; NaN where they are not known, or not sound."""
    tenure = numbers(facts.field("tenure_days"))
    return np.where(within(tenure, MOST_DAYS), tenure, np.nan)


def tenure_columns(
    spec: FeatureSpec, tenure: Float[np.ndarray, " members"]
) -> Float[np.ndarray, "members 2"]:
    """Scaled logarithm of the days, and whether they are not known."""
    scaled = _scaled(np.log1p(tenure), spec.tenure_mean, spec.tenure_sd)
    return np.stack([np.nan_to_num(scaled), np.isnan(tenure)], axis=1)


def cast_bucket(name: str) -> int:
    """The hash bucket of a cast member: 1 … CAST_BUCKETS − 1, the same on any machine."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return 1 + int.from_bytes(digest, "little") % (CAST_BUCKETS - 1)


def _values(column: pa.Array | pa.ChunkedArray) -> list[str]:
    return sorted(value for value in pc.unique(column).to_pylist() if value is not None)


def _scaled(values: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    """Values by mean and deviation; 0 where training saw only one, and so not what it means."""
    return (values - mean) / (deviation if deviation > LEAST_VARIED else np.inf)


def _one_hot(column: pa.Array, vocabulary: list[str]) -> np.ndarray:
    """One column a value, then one for a value never seen, then one for not known."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    places = pc.index_in(column, value_set=pa.array(vocabulary, pa.string()))
    slots = pc.fill_null(places, len(vocabulary)).to_numpy(zero_copy_only=False)
    slots = np.where(column.is_null().to_numpy(zero_copy_only=False), len(vocabulary) + 1, slots)
    return np.eye(len(vocabulary) + 2, dtype=np.float32)[slots]


def _position(column: pa.Array) -> np.ndarray:
    values = numbers(column)
    slots = np.where(values >= 0, np.minimum(values, POSITION_BUCKETS - 1), POSITION_BUCKETS)
    return np.eye(POSITION_BUCKETS + 1, dtype=np.float32)[slots.astype(np.int64)]


def _genre_counts(column: pa.MapArray, genres: list[str]) -> np.ndarray:
    """Shares of what was watched by genre (last: never seen in training), and log of the total."""
    row, names, counts = _entries(column)
    slots = pc.fill_null(pc.index_in(names, value_set=pa.array(genres, pa.string())), len(genres))
    out = np.zeros((len(column), len(genres) + 2), dtype=np.float32)
    np.add.at(out, (row, slots.to_numpy(zero_copy_only=False)), counts)
    return genre_shares(out)


def genre_shares(
    counts: Float[np.ndarray, "members genres"],
) -> Float[np.ndarray, "members genres"]:
    """Counts by genre as shares, in their place, and the log of their total as the last column."""
    total = counts.sum(1)
    counts /= np.maximum(total, 1e-9)[:, None]
    counts[:, -1] = np.log1p(total)
    return counts


def _cast_counts(column: pa.MapArray) -> tuple[np.ndarray, np.ndarray]:
    return _cast_bags(len(column), *_entries(column))


def _cast_named(column: pa.ListArray) -> tuple[np.ndarray, np.ndarray]:
    """Each name once; a row without a list has none."""
    row = pc.list_parent_indices(column).to_numpy(zero_copy_only=False)
    pairs = pa.table({"row": row, "name": column.flatten()}).group_by(["row", "name"])
    once = pairs.aggregate([])
    weights = np.ones(len(once), dtype=np.float32)
    return _cast_bags(len(column), once["row"].to_numpy(), once["name"].combine_chunks(), weights)


def _entries(column: pa.MapArray) -> tuple[np.ndarray, pa.Array, np.ndarray]:
    """Row, key and value of every sound entry of a map column; rows without a map have none."""
    row, names, counts = entries(column)
    sound = within(counts, MOST_COUNT)
    return row[sound], names.filter(pa.array(sound)), counts[sound].astype(np.float32)


def _cast_bags(
    rows: int, row: np.ndarray, names: pa.Array, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The `CAST_KEPT` heaviest names of each row as bucket ids, and weights that sum to one."""
    ids = np.zeros((rows, CAST_KEPT), dtype=np.int64)
    weights = np.zeros((rows, CAST_KEPT), dtype=np.float32)
    if not len(names):
        return ids, weights
    coded = names.dictionary_encode()
    distinct = coded.dictionary.to_pylist()
    code = coded.indices.to_numpy(zero_copy_only=False)
    rank = np.argsort(np.argsort(np.array(distinct)))
    order = np.lexsort((rank[code], -counts, row))
    row, code, counts = row[order], code[order], counts[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    heaviest = place < CAST_KEPT
    row, place = row[heaviest], place[heaviest]
    ids[row, place] = np.array([cast_bucket(name) for name in distinct])[code[heaviest]]
    weights[row, place] = counts[heaviest]
    return ids, even_weights(weights)


def even_weights(weights: Float[np.ndarray, "members cast"]) -> Float[np.ndarray, "members cast"]:
    """Weights that sum to one in each row, in their place; a row of none stays so."""
    weights /= np.maximum(weights.sum(1, keepdims=True), 1e-9)
    return weights
