"""What is wrong with logged feedback: decisions, events and examples, checked as whole columns.

Every function takes a table that `data.schema_cast.conform` made: columns that had a problem of
their own are left out of it, and the checks that need them are left out too.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Int

from data.problem import Problem, in_rows
from data.records import EVENT_KINDS, LEVELS, SCHEMA_VERSION

TOLERANCE = 1e-6
"""How far probabilities may be from summing to one, and a propensity from its probability."""


@dataclass(frozen=True)
class Known:
    """What rows may refer to; None: anything."""

    artworks: pa.Array | None = None
    titles: pa.Array | None = None
    owners: Int[np.ndarray, " artworks"] | None = None
    """The title of each artwork, in their order."""

    @classmethod
    def of(
        cls,
        artwork_ids: Iterable[str] | None,
        title_ids: Iterable[int] | None,
        owners: Iterable[int] | None = None,
    ) -> "Known":
        """Known artworks and titles, from any iterables."""
        return cls(
            None if artwork_ids is None else pa.array(list(artwork_ids), pa.string()),
            None if title_ids is None else pa.array(list(title_ids), pa.int64()),
            None if owners is None else np.array(list(owners), np.int64),
        )


class _Lists(NamedTuple):
    """A list column flattened: row of each value, and how many values each row has."""

    values: pa.Array
    parents: Int[np.ndarray, " values"]
    lengths: Int[np.ndarray, " rows"]


def check_choices(table: pa.Table, file: Path | str, known: Known) -> Iterator[Problem]:
    """What decisions and examples share: action, candidates, propensity, title, level."""
    have = set(table.column_names)
    if "propensity" in have:
        p = _numbers(table["propensity"])
        yield from in_rows(
            "propensity", file, "propensity", ~((p > 0) & (p <= 1)) & _there(table["propensity"]),
            lambda row: f"{p[row]} is no probability of something that happened",
            "log the probability, above 0 and up to 1, with which the policy chose the action",
        )  # fmt: skip
    if "level" in have:
        yield from _one_of(table["level"], LEVELS, file, "level")
    if "title_id" in have and known.titles is not None:
        yield from _unknown("title", table["title_id"], known.titles, file, "title_id")
    if "candidates" not in have:
        return
    candidates = _lists(table["candidates"])
    yield from in_rows(
        "no candidates", file, "candidates", candidates.lengths == 0,
        lambda _: "the list is empty", "log every artwork that could have been chosen",
    )  # fmt: skip
    if "action" not in have:
        return
    action = _plain(table["action"])
    vocabulary = known.artworks
    if vocabulary is None:
        vocabulary = pa.concat_arrays([action, candidates.values]).unique().drop_null()
    chosen, offered = _codes(action, vocabulary), _codes(candidates.values, vocabulary)
    missing_action = (chosen < 0) & _there(action)
    yield from in_rows(
        "unknown artwork", file, "action", missing_action,
        lambda row: f"artwork {action[row].as_py()!r} is not in the catalogue",
        "add it to artworks.parquet, or drop the row",
    )  # fmt: skip
    unknown = np.zeros(len(table), bool)
    unknown[candidates.parents[offered < 0]] = True

    def first_unknown(row: int) -> str:
        names = candidates.values.filter(pa.array((candidates.parents == row) & (offered < 0)))
        return f"candidate {names[0].as_py()!r} is not in the catalogue"

    yield from in_rows(
        "unknown artwork", file, "candidates", unknown, first_unknown,
        "add it to artworks.parquet, or leave it out of the list",
    )  # fmt: skip
    if known.owners is not None and "title_id" in have:
        title = _plain(table["title_id"]).fill_null(0).to_numpy()
        owner = np.append(known.owners, 0)[offered]  # −1, not known, is the last
        foreign = (offered >= 0) & (owner != title[candidates.parents])
        wrong = np.zeros(len(table), bool)
        wrong[candidates.parents[foreign]] = True
        yield from in_rows(
            "artwork of another title", file, "candidates", wrong,
            lambda row: f"a candidate is not an artwork of title {title[row]}",
            "log the artworks of the row's own title",
        )  # fmt: skip
    same = (chosen[candidates.parents] == offered) & (offered >= 0)
    times = np.bincount(candidates.parents[same], minlength=len(table))
    yield from in_rows(
        "action not among candidates", file, "action",
        (times == 0) & (chosen >= 0) & (candidates.lengths > 0),
        lambda row: f"{action[row].as_py()!r} is not one of the row's {candidates.lengths[row]} "
        "candidates",
        "log the candidates that the policy chose from",
    )  # fmt: skip
    yield from in_rows(
        "duplicate candidates", file, "candidates", _repeats(candidates, offered),
        lambda _: "an artwork is listed twice", "list each candidate once",
    )  # fmt: skip
    if "probabilities" in have and table["probabilities"].null_count < len(table):
        yield from _probabilities(table, file, candidates, same)


def _probabilities(
    table: pa.Table, file: Path | str, candidates: _Lists, chosen: Bool[np.ndarray, " values"]
) -> Iterator[Problem]:
    """One probability a candidate, summing to one, the action's being the propensity."""
    kept = _there(table["probabilities"])
    given = _lists(table["probabilities"])
    p = _numbers(given.values)
    sums = np.bincount(given.parents, np.nan_to_num(p, nan=np.inf), len(table))
    bad = np.zeros(len(table), bool)
    bad[given.parents[~((p >= 0) & (p <= 1 + TOLERANCE))]] = True
    yield from in_rows(
        "probabilities", file, "probabilities", kept & (given.lengths != candidates.lengths),
        lambda row: f"{given.lengths[row]} probabilities for {candidates.lengths[row]} candidates",
        "log one a candidate, in their order, or null",
    )  # fmt: skip
    yield from in_rows(
        "probabilities", file, "probabilities", bad, lambda _: "a value is not within 0 … 1",
        "log the policy's probabilities, or null",
    )  # fmt: skip
    fits = kept & ~bad & (given.lengths == candidates.lengths)
    yield from in_rows(
        "probabilities", file, "probabilities", fits & (np.abs(sums - 1) > TOLERANCE),
        lambda row: f"they sum to {sums[row]:.6g}", "log all of them, or null",
    )  # fmt: skip
    if "propensity" not in table.column_names:
        return
    # Where lengths agree, value i of a row's probabilities is that of its candidate i.
    theirs = fits[candidates.parents] & chosen
    ours = (np.cumsum(given.lengths) - given.lengths)[candidates.parents] + (
        np.arange(len(candidates.parents))
        - (np.cumsum(candidates.lengths) - candidates.lengths)[candidates.parents]
    )
    of_action = np.full(len(table), np.nan)
    of_action[candidates.parents[theirs]] = p[ours[theirs]]
    logged = _numbers(table["propensity"])
    yield from in_rows(
        "propensity is not the action's probability", file, "propensity",
        np.abs(of_action - logged) > TOLERANCE,
        lambda row: f"{logged[row]:.6g}, but probabilities give the action {of_action[row]:.6g}",
        "log the probability of the action that was taken",
    )  # fmt: skip


