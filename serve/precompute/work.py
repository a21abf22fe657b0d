"""What a run of precompute decides and by which rules; the same for every engine."""

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Int

from bandit.draws import DrawRules, Epochs
from serve.maps.layout import Layout
from serve.maps.run_info import RunInfo
from serve.precompute.map_kinds import MapKinds
from serve.rules.layout_rules import LayoutRules
from serve.scoring.candidate_bank import Bank
from serve.scoring.member_model import MemberModel
from serve.scoring.served_policy import ServedPolicy


@dataclass(frozen=True)
class Work:
    """What a run decides and by which rules; the same for every engine."""

    members: MemberModel
    """Facts → functionals of every head, and fingerprints."""
    bank: Bank
    """Candidate vectors in the layout's order."""
    layout: Layout
    """Today's titles and artworks."""
    policy: ServedPolicy
    """The bundle's."""
    day: int
    """Days since 1970-01-01."""
    logged: bool = False
    """Whether draws are logged."""
    heads: int = 16
    """Of the bundle."""
    epochs: Epochs = field(default_factory=Epochs)
    """How long draws last."""
    changed_only: bool = False
    """Draw only where there is no draw; epochs that have ended wait for a full run."""
    block: int = 1024
    """Members decided and written together."""
    best: Int[np.ndarray, " titles"] | None = None
    """Ordinals of what members without a map are shown; None: nothing is said of them."""

    @property
    def rules(self) -> DrawRules:
        """What the run's draws have in common."""
        return replace(self.policy.draw_rules(self.heads, self.epochs), cell=self.cell)

    @property
    def info(self) -> RunInfo:
        """The same, with whether they are logged."""
        return RunInfo(self.rules, self.logged)

    page_facts: tuple[str, ...] = ()
    """Declared facts that only a page knows."""
    ruled: LayoutRules | None = None
    """Rules about the layout's artwork; None: there are none."""
    cell: str | None = None
    """Of an experiment, as its decisions name it; None: of none."""
    kinds: MapKinds | None = None
    """What is drawn beside artwork; None: nothing."""
