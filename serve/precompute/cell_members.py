"""The members of one cell, and what decides for them: maps of a cell in a store of its own."""

from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from bandit.head_policy import HeadPolicy
from data.cells.experiment import Arm, Experiment, Experiments
from data.cells.written import read_experiments
from data.errors import BadInput
from serve.scoring.served_policy import ServedPolicy


class CellWork(NamedTuple):
    """Whose maps are to be made, and by what."""

    experiments: Experiments
    cell: str | None
    """As decisions name it, `experiment:cell`; None: members of no cell."""
    arm: Arm

    @classmethod
    def of(cls, file: Path, cell: str | None) -> "CellWork":
        """What a file says of one of its cells.

        Raises:
            BadInput: the file is no good, has no such cell, or its cell has no maps.
        """
        found = read_experiments(file)
        if cell is None:
            return cls(found, None, Arm())
        name, _, wanted = cell.partition(":")
        one = next((e for e in found.experiments if e.name == name), None)
        got = None if one is None else {c.name: c for c in one.cells}.get(wanted)
        if one is None or got is None:
            raise BadInput(f"--cell {cell}: {file} has no such cell; write EXPERIMENT:CELL")
        if one.loop is not None or len({e.layer for e in found.experiments}) > 1:
            raise BadInput(
                f"--cell {cell}: maps are of one layer, and of pages of no loop; let live decide"
                " this one"
            )
        if got.arm.no_draw is not None or got.arm.store is None:
            raise BadInput(
                f"--cell {cell}: its policy {got.arm.policy or 'of the bundle'} and store"
                f" {got.arm.store} make no maps; give it a store, and a policy that asks a model"
            )
        return cls(found, cell, got.arm)

    def divided(self, members: pa.Table) -> tuple[pa.Table, list[str]]:
        """The members to decide for; and those whose maps are none of this store's.

        Args:
            members: `profile_id` as it is logged, and `facts`.
        """
        ids = members["profile_id"].to_pylist()
        inside: list[str | None] = [None] * len(ids)
        for one in self.experiments.experiments:
            if one.loop is None:
                inside = self._labelled(one, ids, inside)
        wanted = [label == self.cell for label in inside]
        others = [name for name, mine in zip(ids, wanted, strict=True) if not mine]
        return members.filter(pa.array(wanted, pa.bool_())).combine_chunks(), others

    def words(self) -> list[str]:
        """Cells whose members have no maps anywhere, in words: look-ups show them no draws."""
        bare = [
            one.label(cell.name)
            for one in self.experiments.experiments
            for cell in one.cells
            if one.loop is None and cell.arm.store is None
        ]
        if self.cell is not None or not bare:
            return []
        return [
            f"note: members of {', '.join(bare)} have no maps, as these name no store: look-ups"
            " show them what all members see; decide their pages live, or give the cells a store"
        ]

    def policy(self, of: ServedPolicy) -> ServedPolicy:
        """The bundle's policy, as the cell has it."""
        how, arm = of.head_policy, self.arm
        epsilon = how.epsilon if arm.epsilon is None else arm.epsilon
        return of._replace(head_policy=HeadPolicy.named(arm.head or how.kind, epsilon))

    def _labelled(
        self, one: Experiment, ids: list[str], labels: list[str | None]
    ) -> list[str | None]:
        cells = self.experiments.cells_of_all(ids, one)
        return [
            label if cell is None else one.label(cell)
            for cell, label in zip(cells, labels, strict=True)
        ]
