import asyncio
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import numpy as np
import orjson
import pytest
import redis

from data.log import decode, encode_page, roll
from data.log.precompute_runs import FolderRuns
from data.servers.free_port import free_port
from serve.live.app import live_app
from serve.live.door.tokens import Token, Tokens
from serve.live.recorder import DurableLog, LogFullError, NoLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from serve.maps.lookup import Lookup
from serve.maps.redis_store import RedisStore
from serve.precompute.member_block import Work
from serve.precompute.precompute import precompute_maps
from serve.scoring.candidate_bank import Bank
from tests.serve.assets_world import BARE, catalogue
from tests.serve.precompute.test_map_kinds import kinds_of
from tests.serve.precompute.test_precompute import logged
from tests.serve.world import (
    DAY,
    Members,
    make_facts,
    make_layout,
    make_model,
    make_policy,
    make_vectors,
)


class Bundles:
    """Bundle folders with a `current` link, whose manifest says what to load."""

    def __init__(self, folder):
        self.folder = folder
        self.source = ModelSource(folder / "current", self.load)

    def load(self, bundle):
        if (bundle / "manifest.json").read_text() != "whole":
            raise ValueError("a file's hash differs")
        return make_model(bundle.name)

    def publish(self, name, manifest="whole"):
        bundle = self.folder / name
        bundle.mkdir(exist_ok=True)
        (bundle / "manifest.json").write_text(manifest)
        link = self.folder / ".next"
        link.symlink_to(bundle)
        link.replace(self.folder / "current")


@pytest.fixture
def bundles(tmp_path):
    return Bundles(tmp_path)


@asynccontextmanager
async def served(
    bundles,
    recorder=None,
    store=None,
    tokens=(),
    origins=(),
    deadline=20.0,
    queue=10,
    watch=1.0,
    names=None,
    catalogue=None,
):
    # A patient deadline, so that a busy machine does not decide what is tested.
    recorder = recorder or NoLog()
    live = LiveService(bundles.source, recorder, store, deadline, queue, watch, names, catalogue)
    transport = httpx.ASGITransport(live_app(live, Tokens(tokens), origins))
    async with httpx.AsyncClient(transport=transport, base_url="http://live") as client:
        await live.start()
        yield client, live
        await live.stop()


def page(profile="profile-0003", titles=None, **more):
    titles = make_layout().title_ids.tolist() if titles is None else titles
    facts = {"country": "FR", "tenure_days": 3.0, "watched_genres": {"drama": 2.0}}
    return {"profile_id": profile, "title_ids": titles, "facts": facts, "day": DAY} | more


def run(check):
    asyncio.run(check)


def test_a_page_is_decided_and_durable_before_it_is_answered(bundles, tmp_path):
    bundles.publish("bundle-1")

    async def check():
        log = DurableLog(tmp_path / "log")
        async with served(bundles, log) as (client, _):
            answer = (await client.post("/v1/decide", json=page())).json()
            assert (answer["bundle"], answer["reason"], answer["logged"]) == (
                "bundle-1",
                None,
                True,
            )
            roll(tmp_path / "log")
            rows = {row["decision_id"]: row for row in logged(tmp_path / "log").to_pylist()}
            for decision in answer["decisions"]:
                row = rows[decision["decision_id"]]
                assert row["action"] == decision["artwork_id"]
                assert row["propensity"] == decision["propensity"]
                assert row["facts"]["watched_genres"] == [("drama", 2.0)]
                assert decision["url"].startswith("/i/")

    run(check())


