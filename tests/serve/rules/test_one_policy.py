"""Rules are part of the policy: the same decisions, whoever makes them, and all of it logged."""

import asyncio
import os
import shutil

import httpx
import numpy as np
import pytest

from bandit.choice import choose, uniforms
from bandit.draws import Epochs
from data import clock
from data.check.command import check
from data.check.draws import problems_of_draws
from data.log.precompute_runs import FolderRuns
from data.records import RULED_DECISIONS
from serve.live.app import live_app
from serve.live.recorder import DurableLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from serve.maps.lmdb_store import LmdbStore
from serve.precompute.spark import precompute_spark
from serve.precompute.work import Work
from serve.scoring.candidate_bank import Bank
from tests.serve.precompute.test_precompute import all_maps, logged, run, shown
from tests.serve.rules.rules_world import NOON, land, lands, rules_of
from tests.serve.world import (
    DAY,
    Members,
    make_facts,
    make_layout,
    make_model,
    make_policy,
    make_vectors,
)

COMPARED = (
    *("decision_id", "profile_id", "title_id", "candidates", "action", "propensity"),
    *("probabilities", "seed", "level", "epoch", "fingerprint", "layout", "rules"),
)
MEMBERS = 60


def rows(log):
    table = (
        logged(log)
        .select(COMPARED)
        .sort_by([("profile_id", "ascending"), ("title_id", "ascending")])
    )
    return table.combine_chunks()


@pytest.fixture(scope="module")
def layout():
    return make_layout()


@pytest.fixture(scope="module")
def ruled(layout):
    return rules_of(layout)


@pytest.fixture
def precomputed(tmp_path, layout, ruled):
    """Rows of a first run of precompute, with its maps."""
    store = LmdbStore(tmp_path / "maps", size=1 << 26)
    run(store, tmp_path / "log", facts=lands(MEMBERS), now=lambda: NOON / 1e6, ruled=ruled)
    table = rows(tmp_path / "log")
    yield store, table
    store.close()


@pytest.fixture
def noon(tmp_path, monkeypatch):
    clock.turn(tmp_path / "clock", NOON)
    monkeypatch.setenv(clock.VARIABLE, str(tmp_path / "clock"))
    clock._face.cache_clear()
    yield tmp_path / "clock"
    clock._face.cache_clear()


def answers(folder, ruled, pages, store=None):
    """What the live service answers, and logs."""
    (folder / "bundle").mkdir()
    (folder / "bundle" / "manifest.json").touch()
    source = ModelSource(folder / "bundle", lambda _: make_model("bundle-1").with_rules(ruled))

    async def ask():
        live = LiveService(source, DurableLog(folder / "log-live"), store, deadline=60.0)
        transport = httpx.ASGITransport(live_app(live))
        async with httpx.AsyncClient(transport=transport, base_url="http://live") as client:
            await live.start()
            got = [(await client.post("/v1/decide", json=page)).json() for page in pages]
            await live.stop()
        return got

    return asyncio.run(ask())


def page(member, layout, **facts):
    known = {"country": land(member), "tenure_days": float(member)} | facts
    titles = layout.title_ids.tolist()
    return {
        "profile_id": f"profile-{member:04d}",
        "title_ids": titles,
        "facts": {name: value for name, value in known.items() if value is not None},
        "day": DAY,
    }


