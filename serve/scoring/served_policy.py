"""What the bundle in use says about deciding."""

from typing import NamedTuple

from bandit.draws import DrawRules, Epochs
from bandit.head_policy import HeadPolicy
from data.bundle import Manifest


class ServedPolicy(NamedTuple):
    """A bundle's policy, under the bundle's id."""

    bundle: str
    head_policy: HeadPolicy
    """Logs name a decision's policy by its kind."""
    salt: int

    @classmethod
    def of(cls, manifest: Manifest) -> "ServedPolicy":
        """The policy that a manifest names."""
        policy = manifest.policy
        return cls(manifest.bundle_id, policy.head_policy, policy.salt)

    def draw_rules(self, heads: int, epochs: Epochs) -> DrawRules:
        """What all draws have in common.

        Args:
            heads: in the bundle's bank.
            epochs: how long draws last.
        """
        how, voters = self.head_policy, self.head_policy.voters(heads)
        return DrawRules(self.bundle, how.kind, how.exploration, self.salt, voters, epochs)
