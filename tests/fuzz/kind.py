"""A kind of input: what reads it, what valid ones look like, and how they are changed."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.fuzz.mutations import Mutation


class Refused(ValueError):
    """A command ended with exit code 2, having said why."""


class Kind(NamedTuple):
    """One kind."""

    target: Callable[[bytes], object]
    """Reads as the product does."""
    seeds: Sequence[bytes]
    """Valid inputs."""
    mutations: Sequence[Mutation]
