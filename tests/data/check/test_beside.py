"""`data check` reads what rows say was chosen beside their artwork."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.check.pages.beside import problems_of_kinds
from data.check.path import check_path
from data.records import ASSETS, DECISIONS, KIND_COLUMNS

SCHEMA = pa.schema([*DECISIONS, *KIND_COLUMNS])


def decision(at):
    """Two artworks, two synopses each drawn at .5, one trailer."""
    return {
        **{"schema_version": 2, "decision_id": f"{at:032x}", "profile_id": f"p{at}", "seed": at},
        **{"time": datetime(2026, 1, 1, tzinfo=UTC), "title_id": 7, "facts": {"country": "FR"}},
        **{"candidates": ["a", "b"], "action": "ab"[at % 2], "propensity": 0.5},
        **{"probabilities": [0.5, 0.5], "policy": "thompson", "level": "personalised"},
        "kinds": ["synopsis", "trailer"],
        "assets": [f"s{at % 2}", "t0"],
        "asset_candidates": [["s0", "s1"], ["t0"]],
        "asset_propensities": [0.5, 1.0],
        "joint_propensity": 0.25,
        "combinations": [0.25] * 4,
    }


ASSETS_OF_7 = pa.Table.from_pylist(
    [
        {
            **{
                "asset_id": name,
                "title_id": 7,
                "kind": "trailer" if name[0] == "t" else "synopsis",
            },
            **{"content": "text", "text": name, "added_day": date(2020, 1, 1)},
        }
        for name in ("s0", "s1", "t0")
    ],
    ASSETS,
)


@pytest.fixture
def log(tmp_path):
    def written(rows):
        (tmp_path / "decisions").mkdir()
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), tmp_path / "decisions" / "d.parquet")
        return tmp_path

    return written


def test_sound_rows_with_kinds_and_without_are_sound(log):
    rows = [decision(at) for at in range(4)]
    for name in KIND_COLUMNS.names:
        rows[3][name] = None
    folder = log(rows)
    assert check_path(folder) == []
    assert list(problems_of_kinds(folder, ASSETS_OF_7)) == []


@pytest.mark.parametrize(
    ("changes", "column", "words"),
    [
        ({"assets": ["s0"]}, "kinds", "has 2 kinds, 1 assets, 2 lists of candidates and 2 prop"),
        ({"kinds": None}, "kinds", "no kinds"),
        ({"kinds": ["trailer", "trailer"]}, "kinds", "names a kind twice"),
        ({"asset_propensities": [0.0, 1.0]}, "asset_propensities", "a propensity of 0"),
        ({"asset_propensities": [1.5, 1.0]}, "asset_propensities", "a propensity of 1.5"),
        ({"asset_propensities": [0.5, None]}, "asset_propensities", "a propensity of null"),
        ({"assets": ["s0", "s1"]}, "assets", "shows s1, which is none of its candidates"),
        ({"joint_propensity": 0.5}, "joint_propensity", "of 0.5, and its propensities make 0.25"),
        ({"combinations": [0.5, 0.5]}, "combinations", "has 2 probabilities of 4 combinations"),
        ({"combinations": [0.5] * 4}, "combinations", "sum to 2"),
    ],
)
def test_a_wrong_row_is_named_in_words(log, changes, column, words):
    folder = log([decision(0), decision(1) | changes])
    [found] = [p for p in check_path(folder) if p.column == column]
    assert words in str(found)
    assert f"decision {1:032x}" in str(found)


def test_assets_of_another_catalogue_title_or_kind_are_named(log):
    strange = {"assets": ["s9", "t0"], "asset_candidates": [["s9", "s1"], ["t0"]]}
    folder = log([decision(0), decision(1) | strange])
    [found] = problems_of_kinds(folder, ASSETS_OF_7)
    assert "names s9, which is not in assets.parquet" in str(found)
    assert "more decisions" not in str(found)


def test_an_asset_of_another_title_is_named(log):
    others = ASSETS_OF_7.set_column(1, ASSETS.field("title_id"), pa.array([7, 7, 8]))
    [found] = problems_of_kinds(log([decision(0)]), others)
    assert "names t0 as trailer of title 7, which is trailer of 8" in str(found)