def test_the_log_holds_what_was_drawn_after_rules(precomputed, layout, tmp_path):
    _, table = precomputed
    title = layout.title_ids.tolist()
    assert logged(tmp_path / "log").schema.names == RULED_DECISIONS.names
    seen = dict.fromkeys(("personalised", "pinned"), 0)
    for row in table.to_pylist():
        member, slot = int(row["profile_id"][-4:]), title.index(row["title_id"])
        names = [name.split("-")[1] for name in row["candidates"]]
        every = [str(rank) for rank in range(1 + slot % 6)]
        gone, rules = set(), []
        if slot in (4, 5) and land(member) != "FR":  # Germany, or it may be
            gone.add("0")
            rules.append("germany")
        if slot == 5:
            rules.append("licence")
            gone |= {"5"} if land(member) != "FR" else set()
        if slot == 11:  # a map may be shown at home
            gone.add("0")
            rules.append("home")
        assert names == [rank for rank in every if rank not in gone]
        chances = np.array(row["probabilities"])
        assert len(chances) == len(names)
        assert chances.sum() == pytest.approx(1)
        if slot == 3 and land(member) == "DE":
            assert (row["level"], row["propensity"], row["action"][-2:]) == ("pinned", 1.0, "-1")
            rules.append("week")
        elif slot == 9:
            assert chances[2] >= 0.3
            rules.append("new")
        elif slot == 10:
            assert (chances[1::2] <= 0.05).all()
            rules.append("shy")
        seen[row["level"]] += 1
        if len(gone) == 0 and slot == 5:
            assert row["rules"] is None or row["rules"] == ["licence"]
        else:
            assert (row["rules"] or []) == rules
        drawn = uniforms(np.array([row["seed"]], np.uint64))
        at = int(choose(chances[None], drawn)[0])
        assert (row["candidates"][at], chances[at]) == (row["action"], row["propensity"])
    assert seen["pinned"] == MEMBERS / 3
    assert check(tmp_path / "log").problems == []


def test_maps_name_the_draws_that_were_logged(precomputed, layout):
    store, table = precomputed
    by_id = {row["decision_id"]: row for row in table.to_pylist()}
    named = shown(store, layout)
    assert len(named) == len(by_id) == MEMBERS * 12
    for (profile, title), (artwork, name, propensity, goes_on) in named.items():
        row = by_id[name]
        assert (row["profile_id"], row["title_id"], row["action"]) == (profile, title, artwork)
        assert row["propensity"] == propensity
        assert goes_on


def test_processes_write_the_same_bytes(precomputed, layout, ruled, tmp_path):
    store, table = precomputed
    other = LmdbStore(tmp_path / "other", size=1 << 26)
    options = {"now": lambda: NOON / 1e6, "ruled": ruled, "workers": 2}
    run(other, tmp_path / "log-2", facts=lands(MEMBERS), **options)
    assert all_maps(store) == all_maps(other)
    assert rows(tmp_path / "log-2").equals(table)
    other.close()


def test_the_live_service_makes_the_same_draws(precomputed, layout, ruled, noon, tmp_path):
    _, table = precomputed
    pages = [page(member, layout) for member in range(MEMBERS)]
    got = answers(tmp_path, ruled, pages)
    assert rows(tmp_path / "log-live").equals(table)
    levels = {d["decision_id"]: d["level"] for answer in got for d in answer["decisions"]}
    assert levels == dict(
        zip(table["decision_id"].to_pylist(), table["level"].to_pylist(), strict=True)
    )
    assert {answer["logged"] for answer in got} == {True}


@pytest.mark.filterwarnings("ignore")  # pyspark's own, at import and at shutdown
def test_spark_makes_the_same_draws(precomputed, layout, ruled, tmp_path):
    if shutil.which("java") is None:
        assert os.environ.get("CI") != "true", "java is not installed: CI needs it"
        pytest.skip("java is not installed")
    store, table = precomputed
    other = LmdbStore(tmp_path / "spark", size=1 << 26)
    bank = Bank.of(layout, make_vectors(layout))
    work = Work(Members(), bank, layout, make_policy(), DAY, True, block=8, ruled=ruled)
    runs = FolderRuns(tmp_path / "log-spark")
    precompute_spark(work, lands(MEMBERS), other, runs, now=lambda: NOON / 1e6, master="local[2]")
    assert all_maps(store) == all_maps(other)
    assert rows(tmp_path / "log-spark").equals(table)
    other.close()