def test_live_decides_as_precompute_does(bundles, tmp_path, lmdb_store, layout):
    bundles.publish("bundle-1")
    bank = Bank.of(layout, make_vectors(layout))
    policy = make_policy()
    facts = make_facts(900)
    work = Work(Members(), bank, layout, policy, DAY, True)
    precompute_maps(work, facts, lmdb_store, FolderRuns(tmp_path / "log"), workers=1)
    columns = ("profile_id", "title_id", "action", "propensity", "seed")
    table = logged(tmp_path / "log").select(columns)
    assert len(table) > 10_000
    precomputed = {(p, t): rest for p, t, *rest in zip(*table.to_pydict().values(), strict=True)}
    rows = []

    class Keep(NoLog):
        def decisions(self, pages):
            rows.extend(
                decode("decisions", [encode_page("decisions", p) for p in pages]).to_pylist()
            )
            return super().decisions(pages)

    async def check():
        async with served(bundles, Keep()) as (client, _):
            for at in range(0, 900, 30):
                requests = [
                    page(f"profile-{i:04d}", facts={"country": "FR", "tenure_days": float(i)})
                    for i in range(at, at + 30)
                ]
                slow = {"X-Deadline-Ms": "60000"}
                for start in range(0, 30, 15):
                    batch = {"requests": requests[start : start + 15]}
                    answers = await client.post("/v1/decide/batch", json=batch, headers=slow)
                    assert all(answer["reason"] is None for answer in answers.json())

    run(check())
    assert len(rows) == len(precomputed)
    for row in rows:
        expected = precomputed[row["profile_id"], row["title_id"]]
        assert [row["action"], row["propensity"], row["seed"]] == expected


async def ids_of(client, given):
    answer = (await client.post("/v1/decide", json=given)).json()
    return [(d["decision_id"], d["artwork_id"], d["propensity"]) for d in answer["decisions"]]


def test_the_same_draw_is_one_decision_on_every_page_and_another_context_has_its_own(bundles):
    bundles.publish("bundle-1")

    async def check():
        async with served(bundles) as (client, _):
            one = await ids_of(client, page(request_id="a"))
            assert await ids_of(client, page(request_id="a")) == one
            assert await ids_of(client, page()) == one
            others = [
                await ids_of(client, page(facts={"tenure_days": 4.0})),
                await ids_of(client, page(profile="profile-0004")),
                await ids_of(client, page(day=DAY + 400)),
                await ids_of(client, page(cell="b")),
            ]
            names = [name for answer in [one, *others] for name, *_ in answer]
            assert len(set(names)) == len(names)

    run(check())


def test_a_cell_has_draws_of_its_own(bundles):
    bundles.publish("bundle-1")

    async def check():
        async with served(bundles) as (client, _):
            drawn = {}
            for cell in (None, "a", "b", "a"):
                pages = [page(f"profile-{at:04d}", cell=cell) for at in range(40)]
                answers = [(await client.post("/v1/decide", json=one)).json() for one in pages]
                shown = [d for answer in answers for d in answer["decisions"]]
                assert drawn.setdefault(cell, shown) == shown, "the same cell, the same draws"
            ids = [{d["decision_id"] for d in shown} for shown in drawn.values()]
            assert not ids[0] & ids[1] | ids[1] & ids[2]
            for one, other in ((None, "a"), ("a", "b")):
                pairs = zip(drawn[one], drawn[other], strict=True)
                assert any(a["artwork_id"] != b["artwork_id"] for a, b in pairs)

    run(check())


def test_a_fresh_page_draws_anew_and_a_retry_of_it_does_not(bundles):
    bundles.publish("bundle-1")

    async def check():
        async with served(bundles) as (client, _):
            fresh = [page(fresh=True, request_id=str(i)) for i in range(40)]
            answers = [await ids_of(client, given) for given in fresh]
            assert [await ids_of(client, given) for given in fresh[:3]] == answers[:3]
            names = [name for answer in answers for name, *_ in answer]
            assert len(set(names)) == len(names)
            shown = [{artwork for _, artwork, _ in title} for title in zip(*answers, strict=True)]
            assert max(map(len, shown)) > 1

    run(check())


