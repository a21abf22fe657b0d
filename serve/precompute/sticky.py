"""Artwork that stays: a renewed map keeps its choices unless much speaks for others.

A kept choice keeps its original decision, with its propensity of then. A changed one is a new
decision: given that the draw fell on it the rule leaves no choice, so its propensity is the
policy's. What was kept is not logged again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from serve.maps.artwork_map import RUNS_MAX, ArtworkMap, CorruptMapError, Run
from serve.maps.layout import Layout


@dataclass(frozen=True)
class Sticky:
    """When an artwork may change; zero and zero decides everything anew every time.

    Raises:
        ValueError: a threshold outside 0 … 1 or negative days.
    """

    threshold: float = 0.2
    """Probability that the policy must give the new artwork over the old one."""
    min_days: int = 3
    """Days that an artwork stays at least, withdrawn ones excepted."""

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"sticky threshold {self.threshold} is not a probability: use 0 … 1")
        if self.min_days < 0:
            raise ValueError(f"sticky min_days {self.min_days} is negative: use 0 or more")


class Before(NamedTuple):
    """What a block's members had, in today's layout."""

    choices: Int[np.ndarray, "members titles"]  # ordinals, −1: none, or withdrawn
    run_of: Int[np.ndarray, "members titles"]  # index into `runs`; 0 where there is none
    runs: list[Run]  # of the whole block
    facts: Int[np.ndarray, " members"]  # facts fingerprints, −1: no map
    layouts: list[bytes]  # digest of each member's map; empty: no map
    tags: list[bytes]  # bundle tags


def read_before(
    values: Sequence[bytes | None], layout: Layout, older: dict[bytes, Layout]
) -> Before:
    """Old maps of a block, translated; corrupt ones and those of an unknown layout are forgotten.

    Args:
        values: maps as stored.
        layout: today's.
        older: other layouts by digest.
    """
    shape = (len(values), len(layout.title_ids))
    choices = np.full(shape, -1, np.int64)
    run_of = np.zeros(shape, np.int64)
    facts = np.full(len(values), -1, np.int64)
    layouts, tags = [b""] * len(values), [b""] * len(values)
    known: dict[Run, int] = {}
    moved: dict[bytes, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
    for row, value in enumerate(values):
        if value is None:
            continue
        try:
            old = ArtworkMap.parse(value)
        except CorruptMapError:
            continue
        index = np.array([known.setdefault(run, len(known)) for run in old.runs] or [0])
        if old.layout == layout.digest:
            choices[row], run_of[row] = old.choices, index[old.run_of]
        elif old.layout in older:
            if old.layout not in moved:
                there = older[old.layout]
                slots, kept = layout.slots(there.title_ids)
                moved[old.layout] = (layout.translate(there), slots[kept], kept)
            ordinals, slots, kept = moved[old.layout]
            here = np.where(old.choices >= 0, ordinals[old.choices], -1)
            choices[row, slots], run_of[row, slots] = here[kept], index[old.run_of][kept]
        else:
            continue
        facts[row], layouts[row], tags[row] = old.facts, old.layout, old.tag
    return Before(choices, run_of, list(known), facts, layouts, tags)


def keeps(
    sticky: Sticky,
    before: Before,
    day: int,
    starts: Int[np.ndarray, " titles"],
    choice: Int[np.ndarray, "members titles"],
    propensity: Float[np.ndarray, "members titles"],
    probabilities: Float[np.ndarray, "members ranks titles"],
) -> Bool[np.ndarray, "members titles"]:
    """Where the old artwork stays; `choice` and `probabilities` are today's, by rank."""
    had = before.choices >= 0
    if not had.any() or (sticky.threshold == 0 and sticky.min_days == 0):
        return np.zeros_like(had)
    old = np.clip(before.choices - starts, 0, probabilities.shape[1] - 1)
    was = np.take_along_axis(probabilities, old[:, None], 1)[:, 0]
    days = np.array([run.day for run in before.runs], np.int64)
    young = day - days[before.run_of] < sticky.min_days
    return had & ((old == choice) | young | (propensity - was < sticky.threshold))


def compact_runs(
    run_of: Int[np.ndarray, "members titles"], runs: Sequence[Run], newest: int
) -> tuple[Int[np.ndarray, "members titles"], list[tuple[Run, ...]], Bool[np.ndarray, " members"]]:
    """Run indices that fit a map: the block's runs where they are few, else each member's own.

    Returns:
        New indices, the runs of each member, and whether a member has too many and must be
        decided anew (its indices then all say `newest`).
    """
    used = np.unique(run_of)
    if len(used) <= RUNS_MAX:
        at = np.zeros(len(runs), np.int64)
        at[used] = np.arange(len(used))
        shared = tuple(runs[i] for i in used.tolist())
        return at[run_of], [shared] * len(run_of), np.zeros(len(run_of), bool)
    out, own, full = np.zeros_like(run_of), [], np.zeros(len(run_of), bool)
    for row, indices in enumerate(run_of):
        used, at = np.unique(indices, return_inverse=True)
        if len(used) > RUNS_MAX:
            full[row], used, at = True, np.array([newest]), np.zeros_like(indices)
        out[row] = at
        own.append(tuple(runs[i] for i in used.tolist()))
    return out, own, full
