"""`python -m data check`: every mistake by file, column and row, with its remedy."""

import json
import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from data.catalogue import Catalogue
from data.check.examples import check_examples, read_examples
from data.check.known import Known
from data.check.path import check_path
from data.check.rows import check_rewards
from data.errors import BadInput
from data.join.join import join
from data.records import ARTWORKS, DECISIONS, EVENTS, EXAMPLES, SCHEMA_VERSION, TITLES

DAY, NOON = date(2026, 1, 1), datetime(2026, 1, 1, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[3]


def example(i: int, **changes) -> dict:
    return {
        "decision_id": f"{i:032x}", "time": NOON, "profile_id": f"p{i}", "title_id": 1,
        "facts": {"country": "NL", "watched_genres": [("drama", 2.0)]},
        "candidates": ["a", "b", "c"], "action": "abc"[i % 3], "propensity": 1 / 3,
        "policy": "random", "level": "personalised", "played": True, "minutes": 30.0,
        "reward": 1.0, "reward_name": "take",
    } | changes  # fmt: skip


def decision(i: int, **changes) -> dict:
    row = {k: v for k, v in example(i).items() if k in DECISIONS.names}
    extra = {"schema_version": SCHEMA_VERSION, "seed": i, "probabilities": [1 / 3] * 3}
    return row | extra | changes


def event(i: int, **changes) -> dict:
    return {
        "schema_version": SCHEMA_VERSION, "event_id": f"e{i}", "kind": "impression", "time": NOON,
        "received": NOON, "profile_id": f"p{i}", "title_id": 1, "artwork_id": "a",
    } | changes  # fmt: skip


def examples(**changes) -> pa.Table:
    """Five examples; the changes are made to row 3."""
    rows = [example(i, **(changes if i == 3 else {})) for i in range(5)]
    return pa.Table.from_pylist(rows, EXAMPLES)


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    title = {
        "title_id": 1, "name": "One", "genres": [], "cast": [], "popularity": 1.0,
        "launch_day": DAY, "runtime_minutes": 90.0, "default_artwork_id": "a",
    }  # fmt: skip
    artworks = [
        {"artwork_id": a, "title_id": 1, "path": f"{a}.png", "added_day": DAY} for a in "abc"
    ]
    folder = tmp_path / "catalogue"
    folder.mkdir()
    for a in "abc":
        Image.new("RGB", (16, 9)).save(folder / f"{a}.png")
    made = Catalogue(
        folder, pa.Table.from_pylist([title], TITLES), pa.Table.from_pylist(artworks, ARTWORKS)
    )
    made.write()
    return made


def log(folder: Path, decisions: list[dict], events: list[dict]) -> Path:
    for name, rows, schema in (("decisions", decisions, DECISIONS), ("events", events, EVENTS)):
        (folder / name / "day=2026-01-01").mkdir(parents=True, exist_ok=True)
        file = folder / name / "day=2026-01-01" / "part-0.parquet"
        pq.write_table(pa.Table.from_pylist(rows, schema), file)
    return folder


def test_good_examples_pass():
    check_examples(examples(), ["a", "b", "c"], title_ids=[1])
    check_examples(examples())
    check_examples(EXAMPLES.empty_table(), ["a"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"propensity": 0.0}, r"column propensity, row 3: 0.0 is no probability"),
        ({"propensity": float("nan")}, r"column propensity, row 3: nan"),
        ({"propensity": 1.5}, r"column propensity, row 3: 1.5"),
        ({"propensity": -0.1}, r"column propensity, row 3: -0.1"),
        ({"propensity": float("inf")}, r"column propensity, row 3: inf"),
        ({"action": "z"}, r"column action, row 3: artwork 'z' is not in the catalogue"),
        ({"candidates": ["a", "z"]}, r"candidates, row 3: candidate 'z' is not in the catalogue"),
        ({"action": "c", "candidates": ["a", "b"]}, r"row 3: 'c' is not one of the row's 2 cand"),
        ({"candidates": []}, r"candidates, row 3: the list is empty"),
        ({"candidates": ["a", "b", "a"], "action": "a"}, r"row 3: an artwork is listed twice"),
        ({"decision_id": f"{1:032x}"}, r"decision_id, row 3: '0+1' is in .*, row 1 already"),
        ({"title_id": 9}, r"title_id, row 3: title 9 is not in the catalogue"),
        ({"level": "guess"}, r"level, row 3: 'guess'; use one of personalised"),
        ({"reward": float("nan")}, r"reward, row 3: nan"),
        ({"reward": 0.5}, r"reward, row 3: a take or play of 0.5"),
        ({"minutes": -1.0}, r"minutes, row 3: -1.0"),
    ],
)
def test_a_wrong_example_is_refused_by_column_and_row(changes, message):
    with pytest.raises(BadInput, match=message):
        check_examples(examples(**changes), ["a", "b", "c"], title_ids=[1])