def test_titles_that_the_map_has_are_served_from_it(bundles, lmdb_store, tmp_path):
    bundles.publish("bundle-1")
    layout = make_layout()
    bank = Bank.of(layout, make_vectors(layout))
    work = Work(Members(), bank, layout, make_policy(), DAY, True)
    precompute_maps(work, make_facts(5), lmdb_store, FolderRuns(tmp_path / "log"), workers=1)
    roll(tmp_path / "log")
    rows = logged(tmp_path / "log").to_pylist()
    mine = {row["title_id"]: row for row in rows if row["profile_id"] == "profile-0003"}

    async def check():
        async with served(bundles, store=lmdb_store) as (client, _):
            for given in (page(), page(facts={"device": "tv", "tenure_days": 9.0})):
                answer = (await client.post("/v1/decide", json=given)).json()
                assert (answer["reason"], answer["logged"]) == (None, True)
                for d in answer["decisions"]:
                    row = mine[d["title_id"]]
                    assert d["decision_id"] == row["decision_id"]
                    assert (d["artwork_id"], d["propensity"]) == (row["action"], row["propensity"])
            fresh = (await client.post("/v1/decide", json=page(fresh=True))).json()
            assert not {d["decision_id"] for d in fresh["decisions"]} & {
                row["decision_id"] for row in rows
            }
            later = (await client.post("/v1/decide", json=page(day=DAY + 14))).json()
            assert not {d["decision_id"] for d in later["decisions"]} & {
                row["decision_id"] for row in rows
            }

    run(check())


def test_fallbacks_of_two_members_have_ids_of_their_own(bundles):
    bundles.publish("bundle-1")

    async def check():
        async with served(bundles) as (client, _):
            late = {"X-Deadline-Ms": "0"}
            names = set()
            for profile in ("one", "two"):
                given = page(profile=profile, request_id="same")
                answer = (await client.post("/v1/decide", json=given, headers=late)).json()
                assert answer["reason"] == "deadline"
                names |= {d["decision_id"] for d in answer["decisions"]}
            assert len(names) == 24

    run(check())


class Full(NoLog):
    def decisions(self, pages):
        raise LogFullError("full")

    def events(self, rows):
        raise LogFullError("full")


class Never(NoLog):
    def decisions(self, pages):
        return Future()


@pytest.mark.parametrize(
    ("recorder", "headers", "reason"),
    [
        (NoLog(), {"X-Deadline-Ms": "0"}, "deadline"),
        (Never(), {"X-Deadline-Ms": "30"}, "deadline"),
        (Full(), {}, "unlogged"),
    ],
)
def test_what_cannot_be_decided_in_time_or_logged_falls_back_with_its_reason(
    bundles, recorder, headers, reason
):
    bundles.publish("bundle-1")

    async def check():
        async with served(bundles, recorder) as (client, _):
            got = await client.post("/v1/decide", json=page(), headers=headers)
            answer = got.json()
            assert got.status_code == 200
            assert answer["reason"] == reason
            assert {d["level"] for d in answer["decisions"]} == {"unpersonalised"}
            assert all(d["url"].startswith("/i/") for d in answer["decisions"])
            counted = (await client.get("/metrics")).text
            assert f'marquee_fallbacks_total{{level="unpersonalised",reason="{reason}"}}' in counted

    run(check())


def test_the_precomputed_map_comes_before_the_shared_fallback(bundles, lmdb_store, layout):
    bundles.publish("bundle-1")
    bank = Bank.of(layout, make_vectors(layout))
    policy = make_policy()
    precompute_maps(
        Work(Members(), bank, layout, policy, DAY), make_facts(5), lmdb_store, workers=1
    )

    async def check():
        async with served(bundles, Full(), lmdb_store) as (client, _):
            answer = (await client.post("/v1/decide", json=page())).json()
            assert {d["level"] for d in answer["decisions"]} == {"personalised"}
            mapped = (await client.get("/v1/maps/profile-0003")).json()["titles"]
            assert [d["decision_id"] for d in answer["decisions"]] == [
                d["decision_id"] for d in mapped
            ]
            nobody = (await client.get("/v1/maps/nobody")).json()
            assert nobody["titles"] == []

    run(check())


