"""The draws of precompute that were rendered: looked up in the runs by what impressions name.

A pass over all members makes a draw for every title, of which pages show a few in a hundred.
Written out as rows they all cost a hundred times their bytes. So the runs stay as they are, and
those draws alone become rows of the log that an impression names.
"""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from jaxtyping import Int, UInt64

from bandit.choice import profile_keys
from bandit.draws import text_word
from data.atomic_write import write_text_whole
from data.errors import BadInput
from data.log.expand_runs import expand_some
from data.log.parquet import append_table
from data.log.precompute_runs import (
    FOLDER,
    UNREADABLE,
    RunFile,
    filed_ids,
    rendered_name,
    run_files,
    run_time,
)
from data.reading.conformed_files import conformed_files
from data.records import PLAIN_EVENTS, TIMESTAMP

STATE = "_rendered.json"
SKEW_US = 3_600_000_000
"""An impression may seem to precede its run by this much: clocks differ."""


class Impressions(NamedTuple):
    """What impressions name, each once."""

    profiles: Int[np.ndarray, " named"]  # into `keys`
    title_ids: pa.Array
    decision_ids: pa.Array
    keys: UInt64[np.ndarray, " profiles"]  # ascending

    @staticmethod
    def read(files: Sequence[Path], since_us: int) -> "Impressions":
        """Those of some files that were received since a time, in microseconds."""
        columns = ["decision_id", "profile_id", "title_id"]
        is_one = (ds.field("kind") == "impression") & ds.field("decision_id").is_valid()
        late = ds.field("received") >= pa.scalar(since_us, pa.int64()).cast(TIMESTAMP)
        conformed = [str(file) for file in conformed_files(files, PLAIN_EVENTS)]
        source = ds.dataset(conformed, format="parquet", partitioning=None)
        return Impressions.of(source.to_table(columns=columns, filter=is_one & late))

    @staticmethod
    def of(rows: pa.Table) -> "Impressions":
        """Those of a table with decision_id, profile_id and title_id."""
        columns = ["decision_id", "profile_id", "title_id"]
        rows = rows.group_by(columns).aggregate([]).combine_chunks()
        names = rows["profile_id"].combine_chunks().dictionary_encode()
        keys = np.asarray(profile_keys(names.dictionary.to_pylist()), np.uint64)
        order = np.argsort(keys)
        rank = np.empty(len(keys), np.int64)
        rank[order] = np.arange(len(keys))
        return Impressions(
            rank[names.indices.to_numpy()] if len(keys) else np.zeros(0, np.int64),
            rows["title_id"].combine_chunks(),
            rows["decision_id"].combine_chunks(),
            keys[order],
        )


def file_rendered(log: Path, events: Sequence[Path]) -> int:
    """Write the draws of a log's runs that impressions name into its `decisions/`; how many.

    What was looked up is noted, so the next call looks up new events in all runs, and all events
    in new runs. Killed anywhere, it writes the same files again.

    Args:
        log: folder of the logs, with `runs/` in it.
        events: its event files.
    """
    runs = run_files(log)
    for run in runs:
        try:
            run_time(run)
        except UNREADABLE:
            raise BadInput(
                f"{run} is no whole run of precompute; `python -m data roll --keep-runs` puts it "
                "aside"
            ) from None
    if not runs or not events:
        return 0
    state = log / FOLDER / STATE
    seen, read = _looked_up(state)
    marks = {str(file.relative_to(log)): _mark(file) for file in events}
    fresh = [f for f in events if read.get(str(f.relative_to(log))) != _mark(f)]
    filed = _look_up(log, [run for run in runs if run.name not in seen], events)
    filed += _look_up(log, [run for run in runs if run.name in seen], fresh)
    note = {"runs": [run.name for run in runs], "events": marks}
    write_text_whole(state, orjson.dumps(note).decode())
    return filed


def _looked_up(state: Path) -> tuple[set[str], dict[str, list[int]]]:
    """Runs and events that were looked up before; none where the note of it is none."""
    if not state.is_file():
        return set(), {}
    try:
        done = orjson.loads(state.read_bytes())
        return set(done["runs"]), dict(done["events"])
    except (ValueError, TypeError, KeyError):  # what is filed already is not filed again
        return set(), {}


def _mark(file: Path) -> list[int]:
    """What tells a file that has changed."""
    stat = file.stat()
    return [stat.st_size, stat.st_mtime_ns]


def _look_up(log: Path, runs: Sequence[Path], events: Sequence[Path]) -> int:
    if not runs or not events:
        return 0
    named = Impressions.read(events, min(map(run_time, runs)) - SKEW_US)
    filed = 0
    for path in runs:
        rows = rendered_rows(RunFile.read(path), named)
        if len(rows):
            # A draw that goes on is named by pages of many days.
            again = pc.is_in(rows["decision_id"], value_set=filed_ids(log, path))
            rows = rows.filter(pc.invert(again))
        if len(rows):
            # Named by its content: the same look-up again replaces the same file.
            content = text_word(*rows["decision_id"].to_pylist())
            append_table(log, "decisions", rows, rendered_name(path, content))
            filed += len(rows)
    return filed


def rendered_rows(run: RunFile, named: Impressions) -> pa.Table:
    """The rows of a run's draws that impressions name."""
    keys = np.asarray(profile_keys(run.table["profile_id"].to_pylist()), np.uint64)
    at = np.minimum(named.keys.searchsorted(keys), max(len(named.keys) - 1, 0))
    row_of = np.full(len(named.keys), -1, np.int64)
    if len(named.keys):
        known = named.keys[at] == keys
        row_of[at[known]] = np.flatnonzero(known)
    rows = row_of[named.profiles]
    mine = rows >= 0
    draws = expand_some(run, rows[mine], named.title_ids.filter(pa.array(mine)))
    # Of this run's members only: a set of all that is named, made for each run, grows squared.
    wanted = named.decision_ids.filter(pa.array(mine))
    return draws.filter(pc.is_in(draws["decision_id"], value_set=wanted))
