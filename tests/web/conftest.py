"""The story of tests/evaluate: a rendered catalogue, its members and what they did."""

from tests.evaluate.conftest import planted, story, torn

__all__ = ["planted", "story", "torn"]
