"""Which pages are taken in: those whose wait, as predicted, is a fair share of their deadline.

A page waits for the pages before it. How long is learnt from the batches: pages before it times
what one costs in a full batch, and how much longer the work in hand takes than was to be expected
(a disk that stalls says nothing else). So sixteen clients who wait for each answer are no
overload, on a machine that answers a page in half a millisecond, and are on one that takes ten.
"""

import time
from collections import deque

PATIENCE = 0.16
"""Share of what is left of its deadline that a page may wait for others.

The rest is for what cannot be foreseen, and keeps the queue short while more comes than can be
answered: pages taken in then wait that long, each of them.
"""
FIRST = 0.0005
"""Seconds that a page costs until batches have said."""
LEARNING = 0.1
"""Weight of a batch in the moving estimate."""
LARGEST = 4.0
"""Times the estimate that one batch may say: a stall is no rate."""


class Admission:
    """A moving estimate of what a page costs, and what follows for the next one.

    Args:
        batch: pages decided together at most.
    """

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.seconds_a_page = FIRST
        self._begun: deque[tuple[float, int]] = deque()  # batches not on disk: since when, pages
        self._ended = 0.0

    def begin(self, since: float, pages: int) -> None:
        """A batch that was taken up at a time of `time.perf_counter` is on its way to the disk."""
        self._begun.append((since, pages))

    def end(self) -> None:
        """The batch that began first is about to be answered."""
        now = time.perf_counter()
        since, pages = self._begun.popleft()
        self.learn(now - max(since, self._ended), pages)
        self._ended = now

    def learn(self, seconds: float, pages: int) -> None:
        """Take in what a batch took.

        A full one costs no less than a smaller one, and a page of it no more: so the seconds of
        `pages` bound a page's cost from both sides, and only what lies outside moves the estimate.
        """
        before = self.seconds_a_page
        said = min(max(before, seconds / self.batch), seconds / pages, LARGEST * before)
        self.seconds_a_page += LEARNING * (said - before)

    def wait(self, pages: int) -> float:
        """Predicted seconds until so many open pages are answered."""
        late = 0.0
        if self._begun:
            since, begun = self._begun[0]
            taken = time.perf_counter() - max(since, self._ended)
            late = max(0.0, taken - begun * self.seconds_a_page)
        return pages * self.seconds_a_page + late

    def admits(self, pages: int, left: float) -> bool:
        """Whether a page that has so many seconds left may wait for the pages before it."""
        return not pages or self.wait(pages) <= PATIENCE * left
