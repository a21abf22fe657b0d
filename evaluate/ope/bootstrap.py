"""How often groups of profiles are drawn again for an interval, and with which seed."""

from dataclasses import dataclass

from data.errors import BadInput

LEAST = 100
"""Resamples below which the ends of a 95% interval rest on two or three draws."""


@dataclass(frozen=True)
class Bootstrap:
    """Draws of groups, with replacement."""

    resamples: int = 1000
    seed: int = 0

    @classmethod
    def of_options(cls, resamples: int, seed: int = 0) -> "Bootstrap":
        """As a command's options ask for it.

        Raises:
            BadInput: too few resamples for a 95% interval, or a seed below 0.
        """
        if resamples < LEAST:
            raise BadInput(
                f"--resamples {resamples}: too few for a 95% interval; give {LEAST} or more"
            )
        if seed < 0:
            raise BadInput(f"--seed {seed}: give 0 or more")
        return cls(resamples, seed)


BOOTSTRAP = Bootstrap()
"""Where nothing else is asked for."""
