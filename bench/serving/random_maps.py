"""A catalogue of numbers alone, and artwork maps at random over it."""

import numpy as np

from bandit.draws import DrawRules, Epochs
from serve.maps.artwork_map import Run, encode_maps
from serve.maps.layout import Layout, layout_key
from serve.maps.run_info import RunInfo
from serve.maps.store import MapStore

INFO = RunInfo(DrawRules("bundle-0", "thompson", 0.05, 1, 16, Epochs()), logged=True)
"""Of the run that the maps say made them."""


def even_layout(title_ids: np.ndarray, names: tuple[str, ...]) -> Layout:
    """A layout in which every title has as many artworks, its first by default.

    Args:
        title_ids: ascending.
        names: of the artworks, title by title; their paths as well.
    """
    titles = len(title_ids)
    starts = np.arange(titles + 1) * (len(names) // titles)
    return Layout(title_ids, names, names, starts, starts[:-1])


def numbered_layout(titles: int, artworks: int) -> Layout:
    """Titles 1, 2, 3, …, each with some artworks."""
    names = tuple(f"{title}-{rank}" for title in range(titles) for rank in range(artworks))
    return even_layout(np.arange(1, titles + 1), names)


def put_layout(store: MapStore, layout: Layout) -> None:
    """What readers of the maps need, as precompute leaves it."""
    store.put_shared(layout_key(layout.digest), layout.to_bytes())
    store.put_shared("layout", layout.digest)
    store.put_shared(INFO.key, INFO.to_bytes())


def random_maps(layout: Layout, members: int, rng: np.random.Generator) -> list[bytes]:
    """Artwork maps of one run, for a layout of six artworks a title."""
    choices = layout.starts[:-1] + rng.integers(0, 6, (members, len(layout.title_ids)))
    return encode_maps(
        layout.digest,
        layout.width,
        np.ones(members, np.uint64),
        np.zeros(members, np.uint32),
        choices,
        np.zeros(choices.shape, np.uint8),
        [(Run(20_000, 1, INFO.nonce, INFO.rules.epochs.days),)] * members,
        codes=np.zeros(choices.shape, np.uint8),
    )
