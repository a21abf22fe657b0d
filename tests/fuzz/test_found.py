"""What fuzzing found, as the smallest input of each kind; and a few changes of every valid input.

`make fuzz` goes on from here, a hundred thousand cases of each kind (docs/fuzzing.md).
"""

import importlib
import json
import random
import struct
from functools import cache

import numpy as np
import orjson
import pyarrow as pa
import pytest

from evaluate.ope.fraction_intervals import Matched
from tests.fuzz.contract import is_refusal
from tests.fuzz.mutations import with_checksum
from tests.fuzz.one_kind import KINDS
from tests.fuzz.targets.bundles import joined, parted
from tests.fuzz.targets.journals import segment
from tests.fuzz.targets.maps import INFO, LAYOUT, member_map
from tests.fuzz.targets.tables import TABLES, Read, written


@cache
def kind(name):
    return importlib.import_module(f"tests.fuzz.targets.{KINDS[name]}").TARGETS[name]()


def keeps(read, *given):
    """A value, or a refusal of our own."""
    try:
        read(*given)
    except Exception as error:
        if not is_refusal(error):
            raise


def layout(**changed):
    return orjson.dumps(orjson.loads(LAYOUT.to_bytes()) | changed)


def run(**changed):
    said = orjson.loads(INFO.to_bytes())
    return orjson.dumps(said | {"rules": said["rules"] | changed})


def page(**changed):
    return json.dumps(json.loads(kind("facts").seeds[0]) | changed).encode()


def event(**changed):
    one = {"kind": "play", "profile_id": "ada", "title_id": 7}
    return json.dumps({"events": [one | changed]}).encode()


WHOLE = member_map().to_bytes()
FIRST, TITLES = struct.calcsize("<2sBBI8s8sIB3s"), len(LAYOUT.title_ids)
BUNDLE = parted(kind("bundles").seeds[0])
OLDER = WHOLE[:2] + b"\1" + WHOLE[3:28] + b"\1" + WHOLE[29:FIRST] + bytes(3 * TITLES)
OLDER += struct.pack("<i4xQQ", 2**20, 7, 8) + bytes(4)
"""A map of format 1, of a day that format 2 cannot say."""
FOUND = {
    # A whole map by its first bytes and its checksum, that is short or chooses what is not there.
    "maps": [
        with_checksum(WHOLE[:FIRST] + WHOLE[FIRST : FIRST + 4]),
        with_checksum(WHOLE[:20] + bytes(4)),
        with_checksum(WHOLE[:FIRST] + b"\xfe\xfe" + WHOLE[FIRST + 2 :]),
        with_checksum(WHOLE[:4] + struct.pack("<I", 1) + WHOLE[8:]),
        with_checksum(OLDER),
    ],
    "layouts": [
        b"",
        b"[]",
        layout(starts=7),
        layout(starts=["a"]),
        layout(paths=[7] * len(LAYOUT.paths)),
        layout(paths=[]),
        layout(defaults=[10**6] * TITLES),
        layout(defaults=[]),
        layout(artwork_ids=[[]] * len(LAYOUT.artwork_ids)),
        layout(title_ids=[[1]]),
        layout(title_ids=[0.5]),
    ],
    "runs": [b"", run(epsilon={}), run(epsilon="a"), run(heads=2**40), run(heads=-5), run(salt=[])],
    "journals": [
        segment([(0, b"x")]),
        segment([(0, b"\x78\x9c")]),
        segment([(0, b"Z")]),
        segment([(0, b"Z" + struct.pack("<I", 2**32 - 1) + b"x")]),
        segment([(1, b"5")]),
        segment([(1, b'{"each": 5}')]),
        segment([(1, b'{"each": {"event_id": 5}}')]),
    ],
    "bundles": [
        joined([BUNDLE[0], b"\xff", BUNDLE[2]]),
        joined([BUNDLE[0], BUNDLE[1].replace(b'["drama"]', b"5"), BUNDLE[2]]),
    ],
    "facts": [
        page(title_ids=[2**64]),
        page(title_ids=[float("nan")]),
        page(profile_id=float("nan")),
        page(profile_id="\ud800"),
        page(request_id="\ud800"),
        b"[]",
        page(canvas={}),
        page(canvas=["x"] * 9),
        page(languages=[{}]),
    ],
    "events": [event(title_id=float("inf")), event(kind={"a": "\ud800"}), event(**{"\ud800": 1})],
    "tokens": [
        b"- {name: a, sha256: '0', scopes: [{}]}",
        b"- {name: a, sha256: '0', scopes: [[]]}",
    ],
    "import_maps": [
        b"rows: impressions\ntime: a\nprofile_id: b\naction: c\nreward: d\npropensity: uniform\n"
        b"csv: {delimiter: {a: b}}",
        b'rows: impressions\ntime: "\\uD800"\nprofile_id: b\naction: c\nreward: d\n'
        b"propensity: uniform",
        b"rows: impressions\ntime: a\nprofile_id: b\naction: c\nreward: d\npropensity: uniform\n"
        b"candidates: {column: e, separator: ''}",
        b"rows: events\ntime: {column: when, format: ''}\nprofile_id: who\ntitle_id: x\nkind: k",
    ],
    "rewards": [b"1) UNION (SELECT 1", "\ud800".encode(errors="surrogatepass"), b"1" + b"+1" * 400],
    "configs": [
        b"\xff",
        b"fit: []",
        b"fit: 5",
        b"data: {sample: 4}",
        b'data: "\\0"',
        b"model: {own: 1}",
        b"model: {heads: }",
        b"fit:",
    ],
}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_is_a_value_or_a_refusal(name):
    for content in FOUND[name]:
        keeps(kind(name).target, content)