def check_decisions(table: pa.Table, file: Path | str, known: Known) -> Iterator[Problem]:
    """What is wrong with a table of decisions."""
    yield from _version(table, file)
    yield from check_choices(table, file, known)


def check_events(table: pa.Table, file: Path | str, known: Known) -> Iterator[Problem]:
    """What is wrong with a table of events."""
    have = set(table.column_names)
    yield from _version(table, file)
    if "title_id" in have and known.titles is not None:
        yield from _unknown("title", table["title_id"], known.titles, file, "title_id")
    if "artwork_id" in have and known.artworks is not None:
        yield from _unknown("artwork", table["artwork_id"], known.artworks, file, "artwork_id")
    if "kind" not in have:
        return
    yield from _one_of(table["kind"], EVENT_KINDS, file, "kind")
    kind = np.asarray(_plain(table["kind"]).to_pylist(), object)
    if "minutes" in have:
        minutes = _numbers(table["minutes"])
        yield from in_rows(
            "minutes", file, "minutes",
            (kind == "progress") & ~(np.isfinite(minutes) & (minutes >= 0)),
            lambda row: f"{minutes[row]} minutes of progress",
            "a progress event says how many minutes were watched so far, 0 or more",
        )  # fmt: skip
    if "thumb" in have:
        thumb = _numbers(table["thumb"])
        yield from in_rows(
            "thumb", file, "thumb", (kind == "thumb") & ~np.isin(thumb, (-1, 1)),
            lambda row: f"{thumb[row]}", "a thumb event has −1 or 1",
        )  # fmt: skip


