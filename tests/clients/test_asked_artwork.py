"""What a page may show is the page's to say, through clients and without a service. About 2 s."""

import json

from tests.clients.conftest import TOKEN
from tests.export.world import ARTWORKS_TABLE

PYTHON = """
import dataclasses, json
from marquee_client import Artwork, Client, Request, Shown, open_maps

url, token, maps, ids = sys.argv[1:]
one, other = json.loads(ids)
client = Client(url, token, timeout=20)
defaults = {11: Artwork("/one.jpg", one)}
dead = Client("http://127.0.0.1:9", timeout=0.5, maps=open_maps(maps), defaults=defaults)
asked = Request("m3", [11])
pages = {
    "among": {"candidates": {11: [other]}, "mode": "preview"},
    "without": {"exclude": [other]},
    "barred": {"exclude": [one]},
    "own": {"shown": [Shown(11, other)]},
    "same": {"shown": [Shown(11, one, 0.5)]},
}
def told(page):
    one = page.decisions[0]
    return [one.artwork_id, one.level, one.url, page.source, page.logged]
print(json.dumps({
    name: [told(each.decide(dataclasses.replace(asked, **more))) for each in (client, dead)]
    for name, more in pages.items()
}))
"""
TYPESCRIPT = """
import { Client } from "marquee-client";

const [url, token, ids] = process.argv.slice(2);
const [one, other] = JSON.parse(ids);
const client = new Client(url, { token, timeout: 20000 });
const defaults = new Map([[11, { url: "/one.jpg", artwork_id: one }]]);
const dead = new Client("http://127.0.0.1:9", { timeout: 500, defaults });
const pages = {
  among: { candidates: { 11: [other] }, mode: "preview" },
  without: { exclude: [other] },
  barred: { exclude: [one] },
  own: { shown: [{ title_id: 11, artwork_id: other }] },
  same: { shown: [{ title_id: 11, artwork_id: one, propensity: 0.5 }] },
};
const told = {};
for (const [name, more] of Object.entries(pages)) {
  told[name] = [];
  for (const each of [client, dead]) {
    const page = await each.decide({ profile_id: "m3", title_ids: [11], ...more });
    const [{ artwork_id, level, url }] = page.decisions;
    told[name].push([artwork_id, level, url, page.source, page.logged]);
  }
}
console.log(JSON.stringify(told));
"""


def of_a_title():
    rows = zip(*(ARTWORKS_TABLE[n].to_pylist() for n in ("title_id", "artwork_id")), strict=True)
    return [artwork for title, artwork in rows if title == 11][:2]


def held(said, one, other):
    """What was asked for is kept to, by the service and without it."""
    (artwork, level, _, source, logged), bare = said["among"]
    assert (artwork, source, logged) == (other, "service", False)
    assert level == "personalised"
    nothing = [None, "placeholder", "/static/placeholder.svg", "defaults", False]
    assert bare == nothing  # the default is none of them, and maps do not say whose a URL is
    assert said["without"][0][0] != other
    assert said["without"][1] == [one, "default", "/one.jpg", "defaults", False]
    assert said["barred"][0][0] != one
    assert said["barred"][1] == nothing
    for name, artwork, url in (("own", other, nothing[2]), ("same", one, "/one.jpg")):
        answered, bare = said[name]
        assert answered[:2] == [artwork, "shown"]
        assert bare == [artwork, "shown", url, "defaults", False]


def test_the_python_client_keeps_to_what_a_page_may_show(clean, running):
    ids = of_a_title()
    held(clean(PYTHON, running.url, TOKEN, running.maps, json.dumps(ids)), *ids)


def test_the_typescript_client_keeps_to_what_a_page_may_show(node, running):
    ids = of_a_title()
    held(node(TYPESCRIPT, running.url, TOKEN, json.dumps(ids)), *ids)
