"""Events sent behind the page's back: collected, sent together, and again until they are taken."""

import threading
import time
from collections import deque
from itertools import islice

from marquee_client.client import Client
from marquee_client.protocol import EVENTS_A_REQUEST, Refused
from marquee_client.records import Event

LONGEST = 30.0
"""Seconds between tries where the service takes nothing."""


class EventSender:
    """Sends events from a thread of its own; `close` sends what is left.

    Args:
        client: of the service.
        every: seconds that an event waits at most for others.
        most: events that wait at most; where more come the oldest are dropped, and counted.
        patience: seconds for which `close` tries to send what is left.
    """

    def __init__(
        self, client: Client, every: float = 0.5, most: int = 100_000, patience: float = 10.0
    ) -> None:
        self._client, self._every, self._patience = client, every, patience
        self._most, self._waiting = most, deque[Event]()
        self._lock, self._closing = threading.Lock(), threading.Event()
        self.sent = 0
        self.dropped = 0
        """Since too many waited."""
        self.refused = 0
        """That make no sense to the service; `last_refusal` says why."""
        self.last_refusal = ""
        self._due = 0.0
        self._thread = threading.Thread(target=self._run, name="marquee-events", daemon=True)
        self._thread.start()

    def add(self, event: Event) -> None:
        """Take an event; never waits."""
        with self._lock:
            self._waiting.append(event)
            if len(self._waiting) > self._most:
                self._waiting.popleft()
                self.dropped += 1

    def close(self) -> int:
        """Send what waits; how many events could not be sent."""
        self._due = time.monotonic() + self._patience
        self._closing.set()
        self._thread.join()
        return len(self._waiting)

    def _run(self) -> None:
        pause = self._every
        while True:
            closing = self._closing.wait(pause)
            with self._lock:
                some = list(islice(self._waiting, EVENTS_A_REQUEST))
            if some and not self._send(some):
                pause = min(LONGEST, 2 * max(0.1, pause))
                if closing:
                    time.sleep(0.1)
            else:
                pause = 0.0 if len(some) == EVENTS_A_REQUEST else self._every
            if closing and (not self._waiting or time.monotonic() >= self._due):
                return

    def _send(self, some: list[Event]) -> bool:
        """Whether these need not be sent again."""
        try:
            self._client.send(some)
            self.sent += len(some)
        except ConnectionError:
            return False
        except Refused as refused:
            if refused.status != 422:
                return False
            if len(some) > 1:  # one of them spoils it for the others
                half = len(some) // 2
                return self._send(some[:half]) and self._send(some[half:])
            self.refused, self.last_refusal = self.refused + 1, refused.words
        with self._lock:
            for event in some:
                if self._waiting and self._waiting[0] is event:
                    self._waiting.popleft()
        return True
