"""What deciding asks of a model about members: functionals, from facts."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from data.features import ContextFeatures, Names
from data.reading.feature_plan import FeaturePlan

NOT_FINITE = "the model's numbers are not finite"


class MemberFunctionals(NamedTuple):
    """A block's members as the model sees them."""

    functionals: Float[np.ndarray, "members heads dimension"]
    fingerprints: Int[np.ndarray, " members"]  # of the features: equal facts, equal number
    names: Names | None = None
    """Whom each watches most, and how much a match counts; None: the model matches no names."""
    appeals: Float[np.ndarray, "members appeal"] | None = None
    """What titles' own appeals are weighed by; None: the model has none."""

    def at(self, members: np.ndarray) -> "MemberFunctionals":
        """Those of some."""
        names = None if self.names is None else self.names.at(members)
        appeals = None if self.appeals is None else self.appeals[members]
        return MemberFunctionals(
            self.functionals[members], self.fingerprints[members], names, appeals
        )

    @classmethod
    def joined(cls, parts: Sequence["MemberFunctionals"]) -> "MemberFunctionals":
        """Several, one after another."""
        functionals, fingerprints, every, weighed = zip(*parts, strict=True)
        names = [of for of in every if of is not None]
        together = Names(*map(np.concatenate, zip(*names, strict=True))) if names else None
        appeals = [of for of in weighed if of is not None]
        return cls(
            np.concatenate(functionals),
            np.concatenate(fingerprints),
            together,
            np.concatenate(appeals) if appeals else None,
        )


class MemberModel(Protocol):
    """A model of members. Precompute in several processes needs one that can be pickled."""

    def functionals_of(self, facts: pa.StructArray) -> MemberFunctionals:
        """Every head's functional for members of whom these facts are known.

        Args:
            facts: as `data.records.FACTS`.
        """
        ...


class PlannedMembers(Protocol):
    """A model that also takes features which a plan made of plain facts, without Arrow."""

    @property
    def plan(self) -> FeaturePlan:
        """Of the model's features."""
        ...

    def functionals_by(self, features: ContextFeatures) -> MemberFunctionals:
        """What `MemberModel.functionals_of` gives for the facts that the features are of."""
        ...


def described_members(
    model: MemberModel, facts: pa.StructArray
) -> tuple[MemberFunctionals, dict[int, str]]:
    """Functionals of the members that the model has finite ones for, and why it has none of others.

    Args:
        model: of members.
        facts: of all of them.

    Returns:
        Functionals of those that have them, in order; row of each other → why.

    Raises:
        Exception: whatever the model raises, where it can describe nobody: then no member is odd.
    """
    try:
        described, wrong = model.functionals_of(facts), dict[int, str]()
    except Exception:
        parts = [_alone(model, facts.slice(row, 1)) for row in range(len(facts))]
        there = [part for part in parts if isinstance(part, MemberFunctionals)]
        if not there:
            raise
        wrong = {row: str(part) for row, part in enumerate(parts) if isinstance(part, Exception)}
        described = MemberFunctionals.joined(there)
    finite = np.isfinite(described.functionals).all((1, 2))
    rows = [row for row in range(len(facts)) if row not in wrong]
    wrong |= {rows[at]: NOT_FINITE for at in np.flatnonzero(~finite)}
    return described.at(np.asarray(finite)), wrong


def _alone(model: MemberModel, facts: pa.StructArray) -> MemberFunctionals | Exception:
    """One member, or why not."""
    try:
        return model.functionals_of(facts)
    except Exception as error:  # whatever a model raises
        return error
