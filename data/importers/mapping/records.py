"""Rows of somebody's files as examples, decisions or events, by a map; see `docs/import.md`."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Int

from data.check.columns import codes
from data.days import DAY_US
from data.importers.mapping.chances import Chances, Evenness, Offered, chances
from data.importers.mapping.columns import MappedRows
from data.importers.mapping.import_map import ImportMap
from data.importers.mapping.names import CatalogueNames
from data.importers.mapping.outcomes import outcomes_of
from data.importers.mapping.own_facts import KINDS
from data.importers.mapping.raw_rows import RawRows, byte_stream
from data.importers.mapping.values import list_in, missing
from data.own_facts import fold
from data.records import (
    DECISIONS,
    EVENT_KINDS,
    EVENTS,
    EXAMPLES,
    FACTS,
    SCHEMA_VERSION,
    TIMESTAMP,
    WITH_METRICS,
    titles_as,
)
from data.schema_cast import conform, refuse
from data.sound import ID_BYTES, MOST_VALUE, believed

SCHEMAS = {"impressions": EXAMPLES, "decisions": DECISIONS, "events": EVENTS}
FOLDERS = {"impressions": "examples", "decisions": "decisions", "events": "events"}
RULE, RANDOM, IMPORTED = "rule", "random", "imported"
"""Names of policies where a map gives none: of rows that a rule chose, that were drawn evenly, and
of others."""


class RecordMaker:
    """Makes records of rows, batch by batch.

    Args:
        map: of the files.
        names: of the catalogue that the rows refer to.
        kinds: of events that there may be.
    """

    def __init__(
        self, map: ImportMap, names: CatalogueNames, kinds: Sequence[str] = EVENT_KINDS
    ) -> None:
        self.map, self.names, self.kinds = map, names, tuple(kinds)
        self.evenness = Evenness()
        self._stems: dict[Path, str] = {}
        self.drawn = 0
        """Rows that were drawn at random among several candidates."""

    def __call__(self, raw: RawRows) -> tuple[pa.Table, MappedRows]:
        """Records of the rows that have all they need, and the rows with why others have not.

        Raises:
            BadInput: the map cannot be right: by its key, the file and a row.
        """
        rows = MappedRows(raw, self.map)
        choices = None if self.map.rows == "events" else self._choices(rows)
        columns = self._events(rows) if choices is None else choices.columns
        self._refuse_ids(rows, columns)
        schema = self.schema
        good = pa.array(rows.good)
        if choices is not None:
            drawn = choices.said.drawn & rows.good
            self.evenness.add(choices.offered, choices.said.uniform & drawn)
            self.drawn += int((drawn & (choices.offered.sizes > 1)).sum())
        made = {name: column.filter(good) for name, column in columns.items()}
        table, problems = conform(pa.table(made), schema, raw.file)
        refuse(problems)
        return table.select(schema.names), rows

    @property
    def schema(self) -> pa.Schema:
        """Of the records."""
        schema = WITH_METRICS if self.map.has_metrics else SCHEMAS[self.map.rows]
        return titles_as(schema, self.names.catalogue.title_kind)

    def forget(self, copies: pa.Table) -> None:
        """Count no longer records whose id an earlier one has."""
        if "propensity" in copies.schema.names:
            self.drawn -= int(pc.sum(pc.less(copies["propensity"], 1)).as_py() or 0)

    def _choices(self, rows: MappedRows) -> "_Choices":
        count, key = len(rows), self.map.keys.get
        times = self._times(rows, "time")
        offered = self._offered(rows, times)
        said = chances(rows, offered, self.names)
        ids = self.names.artworks
        several = offered.sizes > 1
        drawn = np.where(said.uniform & several, RANDOM, IMPORTED)
        policy = pa.array(np.where(said.drawn | ~several, drawn, RULE).astype(object))
        columns = {
            "schema_version": pa.array(np.full(count, SCHEMA_VERSION, np.int16)),
            "decision_id": self._ids(rows, "decision_id"),
            "time": times,
            "profile_id": rows.fitted(key("profile_id"), pa.string(), needed=True),
            "title_id": self.names.of_rows(offered.titles),
            "facts": self._facts(rows),
            "candidates": pa.ListArray.from_arrays(
                pa.array(offered.offsets.astype(np.int32)), ids.take(pa.array(offered.candidates))
            ),
            "action": ids.take(pa.array(np.maximum(offered.shown, 0))),
            "propensity": pa.array(said.propensity),
            "policy": pc.coalesce(rows.fitted(key("policy"), pa.string()), policy),
            "level": pa.array(
                np.where(said.drawn | ~several, "personalised", "unpersonalised").astype(object)
            ),
            "cell": rows.fitted(key("cell"), pa.string()),
        }
        if self.map.rows == "impressions":
            columns |= outcomes_of(rows)
        else:
            columns["probabilities"] = _probabilities(offered, said)
            columns["seed"] = pa.array(np.zeros(count, np.uint64))
        return _Choices(columns, offered, said)

    def _events(self, rows: MappedRows) -> dict[str, pa.Array]:
        key = self.map.keys.get
        times = self._times(rows, "time")
        kind = rows.fitted(key("kind"), pa.string(), needed=True)
        among = ", ".join(self.kinds)
        known = codes(kind, pa.array(self.kinds)) >= 0
        if not known.any() and not rows.raw.first and len(rows):
            self.map.refuse(
                "kind",
                f"{kind[0].as_py()!r:.60} is none of {among}; give values, or "
                "declare it under events in schema.yaml",
            )
        rows.set_aside(~known, f"kind is none of {among}")
        titles = self.names.titles(rows.fitted(key("title_id"), pa.string(), needed=True))
        rows.set_aside(titles < 0, "title_id is not in the catalogue")
        shown = rows.fitted(key("artwork_id"), pa.string())
        at = self.names.rows(shown, titles)
        rows.set_aside((at < 0) & ~missing(shown), "artwork_id is not in the catalogue")
        places = {
            name: rows.fitted(key(name), EVENTS.field(name).type)
            for name in ("device", "surface", "row", "column", "minutes", "thumb", "value")
        }
        value = np.asarray(places["value"].fill_null(0))
        rows.set_aside(~(np.abs(value) <= MOST_VALUE), f"value is beyond {MOST_VALUE:,}")
        progress = np.asarray(pc.equal(kind, "progress").fill_null(False))
        rows.set_aside(progress & missing(places["minutes"]), "progress without minutes")
        received = self._times(rows, "received") if key("received") else times
        return {
            "schema_version": pa.array(np.full(len(rows), SCHEMA_VERSION, np.int16)),
            "event_id": self._ids(rows, "event_id"),
            "kind": kind,
            "time": times,
            "received": pc.coalesce(received, times),
            "decision_id": rows.fitted(key("decision_id"), pa.string()),
            "profile_id": rows.fitted(key("profile_id"), pa.string(), needed=True),
            "title_id": self.names.of_rows(titles),
            "artwork_id": self.names.artworks.take(pa.array(at, mask=at < 0)),
            **places,
            "own": self._own(rows),
        }

    def _times(self, rows: MappedRows, name: str) -> pa.Array:
        times = rows.fitted(self.map.keys.get(name), TIMESTAMP, needed=name == "time")
        micros = np.asarray(times.cast(pa.int64()).fill_null(0))
        rows.set_aside(~believed(micros) & ~missing(times), f"{name} is before 2000 or after now")
        return times

    def _offered(self, rows: MappedRows, times: pa.Array) -> Offered:
        """Titles, candidates and what was shown, by the catalogue."""
        map, names = self.map, self.names
        action = rows.fitted(map.keys.get("action"), pa.string(), needed=True)
        if (titled := map.keys.get("title_id")) is not None:
            titles = names.titles(rows.fitted(titled, pa.string(), needed=True))
            shown = names.rows(action, titles)
        else:
            shown = names.rows(action, None)
            titles = np.where(shown < 0, -1, names.owners[shown])
        _refuse_unknown(rows, "title_id", titles >= 0, titled.column if titled else None)
        rows.set_aside(titles < 0, "title_id is not in the catalogue")
        _refuse_unknown(rows, "action", (shown >= 0) | (titles < 0), map.keys["action"].column)
        rows.set_aside(shown < 0, "action is not an artwork of the title")
        if map.candidates is None:
            offsets, flat = names.on_days(titles, _local_days(times, map.zone))
        else:
            offsets, flat = _listed(rows, names, titles)
        parent = np.repeat(np.arange(len(rows)), np.diff(offsets))
        among = np.bincount(parent[flat == shown[parent]], minlength=len(rows))
        rows.set_aside((among == 0) & (shown >= 0), "action is not among the candidates of its day")
        rows.set_aside(among > 1, "action is twice among the candidates")
        return Offered(titles, offsets, flat, shown)

    def _facts(self, rows: MappedRows) -> pa.StructArray:
        """What the map says is known, with a user's own facts beside; other facts are null."""
        own = {n: KINDS[one.kind] for n, one in self.map.facts.items() if one.kind is not None}
        fields = [*FACTS, *(pa.field(name, kind) for name, kind in own.items())]
        arrays = [rows.fitted(self.map.facts.get(f.name), f.type) for f in fields]
        return pa.StructArray.from_arrays(arrays, fields=fields)

    def _own(self, rows: MappedRows) -> pa.MapArray:
        """Facts of a user's own, as events tell them."""
        facts = self.map.facts
        told = {n: rows.fitted(one, KINDS[one.kind]) for n, one in facts.items() if one.kind}
        return fold(told, None, len(rows))[0]

    def _ids(self, rows: MappedRows, name: str) -> pa.Array:
        """Ids as given; else of the file and the row, the same whenever it is imported."""
        if (source := self.map.keys.get(name)) is not None:
            return rows.fitted(source, pa.string(), needed=True)
        stem = self._stems.setdefault(rows.raw.file, "") or _stem(rows.raw.file)
        self._stems[rows.raw.file] = stem
        return pa.array([f"{stem}{row:016x}" for row in rows.raw.numbers().tolist()], pa.string())

    @staticmethod
    def _refuse_ids(rows: MappedRows, columns: dict[str, pa.Array]) -> None:
        for name in ("decision_id", "event_id", "profile_id"):
            if name in columns:
                size = np.asarray(pc.binary_length(columns[name]).fill_null(1))
                nul = np.asarray(pc.match_substring(columns[name], "\0").fill_null(False))
                wrong = (size < 1) | (size > ID_BYTES) | nul
                rows.set_aside(wrong, f"{name} is not 1 to {ID_BYTES} bytes without NUL")


