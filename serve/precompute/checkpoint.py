"""How far a precompute run has come, kept beside the maps: what makes it resumable."""

from contextlib import suppress
from zlib import crc32

import orjson
import pyarrow as pa

from data.log.open_log import RunLog
from serve.maps.layout import Layout
from serve.maps.store import MapStore
from serve.precompute.member_block import Job, Work

LAYOUTS = 8
"""Layouts that maps in a store may still be written in."""


def begin(
    work: Work, facts: pa.Table, store: MapStore, now: float, log: RunLog | None = None
) -> tuple[dict, Job]:
    """The record of a run, new or resumed, and what its blocks need.

    Args:
        work: what to decide and how.
        facts: `profile_id` and `facts`, one row a member.
        store: where maps and the record are.
        now: seconds since 1970-01-01.
        log: where draws are logged.

    Raises:
        ValueError: draws are to be logged and there is no log, or the other way round.
    """
    if work.logged != (log is not None):
        raise ValueError(f"work.logged is {work.logged}, and the log is {log}")
    last = orjson.loads(store.get_shared("run") or b"{}")
    begun = _resumed(last, work, facts) or _new(last, work, facts, now)
    older = _older_layouts(store, last, work.layout)
    job = Job(work, begun["version"], begun["time_us"], older, begun.get("again", False))
    store.put_shared(f"layout:{work.layout.digest.hex()}", work.layout.to_bytes())
    store.put_shared(work.info.key, work.info.to_bytes())
    store.put_shared("run", orjson.dumps(begun))
    return begun, job


def _what(work: Work, facts: pa.Table) -> dict:
    """What tells one run's work from another's."""
    names = facts["profile_id"].combine_chunks()
    digest = crc32(b"".join(b or b"" for b in names.buffers()[1:] if b is not None))
    return {
        "day": work.day,
        "bundle": work.policy.bundle,
        "layout": work.layout.digest.hex(),
        "profiles": [len(facts), digest],
        "block": work.block,
    }


def _resumed(last: dict, work: Work, facts: pa.Table) -> dict | None:
    """The last run's record, where that was interrupted and is the same work."""
    same = _what(work, facts)
    unfinished = last and not last.get("complete") and all(last.get(k) == same[k] for k in same)
    return last if unfinished else None


def _new(last: dict, work: Work, facts: pa.Table, now: float) -> dict:
    layouts = [*last.get("layouts", []), work.layout.digest.hex()]
    latest = last.get("latest_day", last.get("day", -1))
    return {
        **_what(work, facts),
        "latest_day": max(latest, work.day),
        "again": work.day <= latest,
        "version": max(int(now * 1000), last.get("version", 0) + 1),
        "time_us": int(now * 1e6),
        "done": 0,
        "complete": False,
        "layouts": list(dict.fromkeys(layouts))[-LAYOUTS:],
    }


def _older_layouts(store: MapStore, last: dict, layout: Layout) -> dict[bytes, Layout]:
    """Layouts that maps in the store may still be written in."""
    layouts = {}
    for name in last.get("layouts", []):
        raw = store.get_shared(f"layout:{name}")
        if raw is not None and name != layout.digest.hex():
            digest = bytes.fromhex(name)
            # Damaged, its maps are as if they were not: their titles are drawn anew.
            with suppress(ValueError):
                layouts[digest] = Layout.from_bytes(raw, digest)
    return layouts
