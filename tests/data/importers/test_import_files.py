"""Files of any layout become sound records, and what does not is set aside by name."""

import csv
import gzip
import importlib.util
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.check.path import check_path
from data.errors import BadInput
from data.importers.mapping.import_files import import_files
from data.join.join import join
from data.records import DECISIONS, EVENTS, EXAMPLES, FACTS, WITH_METRICS, titles_as
from tests.data.importers.worlds import made_catalogue, write_csv

MAP = """
rows: impressions
zone: Europe/Oslo
time: when
profile_id: who
title_id: book
action: cover
propensity: {random: lucky}
reward: clicked
"""


def row(**other: object) -> dict:
    usual = {"when": "2026-03-20 10:00", "who": "r1", "book": "dune", "cover": "a"}
    return usual | {"lucky": "1", "clicked": "0"} | other


def imported(tmp_path: Path, rows: list[dict], text: str = MAP, **options):
    catalogue = tmp_path / "catalogue"
    if not catalogue.exists():
        made_catalogue(tmp_path)
    file = write_csv(tmp_path / "log.csv", rows)
    (tmp_path / "MAP.yaml").write_text(text)
    out = tmp_path / "log"
    result = import_files([str(file)], tmp_path / "MAP.yaml", out, catalogue, **options)
    table = pq.read_table(Path(result.out) / "part-0.parquet")
    assert check_path(out, catalogue) == []
    return result, table


