"""Assets beside the artwork of live pages: exact propensities, masks, defaults and the log."""

import asyncio
from dataclasses import replace

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bandit.head_policy import HeadPolicy
from data.assets.assets import Assets
from data.bundle.asset_terms import AssetTerms
from data.days import date_of
from data.log import PageRecords, roll
from data.log.records import decode, encode_page
from serve.live.page_request import PageRequest, parse_page
from serve.live.recorder import DurableLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from serve.live.shown.page_assets import PageAssets
from serve.pictures.asked import AskedKinds
from serve.scoring.asset_bank import AssetBank
from tests.serve.assets_world import BARE, LAYOUT, TITLES_OF, catalogue, terms_for
from tests.serve.rules.rules_world import NOON, lands, rules_of
from tests.serve.world import DAY, Members, make_facts, make_model, make_vectors

FACTS = make_facts(3)["facts"].combine_chunks()
BOTH = AskedKinds(("synopsis", "evidence"), ())


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """With what was learnt of kinds, and before anything was."""
    assets, vectors = catalogue(tmp_path_factory.mktemp("catalogue")), make_vectors(LAYOUT)
    found = []
    for terms in (terms_for(assets), None):
        bank = AssetBank.of(terms, assets)
        beside = PageAssets.of(bank, assets, LAYOUT, vectors, date_of(DAY), "/i/")
        found.append(replace(make_model(), assets=beside))
    return found


def page(titles=TITLES_OF, who=0, nonce=1, asked=BOTH, **more):
    facts = {"watched_genres": {"crime": 3.0}}
    told = {"day": DAY, "nonce": nonce, "facts": facts, "beside": asked, **more}
    return PageRequest(f"profile-{who:04d}", titles, **told)


def decided(model, *pages, now=None):
    return model.decide(list(pages), FACTS.slice(0, len(pages)), now)


def logged(model, decisions):
    shared = {
        **{"time": DAY * 86_400_000_000, "profile_id": "p", "facts": {}, "policy": "thompson"},
        **{"bundle": "b", "cell": None, "level": "personalised"},
    }
    body = encode_page("decisions", PageRecords(shared, model.logged(decisions)))
    return decode("decisions", [body])


def test_a_page_that_asks_for_no_kinds_is_decided_and_logged_to_the_bit_as_without_assets(models):
    [plain] = decided(make_model(), page(asked=None))
    for model in models:
        [same] = decided(model, page(asked=None))
        assert plain._replace(probabilities=0) == same._replace(probabilities=0)
        assert model.decisions_json(same) == make_model().decisions_json(plain)
        assert logged(model, same).equals(logged(make_model(), plain))


def test_draws_among_other_assets_are_other_draws_whatever_they_fall_on(models):
    greedy = models[0].policy._replace(head_policy=HeadPolicy("greedy", 0.0))
    model, english = replace(models[0], policy=greedy), AskedKinds(BOTH.kinds, ("en",))
    [one], [other] = decided(model, page()), decided(model, page(asked=english))
    named = {}
    for made in (one, other):
        for name, title in zip(made.decision_ids[:-1], made.beside[:-1], strict=True):
            told = str(title.candidates), [each.asset_id for each in title.shown]
            assert named.setdefault(name, told) == told
    shown = [[[each.asset_id for each in t.shown] for t in p.beside[:-1]] for p in (one, other)]
    assert any(a == b for a, b in zip(*shown, strict=True))
    assert len(named) == 2 * len(TITLES_OF[:-1])


def test_the_artwork_is_that_of_a_page_without_kinds_and_every_propensity_is_in_the_log(models):
    model = models[0]
    [plain], [one] = decided(make_model(), page(asked=None)), decided(model, page())
    assert one.ordinals == plain.ordinals
    assert one.propensities == plain.propensities
    rows = logged(model, one).to_pylist()
    answers = [orjson.loads(piece) for piece in model.decisions_json(one)]
    assert rows[-1]["title_id"] == BARE
    assert rows[-1]["kinds"] is None
    assert "assets" not in answers[-1]
    for row, answer, name in zip(rows[:-1], answers, plain.decision_ids, strict=False):
        assert row["kinds"] == ["synopsis", "evidence"]
        assert row["decision_id"] == answer["decision_id"] != name
        joint = row["propensity"] * np.prod(row["asset_propensities"])
        assert row["joint_propensity"] == answer["joint_propensity"] == pytest.approx(joint)
        table = np.array(row["combinations"]).reshape(
            len(row["candidates"]), *map(len, row["asset_candidates"])
        )
        assert table.sum() == pytest.approx(1, abs=1e-12)
        np.testing.assert_allclose(table.sum((1, 2)), row["probabilities"], atol=1e-12)
        at = [row["candidates"].index(row["action"])]
        both = zip(row["asset_candidates"], row["assets"], strict=True)
        at += [candidates.index(asset) for candidates, asset in both]
        assert table[tuple(at)] == pytest.approx(row["joint_propensity"], rel=1e-9)
        for kind, asset in zip(row["kinds"], row["assets"], strict=True):
            assert answer["assets"][kind]["asset_id"] == asset
        text = answer["assets"]["evidence"]["text"]
        assert text in ("As much crime as you like", "With ann")


