"""Bring the live bundle of a store to this machine, where serving follows `current`."""

import re
import sys
import time
from pathlib import Path
from typing import NamedTuple

from data.atomic_write import write_text_whole
from data.bundle import Bundle
from data.command_line.local_path import without_password
from data.command_line.numbers import refuse_outside
from data.errors import BadInput
from export.publish.commands import STORE
from export.publish.open_store import open_store
from export.publish.publish import fault_of
from export.publish.runnable import refuse_what_cannot_run

SHORTEST, LONGEST = 0.001, 1e6
"""Seconds between two looks that may be asked for; a system sleeps no longer than some years."""
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 30.0
"""Seconds after a first failure, and after many: a store that is ill is not asked the more."""


class Pulled(NamedTuple):
    """What a pull found."""

    bundle_id: str
    """Live in the store, and now here."""
    previous: str | None
    """Live here before; the same where nothing was new."""


def pull_once(store: str, to: Path) -> Pulled:
    """Copy the store's live bundle unless it is here, try it, then point `current` at it.

    Serving that follows `to/current` takes it up without a restart, and never sees a part of it.

    Args:
        store: folder or URL.
        to: folder of bundles on this machine.

    Raises:
        BadInput: nothing is published there, or the bundle is not whole or cannot run here.
        Unavailable: the store does not answer.
    """
    there, here = open_store(store), open_store(to)
    live = there.live()
    if live is None:
        where = without_password(store)
        raise BadInput(f"{where} has no live bundle; python -m export publish makes one live")
    was = here.live()
    if was != live or fault_of(here, live):
        with there.at_hand(live) as folder:
            bundle = Bundle.open(folder)
            refuse_what_cannot_run(bundle)
            here.add(bundle)
        with here.locked():
            here.point(live)
    return Pulled(live, was)


def pull(
    store: str, to: Path = Path(STORE), every: float | None = None, metrics: Path | None = None
) -> Pulled:
    """Bring the live bundle of a store here and make it live here.

    Run it beside the live service on every machine, with --every, or from cron; the service takes
    a new bundle up without a restart. With --every it outlives whatever the store does: what is
    here stays, each kind of failure is said once, and it asks again after 1 … 30 s (or --every,
    if that is longer), ever more rarely, until the store is well.

    Examples:
      python -m export pull s3://models/marquee
      python -m export pull s3://models/marquee --every 30

    Args:
        store: Folder or URL that fsspec knows, where bundles are published.
        to: Folder of bundles on this machine.
        every: Look again after so many seconds, until stopped; once if left out.
        metrics: File for node_exporter's textfile collector: when the store last answered, failures
            in a row, and since the start.
    """
    if every is None:
        return pull_once(store, to)
    refuse_outside("--every", every, SHORTEST, LONGEST)
    open_store(store)  # what is no store at all is refused at once
    failures = Failures(store, metrics)
    while True:
        try:
            pulled = pull_once(store, to)
        except Exception as error:  # of any package behind fsspec: what is here stays
            failures.failed(error)
        else:
            failures.went_well()
            if pulled.previous != pulled.bundle_id:
                print(f"{pulled.bundle_id} is live in {to}", file=sys.stderr, flush=True)
        time.sleep(failures.pause(every))


class Failures:
    """What went wrong with a store since it last answered: said once of each kind, and counted."""

    def __init__(self, store: str, metrics: Path | None) -> None:
        self.store, self.metrics = without_password(store), metrics
        self.said: set[str] = set()
        self.in_a_row = self.in_all = 0
        self.last_success = 0.0
        """Seconds since 1970."""

    def failed(self, error: Exception) -> None:
        """Count a failure, and say it if none of its kind was said since all was well."""
        self.in_a_row += 1
        self.in_all += 1
        kind = re.sub(r"[0-9a-f]*\d[0-9a-f]*", "#", f"{type(error).__name__}: {error}")[:80]
        if kind not in self.said:
            self.said.add(kind)
            self._say(f"{error}; what is here stays")
        self._count()

    def went_well(self) -> None:
        """Say that the store is well again, if it was not."""
        if self.in_a_row:
            self._say(f"well again after {self.in_a_row} failures")
        self.in_a_row, self.last_success = 0, time.time()
        self.said.clear()
        self._count()

    def pause(self, every: float) -> float:
        """Seconds until the store is asked again."""
        first, longest = min(every, FIRST_PAUSE), max(every, LONGEST_PAUSE)
        return min(first * 2 ** (self.in_a_row - 1), longest) if self.in_a_row else every

    def _say(self, words: str) -> None:
        print(f"{self.store}: {words}", file=sys.stderr, flush=True)

    def _count(self) -> None:
        if self.metrics is None:
            return
        lines = (
            f"marquee_pull_last_success_timestamp_seconds {self.last_success:.0f}",
            f"marquee_pull_failures_in_a_row {self.in_a_row}",
            f"marquee_pull_failures_total {self.in_all}",
        )
        try:
            write_text_whole(self.metrics, "".join(f"{line}\n" for line in lines))
        except OSError as error:
            if "metrics" not in self.said:
                self.said.add("metrics")
                self._say(f"{self.metrics} cannot be written: {error}")
