"""Partial labels of pictures, from titles, tags and casts."""

from collections import defaultdict

import numpy as np
from jaxtyping import Bool, Float

from data.shown.catalogue_sets import CatalogueSets
from data.shown.partial_softmax import PartialLabels


def labels_of_titles(
    sets: CatalogueSets, shares: Float[np.ndarray, "titles names"]
) -> PartialLabels:
    """A picture shows one of what its title has; whoever is tagged, one of what is theirs.

    What is theirs is what all titles have in common that they play in: a horror comedy's poster
    with somebody who plays in horrors alone shows horror. Where that is nothing, or they play in
    no other title, it is the title's own.

    Args:
        sets: of the catalogue.
        shares: of the set that is read, by title.
    """
    has = shares > 0
    theirs = _in_common(sets, has)
    picture, among, weight = list[int](), list[Bool[np.ndarray, " names"]](), list[float]()
    for row, title in enumerate(sets.title_of.tolist()):
        own = has[title]
        if not own.any():
            continue
        found = [theirs[name] & own for name in sets.tagged[row] if name in theirs]
        found = [one for one in found if one.any()] or [own]
        picture += [row] * len(found)
        among += found
        weight += [1 / len(found)] * len(found)
    return _labels(picture, among, weight, has.shape[1])


def labels_of_tags(shares: Float[np.ndarray, "artworks names"]) -> PartialLabels:
    """A tagged picture shows each of its tags, by its share."""
    picture, name = np.nonzero(shares)
    return PartialLabels(
        picture, np.eye(shares.shape[1], dtype=bool)[name], shares[picture, name].astype(np.float64)
    )


def _in_common(
    sets: CatalogueSets, has: Bool[np.ndarray, "titles names"]
) -> dict[str, Bool[np.ndarray, " names"]]:
    """Member of the cast → what all titles have in common that they play in."""
    plays = defaultdict[str, list[int]](list)
    for title, cast in enumerate(sets.cast):
        for name in cast:
            plays[name].append(title)
    return {name: np.asarray(has[titles].all(0)) for name, titles in plays.items()}


def _labels(
    picture: list[int], among: list[np.ndarray], weight: list[float], names: int
) -> PartialLabels:
    return PartialLabels(
        np.array(picture, np.int64),
        np.array(among, bool).reshape(len(among), names),
        np.array(weight, np.float64),
    )
