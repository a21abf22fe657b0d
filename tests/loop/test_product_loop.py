"""The closed loop's parts against a real service: nothing lost, nothing doubled, no skew."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.clock import turn
from data.errors import BadInput
from data.features import FeatureSpec
from data.join.join import join
from data.log.roll import roll
from data.records import FACTS
from data.rules.files import read_rules
from loop.audit import day_counts, skewed_rows
from loop.carried.kinds import kinds_to_learn
from loop.carried.processes import Commands
from loop.carried.steering import SteeredNights, Steering
from loop.draw_value import draw_value
from loop.product_table import days_table, summary
from serve.scoring.decide_requests import decide_requests
from simulate.kinds.catalogue_synopses import synopses
from simulate.posters.subjects import Subjects
from simulate.visits.command import visit
from simulate.world.catalogue import Rendering, write_catalogue
from tests.export.world import SPEC, make_bundle

CUT_OUTS = Path(__file__).parents[2] / "sample" / "artwork"
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A catalogue, a bundle and a service that two days of members have visited.

    On the second pages show a synopsis beside each artwork.
    """
    out = tmp_path_factory.mktemp("loop")
    subjects = Subjects.read(CUT_OUTS)
    write_catalogue(subjects, 8, 3, 2, out / "catalogue", rendering=Rendering(width=64))
    synopses(out / "catalogue", seed=3)
    bundle = make_bundle(out / "bundles")
    (out / "bundles" / "current").symlink_to(bundle.name)
    commands = Commands(out / "commands.log", out / "clock")
    reports = {}
    for day in (0, 1, 2):
        turn(out / "clock", round((START + day * DAY).timestamp() * 1e6))
        service = {name: out / name for name in ("bundles", "catalogue", "log", "cache")}
        with commands.service({**service, "deadline-ms": 20_000, "foreign": "true"}) as url:
            kinds = {"kinds": ["synopsis"]} if day else {}
            reports[day] = browse(out, url, day, close=day == 2, **kinds)
            if day == 1:  # as a loop does that was killed before it noted the day
                reports["again"] = browse(out, url, day, **kinds)
        roll(out / "log")
    join(out / "log", out / "catalogue", out / "examples", now=START + 9 * DAY)
    return out, reports


def browse(out, url, day, **options):
    folders = {"clock": out / "clock", "out": out / "visits", "log": out / "log"}
    few = {"members": 30, "decisions": 250, "seed": 3, "map_share": 0.0}
    return visit(url, str(out / "catalogue"), day, **folders, **few, **options)


def test_what_was_served_was_logged_and_what_was_rendered_was_joined(place):
    out, reports = place
    spec = FeatureSpec.from_json((out / "bundles" / "current" / "features.json").read_text())
    for day in (0, 1):
        sent = out / "visits" / f"sent-{day}.parquet"
        counts = day_counts(sent, out / "log", out / "examples", spec)
        # A member who looks again sees the same draw: fewer decisions than places on pages.
        assert 150 < counts.served == counts.logged <= 250
        assert counts.rendered == counts.joined <= reports[day]["rendered"]["live"]
        assert (counts.doubled, counts.skewed) == (0, 0)
    examples = pq.read_table(out / "examples")
    shown = events_of(out, "impression")
    assert set(examples["decision_id"].to_pylist()) == {row["decision_id"] for row in shown}
    assert examples.num_rows == len({row["decision_id"] for row in shown})
    assert sum(examples["impressions"].to_pylist()) == len({row["event_id"] for row in shown})


def events_of(out, kind):
    return [row for row in pq.read_table(out / "log" / "events").to_pylist() if row["kind"] == kind]


def test_the_takes_that_members_had_are_the_rewards_that_were_joined(place):
    out, reports = place
    rewards = pq.read_table(out / "examples", columns=["reward"])["reward"].to_pylist()
    titles = pq.read_table(out / "catalogue" / "titles.parquet").to_pylist()
    runtime = {title["title_id"]: title["runtime_minutes"] for title in titles}
    taken = {
        row["decision_id"]
        for row in events_of(out, "progress")
        if row["minutes"] >= min(20, runtime[row["title_id"]] / 2)
    }
    # One who takes a title twice took one draw, once.
    assert sum(rewards) == len(taken) <= sum(reports[day]["takes"] for day in (0, 1))
    assert len(taken) > 20