def test_assets_of_many_pages_fall_as_often_as_their_propensities_say(models):
    for model, pages in zip(models, (1200, 600), strict=True):
        made = [page(TITLES_OF[3:5], 0, nonce, fresh=True) for nonce in range(pages)]
        found = model.decide(made, FACTS.take(pa.array(np.zeros(pages, np.int64))))
        for place in range(2):
            said = {}
            shown = []
            for one in found:
                mine = one.beside[place]
                key = (one.ordinals[place], *(asset.asset_id for asset in mine.shown))
                said[key] = mine.joint
                shown.append(key)
            assert len(said) > 3
            for key, chance in said.items():
                share = shown.count(key) / pages
                assert abs(share - chance) < 5 * np.sqrt(chance * (1 - chance) / pages) + 1e-9


def test_what_was_not_learnt_is_drawn_evenly(models):
    [one] = decided(models[1], page(asked=AskedKinds(("synopsis",), ())))
    for title in one.beside[:-1]:
        assert [asset.propensity for asset in title.shown] == [pytest.approx(1 / 3)]


def test_languages_and_facts_say_what_is_a_candidate(models):
    asked = AskedKinds(("synopsis", "trailer", "evidence"), ("fr-CA",))
    [one] = decided(models[0], page(asked=asked)._replace(facts={}))
    for title in one.beside[:-1]:
        assert [asset.kind for asset in title.shown] == ["synopsis", "evidence"]
        assert title.shown[0].asset_id.endswith("-s1")
        assert title.shown[0].propensity == 1
        assert title.candidates[1] == [title.shown[1].asset_id]  # nothing watched: With {cast}
    [crime] = decided(models[0], page(asked=asked))
    counts = [len(title.candidates[1]) for title in crime.beside[:-1]]
    assert counts == [2 if at % 2 == 0 else 1 for at in range(len(counts))]


def test_the_order_of_kinds_and_what_they_may_show_are_draws_of_their_own(models):
    model = models[0]
    [one], [again] = decided(model, page()), decided(model, page(nonce=2))
    assert one.decision_ids == again.decision_ids
    turned = AskedKinds(("evidence", "synopsis"), ())
    [other] = decided(model, page(asked=turned))
    assert not set(other.decision_ids[:-1]) & set(one.decision_ids[:-1])
    assert [asset.kind for asset in other.beside[0].shown] == ["evidence", "synopsis"]
    [both, _] = decided(model, page(), page(TITLES_OF[:2], 1))
    assert both.decision_ids == one.decision_ids


def test_a_page_of_too_many_combinations_shows_the_default_of_the_last_kinds(models, monkeypatch):
    model = models[0]
    work = Members().heads * (len(TITLES_OF) - 1) * int(LAYOUT.counts.max()) * 3
    monkeypatch.setattr("serve.live.shown.page_assets.MOST_WORK", work)
    [one] = decided(model, page())
    for title in one.beside[:-1]:
        assert title.shown[1].propensity == 1
        assert len(title.candidates[1]) == 1
        assert len(title.candidates[0]) == 3


def test_a_title_of_ten_thousand_combinations_shows_the_default_of_its_last_kind(models, tmp_path):
    assets, title = catalogue(tmp_path), TITLES_OF[0]
    more = [
        {**row, "asset_id": f"{row['asset_id']}-{copy}", "language": language}
        for row in assets.rows.values()
        if row["title_id"] == title
        for copy, language in enumerate(["en", "fr", "pt"] + ["de"] * 40)
    ]
    table = pa.concat_tables([assets.table, pa.Table.from_pylist(more, assets.table.schema)])
    many = Assets(assets.catalogue, table)
    bank = AssetBank.of(models[0].assets.bank.terms, many)
    beside = PageAssets.of(bank, many, LAYOUT, make_vectors(LAYOUT), date_of(DAY))
    model = replace(make_model(), assets=beside)
    [one] = decided(model, page([title]))  # of 132 synopses and 88 lines of evidence
    assert [len(names) for names in one.beside[0].candidates] == [132, 1]
    # Who reads one language has few, whatever there is in others, and whatever else is shown.
    reading = AskedKinds(BOTH.kinds, ("pt",))
    [alone], [among] = decided(model, page([title], asked=reading)), decided(model, page())
    assert [len(names) for names in alone.beside[0].candidates] == [3, 4]
    assert len(among.beside[0].candidates[1]) == 1
    [whole] = decided(model, page(asked=reading))
    assert whole.decision_ids[0] == alone.decision_ids[0]
    assert whole.beside[0].shown == alone.beside[0].shown


