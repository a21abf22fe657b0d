"""When a learner decides how much, and when it learns all again: a little more as its log grows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """How many decisions there are between rewards, and between trainings."""

    retrain: float = 1.3
    """Train when there are so many times the decisions of the last training; 1: at every batch."""
    growth: float = 0.05
    """Batches are this share of all decisions so far."""
    least: int = 100
    """Decisions of the smallest batch."""
    most: int = 1000
    """Decisions of the largest batch."""

    def batch(self, rows: int) -> int:
        """How many to decide before the next rewards are learnt from."""
        return int(min(max(self.growth * rows, self.least), self.most))

    def due(self, rows: int, trained: int, more: float = float("inf")) -> bool:
        """Whether to train, after so many in the last training; `more` are enough in any case."""
        return rows >= min(self.retrain * trained, trained + more)