def test_a_synopsis_is_drawn_logged_and_joined_with_each_artwork_of_a_page_that_shows_one(place):
    out, reports = place
    rows = pq.read_table(out / "examples").to_pylist()
    second = [row for row in rows if row["time"].date() == (START + DAY).date()]
    assert len(second) > 50
    for row in rows:
        if row not in second:
            assert row["kinds"] is None
            continue
        assert row["kinds"] == ["synopsis"]
        assert row["asset_propensities"] == [pytest.approx(1 / 3)]  # nothing was learnt yet
        assert row["assets"][0] in row["asset_candidates"][0]
    assert "synopses" not in reports[0]
    told, cell = reports[1]["synopses"]["live"], reports[1]["cells"]["live"]
    assert told["impressions"] == cell["impressions"]
    assert told["expected"] == pytest.approx(cell["expected"])
    assert told["best"] > 1.05 * told["even"] > 0
    assert 0.9 < told["expected"] / told["even"] < 1.1
    assert kinds_to_learn(out / "examples", 0.15)
    assert not kinds_to_learn(out / "examples", 0.9)


def test_a_day_that_is_repeated_is_the_same_day(place):
    reports = place[1]
    assert reports["again"] == reports[1]
    assert reports[1]["pages"] == {"live": reports[1]["pages"]["live"]}


def test_records_are_stamped_by_the_simulations_clock(place):
    out = place[0]
    decided = pq.read_table(out / "log" / "decisions")["time"].to_pylist()
    assert {time.date() for time in decided} == {START.date(), (START + DAY).date()}
    events = pq.read_table(out / "log" / "events").to_pylist()
    assert all(timedelta(0) <= row["received"] - row["time"] < 2 * DAY for row in events)
    assert any(row["received"] - row["time"] > DAY / 100 for row in events)


def test_truth_is_told_of_every_decision_that_was_rendered(place):
    out = place[0]
    files = sorted((out / "log" / "truth").rglob("_expected.parquet"))
    told = pa.concat_tables([pq.ParquetFile(file).read() for file in files])
    known = dict(zip(*(column.to_pylist() for column in told.columns), strict=True))
    assert len(known) == told.num_rows
    for row in pq.read_table(out / "examples").to_pylist():
        assert len(known[row["decision_id"]]) == len(row["candidates"])


def test_draws_are_worth_by_the_truth_what_they_earned(place):
    """Each counted once, with all looks at it: more than its impressions are worth one by one."""
    out, reports = place
    values = [
        draw_value(
            out / "visits" / f"sent-{day}.parquet", out / "log", f"day={START + day * DAY:%F}"
        )
        for day in (0, 1)
    ]
    rewards = pq.read_table(out / "examples", columns=["reward"])["reward"].to_pylist()
    assert sum(value.draws for value in values) == len(rewards)
    expected = sum(value.draws * value.expected for value in values)
    assert abs(sum(rewards) - expected) < 4 * np.sqrt(expected)
    live = [reports[day]["cells"]["live"] for day in (0, 1)]
    a_look = sum(cell["expected"] for cell in live) / sum(cell["impressions"] for cell in live)
    assert expected / len(rewards) > a_look


def decided(out, answered, policy, **options):
    """The probabilities that a file of the log's decisions gets, and those that were served."""
    log, bundle = out / "log" / "decisions", out / "bundles" / "current"
    record = decide_requests(
        log,
        answered,
        bundle,
        out / "catalogue",
        policy=policy,
        cache=out / "cache",
        foreign=True,
        **options,
    )
    served = pq.read_table(log)["probabilities"].to_pylist()
    assert record.requests == len(served)
    rows = pq.read_table(answered)["probabilities"].to_pylist()
    assert [len(row) for row in rows] == [len(row) for row in served]
    return [np.array(row) for row in rows], [np.array(row) for row in served]