def test_under_rules_the_log_says_the_joint_propensity_and_no_table(models):
    model = models[0].with_rules(rules_of(LAYOUT))
    facts = lands(1)["facts"].combine_chunks()
    asked = page()._replace(facts={"country": "DE"})
    [one] = model.decide([asked], facts, NOON)
    rows = logged(model, one).to_pylist()[:-1]
    assert any(row["rules"] for row in rows)
    for row in rows:
        joint = row["propensity"] * np.prod(row["asset_propensities"])
        assert row["joint_propensity"] == pytest.approx(joint)
        assert (row["combinations"] is None) == bool(row["rules"])


def test_what_nobody_chose_shows_the_default_of_each_kind(models):
    assets = models[0].assets
    pieces = [models[0].pieces[title] for title in TITLES_OF]
    told = [orjson.loads(one) for one in assets.with_defaults(pieces, BOTH)]
    for title, decision in zip(TITLES_OF[:-1], told, strict=False):
        shown = decision["assets"]
        assert shown["synopsis"]["asset_id"] == f"{title}-s0"
        assert shown["evidence"]["text"] == "With ann"
        assert shown["synopsis"]["propensity"] == 1
        assert "joint_propensity" not in decision
    assert "assets" not in told[-1]
    chosen = models[0].decisions_json(decided(models[0], page())[0])
    assert assets.with_defaults(chosen, BOTH) == chosen


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ("synopsis", "list"),
        (["artwork"], "artwork is always"),
        ([7], "no name"),
        (["Synopsis!"], "small letters"),
        (list("abcde"), "4"),
    ],
)
def test_kinds_that_make_no_sense_are_refused_in_a_sentence(kinds, words):
    with pytest.raises(ValueError, match=words):
        parse_page({"profile_id": "p", "title_ids": [1], "kinds": kinds}, "b")


def test_languages_of_assets_are_those_asked_for_or_of_the_facts():
    request = {"profile_id": "p", "title_ids": [1], "kinds": ["synopsis"]}
    assert parse_page(request, "b").beside == (["synopsis"], [])
    told = parse_page({**request, "facts": {"language": "pt"}}, "b")
    assert told.beside == (["synopsis"], ["pt"])
    told = parse_page({**request, "facts": {"language": "pt"}, "languages": ["fr"]}, "b")
    assert told.beside == (["synopsis"], ["fr"])


def test_terms_are_read_from_a_bundle_as_they_were_written(tmp_path):
    terms = terms_for(catalogue(tmp_path))
    terms.write(tmp_path / "kinds.safetensors")
    again = AssetTerms.read(tmp_path / "kinds.safetensors")
    assert (again.kinds, again.own, again.encoder) == (terms.kinds, terms.own, terms.encoder)
    np.testing.assert_array_equal(again.heads, terms.heads.astype(np.float32))


def test_over_http_kinds_are_chosen_logged_and_the_default_where_a_page_is_late(models, tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "manifest.json").write_text("{}")
    (tmp_path / "current").symlink_to(tmp_path / "b")
    source = ModelSource(tmp_path / "current", lambda bundle: models[0])
    service = LiveService(source, DurableLog(tmp_path / "log"))
    asked = {"profile_id": "p", "title_ids": TITLES_OF, "day": DAY, "kinds": list(BOTH.kinds)}
    asked["facts"] = {"tenure_days": 3.0, "watched_genres": {"crime": 3.0}}

    async def both():
        await service.start()
        try:
            loop = asyncio.get_running_loop()
            pages = [asked, asked | {"profiling": False}, asked | {"mode": "unpersonalised"}]
            bare = [await service.answer(one, loop.time() + 30) for one in pages]
            late = await service.answer(asked, loop.time() - 1)
            return [orjson.loads(one) for one in (*bare, late)]
        finally:
            await service.stop()

    now, *others, late = asyncio.run(both())
    assert (now["reason"], late["reason"]) == (None, "deadline")
    for other in (*others, late):  # who opted out is shown nothing that follows from what they do
        for one in other["decisions"][:-1]:
            assert one["assets"]["evidence"]["text"] == "With ann"
    for one, fallen in zip(now["decisions"][:-1], late["decisions"], strict=False):
        joint = one["propensity"] * np.prod([its["propensity"] for its in one["assets"].values()])
        assert one["joint_propensity"] == pytest.approx(joint)
        assert fallen["assets"]["synopsis"]["asset_id"] == f"{fallen['title_id']}-s0"
        assert "joint_propensity" not in fallen
    roll(tmp_path / "log")
    tables = [pq.ParquetFile(f).read() for f in (tmp_path / "log" / "decisions").rglob("*.parquet")]
    rows = {row["decision_id"]: row for table in tables for row in table.to_pylist()}
    for one in now["decisions"][:-1]:
        assert rows[one["decision_id"]]["assets"] == [
            one["assets"][kind]["asset_id"] for kind in BOTH.kinds
        ]
        assert rows[one["decision_id"]]["joint_propensity"] == one["joint_propensity"]
    for one in late["decisions"]:
        assert rows[one["decision_id"]].get("kinds") is None
