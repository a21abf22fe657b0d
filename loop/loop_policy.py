"""What a closed loop asks of a policy, and the policy that needs to know nothing.

A loop asks its policy for probabilities all day, and lets it look at the examples, all those whose
windows have closed, every night: what it knows is a function of the examples alone.
"""

import numpy as np
from jaxtyping import Float

from bandit.simple import uniform
from data.examples.stream import ExampleStream
from simulate.browsing.day import DayLog, Requests


class LoopPolicy:
    """A policy that a loop deploys and renews; by itself the uniform one."""

    bundle: str | None = None
    """The model in force, written into the log; None: no model is asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        """Written into the log."""

    def probabilities(self, requests: Requests) -> Float[np.ndarray, "decisions candidates"]:
        """Rows sum to 1 over valid candidates; others get 0."""
        return uniform(requests.valid)

    def learn(self, log: DayLog) -> None:
        """Nothing: what a simulated day knows of itself is not known yet."""

    def restore(self, examples: ExampleStream | None, bundle: str | None) -> None:
        """Take up the examples as they were joined last, and the model that was published last."""

    def renew(self, examples: ExampleStream) -> str | None:
        """Publish a new model from the examples where the policy is one of a model; its name."""
        return None
