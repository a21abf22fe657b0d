"""Segments of a log that decisions fall into before anything is chosen."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool

from data.days import DAY_US
from data.records import TIMESTAMP
from evaluate.policies.declared_segments import declared_segments
from evaluate.policies.logged_examples import LoggedExamples, days_of

AGES = ((7, "under a week"), (28, "under four weeks"), (np.inf, "older"))
"""Days since a title's newest candidate was added, and what a decision is then called."""
POPULARITY = ((0.2, "head"), (0.6, "middle"), (1.0, "tail"))
"""Share of titles, the most popular first, up to which a title is called so."""

Segments = dict[str, Bool[np.ndarray, " decisions"]]
"""Name of a part → which decisions fall into it."""


def segments(logged: LoggedExamples) -> dict[str, Segments]:
    """Every way to divide the log, each with its parts: page, title, artwork's age, own facts.

    The artwork's age is that of the newest candidate: policies that choose among the same
    candidates are compared on the same decisions.
    """
    return {
        "surface": _by_fact(logged, "surface"),
        "device": _by_fact(logged, "device"),
        "popularity": _by_popularity(logged),
        "artwork_age": _by_age(logged),
        **declared_segments(logged),
    }


def _by_fact(logged: LoggedExamples, name: str) -> Segments:
    values = pc.fill_null(logged.facts.field(name), "unknown")
    names = np.asarray(values.to_pylist(), object)
    return {name: names == name for name in sorted(set(names))}


def _by_popularity(logged: LoggedExamples) -> Segments:
    popularity = logged.catalogue.titles["popularity"].to_numpy()
    rank = np.argsort(np.argsort(-popularity, kind="stable")) / max(1, len(popularity))
    return _steps(rank[logged.title_rows], POPULARITY)


def _by_age(logged: LoggedExamples) -> Segments:
    added = np.where(logged.valid, days_of(logged.catalogue)[logged.rows], -np.inf).max(-1)
    micros = logged.examples["time"].cast(TIMESTAMP).cast(pa.int64()).to_numpy()
    return _steps(micros // DAY_US - added, AGES)


def _steps(values: np.ndarray, steps: tuple[tuple[float, str], ...]) -> Segments:
    segments: Segments = {}
    low = -np.inf
    for high, name in steps:
        part = (values >= low) & (values < high)
        if part.any():
            segments[name] = part
        low = high
    return segments
