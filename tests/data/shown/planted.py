"""A catalogue whose pictures are known by their features: each shows one member of the cast."""

from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from data.features import FeatureSpec
from data.records import ARTWORKS, FACTS, TITLES
from data.schema import Fact, Schema

THEMES = ("birds", "noir", "sea", "space")
DAY = date(2026, 1, 1)
SCHEMA = Schema(
    facts=(
        Fact("liked", "counts", match="artworks.tags"),
        Fact("read", "counts", match="titles.subjects"),
    ),
    titles=(Fact("subjects", "set"),),
    artworks=(Fact("tags", "set"),),
)
WIDTH = 24


class Planted(NamedTuple):
    """A catalogue with the truth of its pictures."""

    titles: pa.Table
    artworks: pa.Table
    features: np.ndarray
    shown: list[str]
    """Whom each picture shows."""
    theme: np.ndarray
    """Place of its theme among `THEMES`."""

    @property
    def tables(self) -> tuple[pa.Table, pa.Table]:
        """As the read-outs take them."""
        return self.titles, self.artworks


def planted(seed=0, titles=60, each=5, names=40, first=0):
    """Names' themes and looks follow from their numbers, themes' looks are the same in any."""
    random = np.random.default_rng([seed, 1])
    theme_looks = np.random.default_rng(7).normal(0, 1, (len(THEMES), WIDTH))
    people = [f"name-{first + at}" for at in range(names)]
    own_looks = np.random.default_rng([first, 2]).normal(0, 0.8, (names, WIDTH))
    rows, artworks, features, shown, themes = [], [], [], [], []
    for at in range(titles):
        cast = random.choice(names, 4, replace=False).tolist()
        has = sorted({THEMES[one % len(THEMES)] for one in cast})
        rows.append(
            {
                **{"title_id": at + first, "name": "", "genres": has, "popularity": 1.0},
                **{"cast": [people[one] for one in cast], "launch_day": DAY},
                **{"runtime_minutes": 90.0, "default_artwork_id": f"{at + first}-0"},
                "own": [("subjects", {"names": [f"of {one}" for one in has]})],
            }
        )
        for place in range(each):
            one = cast[random.integers(len(cast))]
            theme, tagged = one % len(THEMES), random.random() < 0.5
            own = [("tags", {"names": [f"tag {theme}"]})] if tagged else None
            artworks.append(
                {
                    **{"artwork_id": f"{at + first}-{place}", "title_id": at + first},
                    **{"path": "a", "added_day": DAY, "own": own},
                    "cast_shown": [people[one]] if tagged else None,
                    "tone": ["dark", "light"][theme % 2] if tagged else None,
                }
            )
            looks = theme_looks[theme] + own_looks[one]
            features.append(looks + random.normal(0, 0.5, WIDTH))
            shown.append(people[one])
            themes.append(theme)
    return Planted(
        pa.Table.from_pylist(rows, TITLES),
        pa.Table.from_pylist(artworks, ARTWORKS),
        np.array(features, np.float32),
        shown,
        np.array(themes),
    )


def specification(of, schema=SCHEMA):
    """What training knows of a catalogue."""
    facts = pa.array([{"own": [("liked", LIKED), ("read", READ)]} for _ in range(12)], FACTS)
    return FeatureSpec.learn(facts, *of.tables, schema)


LIKED = {"names": ["tag 1", "tag 2"], "numbers": [1.0, 2.0]}
READ = {"names": ["of sea", "of noir", "of nothing"], "numbers": [1.0, 2.0, 3.0]}