def candidates_of(out):
    return pq.read_table(out / "log" / "decisions")["candidates"].to_pylist()


def test_a_file_of_requests_gets_the_probabilities_that_the_service_gave(place, tmp_path):
    for row, served in zip(*decided(place[0], tmp_path / "out", "thompson"), strict=True):
        np.testing.assert_allclose(row, served, atol=1e-6)


def test_a_file_of_requests_is_decided_by_the_policy_that_is_asked_for(place, tmp_path):
    evenly, greedily, exploring, bounded = (
        decided(place[0], tmp_path / policy, policy, **options)[0]
        for policy, options in (
            ("uniform", {}),
            ("greedy", {}),
            ("epsilon_greedy", {"epsilon": 0.3}),
            ("neural_ucb", {"epsilon": 0.3}),
        )
    )
    for even, sure, explores in zip(evenly, greedily, exploring, strict=True):
        np.testing.assert_allclose(even, 1 / len(even))
        assert np.isin(sure, (0, 1, 1 / 2, 1 / 3)).all()  # all on the best, or on those that tie
        assert sure.sum() == pytest.approx(1)
        np.testing.assert_allclose(explores, 0.7 * sure + 0.3 * even)
    for bound, even in zip(bounded, evenly, strict=True):
        best = (bound - 0.3 * even) / 0.7
        assert best.max() == pytest.approx(1)
        assert best.sum() == pytest.approx(1)
    assert any((one != other).any() for one, other in zip(exploring, bounded, strict=True))
    # It looks at whom it decides for: of the same candidates members get different ones.
    by_candidates = {}
    for names, sure in zip(candidates_of(place[0]), greedily, strict=True):
        by_candidates.setdefault(tuple(names), set()).add(tuple(sure))
    assert max(len(choices) for choices in by_candidates.values()) > 1


def test_requests_for_artwork_that_is_not_there_are_refused(place, tmp_path):
    out, asked, answered = place[0], tmp_path / "asked", tmp_path / "decided.parquet"
    kinds = pa.schema({"facts": FACTS, "candidates": pa.list_(pa.string())}.items())
    for candidates, complaint in ((["nobody"], "row 0 names artwork 'nobody'"), ([], "row 0 has")):
        row = {"facts": {"country": "NZ"}, "candidates": candidates}
        pq.write_table(pa.Table.from_pylist([row], kinds), asked)
        bundle, cache = out / "bundles" / "current", out / "cache"
        with pytest.raises(BadInput, match=complaint):
            decide_requests(asked, answered, bundle, out / "catalogue", cache=cache, foreign=True)
    assert not answered.exists()


EXPERIMENTS = """salt: loop
experiments:
  wide:
    control: live
    cells: {live: {share: 0.5}, even: {share: 0.5, policy: uniform, train: no}}
    ramp: {cell: even, steps: [0.5, 1], days: 1}
    who: me
    why: a test
"""


def test_nights_move_ramps_and_write_rules_that_days_go_by(place, tmp_path):
    out, asked = place[0], tmp_path / "asked.yaml"
    asked.write_text(EXPERIMENTS)
    steering = Steering(None, asked, probation=True)
    commands = Commands(out / "commands.log", out / "clock")
    nights = SteeredNights(tmp_path, out / "catalogue", out / "examples", steering, commands)
    nights.begin()
    assert nights.steps == ["probation", "ramp"]
    said = nights.probation((START + 3 * DAY).date())
    assert read_rules(nights.rules).rules == () or said["rules"] > 0
    for night in (3, 3, 4):  # a loop that was killed does a night twice
        [moved] = nights.ramp((START + night * DAY).date())
        assert (moved["phase"], moved["share"]) == ("running", 0.5)
    service = {name: out / name for name in ("bundles", "catalogue", "cache")} | nights.options
    log = {"log": tmp_path / "log", "deadline-ms": 20_000, "foreign": "true"}
    with commands.service(service | log) as url:
        folders = {"clock": out / "clock", "out": tmp_path / "visits", "log": tmp_path / "log"}
        few = {"members": 30, "decisions": 60, "seed": 3, "map_share": 0.0, "say_cells": False}
        report = visit(url, str(out / "catalogue"), 3, **folders, **few)
    assert set(report["pages"]) == {"live"}
    roll(tmp_path / "log")
    cells = set(pq.read_table(tmp_path / "log" / "decisions")["cell"].to_pylist())
    assert cells == {"wide:live", "wide:even"}


