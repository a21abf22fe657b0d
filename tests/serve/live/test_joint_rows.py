"""Live pages decided as rows: exact propensities, one draw a row, and pages in the log."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from bandit.rules.book import MOST_EFFECTS
from data.bundle.manifest import Calibration
from data.log import PageRecords
from data.log.records import decode, encode_page
from serve.live.fallbacks import Fallbacks
from serve.live.page_request import PageRequest
from serve.live.recorder import NoLog
from serve.live.shown.joint_rows import JointRows
from serve.rules.asked import AskedArtwork
from tests.serve.precompute.test_precompute import run
from tests.serve.rules.rules_world import NOON, land, lands, rules_of
from tests.serve.world import DAY, Members, make_facts, make_layout, make_model

FACTS = make_facts(3)["facts"].combine_chunks()
LAYOUT = make_layout()
TITLES = LAYOUT.title_ids.tolist()


def rows_of(strength, rank=3, seed=0):
    rng = np.random.default_rng(seed)
    counts, heads = LAYOUT.counts, Members().heads
    return JointRows(
        rng.normal(size=(len(counts), counts.max(), rank)).astype(np.float32),
        (strength * rng.normal(size=(heads, rank, rank))).astype(np.float32),
        np.zeros((len(counts), 0), np.float32),
        Calibration(-1.0, 1.0),
    )


def model_of(strength=1.0):
    return replace(make_model(), joint=rows_of(strength), paged=True)


def page(titles=TITLES, who=0, nonce=1, day=DAY, **more):
    return PageRequest(f"profile-{who:04d}", titles, day, nonce=nonce, facts={}, **more)


def decided(model, *pages):
    return model.decide(list(pages), FACTS.slice(0, len(pages)))


def test_a_page_is_one_draw_and_another_order_is_another():
    model = model_of()
    [one] = decided(model, page())
    [again] = decided(model, page(nonce=2))
    assert again.decision_ids == one.decision_ids
    assert len(set(one.epochs)) == 1
    [turned] = decided(model, page(TITLES[::-1]))
    assert not set(turned.decision_ids) & set(one.decision_ids)
    assert not set(turned.seeds) & set(one.seeds)
    [fewer] = decided(model, page(TITLES[:-1]))
    assert not set(fewer.seeds) & set(one.seeds)
    [fresh] = decided(model, page(fresh=True))
    assert not set(fresh.seeds) & set(one.seeds)


def test_a_page_is_the_same_alone_and_in_a_batch_of_other_lengths():
    model = model_of()
    pages = [page(TITLES, 0), page(TITLES[3:6], 1), page(TITLES[2:3], 2)]
    together = decided(model, *pages)
    for at, one in enumerate(pages):
        [alone] = model.decide([one], FACTS.slice(at, 1))
        assert alone.decision_ids == together[at].decision_ids
        assert alone.propensities == together[at].propensities
        assert alone.alone == pytest.approx(together[at].alone, abs=1e-12)


def test_the_choices_of_many_members_fall_as_often_as_their_propensities_say():
    model, titles, pages = model_of(2.0), TITLES[3:6], 3000
    made = [page(titles, 0, nonce, fresh=True) for nonce in range(pages)]
    facts = FACTS.take(np.zeros(pages, np.int64))
    found = model.decide(made, facts)
    shown = np.array([one.ordinals for one in found])
    weights = 1 / np.array([one.propensities for one in found]).prod(1)
    rows = LAYOUT.counts[[LAYOUT.slot_of[t] for t in titles]].prod()
    error = weights.std() / weights.mean() / np.sqrt(pages)
    assert abs(weights.mean() / rows - 1) < 5 * error
    for slot in range(3):
        said = np.array([one.alone[slot] for one in found])
        for ordinal in np.unique(shown[:, slot]):
            mine = shown[:, slot] == ordinal
            p = said[mine][0]
            assert abs(mine.mean() - p) < 5 * np.sqrt(p * (1 - p) / pages) + 1e-9


def test_neighbours_change_what_is_shown_and_only_where_they_matter():
    [alone] = decided(replace(model_of(), joint=None), page())
    [beside] = decided(model_of(3.0), page())
    assert max(abs(a - b) for a, b in zip(alone.propensities, beside.alone, strict=True)) > 0.1


def test_without_a_pair_term_a_page_is_decided_as_ever_and_says_its_neighbours():
    [plain] = decided(make_model(), page())
    [paged] = decided(replace(make_model(), paged=True), page())
    assert plain._replace(probabilities=0) == paged._replace(probabilities=0, alone=())
    assert np.array_equal(plain.probabilities, paged.probabilities)
    assert paged.alone == paged.propensities


def logged(model, decisions):
    shared = {
        **{"time": DAY * 86_400_000_000, "profile_id": "p", "facts": {}, "policy": "thompson"},
        **{"bundle": "b", "cell": None, "level": "personalised"},
    }
    return encode_page("decisions", PageRecords(shared, model.logged(decisions)))


def test_the_log_says_page_slot_neighbours_and_both_probabilities():
    model = model_of()
    [one, two] = decided(model, page(), page(TITLES[2:5], 1))
    table = decode("decisions", [logged(model, one), logged(model, two)])
    rows = table.to_pylist()
    first, second = rows[: len(TITLES)], rows[len(TITLES) :]
    assert len({row["page_id"] for row in first}) == 1
    assert first[0]["page_id"] != second[0]["page_id"]
    assert [row["page_slot"] for row in first] == list(range(len(TITLES)))
    shown = [row["action"] for row in first]
    assert [row["left_artwork"] for row in first] == [None, *shown[:-1]]
    assert [row["right_artwork"] for row in first] == [*shown[1:], None]
    for row in rows:
        at = row["candidates"].index(row["action"])
        assert row["probabilities"][at] == row["propensity"]
        assert 0 < row["slot_propensity"] <= 1
    assert first[0]["slot_propensity"] == pytest.approx(first[0]["propensity"])


def test_a_log_without_pages_has_no_columns_of_them():
    model = make_model()
    [one] = decided(model, page())
    table = decode("decisions", [logged(model, one)])
    assert "page_id" not in table.column_names


def test_at_most_so_many_of_a_page_are_alike_with_exact_propensities():
    free, titles = model_of(2.0), TITLES[2:6]
    assert free.joint is not None
    limited = replace(free, joint=replace(free.joint, most_alike=1))
    pages = 2000
    made = [page(titles, 0, nonce, fresh=True) for nonce in range(pages)]
    facts = FACTS.take(np.zeros(pages, np.int64))
    found = limited.decide(made, facts)
    seen = free.joint.coordinates / np.linalg.norm(free.joint.coordinates, axis=2, keepdims=True)
    slots = [LAYOUT.slot_of[title] for title in titles]
    near = {False: 0, True: 0}
    for model, decisions in ((False, free.decide(made, facts)), (True, found)):
        for one in decisions:
            ranks = np.array(one.ordinals) - LAYOUT.starts[slots]
            shown = seen[slots, ranks]
            near[model] += int((np.triu(shown @ shown.T, 1) >= 0.7).any())
    assert near[True] < near[False] / 4  # a slot of which nothing would be left keeps its choice
    # Rows that may be shown, each weighed by its propensity: as often as they say.
    rows = [(tuple(one.ordinals), float(np.prod(one.propensities))) for one in found]
    said = dict(rows)
    for one, chance in said.items():
        share = sum(other == one for other, _ in rows) / pages
        assert abs(share - chance) < 5 * np.sqrt(chance * (1 - chance) / pages) + 1e-9
    assert all(np.isnan(found[0].alone))
    [again] = limited.decide([page(titles)], FACTS.slice(0, 1))
    [other] = free.decide([page(titles)], FACTS.slice(0, 1))
    assert not set(again.seeds) & set(other.seeds)
    table = decode("decisions", [logged(limited, again)])
    assert table["slot_propensity"].null_count == len(titles)


def test_every_rule_holds_in_a_row_and_in_what_is_logged_of_it():
    model = model_of(2.0).with_rules(rules_of(LAYOUT))
    pages, facts = [], lands(60)["facts"].combine_chunks()
    for who in range(60):
        given = {"country": land(who), "surface": "home" if who % 2 else None}
        known = {name: value for name, value in given.items() if value}
        pages.append(page(TITLES, who)._replace(facts=known))
    found = model.decide(pages, facts, NOON)
    seen = set()
    for one, asked in zip(found, pages, strict=True):
        rows = decode("decisions", [logged(model, one)]).to_pylist()
        for row, slot in zip(rows, range(len(TITLES)), strict=True):
            assert row["action"] in row["candidates"]
            chances = dict(zip(row["candidates"], row["probabilities"], strict=True))
            assert sum(chances.values()) == pytest.approx(1)
            assert chances[row["action"]] == row["propensity"]
            seen |= {(rule, slot) for rule in row["rules"] or ()}
        country, home = asked.facts.get("country"), asked.facts.get("surface") == "home"
        by = {row["title_id"]: row for row in rows}
        if country == "DE":
            assert f"{TITLES[5]}-0" not in by[TITLES[5]]["candidates"]
            assert (by[TITLES[3]]["action"], by[TITLES[3]]["level"]) == (f"{TITLES[3]}-1", "pinned")
            assert by[TITLES[3]]["propensity"] == 1
        if home:
            assert f"{TITLES[11]}-0" not in by[TITLES[11]]["candidates"]
        floor = by[TITLES[9]]
        at = floor["candidates"].index(f"{TITLES[9]}-2")
        assert floor["probabilities"][at] >= 0.3 - 1e-12
        capped = by[TITLES[10]]
        dark = [
            p
            for name, p in zip(capped["candidates"], capped["probabilities"], strict=True)
            if int(name.rsplit("-", 1)[1]) % 2
        ]
        assert max(dark) <= 0.05 + 1e-12
        pieces = model.decisions_json(one)
        assert ('"level":"pinned"' in pieces[3]) == (country == "DE")
    assert {rule for rule, _ in seen} >= {"germany", "week", "new", "shy", "home"}


def test_a_page_of_too_many_pairs_is_decided_title_by_title_and_no_other_with_it(monkeypatch):
    model = model_of(2.0)
    assert model.joint is not None
    slot = Members().heads * int(LAYOUT.counts.max()) ** 2
    monkeypatch.setattr("serve.live.shown.joint_rows.MOST_PAIRS", 4 * slot)
    long, short = page(TITLES, 0), page(TITLES[2:6], 1)
    found = decided(model, long, short)
    [plain] = decided(replace(model, joint=None), long)
    assert found[0].decision_ids == plain.decision_ids
    [alone] = model.decide([short], FACTS.slice(1, 1))
    assert found[1].decision_ids == alone.decision_ids
    assert len(set(found[1].epochs)) == 1


def test_pages_decided_one_by_one_are_logged_by_their_own_effects_however_many_there_are(
    monkeypatch,
):
    model = model_of(2.0)
    slot = Members().heads * int(LAYOUT.counts.max()) ** 2
    monkeypatch.setattr("serve.live.shown.joint_rows.MOST_PAIRS", 4 * slot)
    model = model.with_rules(rules_of(LAYOUT))
    gone = [f"{TITLES[5]}-1", f"{TITLES[3]}-0"]
    long = page(TITLES, 0)._replace(asked=AskedArtwork({}, frozenset(gone[:1])))
    short = page(TITLES[2:6], 1)._replace(asked=AskedArtwork({}, frozenset(gone[1:])))
    book = model.rules.book
    model.decide([long, short], FACTS.slice(0, 2), NOON)
    for at in range(MOST_EFFECTS - len(book._places) - 1):
        book._places[(5, at.to_bytes(4), ())] = 0
    other = [long, short._replace(asked=AskedArtwork({}, frozenset([f"{TITLES[4]}-0"])))]
    found = model.decide(other, FACTS.slice(0, 2), NOON)
    assert len(book._places) >= MOST_EFFECTS
    for one, asked in zip(found, other, strict=True):
        for row in decode("decisions", [logged(model, one)]).to_pylist():
            assert row["action"] in row["candidates"]
            assert not set(row["candidates"]) & asked.asked.exclude
    model.decide([long], FACTS.slice(0, 1), NOON)
    assert len(book._places) < MOST_EFFECTS


def test_no_draw_of_a_map_goes_on_in_a_row(lmdb_store):
    run(lmdb_store)
    for model, goes_on in ((make_model(), True), (model_of(), False)):
        fallbacks = Fallbacks(SimpleNamespace(model=model), NoLog(), lmdb_store)
        asked = page(who=3)
        assert bool(asyncio.run(fallbacks.mapped(asked, model))) == goes_on
        assert asyncio.run(fallbacks.mapped(asked, model, ended=True))  # better than nothing
