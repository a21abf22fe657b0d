"""Kinds from a live page to its log, to examples, to what is learnt of them, and back to a page.

A small world whose synopses matter; one bundle before anything was learnt of them, one after.
"""

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from data.assets.assets import Assets
from data.bundle import Bundle
from data.catalogue import Catalogue
from data.days import day_number
from data.errors import BadInput
from data.examples.stream import ExampleStream
from data.join.join import join
from data.log import PageRecords, decode, encode_page
from data.log.parquet import append_table
from data.records import EVENTS
from evaluate.kinds.before import learnt_beside
from evaluate.kinds.combination import combination
from evaluate.kinds.command import kinds
from evaluate.kinds.estimate import judge_kinds
from evaluate.kinds.of_examples import logged_kinds
from evaluate.ope.bootstrap import Bootstrap
from evaluate.policies.bundle_scores import open_bundle_scores
from evaluate.policies.read_examples import read_examples
from evaluate.report.report import Sources, report_on
from export.graphs.with_part import with_part
from serve.live.load_model import load_live
from serve.live.page_request import PageRequest
from serve.live.request_facts import facts_array
from serve.pictures.asked import AskedKinds
from serve.scoring.asset_bank import AssetBank
from simulate.kinds.told_world import ToldWorld
from simulate.world.artwork_world import ArtworkWorld

TODAY = date(2026, 1, 10)
ASKED = AskedKinds(("synopsis",), ())
MEMBERS = 400


@pytest.fixture(scope="module")
def place(story, tmp_path_factory):
    """The story's catalogue with synopses beside its artwork."""
    folder = tmp_path_factory.mktemp("kinds")
    shutil.copytree(story.root / "catalogue", folder / "catalogue")
    ToldWorld.make(ArtworkWorld.read(folder / "catalogue", MEMBERS, 11), 0.5, 1).assets().write()
    return folder


def live(place, bundle):
    return load_live(Path(bundle), place / "catalogue", place / "cache", TODAY)


def decided(model, world, nonce=0):
    """A page of every title for every member, as logged."""
    rows = world.members.facts.to_pylist()
    facts = facts_array(rows)
    titles, tables = model.layout.title_ids.tolist(), []
    for who, name in enumerate(world.members.profile_ids):
        page = PageRequest(name, titles, day_number(TODAY), nonce, {}, fresh=True, beside=ASKED)
        [made] = model.decide([page], facts.slice(who, 1))
        shared = {
            **{"time": day_number(TODAY) * 86_400_000_000 + who, "profile_id": name},
            **{"facts": rows[who], "policy": "thompson", "bundle": model.policy.bundle},
            **{"cell": None, "level": "personalised"},
        }
        tables.append(encode_page("decisions", PageRecords(shared, model.logged(made))))
    return decode("decisions", tables)


def told_of(place):
    return ToldWorld.make(ArtworkWorld.read(place / "catalogue", MEMBERS, 11), 0.5, 1)


