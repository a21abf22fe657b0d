"""What the live service counts, in Prometheus' words; shared by all workers of one service.

Set `PROMETHEUS_MULTIPROC_DIR` before this is imported when there are several workers: whether it is
set then decides where counts are kept.
"""

import os
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

_SECONDS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.5)
_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

SHARED = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
"""Folder of counts that workers share; None: they are in this process alone."""
FILES = ("counter", "histogram", "gauge_max", "gauge_livesum")
FILE_BYTES = 1 << 20
"""What the client library maps of each file at first: thousands of counts."""


def _reserve(folder: Path) -> None:
    """Take the room that counts need now: a mapped file on a full disk would end the process."""
    for kind in FILES:
        with (folder / f"{kind}_{os.getpid()}.db").open("ab") as file:
            if not file.tell():
                file.write(bytes(FILE_BYTES))


if SHARED:
    _reserve(Path(SHARED))

REQUESTS = Counter("marquee_requests_total", "Requests answered", ["route", "status"])
LATENCY = Histogram(
    "marquee_request_seconds", "From request read to answer", ["route"], buckets=_SECONDS
)
DECIDED, DECIDE_LATENCY = REQUESTS.labels("decide", 200), LATENCY.labels("decide")
"""Of the pages that are most of the traffic; finding a label's count takes longer than adding."""
MODEL = Histogram("marquee_model_seconds", "Model part of one batch", buckets=_SECONDS)
BATCH = Histogram("marquee_batch_pages", "Pages decided together", buckets=(1, 2, 4, 8, 16, 32))
LOG_WAIT = Histogram("marquee_log_seconds", "From decision to durable log", buckets=_SECONDS)
PROPENSITY = Histogram("marquee_propensity", "Mean propensity of a page's choices", buckets=_SHARES)
ENTROPY = Histogram(
    "marquee_entropy_nats", "Mean entropy of a page's policies", buckets=(0, 0.1, 0.25, 0.5, 1, 2)
)
LOOKUPS = Counter("marquee_titles_total", "Titles answered", ["level"])
PERSONALISED, PINNED = LOOKUPS.labels("personalised"), LOOKUPS.labels("pinned")
FALLBACKS = Counter("marquee_fallbacks_total", "Pages not decided live", ["level", "reason"])
UNLOGGED = Counter("marquee_unlogged_total", "Rows that were not logged", ["kind"])
UNSOUND = Counter(
    "marquee_unsound_facts_total", "Facts that cannot be, taken for not known", ["field"]
)
LEFT_OUT = Gauge(
    "marquee_artworks_left_out", "Artworks whose image cannot be had", multiprocess_mode="max"
)
READ_AS_OTHER = Gauge(
    "marquee_artworks_read_as_other_canvas",
    "Artworks without a picture of the canvas that the bundle reads",
    multiprocess_mode="max",
)
OTHER_CANVAS = Counter(
    "marquee_other_canvas_total",
    "Pictures of another canvas or language than was asked for",
    ["canvas"],
)
DAMAGED = Gauge("marquee_log_damaged_files", "Files in the log's damaged/", multiprocess_mode="max")
EVENTS = Counter("marquee_events_total", "Events accepted", ["kind"])
BUNDLE = Gauge(
    "marquee_bundle_info", "1 for the bundle in use", ["bundle"], multiprocess_mode="max"
)
RELOADS = Counter("marquee_bundle_reloads_total", "Looks at `current`", ["outcome"])
RULES = Counter("marquee_rules_reloads_total", "Rules read again from their file", ["outcome"])
QUEUE = Gauge("marquee_queue_pages", "Pages waiting for the model", multiprocess_mode="livesum")
LOG_QUEUE = Gauge(
    "marquee_log_queue_rows", "Rows waiting to be durable", multiprocess_mode="livesum"
)
TURNED_AWAY = Counter("marquee_turned_away_total", "Requests that were refused", ["status"])
SHED = Counter("marquee_shed_total", "Pages shed by admission control")


def exposition() -> bytes:
    """All workers' metrics as Prometheus reads them."""
    if not SHARED:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    return generate_latest(registry)
