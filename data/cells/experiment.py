"""Experiments, their cells and loops, and the cell that a member is in.

A member is put into a cell by the hash that seeds of draws are made of: twice, by words of their
own. The first says which experiment of a layer, so that experiments of a layer share its members
and no member is in two. The second, by the experiment's name, says which cell of it: so a cell of
the next experiment in the same place is no cell of the last one's.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, UInt64

from bandit.choice import UNIT, mix_number, mix_words, profile_keys, uniforms
from bandit.draws import text_word

Train = Literal["yes", "no", "own"]
NO_DRAW = ("unpersonalised", "own")
"""Policies that no model is asked for: each title's best for all; what the caller shows itself."""
BETWEEN = ";"
"""Between the cells of several layers in a decision's `cell`."""


@dataclass(frozen=True)
class Arm:
    """What decides: all that is not said is as the service has it."""

    bundle: str | None = None
    """Bundle folder, or the `current` link to one."""
    policy: str | None = None
    """A kind of `bandit.head_policy`, or one of `NO_DRAW`."""
    epsilon: float | None = None
    store: str | None = None
    """Maps that were made for it alone."""
    rules: str | None = None
    """File of rules, in place of the service's."""

    @property
    def no_draw(self) -> str | None:
        """The policy, where no model is asked for it."""
        return self.policy if self.policy in NO_DRAW else None

    @property
    def head(self) -> str | None:
        """The kind of the model's policy; None: as its bundle says."""
        return None if self.policy in NO_DRAW else self.policy

    def over(self, other: "Arm") -> "Arm":
        """This, and the other's where this says nothing."""
        if self.policy in NO_DRAW:
            return Arm(policy=self.policy, bundle=other.bundle, rules=other.rules)
        if other.policy in NO_DRAW:
            return other
        said = {name: value for name, value in vars(self).items() if value is not None}
        return replace(other, **said)


@dataclass(frozen=True)
class Cell:
    """One cell: how many members, what decides, and who learns from it."""

    name: str
    share: float
    arm: Arm
    train: Train = "yes"


@dataclass(frozen=True)
class Ramp:
    """A cell that is let grow in steps, at the cost of control."""

    cell: str
    steps: tuple[float, ...] = (0.01, 0.1, 0.5, 1.0)
    """Share of the members of cell and control together."""
    days: int = 2
    """Of each step at least."""
    margin: float = 0.05
    """Share of control's reward that may be lost: shown to lose less, before the last step."""


@dataclass(frozen=True)
class Experiment:
    """An experiment: a share of a layer's members, divided among cells."""

    name: str
    cells: tuple[Cell, ...]
    control: str
    layer: str = "main"
    share: float = 1.0
    loop: str | None = None
    """Whose pages it is about; None: pages of no loop."""
    ramp: Ramp | None = None
    who: str = ""
    """Wants it."""
    why: str = ""

    def shares(self, step: float | None) -> dict[str, float]:
        """Share of each cell, which sum to 1.

        Args:
            step: of its ramp: the ramped cell's part of what it has with control; None: it has no
                ramp, and shares are as written.
        """
        shares = {cell.name: cell.share for cell in self.cells}
        if self.ramp is not None and step is not None:
            both = shares[self.control] + shares[self.ramp.cell]
            shares |= {self.ramp.cell: both * step, self.control: both * (1 - step)}
        return shares

    def label(self, cell: str) -> str:
        """A cell as decisions name it."""
        return f"{self.name}:{cell}"


@dataclass(frozen=True)
class Loop:
    """Pages that a loop of their own decides: by a surface, a brand, any category."""

    name: str
    where: Mapping[str, frozenset[str]]
    arm: Arm

    def takes(self, facts: Mapping[str, object]) -> bool:
        """Whether a page of these facts is one of its own."""
        return all(facts.get(name) in values for name, values in self.where.items())


