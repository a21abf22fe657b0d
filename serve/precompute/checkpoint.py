"""How far a precompute run has come, kept beside the maps: what makes it resumable."""

from contextlib import suppress
from zlib import crc32

import orjson
import pyarrow as pa

from bandit.draws import text_word
from data.log.open_log import RunLog
from serve.maps.beside.kind_table import KindTable, put_table, table_key
from serve.maps.current import Current, put_current, read_current
from serve.maps.layout import Layout, layout_key
from serve.maps.rows.row_table import row_table_key
from serve.maps.store import MAGIC, VERSION, MapStore, StoreUnavailableError
from serve.precompute.member_block import Job, Work
from serve.scoring.unpersonalised import unpersonalised_map

RECORD = "run"
"""The shared value that says how far a run has come."""
NUMBERS = ("version", "time_us", "done", "day", "latest_day", "history")
"""Of a run's record, where it has them."""
CLAIMS = 20
"""Times that a run tries to begin where others do."""
LAST_VERSION = (1 << 63) - 1
"""Of a run: no store holds a later one."""
LAYOUTS = 8
"""Layouts that maps in a store may still be written in."""


class StoreLostError(RuntimeError):
    """The store no longer holds what this run wrote: it was emptied, or began without its data."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the store lost what it held: {what}")


def begin(
    work: Work,
    facts: pa.Table,
    store: MapStore,
    now: float,
    log: RunLog | None = None,
    lost: dict | None = None,
) -> tuple[dict, Job]:
    """The record of a run, new or resumed, and what its blocks need.

    Args:
        work: what to decide and how.
        facts: `profile_id` and `facts`, one row a member.
        store: where maps and the record are.
        now: seconds since 1970-01-01.
        log: where draws are logged.
        lost: the record of this run, where the store lost what it had written: all of it is done
            again, by draws of their own.

    Raises:
        ValueError: draws are to be logged and there is no log, or the other way round.
    """
    if work.logged != (log is not None):
        raise ValueError(f"work.logged is {work.logged}, and the log is {log}")
    store.put_shared(layout_key(work.layout.digest), work.layout.to_bytes())
    store.put_shared(work.info.key, work.info.to_bytes())
    begun, last = _claimed(work, facts, store, now, lost)
    _put_rows(work, store, last)
    older = _older_layouts(store, last, work.layout)
    if work.kinds is not None:
        table = work.kinds.table
        store.put_shared(table_key(table.digest), table.to_bytes())
    job = Job(
        *(work, begun["version"], begun["time_us"], older),
        again=begun.get("again", False),
        history=begun.get("history", 0),
        older_kinds=_older_tables(store, last),
    )
    return begun, job


def _claimed(
    work: Work, facts: pa.Table, store: MapStore, now: float, lost: dict | None
) -> tuple[dict, dict]:
    """The record of this run, which the store holds from here on, and that of the one before.

    Of runs that begin at once one is the first, and others that do the same work go on with it:
    each with a version of its own, they would log every draw as often.

    Raises:
        StoreUnavailableError: others begin again and again.
    """
    for _ in range(CLAIMS):
        raw = store.get_shared(RECORD)
        last = max(lost or {}, _record_of(raw), key=lambda record: record.get("version", 0))
        if last is not lost and (begun := _resumed(last, work, facts)):
            return begun, last
        begun = _new(last, work, facts, now, _latest(store, facts, work))
        if store.put_over(RECORD, _packed(begun), raw):
            return begun, last
    raise StoreUnavailableError("store_busy", f"{CLAIMS} other runs began in the same moment")


def note_done(begun: dict, number: int, store: MapStore) -> None:
    """Write down that all blocks up to this one are whole.

    Raises:
        StoreLostError: the store no longer has what was written down before.
    """
    _see_whether_it_is_there(begun, store)
    begun["done"] = number + 1
    _write_record(begun, store)


def finish(begun: dict, work: Work, store: MapStore) -> bool:
    """Point readers at this run's version and mark the run whole.

    Returns:
        Whether readers follow: not where a later run has pointed them at its own.

    Raises:
        StoreLostError: the store no longer has what was written before.
    """
    _see_whether_it_is_there(begun, store)
    if store.get_shared(layout_key(work.layout.digest)) is None:
        raise StoreLostError("the layout is gone")
    version, best, chosen = begun["version"], None, work.best
    if work.ruled is not None:
        chosen = work.ruled.of_nobody(chosen, work.layout, begun["time_us"])
    if chosen is not None:
        best = unpersonalised_map(chosen, work.layout, work.policy, work.day, version)
    put_table(store, work.layout.digest, None if work.kinds is None else work.kinds.table)
    followed = put_current(store, Current(version, work.layout.digest, best))
    _write_record(begun | {"complete": True}, store)
    return followed


def _see_whether_it_is_there(begun: dict, store: MapStore) -> None:
    if _read_record(store).get("version", 0) < begun["version"]:
        raise StoreLostError("how far this run has come is gone")


def _read_record(store: MapStore) -> dict:
    """The record of the latest run; empty where there is none."""
    return _record_of(store.get_shared(RECORD))


def _record_of(raw: bytes | None) -> dict:
    raw = raw or b"{}"
    try:
        return _whole(orjson.loads(raw[VERSION.stop :] if raw.startswith(MAGIC) else raw))
    except (ValueError, TypeError, AttributeError):  # damaged: what was begun is begun again
        return {}


def _whole(record: dict) -> dict:
    """A record whose parts are what `_new` writes, in this version or an earlier one.

    Raises:
        ValueError, TypeError, AttributeError: it is something else.
    """
    numbers = [record.get(name, 0) for name in NUMBERS]
    if not all(type(number) is int for number in numbers):
        raise ValueError("a number of a run is none")
    if not 0 <= record.get("version", 0) <= LAST_VERSION:
        raise ValueError("no store holds such a version")
    for digest in (*record.get("layouts", []), *record.get("tables", [])):
        bytes.fromhex(digest)
    if not all(type(n) is int and 0 <= n < 1 << 64 for n in record.get("row_tables", [])):
        raise ValueError("a row table has no such name")
    return record


def _write_record(begun: dict, store: MapStore) -> None:
    """Write the record of a run, unless there is that of a later one."""
    store.put_newer(RECORD, _packed(begun))


def _packed(begun: dict) -> bytes:
    head = MAGIC.ljust(VERSION.start, b"\0") + begun["version"].to_bytes(8)
    return head + orjson.dumps(begun)


def _latest(store: MapStore, facts: pa.Table, work: Work) -> int:
    """The latest version that the store is known to hold, were its record of runs lost."""
    try:
        current = read_current(store)
    except ValueError:
        current = None
    first = store.get_many(facts["profile_id"].slice(0, work.block).to_pylist())
    versions = [int.from_bytes(old[VERSION]) for old in first if old and old.startswith(MAGIC)]
    # A damaged map may say what no run's record can hold.
    versions = [version for version in versions if version < LAST_VERSION]
    return max([current.version if current is not None else 0, *versions])


def _what(work: Work, facts: pa.Table) -> dict:
    """What tells one run's work from another's."""
    names = facts["profile_id"].combine_chunks()
    digest = crc32(b"".join(b or b"" for b in names.buffers()[1:] if b is not None))
    return {
        "day": work.day,
        "bundle": work.policy.bundle,
        "rules": work.rules.word,
        "layout": work.layout.digest.hex(),
        "profiles": [len(facts), digest],
        "block": work.block,
        **({} if work.ruled is None else {"written": work.ruled.written.digest}),
        **({} if work.rows is None else {"rows": work.rows.table.nonce}),
        **({} if work.kinds is None else {"kinds": work.kinds.table.digest.hex()}),
    }


def _resumed(last: dict, work: Work, facts: pa.Table) -> dict | None:
    """The last run's record, where that was interrupted and is the same work."""
    same = _what(work, facts)
    alike = all(last.get(k) == same.get(k) for k in (*same, "written", "kinds", "rows"))
    unfinished = last and not last.get("complete") and alike
    return last if unfinished else None


