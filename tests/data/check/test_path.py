"""Every mistake of a catalogue or a log is found where it is."""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.catalogue import Catalogue
from data.check.path import check_path
from data.errors import BadInput
from data.records import ARTWORKS, DECISIONS, SCHEMA_VERSION, TITLES
from tests.data.check.check_rows import DAY, NOON, decision, event, log


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
        "title_id": 2,
        "name": "Two",
        "genres": [],
        "cast": [],
        "popularity": 1.0,
        "launch_day": DAY,
        "runtime_minutes": 90.0,
        "default_artwork_id": "d",
    }
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
    pq.write_table(pa.Table.from_pylist([decision(2), decision(1, time=later)], DECISIONS), again)
    assert check_path(folder) == []
    [problem] = check_path(folder, copies=False)
    assert (problem.kind, problem.rows[0][0]) == ("duplicate id", 1)
    assert "part-0.parquet, row 1 already" in problem.rows[0][1]
    pq.write_table(pa.Table.from_pylist([decision(1, policy="other")], DECISIONS), again)
    assert kinds(check_path(folder)) == [("duplicate id", "decision_id", 0)]


def test_facts_that_became_the_same_features_are_one_draw_and_others_are_not(tmp_path: Path):
    one = decision(0, fingerprint=7, facts={"country": "NO"})
    folder = log(tmp_path, [one], [])
    again = folder / "decisions" / "day=2026-01-02.parquet"
    for fingerprint, expected in ((7, []), (8, [("duplicate id", "decision_id", 0)])):
        other = decision(0, fingerprint=fingerprint, facts={"country": "SE"})
        pq.write_table(pa.Table.from_pylist([other], DECISIONS), again)
        assert kinds(check_path(folder)) == expected


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


def test_what_is_not_ours_is_said(tmp_path: Path):
    with pytest.raises(BadInput, match="there is no"):
        check_path(tmp_path / "gone")
    with pytest.raises(BadInput, match="holds no Parquet"):
        check_path(tmp_path)
    pq.write_table(pa.table({"x": [1]}), tmp_path / "x.parquet")
    (tmp_path / "y.parquet").write_bytes(b"no")
    assert [p.kind for p in check_path(tmp_path)] == ["unknown kind", "unreadable"]