@dataclass(frozen=True)
class Experiments:
    """All of a file."""

    salt: str
    experiments: tuple[Experiment, ...] = ()
    loops: tuple[Loop, ...] = ()
    steps: Mapping[str, float] = field(default_factory=dict)
    """Experiment → how far its ramp has come."""

    def named(self, name: str) -> Experiment:
        """An experiment by its name.

        Raises:
            KeyError: there is none.
        """
        return {one.name: one for one in self.experiments}[name]

    def step_of(self, experiment: Experiment) -> float | None:
        """How far an experiment's ramp has come; None: it has none."""
        if experiment.ramp is None:
            return None
        return self.steps.get(experiment.name, experiment.ramp.steps[0])

    def shares_of(self, experiment: Experiment) -> dict[str, float]:
        """Share of each cell now."""
        return experiment.shares(self.step_of(experiment))

    def loop_of(self, facts: Mapping[str, object]) -> Loop | None:
        """The first loop that takes a page; None: it is the service's."""
        return next((loop for loop in self.loops if loop.takes(facts)), None)

    @cached_property
    def _bands(self) -> "list[_Band]":
        """Experiments with where their members begin and end in the layer."""
        ends: dict[str, float] = {}
        bands = []
        for one in self.experiments:
            begin = ends.get(one.layer, 0.0)
            ends[one.layer] = begin + one.share
            cells = {cell.name: cell for cell in one.cells}
            names, edges = self._edges(one)
            words = (_word(self.salt, one.layer), _word(self.salt, "cells of", one.name))
            its = [cells[name] for name in names]
            bands.append(_Band(one, begin, begin + one.share, its, edges, *words))
        return bands

    def cells_of(self, profile_id: str, loop: str | None = None) -> list[tuple[Experiment, Cell]]:
        """The cells that a member is in, one a layer at most.

        Args:
            profile_id: as it is logged.
            loop: of the page; None: the service's own.
        """
        key, found = profile_keys([profile_id]).item(), []
        for band in self._bands:  # numbers, not arrays: a page asks for one member
            if band.of.loop != loop or not band.begin <= _point(key, band.layer) < band.end:
                continue
            cell = band.cells[bisect_right(band.edges, _point(key, band.word))]
            found.append((band.of, cell))
        return found

    def cells_of_all(self, profile_ids: Sequence[str], experiment: Experiment) -> list[str | None]:
        """Cell of each member in one experiment; None where it is not in it.

        Args:
            profile_ids: as they are logged.
            experiment: of this file.
        """
        keys = profile_keys(list(profile_ids))
        band = next(band for band in self._bands if band.of.name == experiment.name)
        points = _points(keys, band.layer)
        inside = (points >= band.begin) & (points < band.end)
        places = np.searchsorted(band.edges, _points(keys, band.word), side="right").tolist()
        both = zip(places, inside.tolist(), strict=True)
        return [band.cells[place].name if there else None for place, there in both]

    def _edges(self, one: Experiment) -> tuple[list[str], list[float]]:
        """Cells in the order in which their members lie, and where each ends."""
        shares = self.shares_of(one)
        if one.ramp is not None:  # side by side, so that a step moves members from control alone
            first = (one.ramp.cell, one.control)
            shares = {n: shares[n] for n in (*first, *(n for n in shares if n not in first))}
        edges = np.cumsum(list(shares.values())).tolist()
        edges[-1] = 1.0
        return list(shares), edges


class _Band(NamedTuple):
    """An experiment, and how its members are found."""

    of: Experiment
    begin: float
    end: float
    """In its layer."""
    cells: list[Cell]
    edges: list[float]
    """Where each cell ends."""
    layer: int
    word: int
    """What members' keys are mixed with, for the layer and for the cells."""


def label_of(cells: Sequence[tuple[Experiment, Cell]]) -> str | None:
    """What a decision's `cell` says of them; None: no cell."""
    return BETWEEN.join(one.label(cell.name) for one, cell in cells) or None


def cell_in(label: str | None, experiment: str) -> str | None:
    """The cell of an experiment that a decision's `cell` names; None: it was not in it."""
    for part in (label or "").split(BETWEEN):
        name, _, cell = part.partition(":")
        if name == experiment and cell:
            return cell
    return None


def _word(*words: str) -> int:
    return text_word("cells", *words)


def _points(keys: UInt64[np.ndarray, " members"], word: int) -> Float[np.ndarray, " members"]:
    return uniforms(mix_words(keys ^ np.uint64(word)))


def _point(key: int, word: int) -> float:
    """`_points` of one member."""
    return (mix_number(mix_number(key ^ word)) >> 11) * UNIT
