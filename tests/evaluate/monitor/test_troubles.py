"""Titles that want a look, each found for its own reason and no other."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.catalogue import Catalogue
from data.records import ARTWORKS, DECISIONS, IMAGES, TITLES
from evaluate.monitor.troubles import status, troubles

DAY = date(2026, 3, 1)
LATE = datetime(2026, 3, 5, 12, tzinfo=UTC)


def catalogue_of(folder, pictures=()):
    titles = pa.table(
        {
            "title_id": [1, 2, 3],
            "name": ["one", "two", "three"],
            "default_artwork_id": ["1a", "2a", "3a"],
        }
    )
    rows = [
        *((f"1{x}", 1, None) for x in "abc"),
        *((f"2{x}", 2, None) for x in "ab"),
        ("3a", 3, DAY),
        ("3b", 3, DAY),
    ]
    ids, of, gone = zip(*rows, strict=True)
    artworks = pa.table(
        {
            "artwork_id": ids,
            "title_id": of,
            "path": [f"{one}.png" for one in ids],
            "added_day": pa.array([date(2026, 2, 1)] * len(ids)),
            "withdrawn_day": pa.array(gone, pa.date32()),
        }
    )
    folder.mkdir()
    for name, table, schema in (("titles", titles, TITLES), ("artworks", artworks, ARTWORKS)):
        columns = {
            field.name: table[field.name]
            if field.name in table.column_names
            else default(field, len(table))
            for field in schema
        }
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    if pictures:
        made = [dict(zip(IMAGES.names, one, strict=False)) for one in pictures]
        pq.write_table(pa.Table.from_pylist(made, IMAGES), folder / "images.parquet")
    Catalogue.read(folder)
    return folder


def default(field, count):
    if field.nullable:
        return pa.nulls(count, field.type)
    value = [] if pa.types.is_list(field.type) else "x" if field.type == pa.string() else 1
    return pa.array([value] * count, field.type)


def log_of(file, draws):
    """Decisions of (title, artwork, how many)."""
    rows = [
        {
            "decision_id": f"{action}-{n}",
            "time": LATE,
            "profile_id": f"m{n}",
            "title_id": title,
            "candidates": [action],
            "action": action,
            "propensity": 1.0,
            "policy": "thompson",
            "schema_version": 1,
            "seed": n,
            "level": "personalised",
        }
        for title, action, many in draws
        for n in range(many)
    ]
    table = pa.Table.from_pylist(rows)
    facts = pa.array([{}] * len(rows), DECISIONS.field("facts").type)
    pq.write_table(table.append_column("facts", facts), file)
    return file


def told(found):
    return {(one.title_id, one.kind, one.where) for one in found}


def test_a_title_with_nothing_left_to_show_is_told_without_a_log(tmp_path):
    folder = catalogue_of(tmp_path / "c")
    found = troubles(folder, day="2026-03-02")
    assert told(found) == {(3, "nothing to show", "")}
    assert status(found) == 3
    assert troubles(folder, day="2026-02-20") == []


def test_what_is_overlooked_and_what_is_stuck_is_told_by_the_draws(tmp_path):
    folder = catalogue_of(tmp_path / "c")
    log = log_of(
        tmp_path / "d.parquet", [(1, "1a", 150), (1, "1b", 150), (2, "2a", 299), (2, "2b", 1)]
    )
    found = troubles(folder, log, "2026-02-20")
    assert told(found) == {(1, "never shown", "1c"), (2, "stuck", "2a")}
    assert status(found) == 0
    few = log_of(tmp_path / "few.parquet", [(1, "1a", 20), (2, "2a", 20)])
    assert troubles(folder, few, "2026-02-20") == []


def test_canvases_and_languages_that_most_titles_have_are_missed(tmp_path):
    pictures = [
        ("1a", "wide", "1a.png", None),
        ("1a", "tall", "1a-tall.png", None),
        ("2a", "wide", "2a.png", None),
        ("2a", "tall", "2a-tall.png", None),
        ("3a", "wide", "3a.png", None),
    ]
    folder = catalogue_of(tmp_path / "c", pictures)
    assert told(troubles(folder, day="2026-02-20")) == {(3, "missing canvas", "tall")}
    spoken = [(f"{n}{x}", "wide", f"{n}{x}.png", "en") for n, x in ("1a", "1b", "1c", "2a", "2b")]
    spoken += [("1b", "wide", "1b-de.png", "de"), ("2b", "wide", "2b-de.png", "de")]
    spoken += [("3a", "wide", "3a.png", "en"), ("3b", "wide", "3b.png", "en")]
    words = catalogue_of(tmp_path / "w", spoken)
    assert told(troubles(words, day="2026-02-20")) == {(3, "missing language", "de")}


def test_a_day_that_is_none_is_refused(tmp_path):
    with pytest.raises(Exception, match="no date"):
        troubles(tmp_path, day="soon")
