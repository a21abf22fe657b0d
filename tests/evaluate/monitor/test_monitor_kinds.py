"""Synopses and trailers in the monitor: a clean log raises nothing, each planted fault its own."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.records import ASSETS, DECISIONS, KIND_COLUMNS
from evaluate.monitor.monitor import inspect, monitor, show
from evaluate.monitor.troubles import troubles
from tests.evaluate.monitor.test_troubles import catalogue_of, told

DAYS, EACH = 2, 1500
SCHEMA = pa.schema([*DECISIONS, *KIND_COLUMNS])
NAMES = ["s0", "s1", "s2"], ["t0", "t1"]


def rows(seed=3):
    """Two artworks, three synopses that lean by the artwork, two trailers that lean by both."""
    g = np.random.default_rng(seed)
    n = DAYS * EACH
    table = g.dirichlet(np.full(12, 2.0), n).reshape(n, 2, 3, 2)
    table = 0.8 * table + 0.2 / 12
    flat = table.reshape(n, 12)
    drawn = (flat.cumsum(1) < g.random((n, 1))).sum(1).clip(0, 11)
    at = np.stack(np.unravel_index(drawn, (2, 3, 2)), 1)
    artwork = table.sum((2, 3))
    made, start = [], datetime(2026, 1, 1, tzinfo=UTC)
    for i, (a, s, t) in enumerate(at.tolist()):
        synopses = table[i, a].sum(1) / artwork[i, a]
        trailers = table[i, a, s] / table[i, a, s].sum()
        facts = {"country": "GB"} | ({"surface": "home", "row": 1} if i % 3 else {})
        made.append(
            {
                **{"schema_version": 2, "decision_id": f"{i:032x}", "profile_id": f"p{i % 700}"},
                **{"time": start + timedelta(days=i // EACH, minutes=i % 1400), "seed": i},
                **{"title_id": i % 4, "facts": facts, "policy": "thompson", "bundle": "b1"},
                **{"candidates": ["a", "b"], "action": "ab"[a], "level": "personalised"},
                **{"propensity": artwork[i, a], "probabilities": artwork[i].tolist()},
                "kinds": ["synopsis", "trailer"],
                "assets": [NAMES[0][s], NAMES[1][t]],
                "asset_candidates": [*NAMES],
                "asset_propensities": [synopses[s], trailers[t]],
                "joint_propensity": table[i, a, s, t],
                "combinations": flat[i].tolist(),
            }
        )
    return made


@pytest.fixture(scope="module")
def clean():
    return rows()


def written(made, file, schema=SCHEMA):
    pq.write_table(pa.Table.from_pylist(made, schema), file)
    return str(file)


def alarms(found):
    return {(c.name, c.day) for c in found.checks if c.state != "ok" and c.name.startswith("kind_")}


def test_a_clean_log_says_who_chose_and_how_evenly_and_raises_nothing(clean, tmp_path, capsys):
    some = [dict(row) for row in clean]
    for row in some[::10]:  # artwork alone
        row |= dict.fromkeys(KIND_COLUMNS.names)
    for row in some[::20]:  # and fallbacks
        row |= {"level": "default", "propensity": 1.0, "probabilities": None}
    found = inspect(written(some, tmp_path / "d.parquet"))
    assert alarms(found) == set()
    first = {c.name: c for c in found.checks if c.day in ("2026-01-01", "all")}
    assert {f"kind_{n}_synopsis" for n in ("rows", "shares", "weight", "chosen")} <= set(first)
    assert first["kind_chosen_trailer"].value == pytest.approx(0.9)
    words = "60.0% for their page, 30.0% ahead of it (maps), 5.0% fell back"
    assert words in first["kind_chosen_synopsis"].words
    assert first["kind_unshown_synopsis"].value == 0
    counts = np.zeros((4, 3))
    drawn = [row for row in some if row["kinds"]]
    for row in drawn:
        counts[row["title_id"], NAMES[0].index(row["assets"][0])] += 1
    most = first["kind_most_synopsis"]
    assert most.value == pytest.approx(counts.max(1).sum() / counts.sum())
    assert "(an even choice: 33.3%)" in most.words
    own = [row["asset_propensities"][0] for row in drawn if row["time"].day == 1]
    assert first["kind_propensity_synopsis"].value == pytest.approx(np.mean(own))
    show(found)
    assert "each title's most frequent trailer" in capsys.readouterr().out.replace("\n", " ")


def sharper(row):
    """What would be logged if the policy took itself to be more certain than it is."""
    table = np.array(row["combinations"]).reshape(2, 3, 2) ** 1.5
    table /= table.sum()
    a, s, t = (
        "ab".index(row["action"]),
        *(of.index(one) for of, one in zip(NAMES, row["assets"], strict=True)),
    )
    own = [table[a, s].sum() / table[a].sum(), table[a, s, t] / table[a, s].sum()]
    both = {"combinations": table.ravel().tolist(), "asset_propensities": own}
    artwork = table.sum((1, 2))
    return both | {"propensity": artwork[a], "probabilities": artwork.tolist()}


FAULTS: list[tuple[Callable[[dict], dict], set[str]]] = [
    (lambda row: {"assets": ["gone", row["assets"][1]]}, {"kind_rows_synopsis"}),
    (
        lambda row: {"asset_propensities": [row["asset_propensities"][0], 0.0]},
        {"kind_rows_trailer"},
    ),
    (
        lambda row: {"asset_propensities": [1.5, row["asset_propensities"][1]]},
        {"kind_rows_synopsis"},
    ),
    (
        lambda row: {"asset_propensities": [row["asset_propensities"][0] * 0.9, 0.5]},
        {"kind_rows_synopsis", "kind_rows_trailer"},
    ),
]


@pytest.mark.parametrize(("fault", "named"), FAULTS)
def test_rows_that_contradict_themselves_alarm_on_their_day(clean, tmp_path, fault, named):
    some = [row | fault(row) if i in (7, 8) else row for i, row in enumerate(clean)]
    assert alarms(inspect(written(some, tmp_path / "d.parquet"))) == {
        (name, "2026-01-01") for name in named
    }


def test_probabilities_that_were_not_drawn_by_alarm_on_their_day(clean, tmp_path):
    some = [row | sharper(row) if row["time"].day == 2 else row for row in clean]
    found = alarms(inspect(written(some, tmp_path / "d.parquet")))
    assert ("kind_shares_synopsis", "2026-01-02") in found
    assert ("kind_shares_trailer", "2026-01-02") in found
    assert {day for _, day in found} == {"2026-01-02"}


def test_draws_that_are_missing_by_what_they_fell_on_alarm(clean, tmp_path):
    """s2 is lost from the log wherever it was drawn: never shown, though it was a candidate."""
    some = [row for row in clean if row["assets"][0] != "s2"]
    found = inspect(written(some, tmp_path / "d.parquet"))
    assert alarms(found) == {("kind_counts_synopsis", "all")}
    [never] = [c for c in found.checks if c.name == "kind_unshown_synopsis"]
    assert never.value == 1
    assert "s2 (" in never.words


def test_a_kind_that_always_shows_the_same_warns(clean, tmp_path):
    one = {"assets": ["s0", "t0"], "asset_propensities": [1.0, 0.5], "combinations": None}
    found = inspect(written([row | one for row in clean], tmp_path / "d.parquet"))
    assert ("kind_most_synopsis", "all") in alarms(found)


def test_the_page_and_the_metrics_have_a_part_by_kind_and_none_for_artwork_alone(clean, tmp_path):
    log, page, prom = (tmp_path / name for name in ("d.parquet", "page.html", "told.prom"))
    found = monitor(written(clean, log), html=str(page), prometheus=str(prom))
    part = "What is chosen beside the artwork"
    text = page.read_text()
    assert text.index("<h2>What is chosen</h2>") < text.index(f"<h2>{part}</h2>")
    assert 'marquee_monitor_value{bundle="b1",check="kind_rows_synopsis"' in prom.read_text()
    plain = [{name: row[name] for name in DECISIONS.names if name in row} for row in clean]
    alone = monitor(written(plain, tmp_path / "e.parquet", DECISIONS), html=str(page))
    assert part not in page.read_text()
    states = [(c.name, c.day, c.state) for c in found.checks if not c.name.startswith("kind_")]
    assert [(c.name, c.day, c.state) for c in alone.checks] == states


def test_assets_that_are_gone_overlooked_or_stuck_are_told_by_title(clean, tmp_path):
    """Of title 1 alone; s2 is no candidate of 2, and too few draws of 3 are in the log."""
    folder = catalogue_of(tmp_path / "c")
    assets = [
        {
            **{"asset_id": name, "title_id": title, "kind": kind, "content": "text"},
            **{"text": name, "added_day": date(2025, 1, 1)},
        }
        for title in (1, 2, 3)
        for kind, names in (("synopsis", ("s0", "s1", "s2", "s3")), ("trailer", ("t0",)))
        for name in names
    ]
    assets = [one for one in assets if (one["title_id"], one["asset_id"]) != (2, "s3")]
    pq.write_table(pa.Table.from_pylist(assets, ASSETS), folder / "assets.parquet")
    some = [row for row in clean if row["title_id"] in (1, 2)]
    some += [row for row in clean if row["title_id"] == 3][:150]
    some = [row | ({"assets": ["s1", "t0"]} if row["title_id"] == 2 else {}) for row in some]
    found = troubles(folder, Path(written(some, tmp_path / "d.parquet")), "2026-02-20")
    kinds = {one for one in told(found) if one[1] == "not in the catalogue" or one[2][:1] in "st"}
    assert kinds == {
        *((1, "not in the catalogue", "t1"), (3, "not in the catalogue", "t1")),
        *((1, "never shown", "s3"), (2, "never shown", "s0"), (2, "never shown", "s2")),
        (2, "stuck", "s1"),
    }
    [gone] = [one for one in found if one.where == "t1" and one.title_id == 1]
    assert "put its row back with a withdrawn_day" in gone.words
