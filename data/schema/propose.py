"""A schema proposed from files: every field that Marquee does not know, and what it looks like."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import pyarrow as pa

from data.lossless_cast import plain
from data.own_facts import FactValues, fact_values, fold, own_names
from data.records import OWN
from data.schema.fact import NAME, STEPS, Fact
from data.schema.schema import MOST_FACTS, TAKEN
from data.schema_cast import opened, parquet_files

ROWS = 20_000
"""Of a file that are looked at."""
FILES = 20
"""Of facts that are looked at: the latest names, which are the latest days."""
MANY = 100
"""Different texts up to which they are categories for sure."""
MATCHED = 0.3
"""Share of the names of counts that a set must have for it to be what they count."""
SKEWED = 10.0
"""Times the median that the largest number must be for a logarithm."""


class Proposal(NamedTuple):
    """A field, and what it was taken for."""

    section: str
    fact: Fact
    why: str


class LeftOut(NamedTuple):
    """A field that nothing was made of."""

    section: str
    name: str
    why: str


@dataclass(frozen=True)
class _Column:
    """A field's values, and who they are of."""

    values: FactValues
    listed: bool
    """Of a type that holds several."""
    profiles: Sequence[str] | None = None


def propose(folder: Path, log: Path | None) -> tuple[list[Proposal], list[LeftOut]]:
    """What each field that Marquee does not know may be.

    Args:
        folder: of a catalogue.
        log: a folder or file of decisions, examples or profiles; None: those in the catalogue's
            folder, if any.

    Raises:
        BadInput: a file is not whole.
    """
    proposed, left_out = list[Proposal](), list[LeftOut]()
    sets = dict[str, set[str]]()
    for section in ("artworks", "titles"):
        file = folder / f"{section}.parquet"
        columns = _of_table(file, section) if file.is_file() else {}
        for name, column in sorted(columns.items()):
            found = _judged(section, name, column)
            if isinstance(found, LeftOut):
                left_out.append(found)
                continue
            proposed.append(found)
            if found.fact.kind == "set":
                sets[f"{section}.{name}"] = set(column.values.distinct)
    for name, column in sorted(_of_facts(log or folder).items()):
        found = _judged("facts", name, column)
        if isinstance(found, Proposal):
            proposed.append(_matched(found, column.values, sets))
        else:
            left_out.append(found)
    for section in TAKEN:
        for one in [one for one in proposed if one.section == section][MOST_FACTS:]:
            proposed.remove(one)
            left_out.append(LeftOut(section, one.fact.name, f"more than {MOST_FACTS} facts"))
    return proposed, left_out


def _of_table(file: Path, section: str) -> dict[str, _Column]:
    with opened(file) as source:
        batch = next(source.iter_batches(ROWS), None)
    if batch is None:
        return {}
    named = zip(batch.schema.names, batch.columns, strict=True)
    return _columns({name: plain(c) for name, c in named if name not in TAKEN[section]}, batch)


def _of_facts(place: Path) -> dict[str, _Column]:
    """Fields of facts, in the latest files that have a column of them; the first file's counts."""
    found = dict[str, _Column]()
    seen = 0
    for file in reversed(parquet_files(place)):
        with opened(file) as source:
            names = source.schema_arrow.names
            kind = source.schema_arrow.field("facts").type if "facts" in names else None
            if kind is None or not pa.types.is_struct(kind):
                continue
            wanted = [name for name in ("facts", "profile_id") if name in names]
            batch = next(source.iter_batches(ROWS, columns=wanted), None)
        if batch is None:
            continue
        facts = cast("pa.StructArray", plain(batch.column("facts")))
        fields = [kind.field(at).name for at in range(kind.num_fields)]
        parts = dict(zip(fields, facts.flatten(), strict=True))
        own = {name: plain(c) for name, c in parts.items() if name not in TAKEN["facts"]}
        found = _columns(own, batch, parts.get("own")) | found
        seen += 1
        if seen == FILES:
            break
    return found


def _columns(
    columns: Mapping[str, pa.Array], batch: pa.RecordBatch, own: pa.Array | None = None
) -> dict[str, _Column]:
    held = own if own is not None and own.type.equals(OWN) else None
    folded, _ = fold(columns, cast("pa.MapArray | None", held), batch.num_rows)
    of = batch.column("profile_id").to_pylist() if "profile_id" in batch.schema.names else None
    found = {}
    for name in {*columns, *own_names(folded)}:
        values = fact_values(folded, name)
        several = bool(max(int(count.max(initial=0)) for count in values.counts) > 1)
        listed = pa.types.is_nested(columns[name].type) if name in columns else several
        found[name] = _Column(values, listed, of)
    return found


