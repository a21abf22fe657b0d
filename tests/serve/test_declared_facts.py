"""Facts that a user declares, from files to a bundle, to maps, pages and logs: all see the same.

What is taken depends on declared facts alone: on a member's camp and an artwork's typeface, and on
whether an artwork carries a tag that the member likes. Embeddings are noise.
"""

import asyncio
from datetime import UTC, date, datetime, timedelta

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import train
from bandit.draws import Epochs
from data.catalogue import Catalogue
from data.days import day_number
from data.features import context_features
from data.log.precompute_runs import FolderRuns
from data.log.roll import roll
from data.reading.facts_json import facts_array
from data.records import EXAMPLES, PROFILES, TITLES
from data.schema import read_schema
from data.schema.request_facts import fold_request
from data.schema_cast import conform
from model.training.settings import Data, Fit, HeadOptions, Model, Publish, Settings
from serve.live import metrics
from serve.live.application import live_app
from serve.live.load_model import load_live
from serve.live.recorder import DurableLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from serve.maps.layout import Layout
from serve.maps.lmdb_store import LmdbStore
from serve.precompute.member_block import Work
from serve.precompute.precompute import precompute_maps
from serve.scoring.artwork_vectors import scored_artworks
from serve.scoring.bundle_members import BundleMembers
from serve.scoring.candidate_bank import Bank
from serve.scoring.scorer import Scorer
from serve.scoring.served_policy import ServedPolicy

DAY = date(2026, 1, 9)
SCHEMA = """
facts:
  camp: {kind: category}
  liked: {kind: counts, match: artworks.tags}
  mood: {kind: category, known_at: request}
  shoe: {kind: vector}
artworks:
  typeface: {kind: category}
  tags: {kind: set}
"""
TAGS = [f"tag {n}" for n in range(30)]
TITLE_IDS, EACH, ROWS = range(1, 9), 4, 16_000


def write_catalogue(root):
    """Each title has its typefaces in turn, and tags of its own; columns are as a user has them."""
    root.mkdir()
    titles = [
        {
            **{"title_id": n, "name": f"T{n}", "genres": ["drama"], "cast": [], "popularity": 1.0},
            **{"launch_day": date(2026, 1, 1), "runtime_minutes": 1.0},
            "default_artwork_id": f"{n}-0",
        }
        for n in TITLE_IDS
    ]
    artworks = [
        {
            **{"artwork_id": f"{n}-{k}", "title_id": n, "path": "none"},
            **{"added_day": date(2026, 1, 1), "typeface": ["serif", "sans"][k % 2]},
            "tags": [TAGS[(n * EACH + k) % len(TAGS)]],
        }
        for n in TITLE_IDS
        for k in range(EACH)
    ]
    pq.write_table(pa.Table.from_pylist(titles, TITLES).drop(["own"]), root / "titles.parquet")
    pq.write_table(pa.Table.from_pylist(artworks), root / "artworks.parquet")
    noise = np.random.default_rng(3).normal(size=(len(artworks), 4)).astype(np.float32)
    np.save(root / "embeddings.npy", noise)
    (root / "schema.yaml").write_text(SCHEMA)
    return artworks


def member(rng):
    return {
        "camp": str(rng.choice(["red", "blue"])),
        "liked": {str(tag): 1.0 for tag in rng.choice(TAGS, 3, replace=False)},
        "shoe": rng.normal(size=3).tolist(),
        "country": "NO",
    }


def chance(facts, artwork):
    """Of a take."""
    suits = (facts["camp"] == "red") == (artwork["typeface"] == "serif")
    return 0.1 + 0.3 * suits + 0.4 * (artwork["tags"][0] in facts["liked"])