def test_without_a_catalogue_the_action_still_needs_to_be_a_candidate():
    with pytest.raises(BadInput, match="row 3: 'z' is not one of the row's 3 candidates"):
        check_examples(examples(action="z"))


def test_types_are_cast_or_named():
    table = examples()
    narrow = table.set_column(3, "title_id", table["title_id"].cast(pa.int32()))
    facts = pa.array([{"country": "NL"}] * 5, pa.struct([("country", pa.large_string())]))
    check_examples(narrow.set_column(4, "facts", facts), ["a", "b", "c"])
    with pytest.raises(BadInput, match=r"column propensity: the column is missing"):
        check_examples(table.drop(["propensity"]))
    words = table.set_column(7, "propensity", pa.array(["often"] * 5))
    with pytest.raises(BadInput, match=r"column propensity: its type string does not become doub"):
        check_examples(words)
    with pytest.raises(BadInput, match=r"column facts: its type string .*a struct is needed"):
        check_examples(table.set_column(4, "facts", pa.array(["{}"] * 5)))
    gap = table.set_column(6, "action", pa.array(["a", "b", None, "a", "b"]))
    with pytest.raises(BadInput, match=r"column action, row 2: null"):
        check_examples(gap)


def test_chunks_do_not_matter():
    table = pa.concat_tables([examples().slice(0, 2), examples(propensity=2.0).slice(2)])
    with pytest.raises(BadInput, match=r"row 3: 2\.0"):
        check_examples(table)


def test_examples_are_read_from_all_files(tmp_path: Path):
    for i, rows in enumerate((examples().slice(0, 2), examples().slice(2))):
        pq.write_table(rows, tmp_path / f"{i}.parquet")
    assert read_examples(tmp_path, ["a", "b", "c"]) == examples()
    pq.write_table(examples().slice(1, 1), tmp_path / "2.parquet")
    with pytest.raises(BadInput, match=r"2\.parquet, .*row 0: .* is in .*0\.parquet, row 1"):
        read_examples(tmp_path)
    (tmp_path / "none").mkdir()
    with pytest.raises(BadInput, match="holds no"):
        read_examples(tmp_path / "none")


def kinds(problems) -> list[tuple[str, str | None, int | None]]:
    return [(p.kind, p.column, row) for p in problems for row, _ in p.rows]


def test_a_good_log_and_catalogue_pass(tmp_path: Path, catalogue: Catalogue):
    folder = log(tmp_path / "log", [decision(i) for i in range(3)], [event(i) for i in range(3)])
    assert check_path(folder, catalogue.root) == []
    assert check_path(folder) == []
    assert check_path(catalogue.root) == []
    assert check_path(catalogue.root / "titles.parquet") == []


