"""Rules of a live service: read again when they change, and held on every page, whatever fails."""

import asyncio
import os
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from data.log import roll
from serve.live.app import live_app
from serve.live.recorder import DurableLog, NoLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from serve.live.shown.follow_rules import RulesFile
from serve.maps.lmdb_store import LmdbStore
from serve.maps.lookup import Lookup
from tests.serve.precompute.test_precompute import logged, run
from tests.serve.rules.rules_world import NOON, lands, make_traits, rules_of
from tests.serve.world import DAY, make_layout, make_model

RULE = """rules:
  one:
    effect: {effect}
    about: {{artwork: {artwork}}}
    where: {{country: {country}}}
    who: me
    why: a test
"""


class Service:
    """A service that follows a file of rules about one title of six artworks."""

    def __init__(self, folder):
        self.layout = make_layout()
        self.title = self.layout.title_ids.tolist()[5]
        self.file, bundle = folder / "rules.yaml", folder / "bundle"
        bundle.mkdir()
        (bundle / "manifest.json").touch()
        (folder / "current").symlink_to(bundle)
        self.followed = RulesFile(self.file, folder)
        self.traits = make_traits(self.layout)
        self.manifest = bundle / "manifest.json"

        def load(_):
            return replace(make_model("bundle-1", self.layout), traits=self.traits)

        self.source = ModelSource(folder / "current", load, rules=self.followed)

    def write(self, effect="deny", rank=0, country="DE", text=None):
        rule = RULE.format(effect=effect, artwork=f"{self.title}-{rank}", country=country)
        part = self.file.with_suffix(".part")
        part.write_text(rule if text is None else text)
        part.replace(self.file)

    @asynccontextmanager
    async def open(self, recorder=None, queue=256):
        live = LiveService(self.source, recorder or NoLog(), None, deadline=60.0, queue=queue)
        transport = httpx.ASGITransport(live_app(live))
        async with httpx.AsyncClient(transport=transport, base_url="http://live") as client:
            await live.start()
            yield client
            await live.stop()

    async def shown(self, client, country="DE", members=40, **more):
        """Ranks that some members are shown, and the last answer."""
        ranks, answer = set(), {}
        for member in range(members):
            page = {
                "profile_id": f"m{member}",
                "title_ids": [self.title],
                "facts": {"country": country, "tenure_days": float(member)},
                "day": DAY,
            }
            answer = (await client.post("/v1/decide", json=page | more)).json()
            ranks.add(int(answer["decisions"][0]["artwork_id"].split("-")[1]))
        return ranks, answer


@pytest.fixture
def service(tmp_path):
    return Service(tmp_path)


EVERY = {0, 1, 2, 3, 4, 5}


def test_new_rules_hold_from_the_next_look_on_and_bad_ones_leave_the_good(service):
    async def check():
        service.write()
        async with service.open() as client:
            assert (await service.shown(client))[0] == EVERY - {0}
            assert (await service.shown(client, "FR"))[0] == EVERY
            service.write(rank=1)
            service.source.look()
            assert (await service.shown(client))[0] == EVERY - {1}
            for text, words in (
                ("rules: [", "not YAML"),
                (RULE.format(effect="deny", artwork="gone", country="DE"), "no artwork 'gone'"),
            ):
                service.write(text=text)
                service.source.look()
                assert (await service.shown(client))[0] == EVERY - {1}
                ready = (await client.get("/readyz")).json()
                assert words in ready["rules"]
                assert ready["bundle"] == "bundle-1"
            service.file.unlink()
            service.source.look()
            assert (await service.shown(client))[0] == EVERY - {1}
            service.write("pin", 2)
            service.source.look()
            ranks, answer = await service.shown(client)
            assert ranks == {2}
            assert answer["decisions"][0]["level"] == "pinned"
            assert answer["decisions"][0]["propensity"] == 1
            assert (await client.get("/readyz")).json()["rules"] == ""
            counted = (await client.get("/metrics")).text
            assert 'marquee_rules_reloads_total{outcome="refused"}' in counted

    asyncio.run(check())


