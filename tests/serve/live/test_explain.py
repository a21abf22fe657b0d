"""Explanations: they add up, hold the page that is shown, and say rules and changes. About 1 s."""

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.catalogue import Catalogue
from data.days import DAY_US, moment_us
from data.errors import BadInput
from data.features import context_features
from data.records import DECISIONS
from evaluate.explain.command import explain as explain_command
from evaluate.explain.command import known_of, show
from serve.live.app import live_app
from serve.live.cells.arms import LiveArms
from serve.live.door.tokens import Token, Tokens, digest
from serve.live.explain.explained import ShownDraw, explain
from serve.live.load_model import load_live
from serve.live.page_request import PageRequest
from serve.live.recorder import NoLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from serve.live.shown.follow_rules import RulesFile
from serve.scoring.artwork_vectors import scored_artworks
from serve.scoring.scorer import Scorer
from tests.evaluate.planted import plant
from tests.export.world import ARTWORKS_TABLE, TITLES_TABLE, make_facts

NOW = moment_us(datetime(2026, 1, 20, 12, tzinfo=UTC))
MEMBERS = 30


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("explained")
    (root / "catalogue").mkdir()
    Catalogue(root / "catalogue", TITLES_TABLE, ARTWORKS_TABLE).write()
    looks = np.random.default_rng(2).normal(size=(len(ARTWORKS_TABLE), 16))
    np.save(root / "catalogue" / "embeddings.npy", looks.astype(np.float32))
    ids = [f"m{row}" for row in range(MEMBERS)]
    facts = make_facts(MEMBERS, seed=4)
    profiles = {"profile_id": ids, "facts": facts, "profiling": pa.nulls(MEMBERS, pa.bool_())}
    pq.write_table(pa.table(profiles), root / "profiles.parquet")
    return root


@pytest.fixture(scope="module")
def bundles(place):
    catalogue, wants = Catalogue.read(place / "catalogue"), np.zeros((8, 16))
    return {
        kind: plant(place / kind, catalogue, make_facts(50), wants, reads=6, bent=kind == "bent")
        for kind in ("linear", "bent")
    }


@pytest.fixture(scope="module")
def models(place, bundles):
    day = date(2026, 1, 20)
    return {
        kind: load_live(bundle, place / "catalogue", place / "cache", day, foreign=True)
        for kind, bundle in bundles.items()
    }