@pytest.mark.parametrize(
    ("changes", "kind", "column"),
    [
        ({"probabilities": [0.5, 0.5]}, "probabilities", "probabilities"),
        ({"probabilities": [0.5, 0.5, 0.5]}, "probabilities", "probabilities"),
        ({"probabilities": [1.5, -0.5, 0.0]}, "probabilities", "probabilities"),
        ({"probabilities": [0.0, 0.0, float("nan")]}, "probabilities", "probabilities"),
        (
            {"probabilities": [0.5, 0.25, 0.25]},
            "propensity is not the action's probability",
            "propensity",
        ),
        ({"propensity": 0.0, "probabilities": None}, "propensity", "propensity"),
        ({"schema_version": SCHEMA_VERSION + 1}, "schema version", "schema_version"),
        ({"decision_id": f"{0:032x}"}, "duplicate id", "decision_id"),
        ({"action": "z"}, "unknown artwork", "action"),
    ],
)
def test_a_wrong_decision_is_found(tmp_path: Path, catalogue: Catalogue, changes, kind, column):
    rows = [decision(0), decision(1), decision(2), decision(3, **changes)]
    assert (kind, column, 3) in kinds(check_path(log(tmp_path / "log", rows, [])))


def test_candidates_are_the_titles_own(tmp_path: Path, catalogue: Catalogue):
    more = {
        "title_id": 2, "name": "Two", "genres": [], "cast": [], "popularity": 1.0,
        "launch_day": DAY, "runtime_minutes": 90.0, "default_artwork_id": "d",
    }  # fmt: skip
    other = {"artwork_id": "d", "title_id": 2, "path": "a.png", "added_day": DAY}
    Catalogue(
        catalogue.root,
        pa.concat_tables([catalogue.titles, pa.Table.from_pylist([more], TITLES)]),
        pa.concat_tables([catalogue.artworks, pa.Table.from_pylist([other], ARTWORKS)]),
    ).write()
    foreign = decision(1, candidates=["b", "d"], action="b", probabilities=None)
    found = check_path(log(tmp_path / "log", [decision(0), foreign], []), catalogue.root)
    assert kinds(found) == [("artwork of another title", "candidates", 1)]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"kind": "hover"}, "unknown kind"),
        ({"kind": "progress", "minutes": None}, "minutes"),
        ({"kind": "progress", "minutes": -2.0}, "minutes"),
        ({"kind": "thumb", "thumb": 3}, "thumb"),
        ({"artwork_id": "z"}, "unknown artwork"),
        ({"title_id": 7}, "unknown title"),
        ({"event_id": "e0", "kind": "play"}, "duplicate id"),
    ],
)
def test_a_wrong_event_is_found(tmp_path: Path, catalogue: Catalogue, changes, kind):
    folder = log(tmp_path / "log", [decision(0)], [event(0), event(1, **changes)])
    [problem] = check_path(folder, catalogue.root)
    assert problem.kind == kind
    assert problem.rows[0][0] == 1
    assert problem.file.endswith("events/day=2026-01-01/part-0.parquet")


def test_copies_pass_where_a_log_may_have_them(tmp_path: Path):
    later = NOON + timedelta(minutes=1)
    folder = log(tmp_path, [decision(0), decision(1)], [event(0), event(0, received=later)])
    assert check_path(folder) == []
    again = folder / "decisions" / "day=2026-01-02.parquet"
    pq.write_table(pa.Table.from_pylist([decision(2), decision(1)], DECISIONS), again)
    [problem] = check_path(folder)
    assert (problem.kind, problem.rows[0][0]) == ("duplicate id", 1)
    assert "part-0.parquet, row 1 already" in problem.rows[0][1]
    assert check_path(folder, copies=True) == []
    pq.write_table(pa.Table.from_pylist([decision(1, policy="other")], DECISIONS), again)
    assert kinds(check_path(folder, copies=True)) == [("duplicate id", "decision_id", 0)]


