"""The TypeScript client in Node, against a real service; left out where there is no Node. 2 s."""

import httpx

from tests.clients.conftest import ORIGIN, TOKEN
from tests.clients.test_python_client import DECIDED

ASK = """
import { Client, EventSender, Refused } from "marquee-client";

const [url, token] = process.argv.slice(2);
const client = new Client(url, { token, timeout: 20000 });
const asked = { profile_id: "m3", title_ids: [11, 14, 99], facts: { country: "FR" } };
const page = await client.decide(asked);
const ids = [...Array(70).keys()];
const batch = await client.decideMany(ids.map((i) => ({ ...asked, profile_id: `m${i}` })));
const [shown] = page.decisions;
const { title_id, artwork_id, decision_id } = shown;
const event = { kind: "impression", profile_id: "m3", title_id, artwork_id, decision_id };
const sender = new EventSender(client, { every: 10 });
sender.add(event);
sender.add({ kind: "nonsense", profile_id: "m3", title_id });
sender.add({ kind: "thumb", profile_id: "m3", title_id, thumb: 1 });
const left = await sender.close();
const again = await client.send([event]);
const defaults = new Map([[11, { url: "/a.jpg", artwork_id: "a" }]]);
const bare = await new Client("http://127.0.0.1:9", { defaults }).decide(asked);
const wrong = await new Client(url, { token: "stolen", timeout: 20000 }).decide(asked);
const odd = { kind: "nonsense", profile_id: "m3", title_id };
const refused = await client.send([odd]).catch((failed) => failed);
const why = await client.explain({ ...asked, title_ids: [11] });
console.log(JSON.stringify({
  page, bare, again, why: why.shown, batch: batch.map((p) => p.decisions[0].artwork_id),
  sender: [left, sender.sent, sender.refused, sender.lastRefusal],
  wrong: [wrong.reason, wrong.detail, wrong.decisions.length],
  refused: [refused instanceof Refused, refused.status],
}));
"""


def test_it_decides_and_sends_with_nothing_else_installed(node, running):
    said = node(ASK, running.url, TOKEN)
    page = said["page"]
    assert [one["title_id"] for one in page["decisions"]] == [11, 14, 99]
    assert (page["source"], page["logged"], page["reason"]) == ("service", True, None)
    assert len(said["batch"]) == 70
    assert said["batch"][3] == page["decisions"][0]["artwork_id"] == said["why"]
    left, sent, refused, why = said["sender"]
    assert (left, sent, refused, said["again"]) == (0, 2, 1, 1)
    assert "nonsense" in why
    bare = said["bare"]
    assert (bare["source"], bare["reason"]) == ("defaults", "unreachable")
    assert [one["url"] for one in bare["decisions"]] == ["/a.jpg", *["/static/placeholder.svg"] * 2]
    assert said["wrong"][0] == "refused_401"
    assert said["wrong"][2] == 3
    assert said["refused"] == [True, 422]


RETRY = """
import { Client } from "marquee-client";

const client = new Client(process.argv[2], { timeout: 20000 });
const page = await client.decide({ profile_id: "m", title_ids: [1] });
const taken = await client.send([{ kind: "play", profile_id: "m", title_id: 1 }]);
console.log(JSON.stringify([page.decisions[0].url, taken]));
"""


TOKENS = r"""
import { Client } from "marquee-client";

const made = ["\u2026", "a b", "a\n", undefined].map((token) => {
  try {
    return Boolean(new Client("http://127.0.0.1:9", { token }));
  } catch (failed) {
    return failed.message;
  }
});
console.log(JSON.stringify(made));
"""


def test_a_token_that_no_header_can_carry_is_refused_before_any_page(node):
    *refused, without = node(TOKENS)
    assert len(refused) == 3
    assert all("serve token" in words for words in refused)
    assert without is True


def test_what_is_tried_again_has_the_same_id(node, flaky):
    flaky.answers += [(503, {"detail": "busy"}), None, (200, DECIDED)]
    flaky.answers += [None, (429, {"detail": "often"}), (200, {"accepted": 1})]
    assert node(RETRY, flaky.url) == ["/a", 1]
    for part in (flaky.bodies[:3], flaky.bodies[3:]):
        assert part[0] == part[1] == part[2]
    assert len(flaky.bodies[0]["request_id"]) == len(flaky.bodies[3]["events"][0]["event_id"]) == 32


def test_pages_of_an_allowed_origin_may_ask_and_read(running):
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    other = {**asked, "Origin": "https://else.example.com"}
    body = {"profile_id": "m3", "title_ids": [11]}
    with httpx.Client(base_url=running.url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        may = client.options("/v1/decide", headers=asked)
        told = client.post("/v1/decide", json=body, headers={"Origin": ORIGIN})
        nobody = {"Origin": ORIGIN, "Authorization": "x"}
        refused = client.post("/v1/decide", json=body, headers=nobody)
        foreign = client.options("/v1/decide", headers=other)
        sent = client.post("/v1/decide", json=body, headers={"Origin": other["Origin"]})
    assert may.status_code == 204
    assert "X-Deadline-Ms" in may.headers["access-control-allow-headers"]
    for answer in (may, told, refused):
        assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert (told.status_code, refused.status_code, sent.status_code) == (200, 401, 403)
    for answer in (foreign, sent):
        assert "access-control-allow-origin" not in answer.headers