def test_maps_with_kinds_are_told_whole_and_pages_of_artwork_alone_draw_their_own(
    bundles, lmdb_store, layout, tmp_path
):
    bundles.publish("bundle-1")
    bank, kinds = Bank.of(layout, make_vectors(layout)), kinds_of(catalogue(tmp_path))
    work = Work(Members(), bank, layout, make_policy(), DAY, kinds=kinds)
    precompute_maps(work, make_facts(5), lmdb_store, workers=1)
    shown = Lookup(lmdb_store, base_url="/i/").page("profile-0003").assets(layout.title_ids)

    async def check():
        async with served(bundles, store=lmdb_store) as (client, _):
            answer = (await client.post("/v1/decide", json=page())).json()
            mapped = (await client.get("/v1/maps/profile-0003")).json()["titles"]
            # What a map shows is one decision with its kinds, which this page does not show.
            names = {d["decision_id"] for d in mapped}
            told = [d for d in answer["decisions"] if d["title_id"] != BARE]
            assert told
            assert names.isdisjoint(d["decision_id"] for d in told)
            for slot, title in enumerate(mapped):
                want = {kind: of[slot].asset_id for kind, of in shown.items() if of[slot]}
                assert {k: a["asset_id"] for k, a in title["assets"].items()} == want

    run(check())


def test_without_any_model_every_title_still_has_an_image(bundles):
    async def check():
        async with served(bundles) as (client, _):
            answer = (await client.post("/v1/decide", json=page())).json()
            assert answer["reason"] == "no_model"
            assert all(d["url"] for d in answer["decisions"])
            assert (await client.get("/readyz")).status_code == 503
            assert (await client.get("/healthz")).status_code == 200

    run(check())


def test_a_queue_that_is_full_sheds_at_once(bundles):
    bundles.publish("bundle-1")

    async def check():
        async with served(bundles, queue=4) as (client, _):
            patient = {"X-Deadline-Ms": "60000"}
            requests = (client.post("/v1/decide", json=page(), headers=patient) for _ in range(60))
            got = await asyncio.gather(*requests)
            assert {answer.status_code for answer in got} == {200}
            reasons = [answer.json()["reason"] for answer in got]
            assert set(reasons) <= {None, "shed"}
            assert "shed" in reasons
            shed = next(answer.json() for answer in got if answer.json()["reason"] == "shed")
            assert len(shed["decisions"]) == 12
            assert all(d["url"] for d in shed["decisions"])

    run(check())


def test_a_batch_leaves_places_for_other_pages(bundles):
    bundles.publish("bundle-1")

    async def check():
        async with served(bundles, queue=8) as (client, _):
            patient = {"X-Deadline-Ms": "60000"}
            many = {"requests": [page(f"member-{number}") for number in range(64)]}
            batch = asyncio.create_task(client.post("/v1/decide/batch", json=many, headers=patient))
            single = []
            while not batch.done():
                got = await client.post("/v1/decide", json=page(), headers=patient)
                single.append(got.json()["reason"])
            answers = (await batch).json()
            assert [answer["reason"] for answer in answers] == [None] * 64
            assert len(single) > 5
            assert set(single) == {None}

    run(check())


def test_a_new_bundle_is_taken_and_a_bad_one_refused_while_pages_are_answered(bundles):
    bundles.publish("bundle-1")

    async def check():
        async with served(bundles, watch=0.01) as (client, live):
            seen = []

            async def until(done):
                for _ in range(500):
                    got = await client.post("/v1/decide", json=page())
                    answer = got.json()
                    assert (got.status_code, answer["reason"]) == (200, None)
                    seen.append(answer["bundle"])
                    if done(answer):
                        return
                pytest.fail(f"never happened; bundles seen: {set(seen)}")

            await until(lambda answer: answer["bundle"] == "bundle-1")
            bundles.publish("bundle-2")
            await until(lambda answer: answer["bundle"] == "bundle-2")
            bundles.publish("bundle-3", manifest="torn")
            await until(lambda _: live.source.events["refused"] == 1)
            assert seen[-1] == "bundle-2"
            (bundles.folder / "current").unlink()
            await until(lambda _: live.source.events["no_current"] > 0)
            assert seen[-1] == "bundle-2"
            assert "leads to no bundle" in (await client.get("/readyz")).json()["refused"]
            bundles.publish("bundle-4")
            await until(lambda answer: answer["bundle"] == "bundle-4")

    run(check())


