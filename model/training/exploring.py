"""How much of the posterior's doubt heads explore with, by what keeps coming."""

import numpy as np
import pyarrow as pa
from jaxtyping import Int

from data.catalogue import Catalogue
from data.days import DAY_US
from data.examples.stream import ExampleStream

STEADY, ARRIVING = 0.1, 0.2
"""Of the doubt, where artwork stays, and where it keeps coming."""
ARRIVALS = 0.02
"""Share of all artworks that come new a day, from which on they keep coming."""


def exploring_share(arrivals: float) -> float:
    """Of the doubt; `docs/statistics.md` has what it earns in four worlds.

    Where artwork stays, decisions of other members and titles explore by themselves, and what is
    explored on purpose is paid for. What comes new has to be found among what is known.

    Args:
        arrivals: share of all artworks that come new a day.
    """
    return ARRIVING if arrivals >= ARRIVALS else STEADY


def arrivals_a_day(
    added: Int[np.ndarray, " artworks"], shown: Int[np.ndarray, " artworks"], last: int, days: int
) -> float:
    """Share of the artworks that were shown which came new a day, over the last days of a log.

    Args:
        added: day each artwork was added, since 1970-01-01.
        shown: how often each was shown; those that never were do not count.
        last: day of the log.
        days: of the log; its first has what was there before.
    """
    there = shown > 0
    if days < 2 or not there.any():
        return 0.0
    new = there & (added > last - days + 1) & (added <= last)
    return float(new.sum() / there.sum() / (days - 1))


def arrivals_of(
    stream: ExampleStream, catalogue: Catalogue, shown: Int[np.ndarray, " artworks"]
) -> float:
    """Share of the artworks that come new a day of a log.

    Args:
        stream: its examples.
        catalogue: theirs.
        shown: how often each artwork was.
    """
    first, last = (moment // DAY_US for moment in stream.span())
    added = catalogue.artworks["added_day"].cast(pa.int32()).to_numpy()
    return arrivals_a_day(added, shown, last, last - first + 1)