def aside(result) -> list[dict]:
    with (Path(result.out) / "set_aside.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_rows_become_examples_that_the_check_passes(tmp_path):
    text = MAP + (
        "reward_name: {constant: click}\n"
        "csv: {decimal: ','}\n"
        "facts:\n  country: land\n  tenure_days: age\n"
        "  device: {column: client, values: {ios: phone}}\n"
        "  watched_genres: {column: shelf, separator: '|'}\n"
        "  watched_cast: {columns: {Ann: n_ann, Bo: n_bo}}\n"
    )
    facts = {"land": "no", "age": "3,5", "client": "ios", "shelf": "noir|noir|crime"}
    facts |= {"n_ann": "2", "n_bo": ""}
    rows = [
        row(**facts, clicked="1"),
        row(**facts, book="emma", lucky="0", when="2026-07-20 10:00"),
    ]
    result, table = imported(tmp_path, rows, text)
    assert table.schema.equals(titles_as(EXAMPLES, pa.string()))
    first, second = table.to_pylist()
    assert first["time"] == datetime(2026, 3, 20, 9, 0, tzinfo=UTC)  # winter, then summer
    assert second["time"] == datetime(2026, 7, 20, 8, 0, tzinfo=UTC)
    assert (first["facts"]["country"], first["facts"]["device"]) == ("no", "phone")
    assert first["facts"]["tenure_days"] == 3.5
    assert dict(first["facts"]["watched_genres"]) == {"noir": 2, "crime": 1}
    assert dict(first["facts"]["watched_cast"]) == {"Ann": 2}
    assert first["facts"]["language"] is None
    assert first["candidates"] == ["dune/a.png", "dune/b.png", "dune/c.png"]
    assert (first["action"], first["propensity"]) == ("dune/a.png", 1 / 3)
    assert (first["reward"], first["played"], first["reward_name"]) == (1.0, True, "click")
    assert (second["propensity"], second["policy"]) == (1.0, "rule")
    assert second["level"] == "unpersonalised"
    assert (result.rows, result.written, result.drawn, result.set_aside) == (2, 2, 1, {})


TIMES = {
    "2026-03-20 10:00": (9, 0),
    "2026-07-20T10:00:30": (8, 0),
    "2026-07-20 10:00:00+05:30": (4, 30),
    "2026-07-20T10:00Z": (10, 0),
    "2025-10-26 02:30": (0, 30),  # twice that night: the first
    "2026-03-29 02:30": (1, 0),  # never that night: when the clocks were turned
}


def test_local_times_are_moments_of_their_zone(tmp_path):
    _, table = imported(tmp_path, [row(when=text) for text in TIMES])
    read = [(moment.hour, moment.minute) for moment in table["time"].to_pylist()]
    assert read == list(TIMES.values())


BAD = {
    "time is no time": {"when": "soon"},
    "time is missing": {"when": ""},
    "time is before 2000 or after now": {"when": "1970-01-01"},
    "title_id is not in the catalogue": {"book": "ulysses"},
    "action is not an artwork of the title": {"book": "emma", "cover": "c"},
    "propensity.random is neither yes nor no": {"lucky": "perhaps"},
    "reward is no number": {"clicked": "often"},
    "profile_id is missing": {"who": ""},
    "profile_id is not 1 to 500 bytes without NUL": {"who": "x" * 501},
}


def test_what_is_wrong_with_a_row_sets_it_aside_with_the_reason(tmp_path):
    rows = [row(), *(row(**wrong) for wrong in BAD.values()), row(cover="b")]
    result, table = imported(tmp_path, rows)
    assert result.set_aside == dict.fromkeys(BAD, 1)
    assert table["action"].to_pylist() == ["dune/a.png", "dune/b.png"]
    told = aside(result)
    assert [(int(one["row"]), one["why"]) for one in told] == list(enumerate(BAD, start=1))
    assert json.loads(told[0]["held"])["when"] == "soon"


def test_lines_that_are_no_rows_are_named_by_their_number(tmp_path):
    made_catalogue(tmp_path)
    lines = [json.dumps(row()), "", "no json", json.dumps(row(cover="b", who={"id": 7})), "[1]"]
    file = tmp_path / "log.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    (tmp_path / "MAP.yaml").write_text(MAP)
    where = (tmp_path / "MAP.yaml", tmp_path / "log", tmp_path / "catalogue")
    assert [int(one["row"]) for one in aside(import_files([str(file)], *where))] == [1, 3]
    broken = tmp_path / "log.csv"
    broken.write_text("when;who\n2026-03-20;a\n2026-03-20\n2026-03-20;b\n")
    (tmp_path / "MAP.yaml").write_text(
        "rows: decisions\nzone: UTC\ntime: when\nprofile_id: who\n"
        "action: {constant: dune/a.png}\npropensity: rule\n"
    )
    result = import_files([str(broken)], *where)
    assert [(int(one["row"]), one["held"]) for one in aside(result)] == [(1, "2026-03-20")]
    table = pq.read_table(Path(result.out) / "part-0.parquet")
    assert table.schema.equals(titles_as(DECISIONS, pa.string()))
    assert [one[-1] for one in table["decision_id"].to_pylist()] == ["0", "2"]


def test_a_row_whose_id_came_before_is_set_aside(tmp_path):
    rows = [row(id=str(at % 40), clicked=str(int(at < 40))) for at in range(60)]
    result, table = imported(tmp_path, rows, MAP + "decision_id: id\n")
    assert (len(table), result.written, result.drawn) == (40, 40, 40)
    assert table["reward"].to_pylist() == [1.0] * 40
    assert result.set_aside == {"decision_id is that of an earlier row": 20}


PROPENSITIES = {
    "uniform": [1 / 3, 1 / 3, 1 / 3],
    "rule": [1.0, 1.0, 1.0],
    "p": [0.5, 1.0, 1.0],
    "{mixture: 0.3, rule: pick}": [0.1 + 0.7, 0.1, 0.1],
    "{random: slot, equals: [explore, test]}": [1 / 3, 1 / 3, 1.0],
}


@pytest.mark.parametrize("said", PROPENSITIES)
def test_propensities_follow_what_the_map_says(tmp_path, said):
    rows = [
        row(p="0.5", pick="a", slot="explore"),
        row(p="1", pick="b", slot="test"),
        row(p="", pick="b", slot="editor"),
    ]
    text = MAP.replace("{random: lucky}", said).replace("impressions", "decisions")
    text = text.replace("reward: clicked\n", "")
    result, table = imported(tmp_path, rows, text)
    np.testing.assert_allclose(table["propensity"].to_numpy(), PROPENSITIES[said])
    drawn = [p < 1 for p in PROPENSITIES[said]]
    assert [level == "personalised" for level in table["level"].to_pylist()] == drawn
    assert result.drawn == sum(drawn)
    known = table["probabilities"].to_pylist()
    assert known[0] == ([1 / 3] * 3 if said == "uniform" or "slot" in said else None)


def test_draws_that_were_not_even_are_doubted(tmp_path):
    even = [row(cover="abc"[at % 3]) for at in range(300)]
    assert imported(tmp_path, even)[0].doubts == []
    picked = [row(cover="abc"[at % 3] if at % 5 == 0 else "b") for at in range(300)]
    [doubt] = imported(tmp_path, picked, force=True)[0].doubts
    assert "dune/b.png was shown 260 times in 300, among 3 candidates" in doubt


def test_candidates_are_those_of_the_day_where_the_files_are(tmp_path):
    catalogue = made_catalogue(tmp_path)
    artworks = pq.read_table(catalogue / "artworks.parquet")
    day = datetime(2026, 3, 21).date()
    rows = artworks.to_pylist()
    rows[2]["added_day"] = day
    pq.write_table(pa.Table.from_pylist(rows, artworks.schema), catalogue / "artworks.parquet")
    # In Auckland it is the 21st from noon UTC of the 20th on.
    text = MAP.replace("Europe/Oslo", "Pacific/Auckland")
    _, table = imported(
        tmp_path, [row(when="2026-03-20 23:59"), row(when="2026-03-21 00:01")], text
    )
    assert [len(one) for one in table["candidates"].to_pylist()] == [2, 3]
    listed = text + "candidates: {column: offered, separator: ' '}\n"
    rows = [row(offered="a b"), row(offered="b c"), row(offered="a x")]
    result, table = imported(tmp_path, rows, listed, force=True)
    assert table["candidates"].to_pylist() == [["dune/a.png", "dune/b.png"]]
    assert sorted(result.set_aside) == [
        "a candidate is not an artwork of the title",
        "action is not among the candidates of its day",
    ]


def test_decisions_and_events_join(tmp_path):
    text = MAP.replace("impressions", "decisions").replace("reward: clicked\n", "decision_id: id\n")
    imported(tmp_path, [row(id="d1"), row(id="d2")], text)
    when = int(datetime(2026, 3, 20, 9, 1, tzinfo=UTC).timestamp())
    events = [
        {"id": "d1", "what": "seen", "ts": when, "who": "r1", "book": "dune", "min": ""},
        {"id": "d2", "what": "seen", "ts": when, "who": "r1", "book": "dune", "min": ""},
        {"id": "d1", "what": "watched", "ts": when + 60, "who": "r1", "book": "dune", "min": "50"},
        {"id": "d1", "what": "left", "ts": when, "who": "r1", "book": "dune", "min": ""},
    ]
    text = (
        "rows: events\nkind: {column: what, values: {seen: impression, watched: progress}}\n"
        "time: {column: ts, unit: s}\nprofile_id: who\ntitle_id: book\n"
        "decision_id: id\nminutes: min\n"
    )
    schema = (
        "events: {shelve: {value: seconds}}\nrewards: {kept: {sql: shelve_sum, maximise: true}}"
    )
    (tmp_path / "catalogue" / "schema.yaml").write_text(schema)
    text = text.replace("progress}", "progress, put: shelve}") + "value: secs\n"
    events = [one | {"secs": ""} for one in events]
    events.append(events[2] | {"what": "put", "min": "", "secs": "2.5"})
    events.append(events[2] | {"what": "put", "min": "", "secs": "1e12"})
    result, table = imported(tmp_path, events, text)
    assert table.schema.equals(titles_as(EVENTS, pa.string()))
    assert result.set_aside == {
        "kind is none of impression, play, progress, thumb, shelve": 1,
        "value is beyond 1,000,000,000": 1,
    }
    join(tmp_path / "log", tmp_path / "catalogue", tmp_path / "examples", now=datetime(2026, 5, 1))
    examples = pa.concat_tables(map(pq.read_table, (tmp_path / "examples").rglob("*.parquet")))
    assert dict(
        zip(*(examples[n].to_pylist() for n in ("decision_id", "reward")), strict=True)
    ) == {
        "d1": 2.5,
        "d2": 0.0,
    }


@pytest.mark.parametrize(
    ("scale", "learnt", "why"),
    [
        ("half: 20", [0.5, 0.0, 0.75], "reward is below 0, and has a half"),
        ("range: [-40, 80]", [0.5, 1 / 3, 5 / 6], "reward is outside its range"),
    ],
)
def test_a_reward_in_its_own_units_is_learnt_by_its_scale(tmp_path, scale, learnt, why):
    paid = ["20", "0", "60", "-41", ""]
    text = MAP.replace("reward: clicked", f"reward: {{column: clicked, {scale}}}")
    text += "reward_name: {constant: euros}\n"
    result, table = imported(tmp_path, [row(clicked=one) for one in paid], text)
    assert table["reward"].to_pylist() == pytest.approx(learnt)
    assert [dict(one) for one in table["metrics"].to_pylist()] == [
        {"euros": 20.0},
        {"euros": 0.0},
        {"euros": 60.0},
    ]
    assert table["played"].to_pylist() == [True, False, True]
    assert result.set_aside == {why: 1, "reward is missing": 1}


@pytest.mark.parametrize(
    ("scale", "said"),
    [
        ("half: 0", "half is 0.0; write what is worth a half, above 0"),
        ("half: much", "could not convert"),
        ("range: [3]", "write the least and the most"),
        ("range: 3", "write the least and the most"),
        ("range: [3, 1]", "write the least and the most"),
        ("range: [0, 1], half: 2", "a bounded reward needs no half"),
    ],
)
def test_a_scale_that_is_none_is_refused_by_its_key(tmp_path, scale, said):
    text = MAP.replace("reward: clicked", f"reward: {{column: clicked, {scale}}}")
    with pytest.raises(BadInput, match=rf"MAP\.yaml, key reward: .*{said}"):
        imported(tmp_path, [row()], text)
    assert not (tmp_path / "log").exists()


def test_events_tell_what_their_page_knew(tmp_path):
    made_catalogue(tmp_path)
    (tmp_path / "catalogue" / "schema.yaml").write_text(
        "facts: {weather: {kind: category, known_at: request}}"
    )
    text = (
        "rows: events\nkind: {constant: impression}\nzone: UTC\ntime: when\nprofile_id: who\n"
        "title_id: book\nfacts: {weather: sky, crowd: {column: queue, kind: number}}\n"
    )
    rows = [row(sky="rain", queue="3"), row(sky="", queue="many")]
    result, table = imported(tmp_path, rows, text)
    [own] = table["own"].to_pylist()
    assert {name: one["names"] or one["numbers"] for name, one in own} == {
        "weather": ["rain"],
        "crowd": [3.0],
    }
    assert result.set_aside == {"facts.crowd is no number": 1}
    with pytest.raises(BadInput, match=r"facts\.device: events tell facts of your own here"):
        imported(tmp_path, rows, text.replace("weather: sky", "device: sky"), force=True)


def test_lists_and_counts_are_read_as_python_and_numpy_print_them(tmp_path):
    text = MAP + (
        "facts:\n  tags: {column: tags, kind: set}\n  taste: {column: taste, kind: vector}\n"
        "  seen: {column: seen, kind: counts}\n"
    )
    facts = {"tags": "['it\\'s', 'sea']", "taste": "[ 0.5 -2.\n  3e-2]", "seen": "{'sea': 1.5}"}
    rows = [row(**facts), row(tags="('a',)", taste="[1, 2, 3]", seen='{"a": 1}')]
    rows.append(row(tags="[open('x')]", taste="[1 b]", seen="{sea}"))
    rows.append(row(tags='[{"a": 1}]', taste='["x"]', seen="{}"))
    rows.append(row(tags="[1, 'b']", taste='["x", 2]', seen="{}"))
    result, table = imported(tmp_path, rows, text)
    own = [dict(one["own"]) for one in table["facts"].to_pylist()]
    assert [one["tags"]["names"] for one in own] == [["it's", "sea"], ["a"]]
    assert [one["taste"]["numbers"] for one in own] == [[0.5, -2.0, 0.03], [1.0, 2.0, 3.0]]
    assert [one["seen"] for one in own] == [
        {"names": ["sea"], "numbers": [1.5]},
        {"names": ["a"], "numbers": [1.0]},
    ]
    assert result.set_aside == {"facts.tags is no list of names": 2, "facts.taste is no numbers": 1}


def test_a_name_is_known_however_a_system_composes_its_letters(tmp_path):
    apart, composed = "cafe\u0301", "caf\u00e9"
    made_catalogue(tmp_path)
    titles = tmp_path / "catalogue" / "titles.parquet"
    table = pq.read_table(titles)
    at = table.column_names.index("name")
    names = [
        apart if name == table["name"][0].as_py() else name for name in table["name"].to_pylist()
    ]
    pq.write_table(table.set_column(at, "name", pa.array(names)), titles)
    first = table["title_id"][0].as_py()
    _, read = imported(tmp_path, [row(book=composed), row(book=apart)])
    assert read["title_id"].to_pylist() == [first, first]


def test_a_number_may_be_said_as_yes_or_no(tmp_path):
    text = MAP + "facts: {keen: {column: keen, kind: number}}\n"
    said = ["yes", "No", "TRUE", "f", "1", "0.5", "maybe"]
    result, table = imported(tmp_path, [row(clicked=one, keen=one) for one in said], text)
    assert table["reward"].to_pylist() == [1, 0, 1, 0, 1, 0.5]
    own = [dict(one["own"])["keen"]["numbers"] for one in table["facts"].to_pylist()]
    assert own == [[1], [0], [1], [0], [1], [0.5]]
    assert result.set_aside == {"facts.keen is no number": 1}


def test_metrics_of_a_file_stand_beside_its_reward(tmp_path):
    rows = [row(spent="2.5", left="no"), row(spent="0", left="yes"), row(spent="x", left="no")]
    text = MAP + "metrics: {spent: spent, left: {column: left, values: {'no': '0', 'yes': '1'}}}\n"
    result, table = imported(tmp_path, rows, text)
    assert table.schema.equals(titles_as(WITH_METRICS, pa.string()))
    assert [dict(one) for one in table["metrics"].to_pylist()] == [
        {"spent": 2.5, "left": 0.0},
        {"spent": 0.0, "left": 1.0},
    ]
    assert sum(result.set_aside.values()) == 1


REFUSED = {
    "key time: it is missing; which column says when?": ("time: when\n", ""),
    "key propensity: it is missing; with what probability": ("propensity: {random: lucky}\n", ""),
    "key zone: times have no zone": ("zone: Europe/Oslo\n", ""),
    "key zone: there is no zone 'Oslo'": ("Europe/Oslo", "Oslo"),
    "key facts.shoe: there is no such fact; there are country": (
        "reward",
        "facts: {shoe: x}\nreward",
    ),
    "has no column 'cup'; it has when, who": ("cover", "cup"),
    "key colour: there is no such key": ("title_id", "colour: x\ntitle_id"),
    "key time: '2026-03-20 10:00' .*row 0 is no number": (
        "time: when",
        "time: {column: when, unit: s}",
    ),
    "key time.format: '2026-03-20 10:00' is not of": ("when", "{column: when, format: '%d.%m.%Y'}"),
    "key reward: 'dune' .*row 0 is no number": ("reward: clicked", "reward: book"),
    "key action: 'dune' .* is not in the catalogue": ("action: cover", "action: book"),
    "key propensity.random: 'r1' is neither yes nor no": ("random: lucky", "random: who"),
    "key propensity.mixture: give the share": ("{random: lucky}", "{mixture: 2, rule: cover}"),
    "is not YAML": ("zone:", "{zone:"),
}


@pytest.mark.parametrize("words", REFUSED)
def test_a_map_that_cannot_be_right_is_refused_by_its_key(tmp_path, words):
    with pytest.raises(BadInput, match=words):
        imported(tmp_path, [row()], MAP.replace(*REFUSED[words], 1))
    assert not (tmp_path / "log" / "examples").exists()


def test_what_is_there_is_written_over_when_asked_alone(tmp_path):
    imported(tmp_path, [row()])
    with pytest.raises(BadInput, match="holds records already"):
        imported(tmp_path, [row()])
    with pytest.raises(BadInput, match="none of 1 rows became a record"):
        imported(tmp_path, [row(when="")], force=True)
    _, table = imported(tmp_path, [row(), row()], force=True)
    assert len(table) == 2
    assert {file.name for file in (tmp_path / "log").iterdir()} == {"examples"}


def test_a_proposed_map_imports_once_its_questions_are_answered(tmp_path):
    made_catalogue(tmp_path)
    rows = [{"shown_at": "2026-03-20 10:00", "reader": "r1", "book": "dune", "cover": "a.png"}]
    file = write_csv(
        tmp_path / "log.csv",
        [one | {"is_random": "1", "clicked": "1", "land": "NO"} for one in rows],
    )
    map = tmp_path / "MAP.yaml"
    proposed = import_files([str(file)], map, propose=True)
    assert proposed.asks == ["zone"]
    with pytest.raises(BadInput, match="is there already"):
        import_files([str(file)], map, propose=True)
    with pytest.raises(BadInput, match="key zone"):
        import_files([str(file)], map, tmp_path / "log", tmp_path / "catalogue")
    map.write_text(map.read_text().replace("# zone: SAY", "zone: UTC #"))
    result = import_files([str(file)], map, tmp_path / "log", tmp_path / "catalogue")
    [example] = pq.read_table(Path(result.out) / "part-0.parquet").to_pylist()
    assert (example["propensity"], example["reward"]) == (1 / 3, 1.0)
    assert example["facts"]["country"] == "NO"


def test_facts_of_a_users_own_are_kept_by_the_kind_that_is_said(tmp_path):
    text = MAP + "facts: {plan: {column: plan, kind: category}, age: age}\n"
    catalogue = made_catalogue(tmp_path)
    with pytest.raises(BadInput, match=r"key facts\..*: there is no such fact; there are country"):
        imported(tmp_path, [row(plan="pro", age="31")], text)
    (catalogue / "schema.yaml").write_text("facts: {age: {kind: number}}\n")
    if "own" not in [field.name for field in FACTS]:
        return
    _, table = imported(tmp_path, [row(plan="pro", age="31"), row(plan="", age="")], text)
    own = [dict(facts["own"] or []) for facts in table["facts"].to_pylist()]
    assert own[0]["plan"]["names"] == ["pro"]
    assert own[0]["age"]["numbers"] == [31.0]
    assert own[1] == {}


def test_parquet_and_delta_tables_are_read_by_paths_into_structs(tmp_path):
    catalogue, map = made_catalogue(tmp_path), tmp_path / "MAP.yaml"
    map.write_text(MAP.replace("time: when", "time: at.when").replace("who", "at.who.id"))
    moment = datetime(2026, 3, 20, 9, tzinfo=UTC)
    rows = [
        {
            "at": {"when": moment, "who": {"id": 7}},
            "book": "emma",
            "cover": "a",
            "lucky": True,
            "clicked": True,
        },
        {"at": None, "book": "emma", "cover": "b", "lucky": True, "clicked": False},
    ]
    table = pa.Table.from_pylist(rows)
    (tmp_path / "files").mkdir()
    pq.write_table(table, tmp_path / "files" / "a.parquet")
    result = import_files([str(tmp_path / "files")], map, tmp_path / "log", catalogue)
    [example] = pq.read_table(Path(result.out) / "part-0.parquet").to_pylist()
    assert (example["profile_id"], example["time"], example["reward"]) == ("7", moment, 1.0)
    assert result.set_aside == {"time is missing": 1}
    if importlib.util.find_spec("deltalake") is None:
        assert os.environ.get("CI") != "true", "deltalake is not installed: CI needs it"
        pytest.skip("deltalake is not installed: tables of Delta are not read")
    from deltalake import write_deltalake

    for _ in range(2):  # the older version's file stays in the folder, and is not read
        write_deltalake(str(tmp_path / "delta"), table, mode="overwrite")
    read = import_files([str(tmp_path / "delta")], map, tmp_path / "log", catalogue, force=True)
    assert (read.rows, read.written) == (2, 1)