def test_a_loop_that_steers_by_nothing_is_as_it_was(tmp_path):
    assert Steering().record() == {}
    commands = Commands(tmp_path / "log")
    nights = SteeredNights(tmp_path, tmp_path, tmp_path / "examples", Steering(), commands)
    nights.begin()
    assert (nights.steps, nights.options, nights.learnt()) == ([], {}, tmp_path / "examples")
    with pytest.raises(BadInput, match=r"none\.yaml cannot be read"):
        Steering(experiments=tmp_path / "none.yaml").check()


def asked_and_joined(facts, joined):
    asked = pa.table({"decision_id": ["d"], "facts": [json.dumps(facts)]})
    return asked, pa.table({"decision_id": ["d"], "facts": pa.array([joined], FACTS)})


GIVEN = {"country": "NZ", "tenure_days": 30.5, "watched_genres": {"noir": 2.0}}
SAME = GIVEN | {"watched_genres": [("noir", 2.0)]}


@pytest.mark.parametrize(
    ("joined", "skewed"),
    [
        (SAME, 0),
        (SAME | {"device": "tv", "row": 2}, 0),  # what only the impression knew
        (SAME | {"country": "FR"}, 1),
        (SAME | {"tenure_days": 31.0}, 1),
        (SAME | {"watched_genres": [("noir", 3.0)]}, 1),
    ],
)
def test_a_feature_that_training_computes_otherwise_is_counted(joined, skewed):
    assert skewed_rows(SPEC, *asked_and_joined(GIVEN, joined)) == skewed


def test_a_step_that_is_refused_says_why(tmp_path):
    commands, none = Commands(tmp_path / "log", tmp_path / "clock"), tmp_path / "none"
    with pytest.raises(BadInput, match=r"ended with 2(.|\n)*there is no"):
        commands.run("-m", "data", "check", options={"path": none, "catalogue": none})


def test_a_service_that_cannot_start_is_not_waited_for(tmp_path):
    commands = Commands(tmp_path / "log", tmp_path / "clock")
    with (
        pytest.raises(RuntimeError, match="did not become ready"),
        commands.service({"no-such-option": 1}),
    ):
        pass


HISTORY = {"day": 0, "offline": {"bundle": "first", "value": 0.1, "low": 0.05, "high": 0.2}}
COUNTED = {"served": 95, "logged": 94, "rendered": 91, "joined": 90, "doubled": 2, "skewed": 1}
LIVE_DAY = {
    "day": 1,
    "cells": {
        "live": {
            "impressions": 90.0,
            "takes": 9.0,
            "expected": 10.0,
            "regret": 5.0,
            "uniform_regret": 10.0,
        }
    },
    "impressions": 90.0,
    "artwork_changed": 9,
    "pages": {"live": 9, "shed": 1},
    "offline": {"bundle": "second"},
    "online": {"draws": 80, "expected": 0.1111},
    "counts": COUNTED,
}


def test_the_table_has_a_line_a_live_day():
    table = days_table([HISTORY, LIVE_DAY])
    assert table.row_count == 1
    cells = [next(iter(column.cells)) for column in table.columns]
    assert cells[2:6] == ["0.1000", "–", "50.0", "0.1111"]
    assert cells[7:10] == ["yes", "10%", "1/10"]


def test_the_summary_says_what_was_lost_doubled_and_skewed():
    assert summary([HISTORY, LIVE_DAY]) == {
        "regret_per_impression": [5 / 90],
        "bundles_published": 2,
        "days_held_by_offline_interval": 1,
        "lost": 2,
        "doubled": 2,
        "skewed": 1,
    }