def page(row=0, title=11, **more):
    facts = known_of(make_facts(MEMBERS, seed=4)[row].as_py())
    return PageRequest(f"m{row}", [title], NOW // DAY_US, 0, facts | more)


@pytest.mark.parametrize("kind", ["linear", "bent"])
def test_parts_add_up_to_what_the_scorer_says(kind, place, bundles, models):
    scorer, model = Scorer(bundles[kind]), models[kind]
    names = model.layout.artwork_ids
    artworks = scored_artworks(scorer, Catalogue.read(place / "catalogue"), names, place / "cache")
    exact = set()
    for row in range(MEMBERS):
        made = explain(model, page(row), NOW)
        both = np.array([[names.index(made.shown), names.index(str(made.next))]])
        facts = make_facts(MEMBERS, seed=4).slice(row, 1)
        members = scorer.members(context_features(scorer.spec, facts))
        scores = members.scores(artworks.at(both))[0]
        heads = scores[:, 0] - scores[:, 1]
        total = made.nobody + sum(share.adds for share in made.facts)
        assert total == pytest.approx(heads.mean(), abs=1e-5)
        assert made.difference == pytest.approx(heads.mean(), abs=1e-5)
        assert made.heads_for == (heads > 0).mean()
        exact.add(made.exact)
    assert exact == {kind == "linear"}


def test_a_linear_part_is_what_taking_the_fact_away_changes(models):
    """Held against a page that does not know the fact, by which nothing else is known less."""
    model, full = models["linear"], page()
    made = explain(model, full, NOW)
    [country] = [share for share in made.facts if share.fact == "country"]
    less = full._replace(facts={k: v for k, v in full.facts.items() if k != "country"})
    other = explain(model, less, NOW, ShownDraw(made.shown, "d", 0.5, "personalised"))
    assert other.next == made.next
    assert made.difference - other.difference == pytest.approx(country.adds, abs=1e-5)
    assert country.value == full.facts["country"]
    assert country.error == 0


def test_it_explains_the_draw_that_the_page_shows(models):
    model, asked = models["bent"], page(3)
    from_facts = explain(model, asked, NOW)
    [decided] = model.decide([asked], pa.array([asked.facts], make_facts(1).type), NOW)
    assert from_facts.decision_id == decided.decision_ids[0]
    assert from_facts.propensity == decided.propensities[0]
    assert sum(one.probability for one in from_facts.candidates) == pytest.approx(1)
    assert from_facts.drawn_from <= "2026-01-20" < from_facts.drawn_until
    other = next(one.artwork_id for one in from_facts.candidates if not one.shown)
    mapped = explain(model, asked, NOW, ShownDraw(other, "of-the-map", 0.125, "personalised"))
    assert (mapped.shown, mapped.decision_id, mapped.source) == (other, "of-the-map", "map")
    assert any("12.5%" in line and "ahead" in line for line in mapped.words)


RULES = """
rules:
  not-here:
    effect: deny
    about: {artwork: 11-0}
    who: legal
    why: rights
  always:
    effect: pin
    about: {artwork: 11-2}
    where: {device: tv}
    who: anna
    why: her week
"""


def test_rules_are_named_and_what_they_forbid_is_not_held_against(models, place, tmp_path):
    (tmp_path / "rules.yaml").write_text(RULES)
    model = models["linear"]
    ruled = RulesFile(tmp_path / "rules.yaml", place / "catalogue").begun(model)
    made = explain(ruled, page(device="phone"), NOW)
    assert made.rules == ["not-here"]
    assert {one.artwork_id: one.allowed for one in made.candidates}["11-0"] is False
    assert "11-0" not in (made.shown, made.next)
    assert any("11-0" in line and "keep" in line for line in made.words)
    pinned = explain(ruled, page(device="tv"), NOW)
    assert (pinned.shown, pinned.level, pinned.propensity) == ("11-2", "pinned", 1)
    assert set(pinned.rules) == {"not-here", "always"}
    assert "a rule says always to" in pinned.words[0]


def test_the_service_explains_what_it_answers(bundles, models, tmp_path):
    (tmp_path / "current").symlink_to(bundles["bent"])
    source = ModelSource(tmp_path / "current", lambda _: models["bent"])
    asked = {"profile_id": "m4", "facts": {"country": "FR", "watched_genres": {"noir": 3}}}
    one, shows = {**asked, "title_ids": [13]}, [{"title_id": 13, "artwork_id": "13-1"}]

    async def talk():
        service = LiveService(source, NoLog(), deadline=20.0)
        door = live_app(service, Tokens([Token("reader", digest("r"), ("read",))]))
        transport = httpx.ASGITransport(door)
        async with httpx.AsyncClient(transport=transport, base_url="http://live") as client:
            await service.start()
            client.headers["Authorization"] = "Bearer r"
            shown = await service.answer({**asked, "title_ids": [13]}, service.due(20_000))
            made = await client.post("/v1/explain", json={**asked, "title_ids": [13]})
            refused = [
                await client.post("/v1/explain", json={**asked, "title_ids": [99]}),
                await client.post("/v1/explain", json={**asked, "title_ids": [13, 14]}),
                await client.post("/v1/explain", json={**one, "mode": "unpersonalised"}),
                await client.post("/v1/explain", json={**one, "shown": shows}),
                await client.post("/v1/decide", json={**asked, "title_ids": [13]}),
            ]
            await service.stop()
        return orjson.loads(shown)["decisions"][0], made.json(), refused

    shown, made, refused = asyncio.run(talk())
    for name, told in (("artwork_id", "shown"), ("decision_id", "decision_id")):
        assert made[told] == shown[name]
    assert made["propensity"] == shown["propensity"]
    assert {share["fact"] for share in made["facts"]} == {"country", "watched_genres"}
    assert made["words"][0].startswith("Title 13 shows m4")
    assert [answer.status_code for answer in refused] == [422, 422, 422, 422, 403]
    assert "99" in refused[0].json()["detail"]


CELLS = """
salt: one
experiments:
  eyes:
    control: live
    who: anna
    why: new eyes
    cells:
      live: {share: 0.4}
      other: {share: 0.4, bundle: OTHER, epsilon: 0.5}
      hold: {share: 0.2, policy: unpersonalised}
"""


def test_a_member_of_a_cell_is_told_what_their_cell_shows(bundles, models, tmp_path):
    (tmp_path / "current").symlink_to(bundles["linear"])
    (tmp_path / "experiments.yaml").write_text(CELLS.replace("OTHER", str(bundles["bent"])))
    by_name = {Path(bundle).name: models[kind] for kind, bundle in bundles.items()}

    def load(folder):
        return by_name[folder.resolve().name]

    def arms(main, batcher, log):
        def source(bundle, _):
            return ModelSource(Path(bundle or tmp_path / "current"), load)

        file = tmp_path / "experiments.yaml"
        return LiveArms(file, None, main, batcher, log, source, lambda _: None)

    async def talk():
        service = LiveService(
            ModelSource(tmp_path / "current", load), NoLog(), deadline=20.0, arms=arms
        )
        told = []
        transport = httpx.ASGITransport(live_app(service))
        async with httpx.AsyncClient(transport=transport, base_url="http://live") as client:
            await service.start()
            for member in range(12):
                asked = {"profile_id": f"m{member}", "title_ids": [13], "facts": {"country": "FR"}}
                shown = (await client.post("/v1/decide", json=asked)).json()
                told.append((shown, await client.post("/v1/explain", json=asked)))
            await service.stop()
        return told

    explained = set()
    for shown, made in asyncio.run(talk()):
        if shown["reason"] is not None:
            assert made.status_code == 422
            assert "shows what it shows to all" in made.json()["detail"]
            continue
        [decision] = shown["decisions"]
        assert made.json()["decision_id"] == decision["decision_id"]
        assert made.json()["propensity"] == decision["propensity"]
        explained.add((shown["bundle"], made.json()["epsilon"]))
    assert len(explained) == 2


def test_the_command_tells_what_was_shown_before(place, bundles, tmp_path, capsys):
    rows = [
        {"decision_id": f"{at:032x}", "time": at * 3_600_000_000, "action": action}
        | {"profile_id": who, "title_id": 12, "propensity": 0.25, "bundle": "b"}
        | {"schema_version": 2, "facts": {}, "candidates": ["12-0", "12-1"], "policy": "thompson"}
        | {"seed": 1, "level": "personalised"}
        for at, (who, action) in enumerate(
            [("m1", "12-0"), ("m1", "12-0"), ("m2", "12-3"), ("m1", "12-1"), ("m1", "12-0")]
        )
    ]
    folder = tmp_path / "decisions" / "day=1970-01-01"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, DECISIONS), folder / "part.parquet")
    options = {"bundle": bundles["linear"], "catalogue": place / "catalogue", "foreign": True}
    options |= {"profiles": place / "profiles.parquet", "cache": place / "cache"}
    told = explain_command("m1", "12", log=tmp_path, at="2026-01-20T12:00+00:00", **options)
    found = [(one.since[:16], one.artwork_id, one.decisions) for one in told.before]
    assert found == [
        ("1970-01-01T04:00", "12-0", 1),
        ("1970-01-01T03:00", "12-1", 1),
        ("1970-01-01T00:00", "12-0", 2),
    ]
    show(told)
    assert "shown since 1970-01-01T04:00" in capsys.readouterr().out
    with pytest.raises(BadInput, match="no member 'nobody'"):
        explain_command("nobody", "12", **options)
    with pytest.raises(BadInput, match="weather"):
        explain_command("m1", "12", facts=["weather=wet"], **options)
