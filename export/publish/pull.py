"""Bring the live bundle of a store to this machine, where serving follows `current`."""

import sys
import time
from pathlib import Path
from typing import NamedTuple

from data.bundle import Bundle
from data.errors import BadInput
from export.publish.commands import STORE
from export.publish.open_store import open_store


class Pulled(NamedTuple):
    """What a pull found."""

    bundle_id: str
    """Live in the store, and now here."""
    previous: str | None
    """Live here before; the same where nothing was new."""


def pull_once(store: str, to: Path) -> Pulled:
    """Copy the store's live bundle unless it is here, check its bytes, then point `current` at it.

    Serving that follows `to/current` takes it up without a restart, and never sees a part of it.

    Args:
        store: folder or URL.
        to: folder of bundles on this machine.

    Raises:
        BadInput: nothing is published there, or the bundle is not whole.
    """
    there, here = open_store(store), open_store(to)
    live = there.live()
    if live is None:
        raise BadInput(f"{store} has no live bundle; python -m export publish makes one live")
    was = here.live()
    if was != live:
        with there.at_hand(live) as folder:
            here.add(Bundle.open(folder))
        with here.locked():
            here.point(live)
    return Pulled(live, was)


def pull(store: str, to: Path = Path(STORE), every: float | None = None) -> Pulled:
    """Bring the live bundle of a store here and make it live here.

    Run it beside the live service on every machine, with --every, or from cron; the service takes
    a new bundle up without a restart.

    Examples:
      python -m export pull s3://models/marquee
      python -m export pull s3://models/marquee --every 30

    Args:
        store: Folder or URL that fsspec knows, where bundles are published.
        to: Folder of bundles on this machine.
        every: Look again after so many seconds, until stopped; once if left out.
    """
    if every is None:
        return pull_once(store, to)
    if every <= 0:
        raise BadInput(f"--every {every}: give seconds above 0")
    while True:
        try:
            pulled = pull_once(store, to)
            if pulled.previous != pulled.bundle_id:
                print(f"{pulled.bundle_id} is live in {to}", file=sys.stderr, flush=True)
        except (BadInput, OSError) as error:  # what is here stays; the store may come back
            print(f"{store}: {error}", file=sys.stderr, flush=True)
        time.sleep(every)
