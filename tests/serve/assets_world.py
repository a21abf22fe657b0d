"""A catalogue of assets beside the layout of `tests.serve.world`, and a bundle's terms for them."""

from datetime import date

import numpy as np
import pyarrow as pa

from data.assets.assets import Assets
from data.bundle.asset_terms import AssetTerms, terms_of
from data.catalogue import Catalogue
from data.records import ARTWORKS, ASSETS, TITLES
from data.texts.hashed_words import HashedWords
from data.texts.text_places import TextPlaces
from tests.serve.world import make_layout

LAYOUT = make_layout()
TITLES_OF = LAYOUT.title_ids.tolist()
BARE = TITLES_OF[-1]  # a title without any asset
WORDS = [
    "love",
    "crime",
    "space",
    "ghost",
    "laugh",
    "farm",
    "kiss",
    "murder",
    "planet",
    "blood",
    "prank",
    "school",
]


def catalogue(tmp_path):
    """Of the layout: three synopses a title, the second in French; templates of evidence."""
    titles = [
        {
            **{
                "title_id": title,
                "name": f"Title {at}",
                "genres": ["drama" if at % 2 else "crime"],
            },
            **{"cast": ["ann"], "popularity": 1.0},
            **{
                "launch_day": date(2020, 1, 1),
                "runtime_minutes": 90.0,
                "default_artwork_id": f"{title}-0",
            },
        }
        for at, title in enumerate(TITLES_OF)
    ]
    artworks = [
        {
            **{"artwork_id": name, "title_id": title, "path": path},
            **{"added_day": date(2020, 1, 1)},
        }
        for title, at in LAYOUT.slot_of.items()
        for name, path in zip(
            LAYOUT.artwork_ids[LAYOUT.starts[at] : LAYOUT.starts[at + 1]],
            LAYOUT.paths[LAYOUT.starts[at] : LAYOUT.starts[at + 1]],
            strict=True,
        )
    ]
    rng, rows = np.random.default_rng(0), []
    for title in TITLES_OF[:-1]:
        for place in range(3):
            text = " ".join(rng.choice(WORDS, 8))
            one = {"asset_id": f"{title}-s{place}", "kind": "synopsis", "content": "text"}
            rows.append({**one, "text": text, "language": "fr" if place == 1 else "en"})
        for place, text in enumerate(("As much {watched_genre} as you like", "With {cast}")):
            one = {"asset_id": f"{title}-e{place}", "kind": "evidence", "content": "template"}
            rows.append({**one, "text": text})
        for row in rows[-5:]:
            row |= {"title_id": title, "added_day": date(2020, 1, 1)}
    made = Catalogue(
        tmp_path,
        pa.Table.from_pylist(titles, TITLES),
        pa.Table.from_pylist(artworks, ARTWORKS),
    )
    return Assets(made, pa.Table.from_pylist(rows, ASSETS))


def terms_for(assets, strength=1.0, heads=16, dimension=8, rank=3, directions=4):
    rng = np.random.default_rng(1)
    texts = [row["text"] for row in assets.rows.values()]
    places = TextPlaces.of(HashedWords(), texts, directions)
    own = (tuple(name for name in assets.rows if "-s" in name), ())
    size = terms_of(rank, directions, [len(ids) for ids in own]).size
    return AssetTerms(
        ("synopsis", "evidence"),
        own,
        HashedWords.name,
        np.zeros(dimension),
        rng.normal(size=(dimension, rank)),
        rng.normal(size=(dimension, rank)),
        np.zeros(rank),
        np.ones(rank),
        places.mean,
        places.axes,
        strength * rng.normal(size=size),
        strength * rng.normal(size=(heads, size)),
    )