def test_rules_that_came_before_their_catalogue_hold_with_it(service):
    async def check():
        service.write()
        async with service.open() as client:
            red = RULE.replace("artwork: {artwork}", "tag: {{tone: red}}")
            service.write(text=red.format(effect="deny", country="DE"))
            service.source.look()
            assert (await service.shown(client))[0] == EVERY - {0}
            assert "tone 'red'" in (await client.get("/readyz")).json()["rules"]
            tones = [*service.traits.tags["tone"]]
            tones[list(service.layout.artwork_ids).index(f"{service.title}-2")] = frozenset({"red"})
            service.traits = replace(service.traits, tags={"tone": tones})
            os.utime(service.manifest, ns=(1, 1))
            assert service.source.look()
            assert (await service.shown(client))[0] == EVERY - {2}
            assert (await client.get("/readyz")).json()["rules"] == ""

    asyncio.run(check())


def test_a_service_without_one_good_rule_file_has_no_model(service):
    async def check():
        service.write(text="rules: [")
        async with service.open() as client:
            ready = await client.get("/readyz")
            assert ready.status_code == 503
            assert "not YAML" in ready.json()["refused"]

    asyncio.run(check())


@pytest.mark.parametrize(
    ("more", "reason"),
    [({"profiling": False}, "opted_out"), ({"queue": 0}, "shed")],
)
def test_pages_that_are_not_decided_keep_to_rules(service, more, reason):
    """The best of the title is its last artwork."""

    async def check():
        service.write("deny", 5)
        queue = more.pop("queue", 256)
        async with service.open(queue=queue) as client:
            ranks, answer = await service.shown(client, **more)
            assert (ranks, answer["reason"]) == ({0}, reason)  # its default
            assert (await service.shown(client, "FR", **more))[0] == {5}
            service.write("pin", 3)
            service.source.look()
            assert (await service.shown(client, **more))[0] == {3}

    asyncio.run(check())


def test_fallbacks_are_logged_after_rules(service, tmp_path):
    async def check():
        service.write("deny", 5)
        async with service.open(DurableLog(tmp_path / "log")) as client:
            late = {"headers": {"x-deadline-ms": "0"}}
            page = {"profile_id": "m", "title_ids": [service.title], "facts": {"country": "DE"}}
            answer = (await client.post("/v1/decide", json=page | {"day": DAY}, **late)).json()
            assert answer["reason"] == "deadline"
            assert answer["decisions"][0]["artwork_id"].endswith("-0")

    asyncio.run(check())
    roll(tmp_path / "log")
    [row] = logged(tmp_path / "log").to_pylist()
    assert [name[-1] for name in row["candidates"]] == ["0", "1", "2", "3", "4"]
    assert (row["level"], row["propensity"], row["action"][-1]) == ("default", 1.0, "0")


def test_members_without_a_map_are_shown_what_everybody_may_see(tmp_path):
    layout = make_layout()
    title = layout.title_ids.tolist()[5]
    rules = rules_of(
        layout,
        no=f"effect: deny\nabout: {{artwork: [{title}-5, {title}-0]}}\nwhere: {{country: DE}}",
        shy=f"effect: cap\nshare: 0.1\nabout: {{artwork: {title}-1}}",
    )
    store = LmdbStore(tmp_path / "maps", size=1 << 26)
    best = layout.starts[1:] - 1
    run(store, facts=lands(9), ruled=rules, best=best, now=lambda: NOON / 1e6)
    client = Lookup(store)
    page = client.page("nobody-known")
    urls = {t: page[t] for t in layout.title_ids.tolist()}
    assert urls.pop(title) == f"{title}/2.jpg"
    assert all(url.endswith(f"/{s % 6}.jpg") for s, url in enumerate(urls.values()) if s < 5)
    store.close()
