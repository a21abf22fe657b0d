"""`python -m evaluate row`: a row that is decided jointly, and what that adds, beside the truth."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypedDict

import numpy as np
import pyarrow as pa
from jaxtyping import Int
from rich.console import Console
from rich.table import Table

from bandit.rows.row_chances import RowChances
from data.bundle.row_pairs import RowPairs
from data.catalogue import Catalogue
from data.errors import BadInput
from evaluate.policies.bundle_scores import BundleScores, open_bundle_scores
from evaluate.slate.bundle_rows import bundle_chances
from evaluate.slate.learn_rows import learn_rows
from simulate.browsing.browse import browse
from simulate.browsing.day import Browsing, DayLog
from simulate.browsing.logging_policies import logging_policy
from simulate.rows.row_world import RowWorld
from simulate.world.artwork_world import ArtworkWorld

SLOTS = 5
"""Titles of a row: a home page's. Every row of them is enumerated."""


class ShownSlot(TypedDict):
    """What one member is shown in a slot, title by title and jointly: the likeliest."""

    title_id: int | str
    alone: str
    beside: str
    chance: float
    """Of `beside`, given what stands left of it."""


class RowWorth(TypedDict):
    """Expected takes of a row, exact, over members of a simulated world."""

    neighbour: float
    rows: int
    alone: float
    """Each title decided by itself."""
    beside: float
    """Jointly, by what the log said of neighbours."""
    oracle: float
    """The best of all rows."""
    gain: float
    """Of the joint choice, as a share."""
    closed: float
    """Share of the way from alone to the oracle."""
    learnt_from: int
    """Slots beside another."""
    row: list[ShownSlot]


def row(
    bundle: Path = Path("artifacts/bundles/current"),
    catalogue: Path = Path("artifacts/catalogue"),
    neighbour: float = -0.3,
    decisions: int = 60_000,
    rows: int = 100,
    members: int = 2000,
    cache: Path = Path("artifacts/cache"),
    seed: int = 1,
) -> RowWorth:
    """Show a row that is decided jointly, and what that adds in a simulated world.

    A log of random artwork is drawn from a world whose neighbours matter; what they do is learnt
    from it, for a bundle that knows titles by themselves; then rows are decided both ways, and both
    are worth what the world says: every possible row is looked up.

    Args:
        bundle: that knows the catalogue's titles by themselves.
        catalogue: folder that `python -m simulate catalogue` wrote.
        neighbour: what each SD of alikeness adds to the logits of two neighbours; 0: nothing.
        decisions: places of the log.
        rows: that are decided, of as many members.
        members: of the world.
        cache: folder of decoded images.
        seed: of members and the log.
    """
    for name, value, least in (("seed", seed, 0), ("rows", rows, 1), ("decisions", decisions, 1)):
        if value < least:
            raise BadInput(f"--{name} {value}: give {least} or more")
    world = replace(ArtworkWorld.read(catalogue, members, seed), neighbour=neighbour)
    if not world.truth.candidates()[1].all():
        raise BadInput(
            f"{catalogue}: titles have unequal numbers of artworks, and rows are enumerated where"
            " all have as many; make one with `python -m simulate catalogue`"
        )
    shown = Catalogue.read(catalogue)
    scored = open_bundle_scores(bundle, shown, cache)
    chooser = logging_policy("uniform", len(world.truth.title_of), 0.2)
    # Titles compete for nothing here; the switch would only log pages where neighbours do nothing.
    day = browse(world, chooser, 0, Browsing(decisions, seed, competition=neighbour == 0))
    learnt = learn_rows(scored, shown, _examples(day), seed)
    at = _whole_rows(day, rows)
    before = RowWorld.of(world, day.requests.members[at[:, 0]], day.requests.titles[at])
    alone, beside = (_chances(scored, day, before, at, p) for p in (None, learnt.pairs))
    worth = [float(before.worth(policy).mean()) for policy in (alone, beside)]
    oracle = float(before.best.mean())
    room = oracle - worth[0]
    return {
        "neighbour": neighbour,
        "rows": len(at),
        "alone": worth[0],
        "beside": worth[1],
        "oracle": oracle,
        "gain": worth[1] / worth[0] - 1,
        "closed": (worth[1] - worth[0]) / room if room > 1e-9 else 1.0,
        "learnt_from": learnt.slots,
        "row": _one(shown, day, at, before, _Both(alone, beside)),
    }


class _Both(NamedTuple):
    alone: RowChances
    beside: RowChances


def _examples(day: DayLog) -> pa.Table:
    """What a join would make of the day: its rendered decisions, worth their takes."""
    seen = pa.array(day.outcomes.rendered)
    reward = pa.array(day.outcomes.taken.astype(np.float64))
    return day.decisions.append_column("reward", reward).filter(seen)


def _whole_rows(day: DayLog, count: int) -> Int[np.ndarray, "rows slots"]:
    """Decisions of whole rows of SLOTS titles, one of each member."""
    place = day.decisions["page_slot"].to_numpy()
    last = np.flatnonzero(place == SLOTS - 1)
    begins = last - (SLOTS - 1)
    own = day.requests.members[begins]
    begins = begins[np.sort(np.unique(own, return_index=True)[1])][:count]
    if not len(begins):
        raise BadInput(f"no page of the log has a row of {SLOTS} titles; give more --decisions")
    return begins[:, None] + np.arange(SLOTS)


def _chances(
    scored: BundleScores, day: DayLog, world: RowWorld, at: np.ndarray, pairs: RowPairs | None
) -> RowChances:
    facts = day.requests.facts.take(pa.array(at.ravel()))
    length, valid = np.full(len(at), SLOTS), np.ones(world.artworks.shape, bool)
    return bundle_chances(scored, facts, world.artworks, valid, length, pairs)


def _one(
    catalogue: Catalogue, day: DayLog, at: np.ndarray, world: RowWorld, both: _Both
) -> list[ShownSlot]:
    """The row in which joint choices gain most."""
    gains = world.worth(both.beside) - world.worth(both.alone)
    best = int(gains.argmax())
    names, titles = catalogue.artwork_ids, day.decisions["title_id"]
    found: list[ShownSlot] = []
    left = 0
    for slot in range(SLOTS):
        chances = both.beside.first if slot == 0 else both.beside.later[:, slot - 1, left]
        single = int(both.alone.alone[best, slot].argmax())
        left = int(chances[best].argmax())
        shown = world.artworks[best, slot]
        found.append(
            {
                "title_id": titles[int(at[best, slot])].as_py(),
                "alone": names[shown[single]],
                "beside": names[shown[left]],
                "chance": float(chances[best, left]),
            }
        )
    return found


def show(found: RowWorth) -> None:
    """The row as a table, and what joint choices add."""
    console, table = Console(), Table("slot", "title", "by itself", "in its row", "chance")
    for slot, each in enumerate(found["row"]):
        style = "" if each["alone"] == each["beside"] else "bold"
        said = (str(each["title_id"]), each["alone"], each["beside"], f"{each['chance']:.2f}")
        table.add_row(str(slot), *said, style=style)
    console.print(table)
    console.print(
        f"takes a row, exact over {found['rows']} members where neighbours matter:"
        f" {found['alone']:.4f} title by title, {found['beside']:.4f} in rows"
        f" ({found['gain']:+.1%}), {found['oracle']:.4f} at best ({found['closed']:.0%} of the way)"
    )
