"""The loop browses the simulator's catalogue."""

from tests.simulate.conftest import catalogue, subjects

__all__ = ["catalogue", "subjects"]
