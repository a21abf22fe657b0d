"""Rules over HTTP: changed by those who may, refused in a sentence, and held from the next look."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import pytest

from serve.live.app import live_app
from serve.live.door.tokens import Token, Tokens, digest
from serve.live.recorder import NoLog
from serve.live.service import LiveService
from tests.serve.rules.test_live_rules import EVERY, Service

WHO = {"who": "ann@example.com", "why": "a test"}


@pytest.fixture
def service(tmp_path):
    made = Service(tmp_path)
    made.write("deny", 0)
    return made


@asynccontextmanager
async def served(service):
    """Clients of a service by the scopes of their tokens."""
    tokens = Tokens(
        [
            Token(name, digest(name), scopes)
            for name, scopes in (
                ("reader", ("read",)),
                ("pages", ("read", "write")),
                ("editor", ("read", "rules")),
            )
        ]
    )
    live = LiveService(service.source, NoLog(), None, deadline=60.0)
    transport = httpx.ASGITransport(live_app(live, tokens))
    await live.start()
    clients = {
        name: httpx.AsyncClient(
            transport=transport, base_url="http://live", headers={"authorization": f"Bearer {name}"}
        )
        for name in ("reader", "pages", "editor")
    }
    try:
        yield clients
    finally:
        await live.stop()


def rule(service, rank, name="new", **more):
    about = {"artwork": f"{service.title}-{rank}"}
    return {"id": name, "effect": "pin", "about": about, "where": {"country": "DE"}} | WHO | more


def test_a_rule_that_is_sent_holds_and_is_over_when_it_ends(service):
    async def check():
        async with served(service) as clients:
            editor, pages = clients["editor"], clients["pages"]
            assert (await service.shown(pages))[0] == EVERY - {0}
            sent = await editor.post("/v1/rules", json=rule(service, 2))
            assert sent.status_code == 201, sent.text
            service.source.look()
            assert (await service.shown(pages))[0] == {2}
            assert (await service.shown(pages, "FR"))[0] == EVERY
            listed = (await clients["reader"].get("/v1/rules")).json()
            assert [(one["id"], one["state"]) for one in listed["rules"]] == [
                ("one", "holds"),
                ("new", "holds"),
            ]
            assert listed["version"] == listed["in_use"] == sent.json()["version"]
            ended = await editor.post("/v1/rules/new/end", json=WHO)
            assert ended.status_code == 200, ended.text
            out = await editor.delete("/v1/rules/one", params=WHO)
            assert out.status_code == 200, out.text
            service.source.look()
            assert (await service.shown(pages))[0] == EVERY
            changes = (await pages.get("/v1/rules/audit")).json()["changes"]
            assert [(one["what"], one["by"]) for one in changes] == [
                ("taken out", "editor"),
                ("ended", "editor"),
                ("added", "editor"),
                ("found", "other hands"),
            ]

    asyncio.run(check())


def test_what_cannot_be_is_refused_and_the_last_good_rules_stay(service):
    async def check():
        async with served(service) as clients:
            editor, before = clients["editor"], service.file.read_bytes()
            new = rule(service, 2)
            gone = rule(service, 2, about={"artwork": "gone"})
            for status, words, sent in (
                (422, "no artwork 'gone'", editor.post("/v1/rules", json=gone)),
                (422, "share", editor.post("/v1/rules", json=new | {"effect": "floor"})),
                (422, "shoe: Extra", editor.post("/v1/rules", json=new | {"shoe": 1})),
                (409, "there is a rule 'one'", editor.post("/v1/rules", json=new | {"id": "one"})),
                (404, "no rule 'gone'", editor.post("/v1/rules/gone/end", json=WHO)),
                (415, "send JSON", editor.post("/v1/rules", content=b"{}")),
                (403, "no scope to rules", clients["pages"].post("/v1/rules", json=new)),
                (403, "no scope to rules", clients["reader"].delete("/v1/rules/one", params=WHO)),
            ):
                answer = await sent
                assert answer.status_code == status, answer.text
                assert words in answer.json()["detail"]
            assert service.file.read_bytes() == before
            assert (await editor.post("/v1/rules?dry=true", json=new)).status_code == 201
            assert service.file.read_bytes() == before
            number = rule(service, 2, where={"country": [276, "DE"]})
            tried = (await editor.post("/v1/rules?dry=true", json=number)).json()
            assert tried["rule"]["where"] == {"country": ["276", "DE"]}
            tag = (await editor.get("/v1/rules")).headers["etag"]
            matched = {"if-match": tag}
            assert (await editor.post("/v1/rules", json=new, headers=matched)).status_code == 201
            late = await editor.delete("/v1/rules/one", params=WHO, headers=matched)
            assert (late.status_code, "others changed them" in late.text) == (412, True)
            other = await editor.post("/v1/rules", json=rule(service, 3, "other"))
            assert other.status_code == 422
            for words in ("rule 'new'", "rule 'other' (as sent)", "where country is DE", "pin"):
                assert words in other.json()["detail"]

    asyncio.run(check())


def test_a_service_that_follows_no_rules_says_how_it_would(tmp_path, service):
    async def check():
        service.source.rules = None
        async with served(service) as clients:
            answer = await clients["reader"].get("/v1/rules")
            assert (answer.status_code, "--rules FILE" in answer.text) == (404, True)

    asyncio.run(check())
