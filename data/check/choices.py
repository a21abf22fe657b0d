"""What is wrong with choices, as decisions and examples hold them: candidates, action, propensity.

Checked as whole columns. A table has the columns that `data.schema_cast.conform` could make, so
the checks of a column that had a problem of its own are left out.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Int

from data.check.columns import Lists, codes, numbers, there
from data.check.known import Known
from data.lossless_cast import plain
from data.problem import Fault, Problem
from data.records import LEVELS, SHOWN

TOLERANCE = 1e-6
"""How far probabilities may be from summing to one, and a propensity from its probability."""

NO_PROBABILITY = Fault(
    "propensity",
    "propensity",
    "log the probability, above 0 and up to 1, with which the policy chose the action",
)
NO_CANDIDATES = Fault(
    "no candidates", "candidates", "log every artwork that could have been chosen"
)
UNKNOWN_ACTION = Fault("unknown artwork", "action", "add it to artworks.parquet, or drop the row")
UNKNOWN_CANDIDATE = Fault(
    "unknown artwork", "candidates", "add it to artworks.parquet, or leave it out of the list"
)
FOREIGN_CANDIDATE = Fault(
    "artwork of another title", "candidates", "log the artworks of the row's own title"
)
ACTION_NOT_OFFERED = Fault(
    "action not among candidates", "action", "log the candidates that the policy chose from"
)
DUPLICATE_CANDIDATES = Fault("duplicate candidates", "candidates", "list each candidate once")
COUNT = Fault("probabilities", "probabilities", "log one a candidate, in their order, or null")
RANGE = Fault("probabilities", "probabilities", "log the policy's probabilities, or null")
SUM = Fault("probabilities", "probabilities", "log all of them, or null")
OTHER_PROBABILITY = Fault(
    "propensity is not the action's probability",
    "propensity",
    "log the probability of the action that was taken",
)


class _Choices(NamedTuple):
    """A table's candidates and actions, by their places in one vocabulary of artworks."""

    candidates: Lists
    offered: Int[np.ndarray, " values"]
    """−1: not in the vocabulary."""
    action: pa.Array
    chosen: Int[np.ndarray, " rows"]
    """−1: not in the vocabulary, or null."""

    @property
    def taken(self) -> Bool[np.ndarray, " values"]:
        """Candidates that are their row's action."""
        return (self.chosen[self.candidates.parents] == self.offered) & (self.offered >= 0)


def check_choices(table: pa.Table, file: Path | str, known: Known) -> Iterator[Problem]:
    """What decisions and examples share: action, candidates, propensity, title, level."""
    have = set(table.column_names)
    if "propensity" in have:
        p = numbers(table["propensity"])
        yield from NO_PROBABILITY.in_rows(
            file,
            ~((p > 0) & (p <= 1)) & there(table["propensity"]),
            lambda row: f"{p[row]} is no probability of something that happened",
        )
    if "level" in have:
        yield from one_of(table["level"], LEVELS, file, "level")
    yield from known.unknown_titles(table, file)
    if "candidates" not in have:
        return
    candidates = Lists.of(table["candidates"])
    empty = candidates.lengths == 0
    yield from NO_CANDIDATES.in_rows(file, empty, lambda _: "the list is empty")
    if "action" not in have:
        return
    action = plain(table["action"])
    vocabulary = known.artworks
    if vocabulary is None:
        vocabulary = pa.concat_arrays([action, candidates.values]).unique().drop_null()
    offered, chosen = codes(candidates.values, vocabulary), codes(action, vocabulary)
    choices = _Choices(candidates, offered, action, chosen)
    yield from _unknown_artworks(choices, file)
    title = known.title_places(table)
    if known.owners is not None and title is not None:
        yield from _foreign_artworks(choices, table, file, title, known.owners)
    yield from _not_offered(choices, file)
    yield from DUPLICATE_CANDIDATES.in_rows(
        file, _repeats(candidates, offered), lambda _: "an artwork is listed twice"
    )
    if "probabilities" in have and table["probabilities"].null_count < len(table):
        yield from _probabilities(table, file, choices)


def one_of(
    column: pa.ChunkedArray, allowed: tuple[str, ...], file: Path | str, name: str
) -> Iterator[Problem]:
    """Rows whose value is none of those allowed."""
    values = plain(column)
    wrong = (codes(values, pa.array(allowed)) < 0) & there(values)
    fault = Fault(f"unknown {name}", name, f"use one of {', '.join(allowed)}")
    yield from fault.in_rows(file, wrong, lambda row: f"{values[row].as_py()!r}")