def test_a_page_goes_on_with_the_maps_draws_under_the_same_rules_alone(
    precomputed, layout, ruled, noon, tmp_path
):
    store, table = precomputed
    its = {row["title_id"]: row for row in table.to_pylist() if row["profile_id"] == "profile-0001"}
    there, away = answers(
        tmp_path,
        ruled,
        [page(1, layout), page(1, layout, surface="gallery")],
        store,
    )
    assert {d["title_id"]: d["decision_id"] for d in there["decisions"]} == {
        title: row["decision_id"] for title, row in its.items()
    }
    changed = {
        d["title_id"]
        for d in away["decisions"]
        if d["decision_id"] != its[d["title_id"]]["decision_id"]
    }
    assert changed == {layout.title_ids.tolist()[11]}  # what home may not see, a gallery may


def test_without_rules_all_is_as_it_was(layout, tmp_path):
    """Bytes of maps, files and rows: rules that have nothing to do leave nothing behind."""
    never = rules_of(layout, never=NEVER.format(layout.title_ids[5]))
    stores = []
    for name, rules in (("plain", None), ("empty", never)):
        store = LmdbStore(tmp_path / name, size=1 << 26)
        run(store, tmp_path / f"log-{name}", now=lambda: NOON / 1e6, ruled=rules)
        [file] = [f.read_bytes() for f in sorted((tmp_path / f"log-{name}" / "runs").iterdir())[:1]]
        stores.append((all_maps(store), file))
        store.close()
    assert stores[0] == stores[1]


NEVER = "effect: deny\nabout: {{title: {}, text_language: de}}\nuntil: 2001-01-01T00:00Z"


def test_draws_of_two_days_are_conditional_on_each_other(layout, ruled, tmp_path):
    """Rules that change, with stickiness: every draw's probabilities sum up, and weights to 1."""
    store = LmdbStore(tmp_path / "maps", size=1 << 26)
    other = rules_of(
        layout,
        more=f"effect: deny\nabout: {{artwork: {layout.title_ids[8]}-0}}",
        new=f"effect: floor\nshare: 0.2\nabout: {{artwork: {layout.title_ids[9]}-0}}",
    )
    facts, epochs = lands(300), Epochs(1, 0.5)
    for at, rules in enumerate((ruled, None, other)):
        moment = NOON / 1e6 + at * 86_400
        options = {"now": lambda moment=moment: moment, "ruled": rules, "day": DAY + at}
        run(store, tmp_path / "log", facts=facts, epochs=epochs, **options)
    store.close()
    table = logged(tmp_path / "log").to_pylist()
    assert len(table) == 3 * 300 * 12
    weights = [
        1 / (row["propensity"] * len(row["candidates"]))
        for row in table
        if row["level"] == "personalised" and len(row["candidates"]) > 1
    ]
    assert np.mean(weights) == pytest.approx(1, abs=4 * np.std(weights) / len(weights) ** 0.5)
    assert list(problems_of_draws(tmp_path / "log")) == []
    sticky = [row for row in table if row["rules"] == ["more"]]
    assert len(sticky) == 300
    assert all(max(row["probabilities"]) > 0.5 for row in sticky if row["propensity"] > 0.5)


def test_a_rule_opens_new_draws_for_everybody_of_its_titles_and_for_nobody_else(layout, tmp_path):
    """Whatever they were shown: else what went would have been shown for a shorter time."""
    store = LmdbStore(tmp_path / "maps", size=1 << 26)
    facts, runs = make_facts(200), []
    slot, gone = 8, f"{layout.title_ids[8]}-0"
    deny = rules_of(layout, gone=f"effect: deny\nabout: {{artwork: {gone}}}")
    for at, rules in enumerate((None, deny, deny, None)):
        moment = NOON / 1e6 + at
        run(store, tmp_path / "log", facts=facts, now=lambda m=moment: m, ruled=rules)
        runs.append(shown(store, layout))
    store.close()
    title = int(layout.title_ids[slot])
    for before, after, anew in ((0, 1, True), (1, 2, False), (2, 3, True)):
        same = {key: runs[before][key][1] == runs[after][key][1] for key in runs[before]}
        assert all(same[key] for key in same if key[1] != title)
        assert all(same[key] != anew for key in same if key[1] == title)
    assert not any(runs[1][key][0] == gone for key in runs[1])
    back = [runs[3][key][0] == gone for key in runs[3] if key[1] == title]
    assert 0 < sum(back) < len(back)