def _stem(file: Path) -> str:
    """16 hex digits of a file's name and beginning: a log that grows keeps them."""
    with byte_stream(file) as stream:
        return blake2b(file.name.encode() + stream.read(1 << 12), digest_size=8).hexdigest()


class _Choices(NamedTuple):
    """Columns of choices, and what they were made from."""

    columns: dict[str, pa.Array]
    offered: Offered
    said: Chances


def _refuse_unknown(rows: MappedRows, key: str, known: np.ndarray, column: str | None) -> None:
    """Refuse a column of which the catalogue knows not one name."""
    if known.any() or rows.raw.first or not len(rows) or column is None:
        return
    shown = f"{rows.raw.table[column][0].as_py()!r:.60}"
    rows.map.refuse(
        key,
        f"{shown} of {rows.raw.file}, row {rows.raw.numbers()[0]}, is not in the catalogue, nor is "
        "any of the rows after it; give the catalogue that the log is of, or rename by `values`",
    )


def _listed(
    rows: MappedRows, names: CatalogueNames, titles: Int[np.ndarray, " rows"]
) -> tuple[Int[np.ndarray, " rows_and_one"], Int[np.ndarray, " flat"]]:
    """Candidates that a column lists; rows with one that the catalogue has not are set aside."""
    source = rows.map.candidates
    assert source is not None
    values = rows.column(source)
    lists = [_list(value, source.separator) for value in values.to_pylist()]
    sizes = np.array([len(one) for one in lists], np.int64)
    if not sizes.any() and not rows.raw.first and len(rows):
        rows.map.refuse("candidates", f"{values[0].as_py()!r:.60} is no list; give separator")
    parent = np.repeat(np.arange(len(rows)), sizes)
    flat = names.rows(pa.array([n for one in lists for n in one], pa.string()), titles[parent])
    unknown = np.bincount(parent[flat < 0], minlength=len(rows)) > 0
    rows.set_aside(unknown, "a candidate is not an artwork of the title")
    return np.concatenate([[0], np.cumsum(sizes)]), np.maximum(flat, 0)


def _list(value: object, separator: str | None) -> list[str]:
    read = list_in(value, separator) if isinstance(value, str) else value
    return [str(one) for one in read] if isinstance(read, list) else []


def _local_days(times: pa.Array, zone: str | None) -> Int[np.ndarray, " rows"]:
    """Days since 1970 in the files' zone, which a catalogue's days are written in."""
    local = times.cast(pa.timestamp("us", zone or "UTC"))
    naive = pc.local_timestamp(local)
    return np.asarray(naive.cast(pa.int64()).fill_null(0)) // DAY_US


def _probabilities(offered: Offered, said: Chances) -> pa.Array:
    """Of every candidate where it is known, else null."""
    parent = np.repeat(np.arange(len(offered.sizes)), offered.sizes)
    flat = said.floor[parent]
    known = ~np.isnan(said.floor)
    offsets = pa.array(offered.offsets.astype(np.int32))
    lists = pa.ListArray.from_arrays(offsets, pa.array(flat), mask=pa.array(~known))
    return cast("pa.Array", lists)