def test_redis_killed_or_slow_under_a_live_fallback_is_counted_and_recovers(
    bundles, redis_server, layout
):
    bundles.publish("bundle-1")
    now = [100.0]  # a server that failed is left alone for a second of it
    store = RedisStore(redis_server.url, timeout=0.25, clock=lambda: now[0])
    bank, policy = Bank.of(layout, make_vectors(layout)), make_policy()

    def fill():
        precompute_maps(Work(Members(), bank, layout, policy, DAY), make_facts(5), store, workers=1)

    fill()

    async def check():
        async with served(bundles, Full(), store) as (client, live):

            async def levels():
                live.batcher.fallbacks.rest(0)
                got = await client.post("/v1/decide", json=page())
                assert got.status_code == 200
                assert all(d["url"] for d in got.json()["decisions"])
                return {d["level"] for d in got.json()["decisions"]}

            assert await levels() == {"personalised"}
            with redis.Redis.from_url(redis_server.url) as control:
                control.client_pause(2000, all=True)
            assert await levels() == {"unpersonalised"}
            redis_server.stop()
            assert await levels() == {"unpersonalised"}
            redis_server.start()
            now[0] += 2
            await asyncio.to_thread(fill)
            assert await levels() == {"personalised"}
            counted = (await client.get("/metrics")).text
            assert 'marquee_fallbacks_total{level="store",reason="store_timeout"}' in counted

    run(check())


def test_a_corrupt_map_is_counted_and_the_next_whole_one_is_used(bundles, lmdb_store, layout):
    bundles.publish("bundle-1")
    bank, policy = Bank.of(layout, make_vectors(layout)), make_policy()
    precompute_maps(
        Work(Members(), bank, layout, policy, DAY), make_facts(5), lmdb_store, workers=1
    )
    whole = lmdb_store.get("profile-0003")

    async def check():
        async with served(bundles, Full(), lmdb_store) as (client, _):

            async def level_of_all():
                got = await client.post("/v1/decide", json=page())
                assert got.status_code == 200
                [level] = {d["level"] for d in got.json()["decisions"]}
                assert all(d["url"].startswith("/i/") for d in got.json()["decisions"])
                return level

            lmdb_store.put_many(["profile-0003"], [whole[:-1] + bytes([whole[-1] ^ 1])])
            assert await level_of_all() == "unpersonalised"
            counted = (await client.get("/metrics")).text
            assert 'marquee_fallbacks_total{level="store",reason="map_corrupt"}' in counted
            lmdb_store.put_many(["profile-0003"], [whole])
            assert await level_of_all() == "personalised"

    run(check())


def test_a_model_that_fails_is_said_once_and_counted_each_time(bundles, caplog):
    bundles.publish("bundle-1")

    class Broken:
        def functionals_of(self, facts):
            raise RuntimeError("the graph is broken")

    async def failures(client):
        name = 'marquee_fallbacks_total{level="unpersonalised",reason="model_failed"} '
        lines = (await client.get("/metrics")).text.splitlines()
        return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))

    async def check():
        async with served(bundles) as (client, live):
            broken = make_model("bundle-1")
            live.source.model = replace(broken, members=Broken())
            before = await failures(client)
            for _ in range(3):
                answer = (await client.post("/v1/decide", json=page())).json()
                assert answer["reason"] == "model_failed"
                assert {d["level"] for d in answer["decisions"]} == {"unpersonalised"}
            assert await failures(client) == before + 3
            live.source.model = make_model("bundle-1")
            assert (await client.post("/v1/decide", json=page())).json()["reason"] is None

    run(check())
    said = [record for record in caplog.records if record.name == "marquee.live"]
    assert [record.levelname for record in said] == ["WARNING"]
    assert "bundle-1 failed to decide" in said[0].getMessage()
    assert "the graph is broken" in said[0].exc_text