@pytest.fixture(scope="module")
def logged(place, planted):
    """What was decided before anything was learnt, and what came of it."""
    bundle, told = planted([[1.0], [0.5], [1.0], [0.2]], epsilon=0.3), told_of(place)
    decisions = decided(live(place, bundle), told.world)
    append_table(place / "log", "decisions", decisions, "a")
    catalogue, rng = told.world.truth.catalogue, np.random.default_rng(0)
    row_of = {name: row for row, name in enumerate(catalogue.artwork_ids)}
    titles = {name: row for row, name in enumerate(catalogue.title_ids)}
    title = np.array([titles[name] for name in decisions["title_id"].to_pylist()])
    artwork = np.array([row_of[name] for name in decisions["action"].to_pylist()])
    place_of = np.array([int(of[0][-1]) for of in decisions["assets"].to_pylist()])
    who = np.repeat(np.arange(MEMBERS), len(decisions) // MEMBERS)
    chance = told.takes(who, title, artwork[:, None])[np.arange(len(who)), 0, place_of]
    taken = rng.random(len(who)) < chance
    events = []
    for row, one in enumerate(decisions.select(["decision_id", "time", "profile_id"]).to_pylist()):
        same = {**one, "schema_version": 2, "received": one["time"]}
        same["title_id"] = int(decisions["title_id"][row].as_py())
        events.append({**same, "kind": "impression", "event_id": f"i{row}"})
        if taken[row]:
            events.append({**same, "kind": "progress", "event_id": f"p{row}", "minutes": 500.0})
    append_table(place / "log", "events", pa.Table.from_pylist(events, EVENTS), "a")
    later = datetime(2026, 2, 1, tzinfo=UTC)
    join(place / "log", place / "catalogue", place / "examples", now=later)
    return bundle


def judged(place, bundle, catalogue=None):
    told = {"cache": place / "cache", "resamples": 200}
    return kinds(place / "examples", bundle, catalogue or place / "catalogue", **told)


def test_a_log_judges_the_policy_that_made_it_as_what_it_earned(place, logged):
    report = judged(place, logged)
    assert report.decisions == MEMBERS * 10
    assert set(report.adds) == {"artwork", "synopsis"}
    assert report.target["ips"].value == pytest.approx(report.logged.value, abs=1e-7)
    assert report.target["ips"].ess == pytest.approx(report.decisions, rel=1e-6)
    assert report.adds["synopsis"].value == pytest.approx(0, abs=1e-9)  # drawn evenly


@pytest.fixture(scope="module")
def taught(place, logged):
    """A bundle that has learnt from the log, but for what is held out, as a training does."""
    catalogue, said = Catalogue.read(place / "catalogue"), []
    stream = ExampleStream(place / "examples")
    examples = read_examples(place / "examples", catalogue).sort_by("time")
    later = examples.slice(len(examples) - 400)
    log = (Path(logged), stream, catalogue, str(place / "cache"), later, said.append)
    held = Bundle.open(logged)
    assert learnt_beside(*log, rows=None, kinds=None, of=str(held.root)) == []  # it has none
    [(name, write)] = learnt_beside(*log, rows=False, kinds=True)
    folder = with_part(held, name, write, place / "bundles", held.bundle_id)
    again = Bundle.open(folder).asset_terms()
    assert again is not None
    assert again.kinds == ("synopsis",)
    assert again.said["examples"] == len(examples) - 400
    assert f"{len(examples) - 400:,} examples" in said[0]
    # A night that goes on from it learns kinds anew, unless it is told not to.
    assert len(learnt_beside(*log, rows=None, kinds=None, of=str(folder))) == 1
    assert learnt_beside(*log, rows=None, kinds=False, of=str(folder)) == []
    return folder


def test_what_is_learnt_earns_more_and_live_decides_by_it_as_it_is_judged(place, logged, taught):
    told, catalogue = told_of(place), Catalogue.read(place / "catalogue")
    decisions = decided(live(place, taught), told.world, nonce=1)
    scored = open_bundle_scores(taught, catalogue, place / "cache")
    bank = AssetBank.of(scored.scorer.asset_terms, Assets.read(catalogue))
    rows = decisions.append_column("reward", pa.array(np.zeros(len(decisions))))
    found = logged_kinds(rows, scored, bank, catalogue, scored.policy())
    assert found.left_out == 0
    for part in found.decisions:
        np.testing.assert_allclose(part.target, part.logged, atol=1e-6)
    # By the world's own truth: a synopsis that was learnt, beside one that is drawn evenly.
    names = {name: row for row, name in enumerate(catalogue.artwork_ids)}
    titles = {name: row for row, name in enumerate(catalogue.title_ids)}
    title = np.array([titles[name] for name in decisions["title_id"].to_pylist()])
    artworks = np.array([[names[n] for n in of] for of in decisions["candidates"].to_pylist()])
    who = np.repeat(np.arange(MEMBERS), len(decisions) // MEMBERS)
    values = told.takes(who, title, artworks)
    chances = np.array(decisions["combinations"].to_pylist()).reshape(values.shape)
    worth = (values * chances).sum((1, 2)).mean()
    even = (values.mean(2) * chances.sum(2)).sum(1).mean()
    assert worth > 1.01 * even
    # And the log that this policy would make says what the first one would have earned.
    rng, row = np.random.default_rng(1), np.arange(len(who))
    actions, chosen = decisions["action"].to_pylist(), decisions["assets"].to_pylist()
    at = [
        of.index(one) for of, one in zip(decisions["candidates"].to_pylist(), actions, strict=True)
    ]
    taken = rng.random(len(who)) < values[row, at, [int(of[0][-1]) for of in chosen]]
    rows = rows.set_column(rows.num_columns - 1, "reward", pa.array(taken.astype(float)))
    scored = open_bundle_scores(logged, catalogue, place / "cache")
    bank = AssetBank.of(None, Assets.read(catalogue))
    before = logged_kinds(rows, scored, bank, catalogue, scored.policy()).decisions
    truth = (values * before[0].target).sum((1, 2)).mean()
    estimate = judge_kinds(before, Bootstrap(200, 0)).target["pi2"]
    assert truth == pytest.approx(even, rel=0.05)
    assert estimate.low < truth < estimate.high


def test_the_report_says_what_each_kind_adds(place, logged, taught, tmp_path):
    for bundle, words in ((logged, "draws them evenly"), (taught, "choice of synopsis adds")):
        out = tmp_path / "report.html"
        told = Sources(str(place / "examples"), str(bundle), str(place / "catalogue"))
        told = replace(told, cache=str(place / "cache"))
        findings = report_on(told, str(out), None, Bootstrap(50, 0))
        record = findings.summary()["kinds"]
        assert record is not None
        assert record["decisions"] == MEMBERS * 10
        assert record["learnt"] == (bundle is taught)
        assert set(record["adds"]) == {"artwork", "synopsis"}
        assert words in out.read_text()


def test_a_catalogue_without_the_logs_assets_is_refused_by_name(place, logged, story):
    with pytest.raises(BadInput, match=r"-synopsis-\d.*not in assets.parquet"):
        judged(place, logged, story.root / "catalogue")


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("assets", [], "kinds and assets differ in length"),
        ("combinations", [0.5, 0.5], "not one probability for each"),
        ("assets", ["nothing"], "none of its candidates"),
        ("combinations", [1 / 24] * 12, "do not sum to one"),
        ("combinations", [float("nan")] * 12, "no probabilities"),
        ("combinations", [None] * 12, "no probabilities"),
        ("combinations", [1.5, -0.5, *[0.0] * 10], "no probabilities"),
        ("kinds", [None], "names its kinds"),
        ("asset_candidates", [None], "none of its candidates"),
    ],
)
def test_an_example_that_contradicts_itself_is_refused(place, logged, column, value, words):
    catalogue = Catalogue.read(place / "catalogue")
    examples = read_examples(place / "examples", catalogue).slice(0, 40)
    values = examples[column].to_pylist()
    values[3] = value
    at = examples.column_names.index(column)
    wrong = examples.set_column(at, column, pa.array(values, examples[column].type))
    scored = open_bundle_scores(logged, catalogue, place / "cache")
    bank = AssetBank.of(None, Assets.read(catalogue))
    with pytest.raises(BadInput, match=words):
        logged_kinds(wrong, scored, bank, catalogue, scored.policy())


def test_examples_without_kinds_are_told_so(story, good):
    with pytest.raises(BadInput, match="ask pages for `kinds`"):
        kinds(story.root / "examples", good, story.root / "catalogue")
    with pytest.raises(BadInput, match="--bundle BUNDLE"):
        kinds(story.root / "examples")


def test_the_command_shows_what_a_synopsis_adds(story, good, tmp_path):
    told = {"decisions": 1500, "visits": 60, "members": 100, "cache": tmp_path}
    found = combination(good, story.root / "catalogue", **told)
    assert found["even"] < found["best"]
    assert found["gain"] == pytest.approx(found["together"] / found["artwork"] - 1)
    with pytest.raises(BadInput, match="--visits 0"):
        combination(good, story.root / "catalogue", visits=0)
