"""Members who open pages of a live service, over and over, while something breaks."""

import http.client
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import orjson

from bench.faults.stage.account import Account
from bench.faults.stage.live_process import LiveProcess
from bench.faults.stage.scene import FaultScene
from bench.servers import wait_until

JSON = {"Content-Type": "application/json"}
PATIENCE = 15.0
"""Seconds that a page is asked for, again and again where it is cut off."""
TIMEOUT = 1.5
"""Seconds until a page that is not answered is asked for again, as a page server would."""


class PageOpeners:
    """Threads, each a connection; a page that is cut off is asked for again on another.

    Args:
        port: of the service.
        titles: on a page.
        members: whose pages they are.
        threads: that ask at once.
    """

    def __init__(
        self, port: int, titles: Sequence[int], members: Sequence[str], threads: int = 2
    ) -> None:
        self.port, self.titles, self.members = port, list(titles), list(members)
        self.pages = self.without_image = self.again = 0
        self.worst = 0.0
        self.reasons: Counter[str] = Counter()
        self.acknowledged: set[str] = set()
        self._lock, self._end = threading.Lock(), threading.Event()
        self._threads = [
            threading.Thread(target=self._open, args=(number,), daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def _open(self, number: int) -> None:
        rng, connection = random.Random(number), None
        while not self._end.wait(0.004):
            titles = rng.sample(self.titles, min(8, len(self.titles)))
            page = {"profile_id": rng.choice(self.members), "title_ids": titles, "fresh": True}
            start, answer = time.monotonic(), None
            while answer is None and time.monotonic() < start + PATIENCE:
                connection, answer = _asked(connection, self.port, page)
                if answer is None:
                    with self._lock:
                        self.again += 1
                    if self._end.wait(0.02):
                        return  # it never came to an answer: the service was ended
            self._note(answer, len(titles), time.monotonic() - start)
        if connection is not None:
            connection.close()

    def _note(self, answer: dict | None, titles: int, seconds: float) -> None:
        with self._lock:
            self.pages += 1
            self.worst = max(self.worst, seconds)
            if answer is None:
                self.without_image += 1
                self.reasons["no answer"] += 1
                return
            decisions = answer["decisions"]
            self.without_image += len(decisions) != titles or not all(d["url"] for d in decisions)
            self.reasons[answer["reason"] or "live"] += 1
            if answer["logged"]:
                self.acknowledged.update(d["decision_id"] for d in decisions if d["decision_id"])

    def until(self, reason: str, patience: float = PATIENCE, more: int = 5) -> bool:
        """Wait until so many more pages are answered by a reason, `live` among them."""
        goal = self.reasons[reason] + more
        return wait_until(lambda: self.reasons[reason] >= goal, patience) is not None

    def end(self) -> None:
        """Ask for no more."""
        self._end.set()
        for thread in self._threads:
            thread.join(PATIENCE + TIMEOUT)


def _asked(
    connection: http.client.HTTPConnection | None, port: int, page: dict[str, object]
) -> tuple[http.client.HTTPConnection | None, dict | None]:
    """The connection to go on with, and the answer; None where it was cut off."""
    try:
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        connection.request("POST", "/v1/decide", orjson.dumps(page), JSON)
        answer = connection.getresponse()
        raw = answer.read()
        if answer.status == 200:
            return connection, orjson.loads(raw)
    except (OSError, http.client.HTTPException):
        pass
    if connection is not None:
        connection.close()
    return None, None


@dataclass(frozen=True)
class OpenedPages:
    """A service and those who open its pages."""

    service: LiveProcess
    openers: PageOpeners


# Each says what is unlike other faults, by its name.
@contextmanager
def visited(
    scene: FaultScene,
    account: Account,
    workers: int = 1,
    first: str = "live",
    count: bool = True,
    titles: Sequence[int] = (),
    members: Sequence[str] = (),
    store: str | None = None,
    options: tuple[object, ...] = (),
    environment: dict[str, str] | None = None,
) -> Iterator[OpenedPages]:
    """Pages of a service while something breaks; all that was acknowledged is looked for.

    Args:
        scene: what it serves.
        account: of what pages showed.
        workers: of the service.
        first: reason that pages have to begin with, `live` among them.
        count: look for what was acknowledged, at the end.
        titles: on pages; the catalogue's if none are given.
        members: whose pages they are; those with maps if none are given.
        store: of maps; the scene's if None.
        options: of the service, beside those.
        environment: of the service.
    """
    service = LiveProcess(scene, workers, store, options, environment)
    try:
        service.wait(first != "no_model")
        openers = PageOpeners(service.port, titles or scene.titles, members or scene.members)
        try:
            openers.until(first)
            yield OpenedPages(service, openers)
        finally:
            openers.end()
        code = service.stop()
        account.must(code in (0, -15), f"the service ended with {code}: {service.words_said()}")
    finally:
        service.kill()
    account.pages += openers.pages
    account.without_image += openers.without_image
    account.numbers |= {"worst_page_ms": round(openers.worst * 1000), "again": openers.again}
    account.numbers["reasons"] = dict(openers.reasons)
    if count:
        account.look_for(openers.acknowledged, scene.log)