def test_pages_that_wait_for_the_disk_count_as_open(bundles):
    bundles.publish("bundle-1")

    async def check():
        async with served(bundles, Never(), queue=3) as (client, _):
            slow = {"X-Deadline-Ms": "300"}
            got = await asyncio.gather(
                *(client.post("/v1/decide", json=page(), headers=slow) for _ in range(8))
            )
            reasons = [answer.json()["reason"] for answer in got]
            assert sorted(reasons) == ["deadline"] * 3 + ["shed"] * 5

    run(check())


def test_pages_that_come_while_the_log_flushes_are_decided_together(bundles):
    bundles.publish("bundle-1")
    flushes, groups = [], []

    class Slow(NoLog):
        def decisions(self, pages):
            groups.append([page.shared["profile_id"] for page in pages])
            flushes.append(Future())
            return flushes[-1]

    async def check():
        async with served(bundles, Slow()) as (client, _):

            def asked(name, **more):
                return asyncio.create_task(client.post("/v1/decide", json=page(name) | more))

            async def until(done):
                for _ in range(10_000):
                    if done():
                        return
                    await asyncio.sleep(0)
                pytest.fail(f"never happened; groups so far: {groups}")

            first = asked("a")
            await until(lambda: len(groups) == 1)
            others = [asked("b"), asked("c", facts={"row": "top"}), asked("d")]
            for _ in range(200):
                await asyncio.sleep(0)
            assert groups == [["a"]]
            flushes[0].set_result(None)
            await until(lambda: len(groups) == 2)
            flushes[1].set_result(None)
            answers = [task.result() for task in (await asyncio.wait([first, *others]))[0]]
            assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 422]
            assert groups == [["a"], ["b", "d"]]

    run(check())


def test_who_is_answered_together_is_decided_together_again(bundles):
    bundles.publish("bundle-1")
    groups = []

    class Counting(NoLog):
        def decisions(self, pages):
            groups.append(len(pages))
            return super().decisions(pages)

    async def client(live, name, turns):
        loop = asyncio.get_running_loop()
        for _ in range(50):
            await live.answer(page(name), loop.time() + 1000)
            for _ in range(turns):  # on its way to who asked and back
                await asyncio.sleep(0)

    async def check():
        async with served(bundles, Counting()) as (_, live):
            live.batcher.admission.seconds_a_page = 0.2  # of a machine that takes its time
            live.batcher.admission.learn = lambda seconds, pages: None  # and goes on so
            await asyncio.gather(*(client(live, f"m{at}", 2 + 5 * at) for at in range(4)))

    run(check())
    assert sum(groups) == 200
    assert groups.count(4) >= 48, groups


def test_who_is_alone_is_not_kept_waiting(bundles):
    bundles.publish("bundle-1")

    async def check():
        async with served(bundles, NoLog()) as (_, live):
            loop = asyncio.get_running_loop()
            for _ in range(3):
                live.batcher.admission.seconds_a_page = 1000.0
                answer = await live.answer(page("m"), loop.time() + 5)
                assert orjson.loads(answer)["reason"] is None

    run(check())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"title_ids": "all"}, "title_ids"),
        ({"title_ids": [1.5]}, "whole numbers"),
        ({"title_ids": [[1]]}, "whole numbers"),
        ({"profile_id": ""}, "profile_id"),
        ({"facts": {"colour": "red"}}, "colour"),
        ({"facts": {"row": "top"}}, "facts"),
        ({"facts": {"watched_genres": dict.fromkeys(map(str, range(3000)), 1.0)}}, "3,000"),
        ({"day": "today"}, "day"),
        ({"day": True}, "day"),
        ({"cell": 5}, "cell"),
        ({"fresh": "yes"}, "fresh"),
        ({"exlude": ["5-0"]}, "'exlude' is no field of a page; did you mean exclude?"),
        ({"blocked": ["5-0"]}, "'blocked' is no field of a page; send audience, candidates"),
        ({"shown": [{"title_id": 5, "artwork_id": "5-0", "propensty": 0.5}]}, "propensity?"),
    ],
)
def test_a_request_that_makes_no_sense_is_told_why(bundles, change, message):
    bundles.publish("bundle-1")

    async def check():
        async with served(bundles) as (client, _):
            got = await client.post("/v1/decide", json=page() | change)
            assert got.status_code == 422
            assert message in got.json()["detail"]

    run(check())


