"""What training learns of facts and titles, once: it travels in the bundle."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.errors import BadInput
from data.features.columns import CATEGORIES, tenure_days, values_of
from data.features.declared import (
    DeclaredFeatures,
    DeclaredTallies,
    declared_from_json,
    own_column,
)
from data.schema import Schema
from data.schema.schema import OFF

FEATURES_VERSION = 1


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
    declared: DeclaredFeatures = field(default_factory=DeclaredFeatures)
    """Facts that Marquee does not come with."""
    exact_names: bool = True
    """Names have numbers of their own; those that bundles of before know have their bucket's."""

    @classmethod
    def learn(
        cls,
        facts: pa.StructArray,
        titles: pa.Table,
        artworks: pa.Table,
        schema: Schema | None = None,
    ) -> "FeatureSpec":
        """Learn the vocabulary from the facts of examples and from the catalogue.

        Args:
            facts: as FACTS.
            titles: as TITLES.
            artworks: as ARTWORKS.
            schema: what is declared; nothing if None.
        """
        tallies = DeclaredTallies(schema or Schema())
        if tallies.schema != Schema():
            tallies.add("facts", facts.field("own"))
            tallies.add("titles", own_column(titles))
            tallies.add("artworks", own_column(artworks))
        tenure = np.log1p(tenure_days(facts))
        popularity = np.log(np.maximum(titles["popularity"].to_numpy(), 1e-9))
        genres = set(pc.list_flatten(titles["genres"]).to_pylist())
        genres |= set(pc.unique(facts.field("watched_genres").keys).to_pylist())
        return cls(
            categories={name: values_of(facts.field(name)) for name in CATEGORIES},
            genres=sorted(genres - {None}),
            tones=values_of(artworks["tone"]),
            tenure_mean=float(np.nanmean(tenure)) if np.isfinite(tenure).any() else 0.0,
            tenure_sd=float(np.nanstd(tenure)) if np.isfinite(tenure).any() else 1.0,
            popularity_mean=float(popularity.mean()),
            popularity_sd=float(popularity.std()),
            declared=tallies.learnt(),
        )

    def to_json(self) -> str:
        """The specification as text with sorted keys, so that equal specs are equal bytes."""
        values = asdict(self)
        if not self.declared.off:
            del values["declared"][OFF]  # as it was written before there was any
        if not self.declared:
            del values["declared"]
        if not self.exact_names:
            del values["exact_names"]
        return json.dumps(values, sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> "FeatureSpec":
        """Read what `to_json` wrote.

        Raises:
            BadInput: the text is not a feature specification of this version.
        """
        try:
            values = json.loads(text)
            if isinstance(values, dict) and "declared" in values:
                values["declared"] = declared_from_json(values["declared"])
            if isinstance(values, dict):
                values.setdefault("exact_names", False)  # as it was written before there were any
            spec = cls(**values)
            if wrong := spec._of_another_type():
                raise ValueError(f"{wrong} is of another type")
        except (TypeError, ValueError, KeyError, RecursionError) as error:
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
        return None if isinstance(self.exact_names, bool) else "exact_names"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the specification, 64 hex digits."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()