def write_examples(folder, artworks):
    rng = np.random.default_rng(1)
    members = [member(rng) for _ in range(2000)]
    start = datetime(2026, 1, 2, tzinfo=UTC)
    rows = []
    for n in range(ROWS):
        facts, chosen = members[int(rng.integers(2000))], artworks[int(rng.integers(len(artworks)))]
        title = chosen["title_id"]
        rows.append(
            {
                "decision_id": f"{n:032x}",
                "time": start + timedelta(seconds=20 * n),
                **{"profile_id": "p", "title_id": title, "policy": "random"},
                "facts": {**facts, "liked": list(facts["liked"].items()), "mood": "good"},
                "candidates": [f"{title}-{k}" for k in range(EACH)],
                **{"action": chosen["artwork_id"], "propensity": 1 / EACH, "level": "personalised"},
                "reward": float(rng.random() < chance(facts, chosen)),
                **{"played": False, "minutes": 0.0, "reward_name": "click"},
            }
        )
    kind = pa.struct(
        [
            *(pa.field(name, pa.string()) for name in ("camp", "mood", "country")),
            pa.field("liked", pa.map_(pa.string(), pa.float64())),
            pa.field("shoe", pa.list_(pa.float32())),
        ]
    )
    columns = [f for f in EXAMPLES if f.name in rows[0]]
    fields = [pa.field("facts", kind) if f.name == "facts" else f for f in columns]
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(fields)), folder / "examples.parquet")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A catalogue, examples and the bundle that was trained on them."""
    place = tmp_path_factory.mktemp("declared")
    artworks = write_catalogue(place / "catalogue")
    write_examples(place / "examples", artworks)
    settings = Settings(
        data=Data(
            examples=str(place / "examples"),
            catalogue=str(place / "catalogue"),
            cache=str(place / "cache"),
        ),
        model=Model(encoder="features", rank=16, heads=HeadOptions(count=8)),
        fit=Fit(passes=1, progress=False),
        publish=Publish(bundles=str(place / "bundles"), current=False),
        out=str(place / "run"),
    )
    return place, artworks, train.train(settings)


def test_a_bundle_has_learnt_what_only_declared_facts_say(world):
    place, artworks, bundle = world
    scorer, catalogue = Scorer(bundle), Catalogue.read(place / "catalogue")
    assert scorer.spec.declared.schema == read_schema(place / "catalogue")
    rng = np.random.default_rng(7)
    asked = [member(rng) for _ in range(400)]
    kept = [own(scorer, facts) for facts in asked]
    members = scorer.members(context_features(scorer.spec, facts_array(kept))).mean()
    bank = scored_artworks(scorer, catalogue, catalogue.artwork_ids, place / "cache")
    scores = members.every_score(bank)[:, 0].reshape(len(asked), len(TITLE_IDS), EACH)
    truth = np.array([[chance(facts, a) for a in artworks] for facts in asked])
    truth = truth.reshape(scores.shape)
    earned = np.take_along_axis(truth, scores.argmax(2)[..., None], 2).mean()
    share = (earned - truth.mean()) / (truth.max(2).mean() - truth.mean())
    print(f"\nof what the best choice gains over a random one: {share:.3f}")
    assert share > 0.8


def own(scorer, facts):
    return fold_request(facts, scorer.spec.declared.requested)[0]


def test_pages_maps_and_training_see_the_same_bits(world, tmp_path):
    place, _, bundle = world
    rng = np.random.default_rng(11)
    asked = {f"profile-{n}": member(rng) | {"mood": "bad"} for n in range(20)}
    odd = {"camp": [1], "shoe": [1.0], "liked": {"tag 1": -1}}

    async def ask():
        source = ModelSource(
            bundle.parent / "current",
            lambda _: load_live(bundle, place / "catalogue", place / "cache", DAY, "/i/"),
        )
        live = LiveService(source, DurableLog(tmp_path / "log"), None, deadline=60.0)
        transport = httpx.ASGITransport(live_app(live))
        async with httpx.AsyncClient(transport=transport, base_url="http://live") as client:
            await live.start()
            for name, facts in {**asked, "odd": odd}.items():
                page = {"profile_id": name, "title_ids": [1, 2], "facts": facts}
                answer = await client.post("/v1/decide", json=page | {"day": day_number(DAY)})
                assert answer.json()["logged"], answer.text
            page["facts"] = {"shoe_size": 43, "camp": "red"}
            refused = await client.post("/v1/decide", json=page)
            assert refused.status_code == 422
            assert "unknown ['shoe_size']" in refused.json()["detail"]
            page["facts"] = {"own": {"camp": {"names": ["red"]}}}
            assert (await client.post("/v1/decide", json=page)).status_code == 422
            await live.stop()

    current = bundle.parent / "current"
    current.unlink(missing_ok=True)
    current.symlink_to(bundle.name)
    before = {name: metrics.UNSOUND.labels(name)._value.get() for name in odd}
    asyncio.run(ask())
    assert {n: metrics.UNSOUND.labels(n)._value.get() - before[n] for n in odd} == dict.fromkeys(
        odd, 1
    )
    roll(tmp_path / "log")
    table = pq.read_table(tmp_path / "log" / "decisions")
    members = BundleMembers(Scorer(bundle))
    facts = table["facts"].combine_chunks()
    assert members.functionals_of(facts).fingerprints.tolist() == table["fingerprint"].to_pylist()
    said = dict(zip(table["profile_id"].to_pylist(), facts.to_pylist(), strict=True))
    assert dict(said["profile-3"]["own"])["camp"]["names"] == [asked["profile-3"]["camp"]]
    assert not said["odd"]["own"]

    # The same members ahead of any page, from a file with columns of their own.
    rows = [
        {k: list(v.items()) if k == "liked" else v for k, v in f.items()} for f in asked.values()
    ]
    kind = pa.struct(
        [
            *(pa.field(name, pa.string()) for name in ("camp", "mood", "country")),
            pa.field("liked", pa.map_(pa.string(), pa.float64())),
            pa.field("shoe", pa.list_(pa.float64())),
        ]
    )
    table = pa.table({"profile_id": list(asked), "facts": pa.array(rows, kind)})
    profiles, problems = conform(table, PROFILES, "profiles.parquet")
    assert not problems
    scorer, catalogue = members.scorer, Catalogue.read(place / "catalogue")
    layout = Layout.of_catalogue(catalogue.titles, catalogue.artworks, day_number(DAY))
    said = scored_artworks(scorer, catalogue, layout.artwork_ids, place / "cache")
    bank = Bank.of(layout, said.vectors, said.names)
    policy = ServedPolicy.of(scorer.manifest)
    hidden = scorer.spec.declared.schema.known_at_request()
    assert hidden == ("mood",)
    work = Work(
        *(members, bank, layout, policy, day_number(DAY), True, 8, Epochs()),
        page_facts=hidden,
    )
    store = LmdbStore(tmp_path / "maps", size=1 << 24)
    precompute_maps(work, profiles, store, FolderRuns(tmp_path / "ahead"), workers=1)
    store.close()
    roll(tmp_path / "ahead")
    ahead = pq.read_table(tmp_path / "ahead" / "decisions")
    there = ahead["facts"].combine_chunks()
    assert all("mood" not in dict(one["own"]) for one in there.to_pylist())
    without = [
        own(scorer, {k: v for k, v in facts.items() if k != "mood"}) for facts in asked.values()
    ]
    prints = members.functionals_of(facts_array(without)).fingerprints
    by_name = dict(zip(asked, prints.tolist(), strict=True))
    for name, found in zip(
        ahead["profile_id"].to_pylist(), ahead["fingerprint"].to_pylist(), strict=True
    ):
        assert found == by_name[name]


def test_a_bundle_of_other_facts_is_no_start(world, tmp_path):
    place, _, bundle = world
    catalogue = tmp_path / "catalogue"
    catalogue.mkdir()
    for file in (place / "catalogue").iterdir():
        (catalogue / file.name).write_bytes(file.read_bytes())
    (catalogue / "schema.yaml").write_text("facts: {camp: {kind: category}}")
    data = Data(
        examples=str(place / "examples"), catalogue=str(catalogue), cache=str(place / "cache")
    )
    fit = Fit(passes=1, progress=False, warm_start=str(bundle))
    with pytest.raises(train.BadInput, match=r"schema\.yaml declares; train once without it"):
        train.train(Settings(data=data, model=Model(encoder="features", rank=16), fit=fit))


def test_an_impression_tells_over_http_what_its_page_knew(world, tmp_path):
    place, _, bundle = world
    shown = {"kind": "impression", "profile_id": "ada", "title_id": 1, "decision_id": "d"}

    async def tell():
        current = bundle.parent / "current"
        source = ModelSource(current, lambda _: load_live(bundle, place / "catalogue", DAY))
        log = DurableLog(tmp_path / "log")
        live = LiveService(source, log, None, deadline=60.0, catalogue=place / "catalogue")
        transport = httpx.ASGITransport(live_app(live))
        async with httpx.AsyncClient(transport=transport, base_url="http://live") as client:
            for event, said in (
                (shown | {"facts": {"camp": "red"}}, r"does not tell ['camp']; it tells ['mood']"),
                (shown | {"facts": {"device": "tv"}}, "device, surface, row and column as fields"),
                (shown | {"kind": "play", "facts": {"mood": "bad"}}, "leave them out of play"),
            ):
                refused = await client.post("/v1/events", json={"events": [shown, event]})
                assert refused.status_code == 422
                assert said in refused.json()["detail"]
            events = [shown, shown | {"facts": {"mood": "bad"}}, shown | {"facts": {"mood": [1]}}]
            taken = await client.post("/v1/events", json={"events": events})
            assert taken.json() == {"accepted": 3}
        log.close()

    before = metrics.UNSOUND.labels("mood")._value.get()
    asyncio.run(tell())
    assert metrics.UNSOUND.labels("mood")._value.get() == before + 1
    assert roll(tmp_path / "log")["rejected"] == 0
    own = pq.read_table(tmp_path / "log" / "events")["own"].to_pylist()
    assert [dict(one)["mood"]["names"] for one in own if one] == [["bad"]]