def _new(last: dict, work: Work, facts: pa.Table, now: float, known: int) -> dict:
    layouts = [*last.get("layouts", []), work.layout.digest.hex()]
    latest = last.get("latest_day", last.get("day", -1))
    tables = list(last.get("tables", []))
    tables += [] if work.kinds is None else [work.kinds.table.digest.hex()]
    return {
        **_what(work, facts),
        **({"tables": list(dict.fromkeys(tables))[-LAYOUTS:]} if tables else {}),
        "latest_day": max(latest, work.day),
        "again": work.day <= latest,
        "history": _history(last),
        "version": max(int(now * 1000), last.get("version", 0) + 1, known + 1),
        "time_us": int(now * 1e6),
        "done": 0,
        "complete": False,
        "layouts": list(dict.fromkeys(layouts))[-LAYOUTS:],
        **_row_tables(last, work),
    }


def _row_tables(last: dict, work: Work) -> dict[str, list[int]]:
    """Row tables that maps in the store may still point at, where there were any."""
    tables = [*last.get("row_tables", []), *([] if work.rows is None else [work.rows.table.nonce])]
    latest = list(dict.fromkeys(reversed(tables)))[:LAYOUTS]
    return {"row_tables": latest[::-1]} if latest else {}


def _put_rows(work: Work, store: MapStore, last: dict) -> None:
    """Write what this run's rows have in common, and empty what no map points at any more."""
    if work.rows is not None:
        table = work.rows.table
        store.put_shared(row_table_key(table.nonce), table.to_bytes())
    left = _row_tables(last, work).get("row_tables", [])
    for nonce in set(last.get("row_tables", [])) - set(left):
        store.put_shared(row_table_key(nonce), b"")


def _history(last: dict) -> int:
    """A hash of the runs up to the last one: a backup that is restored has that of its own past."""
    if not last:
        return 0
    what = [last.get(name) for name in ("day", "rules", "layout", "profiles", "again")]
    what += [last[name] for name in ("written", "kinds") if name in last]
    return text_word(last.get("history", 0), *what)


def _older_layouts(store: MapStore, last: dict, layout: Layout) -> dict[bytes, Layout]:
    """Layouts that maps in the store may still be written in."""
    layouts = {}
    for digest in map(bytes.fromhex, last.get("layouts", [])):
        raw = store.get_shared(layout_key(digest))
        if raw is not None and digest != layout.digest:
            # Damaged, its maps are as if they were not: their titles are drawn anew.
            with suppress(ValueError):
                layouts[digest] = Layout.from_bytes(raw, digest)
    return layouts


def _older_tables(store: MapStore, last: dict) -> dict[bytes, KindTable]:
    """What maps in the store may show beside artwork, by digest."""
    tables = {}
    for digest in map(bytes.fromhex, last.get("tables", [])):
        raw = store.get_shared(table_key(digest))
        if raw is not None:
            with suppress(ValueError):  # damaged, its titles are drawn anew
                tables[digest] = KindTable.from_bytes(raw, digest)
    return tables
