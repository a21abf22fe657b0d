"""Who was answered together comes back together, if it is given the time to.

Clients that wait for their answers before they ask again fall into turns: one is decided alone
while three wait for it, and so on for ever, at nearly twice the work a page. So a batch that was
answered is waited for, about as long as a page costs.
"""

import time


class Returning:
    """Pages that may be on their way, after a batch was answered.

    Args:
        batch: pages decided together at most.
    """

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self._expected = 0
        self._until = 0.0  # of `time.perf_counter`

    def answered(self, pages: int, waiting: int, seconds: float) -> None:
        """A batch was answered.

        Args:
            pages: in it.
            waiting: pages that it kept waiting.
            seconds: that the next one may wait for those that were answered.
        """
        self._expected = min(pages + waiting, self.batch)
        self._until = time.perf_counter() + seconds

    def awaited(self, waiting: int) -> bool:
        """Whether the next batch should wait for more than those that are there."""
        return waiting < self._expected and time.perf_counter() < self._until