def _unknown_artworks(choices: _Choices, file: Path | str) -> Iterator[Problem]:
    candidates, offered, action, chosen = choices
    yield from UNKNOWN_ACTION.in_rows(
        file,
        (chosen < 0) & there(action),
        lambda row: f"artwork {action[row].as_py()!r} is not in the catalogue",
    )

    def first_unknown(row: int) -> str:
        names = candidates.values.filter(pa.array((candidates.parents == row) & (offered < 0)))
        return f"candidate {names[0].as_py()!r} is not in the catalogue"

    yield from UNKNOWN_CANDIDATE.in_rows(file, candidates.any_of(offered < 0), first_unknown)


def _foreign_artworks(
    choices: _Choices,
    table: pa.Table,
    file: Path | str,
    title: Int[np.ndarray, " rows"],
    owners: Int[np.ndarray, " artworks"],
) -> Iterator[Problem]:
    owner = np.append(owners, -1)[choices.offered]  # −1, not known, is the last
    foreign = (choices.offered >= 0) & (owner != title[choices.candidates.parents])
    yield from FOREIGN_CANDIDATE.in_rows(
        file,
        choices.candidates.any_of(foreign),
        lambda row: (
            f"a candidate is not an artwork of title {table['title_id'][row].as_py()!r:.60}"
        ),
    )


def _not_offered(choices: _Choices, file: Path | str) -> Iterator[Problem]:
    lengths = choices.candidates.lengths
    offered = choices.candidates.any_of(choices.taken)
    yield from ACTION_NOT_OFFERED.in_rows(
        file,
        ~offered & (choices.chosen >= 0) & (lengths > 0),
        lambda row: (
            f"{choices.action[row].as_py()!r} is not one of the row's {lengths[row]} candidates"
        ),
    )


def _repeats(lists: Lists, codes: Int[np.ndarray, " values"]) -> Bool[np.ndarray, " rows"]:
    """Rows whose list holds the same known value twice."""
    known = codes >= 0
    keys = np.sort(lists.parents[known] * (codes.max(initial=0) + 1) + codes[known])
    twice = keys[1:][keys[1:] == keys[:-1]] // (codes.max(initial=0) + 1)
    wrong = np.zeros(len(lists.lengths), bool)
    wrong[twice] = True
    return wrong


def _probabilities(table: pa.Table, file: Path | str, choices: _Choices) -> Iterator[Problem]:
    """One probability a candidate, summing to one, the action's being the propensity."""
    candidates, logged = choices.candidates, there(table["probabilities"])
    lists = Lists.of(table["probabilities"])
    p = numbers(lists.values)
    sums = np.bincount(lists.parents, np.nan_to_num(p, nan=np.inf), len(table))
    bad = lists.any_of(~((p >= 0) & (p <= 1 + TOLERANCE)))
    yield from COUNT.in_rows(
        file,
        logged & (lists.lengths != candidates.lengths),
        lambda row: f"{lists.lengths[row]} probabilities for {candidates.lengths[row]} candidates",
    )
    yield from RANGE.in_rows(file, bad, lambda _: "a value is not within 0 … 1")
    fits = logged & ~bad & (lists.lengths == candidates.lengths)
    yield from SUM.in_rows(
        file, fits & (np.abs(sums - 1) > TOLERANCE), lambda row: f"they sum to {sums[row]:.10g}"
    )
    if "propensity" not in table.column_names:
        return
    # Where lengths agree, value i of a row's probabilities is that of its candidate i.
    taken = np.flatnonzero(fits[candidates.parents] & choices.taken)
    rows = candidates.parents[taken]
    of_action = np.full(len(table), np.nan)
    of_action[rows] = p[lists.starts[rows] + taken - candidates.starts[rows]]
    propensity = numbers(table["propensity"])
    if "level" in table.column_names:  # beside what callers show stands what Marquee would do
        of_action[np.asarray(table["level"].to_pylist(), object) == SHOWN] = np.nan
    yield from OTHER_PROBABILITY.in_rows(
        file,
        np.abs(of_action - propensity) > TOLERANCE,
        lambda row: (
            f"{propensity[row]:.10g}, but probabilities give the action {of_action[row]:.10g}"
        ),
    )