def _judged(section: str, name: str, column: _Column) -> Proposal | LeftOut:
    """What a field is, by its values."""
    values = column.values
    known = int(values.there.sum())
    if not NAME.fullmatch(name):
        return LeftOut(section, name, "a name has letters from a to z, digits and _: rename it")
    if not known:
        return LeftOut(section, name, "no value is there, or of a type that no fact has")
    names, numbers = (count[values.there] for count in values.counts)
    said = f"{known:,} rows"
    if names.any() and numbers.any():
        what = f"numbers by name, {len(values.distinct):,} names in {said}"
        return _proposal(section, column, Fact(name, "counts"), what)
    if column.listed and names.any():
        what = f"lists of {len(values.distinct):,} names in {said}"
        return _proposal(section, column, Fact(name, "set"), what)
    if names.any():
        different = len(values.distinct)
        if different == 1:
            return LeftOut(section, name, f"all are {values.distinct[0]!r:.40}")
        if different > MANY and different > known / 5:
            return LeftOut(
                section, name, f"{different:,} different texts in {said}: an id, or prose"
            )
        what = f"{different:,} different texts in {said}"
        return _proposal(section, column, Fact(name, "category"), what)
    if column.listed:
        widths, often = np.unique(numbers, return_counts=True)
        if often.max() < 0.9 * known or widths[often.argmax()] < 1:
            return LeftOut(section, name, f"lists of numbers of {len(widths)} lengths in {said}")
        what = f"lists of {widths[often.argmax()]} numbers in {said}"
        return _proposal(section, column, Fact(name, "vector"), what)
    return _number(section, name, column, said)


def _number(section: str, name: str, column: _Column, said: str) -> Proposal | LeftOut:
    found = column.values.numbers[np.isfinite(column.values.numbers)]
    different = np.unique(found)
    if len(different) < 2:
        return LeftOut(section, name, f"all are {', '.join(map(str, different.tolist())) or 'NaN'}")
    low, high, middle = float(found.min()), float(found.max()), float(np.median(found))
    span = f"{low:g} to {high:g} in {said}"
    whole = bool((different % 1 == 0).all())
    if whole and len(different) > 0.9 * len(found) and len(found) > MANY:
        span += "; nearly all differ: take it out if it is an id"
    if whole and low >= 0 and high < STEPS and len(different) > 2:
        what = f"whole numbers, {span}; a category if they are codes"
        return _proposal(section, column, Fact(name, "number", scale="steps"), what)
    if low >= 0 and high > SKEWED * max(middle, 1e-9) and high > SKEWED:
        what = f"{span}, half below {middle:g}"
        return _proposal(section, column, Fact(name, "number", scale="log"), what)
    return _proposal(section, column, Fact(name, "number"), span)


def _proposal(section: str, column: _Column, fact: Fact, why: str) -> Proposal:
    if section == "facts" and _changes(column):
        return Proposal(
            section,
            Fact(fact.name, fact.kind, fact.scale, "request"),
            f"{why}; differs within most members, so a page's",
        )
    return Proposal(section, fact, why)


def _changes(column: _Column) -> bool:
    """Whether most members of whom several rows are known have several names, or a number each row.

    What is known of members changes seldom, but for numbers, which may go up from day to day.
    """
    if column.profiles is None or column.listed:
        return False
    of = defaultdict[str, list[object]](list)
    values = column.values
    for rows, held in ((values.name_rows, values.codes), (values.number_rows, values.numbers)):
        for row, one in zip(rows.tolist(), held.tolist(), strict=True):
            of[column.profiles[int(row)]].append(one)
    named = len(values.name_rows) > 0
    several = [
        len(set(own)) > (1 if named else 0.5 * len(own)) for own in of.values() if len(own) > 2
    ]
    return len(several) >= 10 and float(np.mean(several)) > 0.5


def _matched(found: Proposal, values: FactValues, sets: Mapping[str, set[str]]) -> Proposal:
    """Counts with the set that has most of their names, if one has many."""
    if found.fact.kind != "counts":
        return found
    names = set(values.distinct)
    shares = {name: len(names & held) / max(1, len(names)) for name, held in sets.items()}
    best = max(shares, key=lambda name: shares[name], default=None)
    if best is None or shares[best] < MATCHED:
        return found
    fact = found.fact
    return Proposal(
        found.section,
        Fact(fact.name, fact.kind, fact.scale, fact.known_at, match=best),
        f"{found.why}; {best} has {shares[best]:.0%} of the names",
    )


def lines(proposed: Sequence[Proposal], left_out: Sequence[LeftOut]) -> Iterator[str]:
    """The file: each fact with why it was taken for what it is."""
    yield "# Facts of your own; docs/schema.md says what each option means."
    for section in ("facts", "titles", "artworks"):
        rows = [one for one in proposed if one.section == section]
        others = [one for one in left_out if one.section == section]
        if not rows and not others:
            continue
        yield f"{section}:" if rows else f"# {section}:"
        for _, fact, why in rows:
            options = {name: value for name, value in fact.to_json().items() if name != "name"}
            inside = ", ".join(f"{name}: {value}" for name, value in options.items())
            yield f"  {fact.name}: {{{inside}}}  # {why}"
        for _, name, why in others:
            yield f"  # left out: {name!r:.80}, {why}"
