"""Columns of somebody's file as columns of the records: renamed, parsed, and row by row excused.

A value that does not become what it should does not end an import: its row is set aside with the
reason. Where none of the first rows does, the map is wrong, and says so.
"""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Int

from data.importers.mapping.import_map import FLAGS, QUESTIONS, ImportMap, ValueSource
from data.importers.mapping.raw_rows import RawRows
from data.importers.mapping.values import (
    as_text,
    counts_in,
    fit_rows,
    in_words,
    list_in,
    list_of,
    missing,
)
from data.lossless_cast import plain
from data.records import TIMESTAMP

TRIED = 100
"""Rows that are tried before a key is refused."""
WITH_ZONE = r"[T ]\d{1,2}:?\d{2}.*(Z|z|[+-]\d{2}:?(\d{2})?)$"


@dataclass
class MappedRows:
    """Rows of a file on their way to records; those with a reason do not arrive."""

    raw: RawRows
    map: ImportMap
    code: Int[np.ndarray, " rows"] = field(init=False)
    """Why each row is set aside, by its place in `reasons`."""
    reasons: list[str] = field(default_factory=lambda: ["it is not"])

    def __post_init__(self) -> None:
        self.code = np.zeros(len(self.raw.table), np.int64)

    def __len__(self) -> int:
        return len(self.raw.table)

    def set_aside(self, wrong: Bool[np.ndarray, " rows"], why: str) -> None:
        """Give rows a reason; the first one stays."""
        if wrong.any():
            self.code[wrong & self.good] = len(self.reasons)
            self.reasons.append(why)

    @property
    def good(self) -> Bool[np.ndarray, " rows"]:
        """Rows that have no reason."""
        return self.code == 0

    def column(self, source: ValueSource) -> pa.Array:
        """A source's values as the file has them, renamed where the map says so."""
        if source.constant is not None:
            value = source.constant or None
            return pa.array([value] * len(self), pa.string())
        values = plain(self.raw.table[source.column])
        if not source.values:
            return values
        texts = as_text(values)
        known = pa.array(list(source.values), pa.string())
        to = pa.array([text or None for text in source.values.values()], pa.string())
        at = pc.index_in(texts, value_set=known)
        return pc.if_else(at.is_valid(), to.take(at), texts)

    def fitted(
        self, source: ValueSource | None, kind: pa.DataType, needed: bool = False
    ) -> pa.Array:
        """A source's values as a type; null where it has none.

        Args:
            source: None: there is none, so all is null.
            kind: of text, numbers, truth, times, or maps of counts.
            needed: rows without a value are set aside.

        Raises:
            BadInput: none of the first rows becomes the type: by the map's key.
        """
        if source is None:
            return pa.nulls(len(self), kind)
        if pa.types.is_map(kind):
            values = self._counts(source)
        elif pa.types.is_list(kind):
            values = self._lists(source, kind)
        elif source.columns:
            self.map.refuse(source.key, "only facts of several values take several columns")
        elif pa.types.is_timestamp(kind):
            values = self._times(source, self.column(source))
        else:
            values = self._scalars(source, self.column(source), kind)
        fits, wrong = fit_rows(values, kind)
        self._refuse_all(source, values, wrong, kind)
        self.set_aside(wrong, f"{source.key} is no {in_words(kind)}")
        if needed:
            self.set_aside(missing(fits), f"{source.key} is missing")
        return fits

    def _refuse_all(
        self,
        source: ValueSource,
        values: pa.Array,
        wrong: Bool[np.ndarray, " rows"],
        kind: pa.DataType,
    ) -> None:
        """Refuse a key by which no row of the file's first ones becomes what it should."""
        there = np.flatnonzero(~missing(values))
        if self.raw.first or not len(there) or not wrong[there].all():
            return
        row = int(there[0])
        shown = f"{values[row].as_py()!r:.60}"
        remedy = "name another column, or rename its values by `values`"
        if pa.types.is_timestamp(kind):
            remedy = "give unit (s, ms, us or ns) of a number, or format, such as '%d.%m.%Y %H:%M'"
        where = f"of {self.raw.file}, row {self.raw.numbers()[row]}"
        self.map.refuse(source.key, f"{shown} {where} is no {in_words(kind)}; {remedy}")

    def _scalars(self, source: ValueSource, values: pa.Array, kind: pa.DataType) -> pa.Array:
        if pa.types.is_string(kind):
            return as_text(values)
        if pa.types.is_boolean(values.type):
            return values if pa.types.is_boolean(kind) else values.cast(pa.int8())
        if pa.types.is_string(values.type):
            values = pc.utf8_trim_whitespace(values)
            if pa.types.is_boolean(kind):
                return _flagged(pc.utf8_lower(values), "true", "false")
            values = _flagged(values, "1", "0")
            if self.map.csv.decimal != ".":
                values = pc.replace_substring(values, self.map.csv.decimal, ".")
            if pa.types.is_integer(kind):
                values = pc.replace_substring_regex(values, r"\.0+$", "")
        return values

    def _times(self, source: ValueSource, values: pa.Array) -> pa.Array:
        """Moments in UTC; what is no time stays a text."""
        kind = values.type
        if source.unit is not None:
            return self._numbered_times(source, values)
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            return values
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            return self._in_zone(values.cast(pa.timestamp("us"), safe=False))
        if not pa.types.is_string(kind):
            return values
        texts = pc.utf8_trim_whitespace(values)
        if source.format is not None:
            naive = pc.strptime(texts, source.format, "us", error_is_null=True)
            if "%z" in source.format:
                return naive.cast(TIMESTAMP)
            self.set_aside(missing(naive) & ~missing(texts), f"{source.key} has another format")
            if missing(naive)[:TRIED].all() and not self.raw.first:
                shown = f"{texts[0].as_py()!r:.60}"
                self.map.refuse(f"{source.key}.format", f"{shown} is not of {source.format!r}")
            return self._in_zone(naive)
        with_zone = pc.match_substring_regex(texts, WITH_ZONE).fill_null(False)
        zoned = np.asarray(with_zone)
        of_zone, _ = fit_rows(pc.if_else(with_zone, texts, None), TIMESTAMP)
        naive, wrong = fit_rows(pc.if_else(with_zone, None, texts), pa.timestamp("us"))
        local = ~zoned & ~wrong & ~missing(texts)
        moments = pc.coalesce(of_zone, self._in_zone(naive)) if local.any() else of_zone
        bad = ~missing(texts) & missing(moments)
        if not bad.any():
            return moments
        self.set_aside(bad, f"{source.key} is no {in_words(TIMESTAMP)}")
        return texts if bad[:TRIED].all() else moments

    def _numbered_times(self, source: ValueSource, values: pa.Array) -> pa.Array:
        numbers, wrong = fit_rows(self._scalars(source, values, pa.float64()), pa.float64())
        self._refuse_all(source, values, wrong, pa.float64())
        self.set_aside(wrong, f"{source.key} is no number")
        scale = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}[source.unit or "us"]
        micros = np.asarray(numbers.fill_null(0)) * scale
        finite = np.isfinite(micros) & (np.abs(micros) < 2**62)
        whole = pa.array(np.where(finite, micros, 0).astype(np.int64))
        return pc.if_else(pa.array(finite & ~missing(numbers)), whole.cast(TIMESTAMP), None)

    def _in_zone(self, naive: pa.Array) -> pa.Array:
        """Local times as moments; of an hour that came twice the first is taken."""
        if self.map.zone is None:
            self.map.refuse("zone", QUESTIONS["zone"])
        moments = pc.assume_timezone(
            naive, self.map.zone, ambiguous="earliest", nonexistent="latest"
        )
        return moments.cast(TIMESTAMP)

    def _lists(self, source: ValueSource, kind: pa.DataType) -> pa.Array:
        """Lists of texts or numbers: of several columns, of a text with separators, or of JSON."""
        of = cast("pa.ListType", kind).value_type
        if source.columns:
            parts = [ValueSource(source.key, column=c) for c in source.columns.values()]
            one = [self._scalars(part, self.column(part), of) for part in parts]
            rows = [list(row) for row in zip(*(c.to_pylist() for c in one), strict=True)]
            return pa.array([None if None in row else row for row in rows])
        values = self.column(source)
        if pa.types.is_nested(values.type):
            return values
        decimal = "." if pa.types.is_string(of) else self.map.csv.decimal
        texts = as_text(values).to_pylist()
        lists = [list_of(list_in(text, source.separator, decimal), of) for text in texts]
        self.set_aside(
            np.array([one is None for one in lists], bool) & ~missing(values),
            f"{source.key} is no {in_words(kind)}",
        )
        return pa.array(lists, kind)

    def _counts(self, source: ValueSource) -> pa.Array:
        """Counts by name: of several columns, of a list of names, of a JSON object, or of a map."""
        if source.columns:
            read = [
                self.fitted(ValueSource(source.key, column=column), pa.float64())
                for column in source.columns.values()
            ]
            rows = zip(*(column.to_pylist() for column in read), strict=True)
            names = list(source.columns)
            pairs = [[(n, v) for n, v in zip(names, row, strict=True) if v] for row in rows]
            return pa.array(pairs, pa.map_(pa.string(), pa.float64()))
        values = self.column(source)
        if pa.types.is_map(values.type):
            return values
        counted = [counts_in(value, source.separator) for value in values.to_pylist()]
        wrong = np.array([pairs is None for pairs in counted], bool)
        if wrong[:TRIED].all() and len(wrong) and not self.raw.first:
            shown = f"{values[0].as_py()!r:.60}"
            self.map.refuse(
                source.key, f"{shown} counts nothing by name; give separator or columns"
            )
        self.set_aside(wrong, f"{source.key} does not count by name")
        return pa.array(counted, pa.map_(pa.string(), pa.float64()))


def _flagged(texts: pa.Array, true: str, false: str) -> pa.Array:
    """Texts with those that say yes or no in words as others that mean it."""
    words = [word for word in FLAGS if word.isalpha() and word not in ("random", "rule")]
    said = pa.array([true if FLAGS[word] else false for word in words])
    at = pc.index_in(pc.utf8_lower(texts), value_set=pa.array(words))
    return pc.if_else(at.is_valid(), said.take(at), texts)
