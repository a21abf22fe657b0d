"""Facts of a user's own that only a page knows: impressions tell them of what was decided ahead.

About 10 s of one core, nearly all of it Spark's start.
"""

import os
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.check.command import check
from data.join.join import join
from data.join.open_engine import EngineSettings
from data.log.parquet import append_table
from data.records import EVENTS, TITLES
from tests.data.join.test_join import AN_HOUR_ON, MUCH_LATER, decision, examples, log, shown
from tests.data.join.test_kinds import BESIDE, WITH_KINDS

SCHEMA = """
facts:
  weather: {kind: category, known_at: request}
  heading: {kind: set, known_at: request}
  plan: {kind: category}
"""


def own(**facts):
    """Facts as the column `own` has them: texts are names, numbers numbers."""
    return [
        (name, {"names": value, "numbers": None})
        if isinstance(value[0], str)
        else (name, {"names": None, "numbers": value})
        for name, value in facts.items()
    ]


def told(folder, **how) -> dict[str, dict]:
    """Decision → names of its facts in its example."""
    titles = folder / "titles.parquet"
    join(folder, titles, folder / "out", now=MUCH_LATER, **how)
    rows = examples(folder / "out")
    return {
        row["decision_id"]: {name: one["names"] for name, one in row["facts"]["own"] or ()}
        for row in rows
    }


def write_catalogue(folder):
    """That of the log's title, in the log's own folder."""
    title = {
        **{"title_id": 7, "name": "T", "genres": [], "cast": [], "popularity": 1.0},
        **{"launch_day": MUCH_LATER.date(), "runtime_minutes": 90.0, "default_artwork_id": "x"},
    }
    artworks = [
        {"artwork_id": name, "title_id": 7, "path": "none", "added_day": MUCH_LATER.date()}
        for name in ("x", "y")
    ]
    pq.write_table(pa.Table.from_pylist([title], TITLES), folder / "titles.parquet")
    pq.write_table(pa.Table.from_pylist(artworks), folder / "artworks.parquet")


@pytest.mark.filterwarnings("ignore")  # pyspark's own, at import and at shutdown
@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_an_impression_tells_what_its_page_knew_and_nothing_of_its_member(tmp_path, engine):
    if engine == "spark" and shutil.which("java") is None:
        assert os.environ.get("CI") != "true", "java is not installed: CI needs it"
        pytest.skip("java is not installed")
    knew = {"country": "BR", "own": own(weather=["sun"], plan=["free"])}
    log(
        tmp_path,
        [decision("ahead"), decision("dark")],
        [
            shown(name="ahead", own=own(weather=["rain"], heading=["new", "sea"], plan=["paid"])),
            shown(AN_HOUR_ON, name="ahead", own=own(weather=["snow"])),
            shown(name="live", own=own(weather=["rain"], heading=["old"])),
            shown(name="dark"),
        ],
    )
    beside = pa.Table.from_pylist([decision("live", facts=knew, **BESIDE)], WITH_KINDS)
    append_table(tmp_path, "decisions", beside, "b")
    assert told(tmp_path) == {
        "ahead": {},
        "live": {"weather": ["sun"], "plan": ["free"]},
        "dark": {},
    }
    (tmp_path / "schema.yaml").write_text(SCHEMA)
    assert told(tmp_path, rebuild=True, engine=EngineSettings(engine)) == {
        "ahead": {"weather": ["rain"], "heading": ["new", "sea"]},
        "live": {"weather": ["sun"], "plan": ["free"], "heading": ["old"]},
        "dark": {},
    }
    # What was chosen beside an artwork comes along, whichever engine joins.
    rows = {row["decision_id"]: row for row in examples(tmp_path / "out")}
    assert {name: rows["live"][name] for name in BESIDE} == BESIDE
    assert {name: rows["dark"][name] for name in BESIDE} == dict.fromkeys(BESIDE)


def test_columns_of_a_users_own_in_events_are_what_impressions_tell(tmp_path):
    log(tmp_path, [decision()], [shown()])
    file = tmp_path / "events" / "a.parquet"
    rows = pq.read_table(file).drop(["own", "value"])
    for name, value in (("weather", "rain"), ("plan", "paid"), ("noise", "loud")):
        rows = rows.append_column(name, pa.array([value]))
    pq.write_table(rows, file)
    (tmp_path / "schema.yaml").write_text(SCHEMA)
    assert told(tmp_path) == {"d": {"weather": ["rain"]}}
    write_catalogue(tmp_path)
    [said] = check(tmp_path, tmp_path, images=False).undeclared
    assert "events/a.parquet: nothing is learnt from noise, plan; impressions tell" in said


def test_a_log_of_an_earlier_version_joins_as_it_did(tmp_path):
    log(tmp_path, [decision()], [shown(row=2)])
    file = tmp_path / "events" / "a.parquet"
    earlier = [name for name in EVENTS.names if name not in ("own", "value")]
    pq.write_table(pq.read_table(file, columns=earlier), file)
    (tmp_path / "schema.yaml").write_text(SCHEMA)
    assert told(tmp_path) == {"d": {}}
    assert examples(tmp_path / "out")[0]["facts"]["row"] == 2


def test_a_fact_that_no_page_could_have_is_named_by_its_row(tmp_path):
    wrong = own(weather=[3.5])
    log(tmp_path, [decision(), decision("e")], [shown(), shown(name="e", own=wrong)])
    write_catalogue(tmp_path)
    (tmp_path / "schema.yaml").write_text(SCHEMA)
    [problem] = [one for one in check(tmp_path, images=False).problems if one.column == "weather"]
    assert "events/a.parquet, column weather, row 1: " in str(problem)
