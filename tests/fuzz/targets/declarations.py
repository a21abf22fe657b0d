"""What people say of theirs: schema.yaml of a catalogue, MAP.yaml of an import, rewards in SQL."""

import re
import tempfile
from pathlib import Path

import numpy as np

from data.catalogue import Catalogue
from data.days import DAY_US, date_of
from data.importers.mapping.import_map import ImportMap
from data.importers.mapping.names import CatalogueNames
from data.importers.mapping.raw_rows import RawRows
from data.importers.mapping.read_map import read_map
from data.importers.mapping.records import RecordMaker
from data.importers.mapping.row_files import read_rows
from data.importers.one_title import write_one_title
from data.join.events.worth import Worth, refuse_outcomes
from data.schema import Schema, read_schema
from tests.fuzz.kind import Kind
from tests.fuzz.mutations import of_bytes
from tests.fuzz.targets.configs import of_yaml
from tests.fuzz.targets.journals import shm

SCHEMA = b"""
facts:
  age: {kind: number, scale: log, missing: 3}
  plan: {kind: category, missing: free, known_at: request}
  liked: {kind: counts, match: artworks.tags}
titles: {pages: {kind: number, scale: steps}}
artworks: {tags: {kind: set}, look: {kind: vector, scale: none}}
off: [facts.device, titles.genres]
"""
OUTCOMES = b"""
events: {add_to_list: {}, trailer: {value: seconds}, cancel: }
rewards:
  keen: {sql: "least(add_to_list_count + trailer_sum / 60, 4)", maximise: true, range: [0, 4]}
  late: {sql: "coalesce(add_to_list_last_s, -1)", within_days: 5, guard: +5%}
  seen: {sql: trailer_sum, half: 20}
  take: {guard: -2%}
"""
REWARDS = (
    b"least(add_to_list_count + trailer_sum / 60, 4)",
    b"CASE WHEN played AND minutes >= least(20, 0.5 * runtime_minutes) THEN 1.0 ELSE 0.0 END",
    b"if(thumb = 1, 2, ifnull(nullif(minutes, 3), 0)) -- liked",
    b'coalesce("trailer_first_s", trailer_last_s) BETWEEN 0 AND 3600',
)
SQL = (
    *(") UNION (SELECT 1", "*", "(", ")", ",", "?", "$1", "#1", "[1]", "{'a': 1}", "x -> x", "."),
    *("(SELECT 1)", " OVER ()", " FROM x", "sum(", "count(*)", "'", '"', "--", "/*", ";", "::INT"),
    *("NULL", "NOT ", "1/0", "trailer_sum", "x_count", "cancel_sum", "minutes", "CASE ", " END"),
    *("\ud800", "\0", "é", "1e999", "-", "+1" * 300, "(" * 50, " COLLATE nocase", "COLUMNS(*)"),
)
MAP = b"""
rows: impressions
zone: Europe/Oslo
csv: {decimal: ",", delimiter: ";"}
time: {column: when, format: "%d.%m.%Y %H:%M"}
profile_id: who
action: shown
propensity: {random: lucky, equals: [yes]}
reward: took
reward_name: {constant: click}
facts:
  country: land
  age: {column: age, kind: number}
  taste: {column: taste, kind: vector, separator: " "}
  liked: {columns: {a: n_a, b: n_b}, kind: counts}
  device: {column: client, values: {ios: phone}}
"""
DECISIONS = b"""
rows: decisions
time: {column: at, unit: s}
profile_id: who
action: shown
candidates: {column: offered, separator: "|"}
propensity: {mixture: 0.1, rule: rule}
"""
EVENTS = b"""
rows: events
kind: {column: took, values: {"1": play, "0": impression}}
time: {column: when, format: "%d.%m.%Y %H:%M"}
zone: UTC
profile_id: who
title_id: {constant: "1"}
"""
ROWS = (
    "when;at;who;shown;lucky;took;land;age;taste;n_a;n_b;client;offered;rule\n"
    "20.03.2026 10:00;1770000000;r1;a;yes;1;no;3,5;0,5 -1 2;1;;ios;a|b;a\n"
    "29.03.2026 02:30;1770000001;r2;b;no;0,5;;;1 2 3;;2;web;b|a;b\n"
    ";;;;;;;;;;;;;\n"
    "soon;x;r3;c;perhaps;often;se;old;a b;x;y;;c|d;c\n"
)


def own_facts():
    file = Path(tempfile.mkdtemp(prefix="fuzz-", dir=shm())) / "schema.yaml"

    def read(raw: bytes) -> None:
        file.write_bytes(raw)
        schema = read_schema(file)
        assert isinstance(schema, Schema)
        if schema.outcomes.rewards:
            refuse_outcomes(schema.outcomes)
        assert len(schema.fingerprint) == 64

    seeds = [SCHEMA, b"facts: {a: {kind: set}}\n", OUTCOMES, SCHEMA + OUTCOMES]
    return Kind(read, seeds, [of_yaml, of_yaml, of_bytes])


def rewards():
    file = Path(tempfile.mkdtemp(prefix="fuzz-", dir=shm())) / "schema.yaml"
    file.write_bytes(OUTCOMES)
    declared = read_schema(file).outcomes

    def read(raw: bytes) -> None:
        worth = Worth.of("r=" + raw.decode(errors="surrogateescape"), declared, 2 * DAY_US)
        assert worth.formulas[0].column == "reward"

    return Kind(read, REWARDS, [of_words, of_words, of_bytes])


def of_words(raw, rng):
    """SQL with words of it taken out, repeated, or put in."""
    words = re.findall(r"\w+|\W", raw.decode(errors="surrogateescape")) or [""]
    for _ in range(rng.choice((1, 1, 2, 4))):
        at, how = rng.randrange(len(words)), rng.random()
        if how < 0.2:
            words[at] = ""
        elif how < 0.3:
            words.insert(at, rng.choice(words))
        else:
            words.insert(at, rng.choice(SQL))
    return "".join(words).encode(errors="surrogatepass")


def import_maps():
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=shm()))
    file, rows = folder / "MAP.yaml", folder / "log.csv"
    rows.write_text(ROWS)
    made = folder / "catalogue"
    made.mkdir()
    write_one_title(made, "t", ["a", "b"], np.eye(2, dtype=np.float32), date_of(20_000))
    names = CatalogueNames(Catalogue.read(made))

    def read(raw: bytes) -> None:
        file.write_bytes(raw)
        map = read_map(file)
        assert isinstance(map, ImportMap)
        maker = RecordMaker(map, names)
        for part in read_rows(rows, map.reads(), map.csv):
            assert isinstance(part, RawRows)
            if len(part.table):
                table, mapped = maker(part)
                assert len(table) == int(mapped.good.sum())

    return Kind(read, [MAP, DECISIONS, EVENTS], [of_yaml, of_yaml, of_bytes])


TARGETS = {"own_facts": own_facts, "import_maps": import_maps, "rewards": rewards}