def test_events_need_the_token_and_are_on_disk_when_accepted(bundles, tmp_path):
    bundles.publish("bundle-1")
    event = {"kind": "impression", "profile_id": "a", "title_id": 5, "event_id": "e1"}

    async def check():
        log = DurableLog(tmp_path / "log")
        async with served(bundles, log, tokens=[Token.of("player", "secret")]) as (client, _):
            given = {"events": [event]}
            assert (await client.post("/v1/events", json=given)).status_code == 401
            headers = {"Authorization": "Bearer secret"}
            got = await client.post("/v1/events", json=given, headers=headers)
            assert got.json() == {"accepted": 1}
            assert roll(tmp_path / "log")["events"] == 1
            wrong = {"events": [event | {"kind": "sneeze"}]}
            assert (await client.post("/v1/events", json=wrong, headers=headers)).status_code == 422

    run(check())


def test_a_full_log_asks_for_events_again(bundles):
    async def check():
        async with served(bundles, Full()) as (client, _):
            event = {"kind": "play", "profile_id": "a", "title_id": 5}
            got = await client.post("/v1/events", json={"events": [event]})
            assert (got.status_code, got.headers["Retry-After"]) == (503, "1")

    run(check())


def test_what_there_is_is_documented(bundles):
    async def check():
        async with served(bundles) as (client, _):
            paths = (await client.get("/openapi.json")).json()["paths"]
            assert {"/v1/decide", "/v1/decide/batch", "/v1/maps/{profile_id}", "/v1/score"} <= set(
                paths
            )
            assert {"/v1/events", "/healthz", "/readyz", "/metrics"} <= set(paths)

    run(check())


TWO_WORKERS = """
import sys
from serve.live.server import listen

if __name__ == "__main__":
    listen("bench.serving.live_app:service", "127.0.0.1", int(sys.argv[1]), workers=2)
"""


def test_a_server_told_to_stop_finishes_and_flushes(tmp_path):
    port = free_port()
    (tmp_path / "count").mkdir()
    server = subprocess.Popen(
        [sys.executable, "-c", TWO_WORKERS, str(port)],
        env=os.environ
        | {"MARQUEE_BENCH_LOG": str(tmp_path), "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "count")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 30
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            while True:
                try:
                    client.get("/healthz")
                    break
                except httpx.TransportError:
                    assert time.monotonic() < until, "the server did not start"
            answers = [
                client.post(
                    "/v1/decide",
                    content=orjson.dumps(page(titles=list(range(1, 41)), fresh=True)),
                    headers={"X-Deadline-Ms": "5000", "Content-Type": "application/json"},
                ).json()
                for _ in range(20)
            ]
            counted = dict(
                line.rsplit(" ", 1)
                for line in client.get("/metrics").text.splitlines()
                if not line.startswith("#")
            )
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
    finally:
        server.kill()
    roll(tmp_path)
    rows = set(logged(tmp_path)["decision_id"].to_pylist())
    named = {d["decision_id"] for answer in answers for d in answer["decisions"]}
    assert all(answer["logged"] for answer in answers)
    assert len(named) == 800
    assert named <= rows
    assert np.all([answer["reason"] is None for answer in answers])
    # Both workers' counts together, whichever answered.
    assert counted['marquee_requests_total{route="decide",status="200"}'] == "20.0"
    assert counted['marquee_request_seconds_count{route="decide"}'] == "20.0"
    assert counted['marquee_titles_total{level="personalised"}'] == "800.0"
    for histogram in ("model", "log"):
        buckets = [key for key in counted if key.startswith(f"marquee_{histogram}_seconds_bucket")]
        assert counted[f"marquee_{histogram}_seconds_count"] == "20.0"
        assert len(buckets) > 10
    assert counted["marquee_propensity_count"] == counted["marquee_entropy_nats_count"] == "20.0"
    assert counted['marquee_bundle_info{bundle="bench"}'] == "1.0"
    assert {"marquee_queue_pages", "marquee_log_queue_rows"} <= counted.keys()
