"""What the live service counts of itself: how long decisions take, and why pages fell back."""

import math
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from data.errors import BadInput, first_line

PATIENCE, MOST_BYTES = 1.0, 4 << 20
"""Seconds that the service may take to say it, and bytes of what it says."""
TOKEN = "MARQUEE_TOKEN"
"""In the environment: what is sent to a service that asks for a token."""
ROUTE = "decide"
STORE = "store"
"""Beside what pages were answered with: the maps that were asked first, and failed."""


@dataclass(frozen=True)
class FellBack:
    """Pages that were not decided, for one reason, by what they were answered with."""

    reason: str
    level: str
    """What members saw; `store`: maps failed, and something else answered."""
    times: int
    share: float | None
    """Of all pages; None: of the store, which a page may ask without falling back for it."""


@dataclass(frozen=True)
class LiveSeen:
    """Since the service started, all its workers together."""

    address: str
    trouble: str | None = None
    """Why nothing is known, in a sentence."""
    pages: int = 0
    milliseconds: dict[str, float] = field(default_factory=dict)
    """p50, p95 and p99 from a request read to its answer, within the bounds that are counted;
    where a bound is the last one, the time is at least that."""
    fell_back: list[FellBack] = field(default_factory=list)
    """The most frequent first."""
    unlogged: int = 0
    """Decisions that members saw and no log has."""


def refuse_address(address: str) -> None:
    """A service's address is that of HTTP.

    Raises:
        BadInput: it is not.
    """
    if not address.startswith(("http://", "https://")):
        raise BadInput(f"--live {address}: give an address such as http://127.0.0.1:8080")


def live_seen(address: str) -> LiveSeen:
    """What the service at an address says of itself now.

    Args:
        address: such as http://127.0.0.1:8080; refused before if it is none of HTTP. It is sent
            the token in `MARQUEE_TOKEN`, if there is one.
    """
    asked = urllib.request.Request(f"{address.rstrip('/')}/metrics")
    if token := os.environ.get(TOKEN):
        # Not to where the service may send the question on to.
        asked.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            text = answer.read(MOST_BYTES).decode()
        families = {one.name: one.samples for one in text_string_to_metric_families(text)}
    except (OSError, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError) and error.code in (401, 403):
            words = f"the live service at {address} tells this to a token with the scope read alone"
            return LiveSeen(address, f"{words}; start the pages with one in {TOKEN}")
        inner = error.reason if isinstance(error, urllib.error.URLError) else error
        why = inner if isinstance(inner, BaseException) else error
        words = f"the live service at {address} does not say how it is ({first_line(why)})"
        return LiveSeen(address, f"{words}; see whether it runs, and --live")
    spent = [
        one
        for one in families.get("marquee_request_seconds", [])
        if one.labels.get("route") == ROUTE
    ]
    pages = sum(int(one.value) for one in spent if one.name.endswith("_count"))
    fell_back = [
        FellBack(
            one.labels["reason"],
            one.labels["level"],
            int(one.value),
            None if one.labels["level"] == STORE or not pages else one.value / pages,
        )
        for one in families.get("marquee_fallbacks", [])
        if one.name.endswith("_total") and one.value
    ]
    unlogged = sum(
        int(one.value)
        for one in families.get("marquee_unlogged", [])
        if one.name.endswith("_total") and one.labels["kind"] != "event"
    )
    return LiveSeen(
        address,
        None,
        pages,
        _quantiles(spent) if pages else {},
        sorted(fell_back, key=lambda one: -one.times),
        unlogged,
    )


def _quantiles(samples: Sequence[Sample]) -> dict[str, float]:
    """Milliseconds, evenly spread within a bucket, as Prometheus' histogram_quantile has it."""
    ends = sorted(
        (float(one.labels["le"]), one.value) for one in samples if one.name.endswith("_bucket")
    )
    every = ends[-1][1]
    found = {}
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        for (low, before), (high, upto) in pairwise([(0.0, 0.0), *ends]):
            if upto >= share * every:
                within = (share * every - before) / (upto - before)
                seconds = low if math.isinf(high) else low + (high - low) * within
                found[name] = 1000 * seconds
                break
    return found