@pytest.mark.parametrize("name", KINDS)
def test_changes_of_what_is_valid_are_a_value_or_a_refusal(name):
    for seed in range(40):
        rng = random.Random(seed)
        mutate = rng.choice(kind(name).mutations)
        keeps(kind(name).target, mutate(rng.choice(kind(name).seeds), rng))


def broken_text(rows):
    """A column of text that is not UTF-8."""
    ends = pa.py_buffer(struct.pack(f"<{rows + 1}i", *range(rows + 1)))
    return pa.StringArray.from_buffers(rows, ends, pa.py_buffer(b"\xff" * rows))


def with_column(name, column, values):
    table = TABLES[name]
    return table.set_column(table.column_names.index(column), column, values)


TWICE = TABLES["decisions"].append_column("decision_id", TABLES["decisions"]["decision_id"])
ODD = {
    "an id twice": ("decisions", TWICE),
    "no ids": ("decisions", with_column("decisions", "decision_id", pa.nulls(3, pa.string()))),
    "lists for ids": (
        "events",
        with_column("events", "event_id", pa.array([["a"]] * 3, pa.list_view(pa.string()))),
    ),
    "text that is none": ("decisions", with_column("decisions", "action", broken_text(3))),
    "examples' text that is none": ("examples", with_column("examples", "action", broken_text(3))),
    "profiles' text that is none": (
        "profiles",
        with_column("profiles", "profile_id", broken_text(2)),
    ),
    "a day in no year": (
        "artworks",
        with_column("artworks", "added_day", pa.array([2**30, 0], pa.int32()).cast(pa.date32())),
    ),
    "a moment in no year": (
        "examples",
        with_column("examples", "time", pa.array([2**62] * 3, pa.timestamp("us", "UTC"))),
    ),
    "a propensity near nothing": (
        "decisions",
        with_column("decisions", "propensity", pa.array([1e-300, 1e-300, 0.3])),
    ),
}


@pytest.mark.parametrize("every", [1, 10**9], ids=["with DuckDB", "without"])
@pytest.mark.parametrize("what", ODD)
def test_odd_tables_are_refused_by_name(what, every, monkeypatch):
    monkeypatch.setattr("tests.fuzz.targets.tables.WHOLE_CHECK", every)
    name, table = ODD[what]
    with pytest.raises(ValueError, match=r"parquet|column") as refused:
        Read()(name, written(table))
    assert is_refusal(refused.value)


def test_the_size_of_weights_whose_sum_has_no_square_is_a_number():
    weights = np.full(2, 9e153)
    assert Matched.of(
        weights, np.zeros(2), float((weights**2).sum()), clustered=False
    ).size == pytest.approx(2)
