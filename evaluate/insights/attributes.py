"""What artworks have or have not: tags, declared facts, and simple numbers of their pictures."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, UInt8

from data.catalogue import Catalogue
from data.features import own_column
from data.images.cache import ImageCache
from data.own_facts import fact_values
from data.schema import Schema

LEAST = 5
"""Artworks that have an attribute, and that have it not, for it to be asked about."""
MOST = 60
"""Attributes that are asked about, those that divide artworks most evenly first."""
STEP = 4
"""Every fourth pixel each way tells a picture's light as well as all do."""
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


class Attribute(NamedTuple):
    """Something that an artwork has or has not."""

    name: str
    has: Bool[np.ndarray, " artworks"]
    known: Bool[np.ndarray, " artworks"]


def attributes_of(
    catalogue: Catalogue, schema: Schema, images: ImageCache | None
) -> list[Attribute]:
    """All that some artworks have and some have not.

    Args:
        catalogue: whose artworks, in the order of its table.
        schema: what is declared of them.
        images: decoded pictures; None: nothing is asked of pictures.
    """
    table = catalogue.artworks
    shown = table["cast_shown"].to_pylist()
    tagged = np.array([names is not None for names in shown])
    people = np.array([len(names or ()) for names in shown])
    found = [
        Attribute("shows nobody of the cast", people == 0, tagged),
        Attribute("shows several of the cast", people > 1, tagged),
        *_named("tone", [None if tone is None else [tone] for tone in table["tone"].to_pylist()]),
    ]
    own = own_column(table)
    for fact in schema.artworks:
        values = fact_values(own, fact.name)
        if fact.kind in ("category", "set"):
            lists: list[list[str] | None] = [[] if there else None for there in values.there]
            for row, code in zip(values.name_rows, values.codes, strict=True):
                lists[row] = [*(lists[row] or []), values.distinct[code]]
            found += _named(fact.name.replace("_", " "), lists)
        elif fact.kind == "number":
            numbers = np.full(len(table), np.nan)
            numbers[values.number_rows] = values.numbers
            found += _halves({fact.name.replace("_", " "): numbers})
    if images is not None:
        found += _halves(picture_numbers(catalogue.artwork_ids, images), "")
    return sorted((one for one in found if _divides(one)), key=_evenness)[:MOST]


def picture_numbers(
    artworks: Sequence[str], images: ImageCache
) -> dict[str, Float[np.ndarray, " artworks"]]:
    """Simple numbers of pictures by what much of them is called; NaN where there is no picture."""
    numbers = {
        name: np.full(len(artworks), np.nan)
        for name in ("bright", "high in contrast", "colourful", "warm", "busy")
    }
    for at, artwork in enumerate(artworks):
        if artwork in images.rows:
            told = _light(images.images[images.rows[artwork]])
            for values, value in zip(numbers.values(), told, strict=True):
                values[at] = value
    return numbers


def _light(pixels: UInt8[np.ndarray, "3 height width"]) -> tuple[float, ...]:
    small = pixels[:, ::STEP, ::STEP].astype(np.float32)
    light = np.tensordot(LUMA, small, 1)
    vivid = small.max(0) - small.min(0)
    edges = np.abs(np.diff(light, axis=0)).mean() + np.abs(np.diff(light, axis=1)).mean()
    means = light.mean(), light.std(), vivid.mean(), (small[0] - small[2]).mean(), edges
    return tuple(map(float, means))


def _named(kind: str, lists: Sequence[Sequence[str] | None]) -> list[Attribute]:
    known = np.array([names is not None for names in lists])
    every = sorted({name for names in lists for name in names or ()})
    return [
        Attribute(f"{kind}: {name}", np.array([name in (names or ()) for names in lists]), known)
        for name in every
    ]


def _halves(
    numbers: Mapping[str, Float[np.ndarray, " artworks"]], more: str = "much "
) -> list[Attribute]:
    """Whether a number is above the catalogue's middle."""
    made = []
    for name, values in numbers.items():
        known = np.isfinite(values)
        if known.any():
            middle = np.median(values[known])
            made.append(Attribute(f"{more}{name}", known & (values > middle), known))
    return made


def _divides(one: Attribute) -> bool:
    count = int((one.has & one.known).sum())
    return LEAST <= count <= int(one.known.sum()) - LEAST


def _evenness(one: Attribute) -> float:
    return abs(float((one.has & one.known).mean()) - 0.5)
