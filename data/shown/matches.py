"""How members' counts meet what pictures show: which columns stand for the same name."""

from typing import NamedTuple

from data.features import CATEGORIES, POSITION_BUCKETS, POSITIONS, FeatureSpec
from data.schema import SHIPPED
from data.shown.catalogue_sets import GENRES
from data.shown.read_outs import Group, shown_group


class ShownMatch(NamedTuple):
    """A member's shares of some names, and what an artwork shows of the same."""

    name: str
    """Of the set."""
    member: tuple[int, ...]
    """Columns of members' features."""
    artwork: tuple[int, ...]
    """Columns of artworks' features, one for each of these."""


def shown_matches(
    spec: FeatureSpec, groups: tuple[Group, ...], first: int
) -> tuple[ShownMatch, ...]:
    """A match for each set that is read of pictures and counted of members.

    Args:
        spec: of the features.
        groups: of the columns that are read.
        first: column of artworks' features from which on these are.
    """
    start, at = {}, first
    for group in groups:
        start[group.name] = at, group.names
        at += group.width
    found = []
    for of, columns in _counted(spec):
        for name in (shown_group(of), of):
            if name not in start:
                continue
            begins, names = start[name]
            both = [(columns[n], begins + k) for k, n in enumerate(names) if n in columns]
            if both:
                member, artwork = zip(*both, strict=True)
                found.append(ShownMatch(of, member, artwork))
    return tuple(found)


def _counted(spec: FeatureSpec) -> list[tuple[str, dict[str, int]]]:
    """Sets that members' counts are of → column of the share of each name."""
    at = sum(len(spec.categories[name]) + 2 for name in CATEGORIES)
    at += len(POSITIONS) * (POSITION_BUCKETS + 1) + 2  # and the tenure
    genres = {name: at + place for place, name in enumerate(spec.genres)}
    watched = next(fact for fact in SHIPPED.facts if fact.match == GENRES)
    off = f"facts.{watched.name}" in spec.declared.off
    found = [] if off else [(GENRES, genres)]
    at += len(spec.genres) + 2
    for one in spec.declared.facts:
        if one.fact.match is not None:
            found.append((one.fact.match, {n: at + place for place, n in enumerate(one.values)}))
        at += one.width
    return found