def check_rewards(table: pa.Table, file: Path | str, known: Known) -> Iterator[Problem]:
    """What is wrong with a table of examples."""
    have = set(table.column_names)
    yield from check_choices(table, file, known)
    for name, low in (("reward", -np.inf), ("minutes", 0)):
        if name in have:
            values = _numbers(table[name])
            yield from in_rows(
                name, file, name,
                ~(np.isfinite(values) & (values >= low)) & _there(table[name]),
                lambda row, values=values: f"{values[row]}",
                "it must be finite" + (" and 0 or more" if low == 0 else ""),
            )  # fmt: skip
    if {"reward", "reward_name"} <= have:
        reward = _numbers(table["reward"])
        take = _codes(_plain(table["reward_name"]), pa.array(["take", "play"])) >= 0
        yield from in_rows(
            "reward", file, "reward", take & np.isfinite(reward) & ~np.isin(reward, (0, 1)),
            lambda row: f"a take or play of {reward[row]}",
            "it is 0 or 1; give another reward a name of its own",
        )  # fmt: skip


def _version(table: pa.Table, file: Path | str) -> Iterator[Problem]:
    if "schema_version" in table.column_names:
        version = _numbers(table["schema_version"])
        yield from in_rows(
            "schema version", file, "schema_version",
            ~((version >= 1) & (version <= SCHEMA_VERSION)) & _there(table["schema_version"]),
            lambda row: f"{version[row]:g}",
            f"this Marquee reads 1 … {SCHEMA_VERSION}: upgrade it, or write {SCHEMA_VERSION}",
        )  # fmt: skip


def _one_of(
    column: pa.ChunkedArray, allowed: tuple[str, ...], file: Path | str, name: str
) -> Iterator[Problem]:
    values = _plain(column)
    yield from in_rows(
        f"unknown {name}", file, name, (_codes(values, pa.array(allowed)) < 0) & _there(values),
        lambda row: f"{values[row].as_py()!r}", f"use one of {', '.join(allowed)}",
    )  # fmt: skip


def _unknown(
    what: str, column: pa.ChunkedArray, among: pa.Array, file: Path | str, name: str
) -> Iterator[Problem]:
    values = _plain(column)
    yield from in_rows(
        f"unknown {what}", file, name, (_codes(values, among) < 0) & _there(values),
        lambda row: f"{what} {values[row].as_py()!r} is not in the catalogue",
        f"add it to {what}s.parquet, or drop the row",
    )  # fmt: skip


def _codes(values: pa.Array, among: pa.Array) -> Int[np.ndarray, " values"]:
    """The place of each value in `among`, −1 where it is null or not there."""
    options = pc.SetLookupOptions(value_set=among, skip_nulls=True)
    found = pc.call_function("index_in", [values], options)
    return found.fill_null(-1).to_numpy(zero_copy_only=False)


def _repeats(lists: _Lists, codes: Int[np.ndarray, " values"]) -> Bool[np.ndarray, " rows"]:
    """Rows whose list holds the same known value twice."""
    known = codes >= 0
    keys = np.sort(lists.parents[known] * (codes.max(initial=0) + 1) + codes[known])
    twice = keys[1:][keys[1:] == keys[:-1]] // (codes.max(initial=0) + 1)
    wrong = np.zeros(len(lists.lengths), bool)
    wrong[twice] = True
    return wrong


def _lists(column: pa.ChunkedArray) -> _Lists:
    array = _plain(column)
    lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return _Lists(array.flatten(), np.repeat(np.arange(len(lengths)), lengths), lengths)


def _plain(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _there(column: pa.ChunkedArray | pa.Array) -> Bool[np.ndarray, " rows"]:
    return _plain(column).is_valid().to_numpy(zero_copy_only=False)


def _numbers(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """As float64; null is NaN."""
    return _plain(column).cast(pa.float64()).to_numpy(zero_copy_only=False)
