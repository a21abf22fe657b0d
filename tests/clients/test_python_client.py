"""The wheel of the Python client, out of a clean environment, against a real service. About 6 s."""

import pyarrow.dataset as ds

from data.lean.fast_json import by_json, dumps
from data.log import roll
from serve.maps.lookup import Lookup
from serve.maps.open_store import open_map_store
from tests.clients.conftest import TOKEN

ASK = """
import asyncio, dataclasses, json
from marquee_client import AsyncClient, Artwork, Client, Event, EventSender, Request, open_maps

url, token, maps_url, log = sys.argv[1:]
client = Client(url, token, timeout=20)
asked = Request("m3", [11, 14, 99], {"country": "FR"})
page = client.decide(asked)
batch = client.decide_many([dataclasses.replace(asked, profile_id=f"m{i}") for i in range(70)])

maps = open_maps(maps_url, base_url="/i/", log=log)
row = maps.rows(asked, asked.title_ids, "home")
maps.lookup().close()

async def others():
    own = AsyncClient(url, token, timeout=20)
    pages = await asyncio.gather(*(own.decide(asked) for _ in range(5)))
    more = await own.decide_many([asked, asked])
    taken = await own.send([Event("play", "m3", 11)])
    await own.close()
    lost = AsyncClient("http://127.0.0.1:9", timeout=0.5, maps=maps)
    threads = await asyncio.gather(*(lost.decide(asked) for _ in range(8)))
    return [p.decisions for p in (*pages, *more)], taken, threads

again, taken, threads = asyncio.run(others())
shown = page.decisions[0]
event = Event("impression", "m3", 11, shown.artwork_id, shown.decision_id, event_id="one")
client.send([event])
sender = EventSender(client, every=0.01)
for each in (event, Event("nonsense", "m3", 11), Event("thumb", "m3", 11, thumb=1)):
    sender.add(each)
left = sender.close()
dead = Client("http://127.0.0.1:9", timeout=0.5, maps=maps)
mapped = dead.decide(asked)
deaf = Client("http://127.0.0.1:9", timeout=0.5, defaults={11: Artwork("/a.jpg", "a")})
wrong = Client(url, "stolen").decide(asked)
print(json.dumps({
    "page": dataclasses.asdict(page), "batch": [p.decisions[0].artwork_id for p in batch],
    "same": all(one == page.decisions for one in again), "taken": taken,
    "sender": [left, sender.sent, sender.refused, sender.last_refusal],
    "threads": all(p.decisions == mapped.decisions for p in threads),
    "mapped": dataclasses.asdict(mapped), "bare": dataclasses.asdict(deaf.decide(asked)),
    "wrong": [wrong.reason, wrong.detail, len(wrong.decisions)],
    "why": client.explain(Request("m3", [11], {"country": "FR"}))["shown"],
    "row": [dataclasses.asdict(row[t]) for t in asked.title_ids],
    "seen": sorted({m.partition(".")[0] for m in sys.modules} & {"pyarrow", "orjson", "serve"}),
}))
"""


def test_it_decides_looks_up_and_sends_with_nothing_else_installed(clean, running, tmp_path):
    said = clean(ASK, running.url, TOKEN, running.maps, str(tmp_path))
    page = said["page"]
    assert [one["title_id"] for one in page["decisions"]] == [11, 14, 99]
    assert (page["source"], page["logged"]) == ("service", True)
    assert page["decisions"][2]["level"] == "placeholder"
    assert len(said["batch"]) == 70
    assert said["batch"][3] == page["decisions"][0]["artwork_id"] == said["why"]
    assert said["same"]
    assert said["taken"] == 1
    assert said["threads"]
    left, sent, refused, why = said["sender"]
    assert (left, sent, refused) == (0, 2, 1)
    assert "nonsense" in why
    assert said["seen"] == []
    own = Lookup(open_map_store(running.maps, readonly=True), base_url="/i/").page("m3")
    assert said["mapped"]["source"] == "maps"
    assert [one["url"] for one in said["mapped"]["decisions"]] == [own[t] for t in (11, 14, 99)]
    assert said["mapped"]["decisions"][0]["level"] == "personalised"
    assert roll(tmp_path)["decisions"] == 2
    rows = ds.dataset(tmp_path / "decisions", format="parquet", partitioning=None).to_table()
    shown = [(one["decision_id"], one["artwork_id"], one["propensity"]) for one in said["row"][:2]]
    columns = (rows[name].to_pylist() for name in ("decision_id", "action", "propensity"))
    assert shown == list(zip(*columns, strict=True))
    assert said["row"][2]["level"] == "placeholder"
    bare = said["bare"]
    assert (bare["source"], bare["reason"]) == ("defaults", "unreachable")
    assert [one["url"] for one in bare["decisions"]] == ["/a.jpg", *["/static/placeholder.svg"] * 2]
    assert said["wrong"][0] == "refused_401"
    assert "token" in said["wrong"][1]


RETRY = """
import asyncio, json
from marquee_client import AsyncClient, Client, Event, Request

url = sys.argv[1]
client = Client(url, timeout=20)
page = client.decide(Request("m", [1]))
taken = client.send([Event("play", "m", 1)])
late = asyncio.run(AsyncClient(url, timeout=20).decide(Request("m", [1])))
print(json.dumps([page.decisions[0].url, taken, late.decisions[0].url]))
"""
DECIDED = {
    "bundle": "b",
    "reason": None,
    "logged": True,
    "decisions": [
        {"title_id": 1, "artwork_id": "a", "url": "/a", "decision_id": "d", "propensity": 0.5}
        | {"level": "personalised"}
    ],
}


def test_what_is_tried_again_has_the_same_id(clean, flaky):
    busy, gone = (503, {"detail": "busy"}), None
    flaky.answers += [busy, gone, (200, DECIDED)]
    flaky.answers += [gone, (429, {"detail": "often"}), (200, {"accepted": 1})]
    flaky.answers += [gone, busy, (200, DECIDED)]
    assert clean(RETRY, flaky.url) == ["/a", 1, "/a"]
    for part in (flaky.bodies[:3], flaky.bodies[3:6], flaky.bodies[6:]):
        assert part[0] == part[1] == part[2]
    assert len(flaky.bodies[0]["request_id"]) == len(flaky.bodies[3]["events"][0]["event_id"]) == 32


TOKENS = """
import json
from marquee_client import AsyncClient, Client

refused = []
for make in (Client, AsyncClient):
    for token in ("\\u2026", "a b", "a\\n"):
        try:
            make("http://127.0.0.1:9", token)
        except ValueError as error:
            refused.append(str(error))
print(json.dumps(refused))
"""


def test_a_token_that_no_header_can_carry_is_refused_before_any_page(clean):
    refused = clean(TOKENS)
    assert len(refused) == 6
    assert all("serve token" in words for words in refused)


def test_json_is_the_same_bytes_with_and_without_orjson():
    odd = "".join(map(chr, [*range(0x100), 0x2028, 0x1F600, 0xFFFD]))
    value = {"title_ids": [0, 2**63 - 1], "paths": (odd, ""), "none": None, "true": True}
    assert by_json(value) == dumps(value)