def test_the_guide_makes_a_catalogue_and_a_log_that_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    guide = (ROOT / "docs" / "data.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    assert len(blocks) == 2
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        exec(block, {})
    assert check_path("my_catalogue") == []
    assert check_path("my_log", "my_catalogue") == []
    done = join("my_log", "my_catalogue", "my_examples", now=datetime(2026, 2, 1, tzinfo=UTC))
    assert (done.examples, done.reward_sum) == (100, 34)
    assert check_path("my_examples", "my_catalogue") == []


def test_the_guide_explains_every_column():
    guide = (ROOT / "docs" / "data.md").read_text()
    facts = [field.name for field in DECISIONS.field("facts").type]
    for schema in (TITLES, ARTWORKS, DECISIONS, EVENTS, EXAMPLES):
        for name in (*schema.names, *facts):
            assert f"`{name}`" in guide


def test_a_catalogue_is_checked_to_the_last_image(catalogue: Catalogue):
    (catalogue.root / "b.png").write_bytes(b"\x89PNG\r\n")
    (catalogue.root / "c.png").unlink()
    [problem] = check_path(catalogue.root)
    assert [row for row, _ in problem.rows] == [1, 2]
    assert "c.png is missing" in problem.rows[1][1]
    assert check_path(catalogue.root, images=False) == []


def test_every_problem_of_a_catalogue_is_found(catalogue: Catalogue):
    (catalogue.root / "titles.parquet").write_bytes(b"")
    artworks = catalogue.artworks.set_column(2, "path", pa.array(["a.png", None, "/c.png"]))
    pq.write_table(artworks, catalogue.root / "artworks.parquet")
    found = kinds(check_path(catalogue.root, images=False))
    assert found == [("unreadable", None, None), ("null", "path", 1), ("path", "path", 2)]


def test_a_long_list_is_cut_and_counted():
    rows = [example(i, propensity=0.0) for i in range(50)]
    [problem] = check_problems(pa.Table.from_pylist(rows, EXAMPLES))
    lines = list(problem.lines())
    assert problem.count == 50
    assert len(lines) == 21
    assert "30 more rows" in lines[-1]


def check_problems(table: pa.Table) -> list:
    return list(check_rewards(table, "examples", Known()))


def test_what_is_not_ours_is_said(tmp_path: Path):
    with pytest.raises(BadInput, match="there is no"):
        check_path(tmp_path / "gone")
    with pytest.raises(BadInput, match="holds no Parquet"):
        check_path(tmp_path)
    pq.write_table(pa.table({"x": [1]}), tmp_path / "x.parquet")
    (tmp_path / "y.parquet").write_bytes(b"no")
    assert [p.kind for p in check_path(tmp_path)] == ["unknown kind", "unreadable"]


def run(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "data", "check", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_the_command_exits_2_and_prints_one_json_object(tmp_path: Path, catalogue: Catalogue):
    good = run(catalogue.root, "--json")
    assert (good.returncode, json.loads(good.stdout)["count"]) == (0, 0)
    folder = log(tmp_path / "log", [decision(0), decision(1, propensity=0.0)], [])
    bad = run(folder)
    assert bad.returncode == 2
    assert "part-0.parquet, column propensity, row 1: 0.0" in bad.stderr
    assert "Traceback" not in bad.stderr
    said = run(folder, "--json")
    assert said.returncode == 2
    problems = json.loads(said.stdout)["problems"]
    assert problems[0]["rows"][0]["row"] == 1
    gone = run(tmp_path / "gone")
    assert gone.returncode == 2
    assert gone.stderr.startswith("error: there is no ")


def test_a_large_table_is_checked_whole():
    count = 100_000
    rng = np.random.default_rng(0)
    few = pa.Table.from_pylist([example(i) for i in range(3)], EXAMPLES)
    many = few.take(pa.array(rng.integers(0, 3, count)))
    ids = pa.array([f"{i:032x}" for i in range(count)])
    many = many.set_column(0, EXAMPLES.field(0), ids)
    check_examples(many, ["a", "b", "c"], title_ids=[1])
    late = ids.take(pa.array([*range(count - 1), 0]))
    with pytest.raises(BadInput, match=f"row {count - 1}: .* row 0 already"):
        check_examples(many.set_column(0, EXAMPLES.field(0), late))
