"""Events that have happened and wait for the time at which their device sends them."""

import heapq
import json
from pathlib import Path

from data.atomic_write import write_text_whole
from data.clock import turn
from simulate.visits.client import Client, Event

TOGETHER_US = 60_000_000
"""Events received within so long of each other travel in one request."""
MOST_TOGETHER = 500


class Outbox:
    """Events by the time at which they are received, in microseconds, then by their id."""

    def __init__(self, waiting: list[tuple[int, str, Event]] | None = None) -> None:
        self.waiting = waiting or []
        heapq.heapify(self.waiting)

    @classmethod
    def read(cls, file: Path) -> "Outbox":
        """What `write` stored; empty if there is no such file."""
        rows = json.loads(file.read_text()) if file.is_file() else []
        return cls([(due, name, event) for due, name, event in rows])

    def write(self, file: Path) -> None:
        """Store it, whole or not at all."""
        write_text_whole(file, json.dumps(self.waiting))

    def put(self, due: int, name: str, event: Event) -> None:
        """Let an event wait."""
        heapq.heappush(self.waiting, (due, name, event))

    def send(self, client: Client, clock: Path, until: int) -> int:
        """Send what is due, in order, as the clock goes on; how many were sent."""
        count = 0
        while self.waiting and self.waiting[0][0] <= until:
            due = first = self.waiting[0][0]
            end = min(until, first + TOGETHER_US)
            batch = []
            while self.waiting and len(batch) < MOST_TOGETHER and self.waiting[0][0] <= end:
                due, _, event = heapq.heappop(self.waiting)
                batch.append(event)
            turn(clock, due)
            client.events(batch)
            count += len(batch)
        return count
