"""Pages: what they show is what live decides, as data and in a real browser.

About 15 s of one core, half of it Chromium's.
"""

import re
from datetime import date
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data import clock
from data.catalogue import Catalogue
from data.errors import BadInput
from serve.live.app import live_app
from serve.live.load_model import load_live
from serve.live.recorder import NoLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from tests.screenshots import listening
from tests.web.conftest import ODD
from web.app import web_app
from web.command import web
from web.view.catalogue_view import CatalogueView

GONE = {"added_day": date(2001, 1, 1), "withdrawn_day": date(2001, 2, 1)}


def live_answer(world, profile_id, titles):
    """What the live service answers to a page that knows a member's profile alone."""

    def load(bundle):
        return load_live(bundle, world / "catalogue", world / "cache", clock.today())

    rows = pq.read_table(world / "profiles.parquet").to_pylist()
    [facts] = [row["facts"] for row in rows if row["profile_id"] == profile_id]
    known = {
        name: dict(value) if isinstance(value, list) else value
        for name, value in facts.items()
        if value and name not in ("device", "surface", "row", "column", "day_part")
    }
    service = LiveService(ModelSource(world / "bundles" / "current", load), NoLog())
    body = {"profile_id": profile_id, "title_ids": titles, "facts": known}
    with listening(live_app(service)) as live:
        late = {"X-Deadline-Ms": "5000"}
        answer = httpx.post(f"{live}/v1/decide", json=body, headers=late).json()
    assert answer["reason"] is None
    return {one["title_id"]: (one["artwork_id"], one["propensity"]) for one in answer["decisions"]}


def test_a_home_page_is_what_live_decides_for_the_same_members(world, client):
    found = client.get("/api/home", params={"member": ODD, "other": "m7"}).json()
    assert [member["profile_id"] for member in found["members"]] == [ODD, "m7"]
    seen = [{}, {}]
    for row in found["rows"]:
        for tiles, mine in zip(row["tiles"], seen, strict=True):
            mine |= {tile["title_id"]: (tile["artwork_id"], tile["propensity"]) for tile in tiles}
    for name, mine in zip((ODD, "m7"), seen, strict=True):
        assert mine == live_answer(world, name, [*mine])
    differing = {title for title in seen[0] if seen[0][title][0] != seen[1][title][0]}
    marked = {
        tile["title_id"]
        for row in found["rows"]
        for tiles in row["tiles"]
        for tile in tiles
        if tile["differs"]
    }
    assert differing == marked
    assert (found["differing"], found["titles"]) == (len(differing), len(seen[0]))


def test_why_adds_up_and_shows_what_the_home_page_shows(client):
    found = client.get("/api/home", params={"member": "m3"}).json()
    for tile in found["rows"][0]["tiles"][0][:5]:
        asked = {"member": "m3", "title": tile["title_id"]}
        why = client.get("/api/why", params=asked).json()
        assert sum(one["probability"] for one in why["candidates"]) == pytest.approx(1, abs=1e-12)
        [shown] = [one for one in why["candidates"] if one["shown"]]
        assert shown["artwork_id"] == tile["artwork_id"]
        assert shown["probability"] == pytest.approx(tile["propensity"], abs=1e-12)
        assert len(why["candidates"]) == tile["candidates"]
        parts = why["parts"]
        assert parts["shown"] == shown["artwork_id"]
        total = parts["nobody"] + sum(fact["adds"] for fact in parts["facts"])
        assert total == pytest.approx(parts["difference"], abs=1e-4)
        for fact in why["facts"]:
            assert fact["change"] == pytest.approx(shown["probability"] - fact["without"])


def test_a_title_has_the_draws_and_rewards_of_its_log(story, client):
    rows = story.examples
    for title in story.catalogue.title_ids[:4]:
        found = client.get("/api/title", params={"title": title}).json()
        mine = rows.filter(pa.array(rows["title_id"].to_numpy() == title)).to_pandas()
        assert {one["artwork_id"] for one in found["artworks"]} == set(found["candidates"])
        for one in found["artworks"]:
            drawn = mine[mine["action"] == one["artwork_id"]]
            assert one["draws"] == len(drawn)
            if len(drawn):
                weight = 1 / drawn["propensity"]
                mean = (weight * drawn["reward"]).sum() / weight.sum()
                assert one["reward"] == pytest.approx(mean)
                assert one["low"] <= one["reward"] <= one["high"]
        assert sum(one["share"] for one in found["artworks"]) == pytest.approx(1)
        told = {(one["artwork_id"], one["day"]): one for one in found["trend"]}
        days = mine.groupby(["action", mine["time"].dt.date.astype(str)])
        assert set(told) == set(days.groups)
        for key, drawn in days:
            weight = 1 / drawn["propensity"]
            assert told[key]["draws"] == len(drawn)
            mean = (weight * drawn["reward"]).sum() / weight.sum()
            assert told[key]["reward"] == pytest.approx(mean)
        for part in found["segments"]:
            assert part["members"] >= 20
            assert sum(part["shares"]) == pytest.approx(1)


def test_what_there_is_not_is_said_in_a_sentence_and_other_sites_read_nothing(client):
    for path in ("/", "/why", "/title"):
        asked = {"member": "nobody", "title": "zzz"}
        got = client.get(path, params=asked)
        assert got.status_code == 404, path
        assert "This cannot be shown" in got.text
        told = client.get(f"/api{path if path != '/' else '/home'}", params=asked)
        assert told.status_code == 404
        assert re.search("nobody|zzz", told.json()["detail"])
    nowhere = client.get("/no/such", headers={"Accept": "text/html,*/*"})
    assert (nowhere.status_code, "There is no page /no/such" in nowhere.text) == (404, True)
    assert client.get("/no/such").json() == {"detail": "there is no page /no/such"}
    for path in ("/why", "/title"):  # an address cut short
        assert "This cannot be shown" in client.get(path).text
    told = client.get("/api/why", params={"member": "m3"})
    assert (told.status_code, told.json()) == (422, {"detail": "title: Field required"})
    assert client.get("/", headers={"Host": "marquee.example.com"}).status_code == 400
    for path in ("/", "/titles"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "script" not in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_a_title_that_shows_nothing_today_is_refused_in_a_sentence(world, pages):
    pages.followed.look()
    there = Catalogue.read(world / "catalogue")
    title, artwork = (
        pa.Table.from_pylist([table.slice(0, 1).to_pylist()[0] | gone], table.schema)
        for table, gone in (
            (there.titles, {"title_id": 987654, "default_artwork_id": "gone"}),
            (there.artworks, GONE | {"title_id": 987654, "artwork_id": "gone"}),
        )
    )
    titles = pa.concat_tables([there.titles, title])
    artworks = pa.concat_tables([there.artworks, artwork])
    later = CatalogueView(
        pages.view().model, Catalogue(there.root, titles, artworks), pages.view().folder
    )
    with pytest.raises(BadInput, match="987654 has no artwork"):
        later.title("987654")


def test_names_are_text_wherever_they_come_from(client):
    page = client.get("/", params={"member": ODD}).text
    assert "<script>" not in page
    assert page.count("&lt;script&gt;") > 2
    assert "<script>" not in client.get("/titles", params={"name": ODD}).text


def test_a_small_picture_is_whole_and_kept_and_a_missing_one_is_a_placeholder(world, client):
    artwork = Catalogue.read(world / "catalogue").artwork_ids[0]
    got = client.get("/thumbnail", params={"artwork": artwork, "size": 160})
    assert got.headers["content-type"] == "image/webp"
    again = client.get(
        "/thumbnail",
        params={"artwork": artwork, "size": 160},
        headers={"If-None-Match": got.headers["etag"]},
    )
    assert (again.status_code, again.content) == (304, b"")
    for asked in ({"artwork": "../../profiles.parquet"}, {"artwork": artwork, "size": 161}):
        assert client.get("/thumbnail", params=asked).headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bundles": Path("none")}, "leads to no bundle"),
        ({"profiles": None}, "--profiles"),
        ({"profiles": Path("none.parquet")}, "--profiles none.parquet: there is no such file"),
        ({"examples": Path("none")}, "--examples none: there is no such file"),
        ({"port": 70_000}, "--port"),
    ],
)
def test_what_cannot_be_shown_is_refused_before_anything_listens(world, change, words):
    right = {
        "bundles": world / "bundles",
        "catalogue": world / "catalogue",
        "profiles": world / "profiles.parquet",
        "cache": world / "cache",
        "port": 0,
    }
    with pytest.raises(BadInput, match=words):
        web(**(right | change))


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1440)])
def test_a_creative_finds_why_two_members_see_different_artwork(pages, walk, scheme, width):
    page, fine = walk(scheme, width)
    with listening(web_app(pages)) as address:
        page.goto(address)
        fine()
        page.get_by_label("Beside").fill("m9")
        page.get_by_role("button", name="Show").click()
        fine()
        page.locator("li.differs a").first.click()
        fine()
        assert page.locator("li.chosen").count() == 1
        page.get_by_role("link", name="All about this title").click()
        page.get_by_role("heading", name="Day by day").wait_for()
        fine()
        assert page.get_by_role("rowheader").count() > 3
        page.get_by_role("link", name="Titles", exact=True).click()
        fine()
        page.get_by_label("Name or id").fill(ODD)
        page.get_by_role("button", name="Find").click()
        fine()
        assert page.locator("ul.grid li").count() == 1
        page.goto(f"{address}/docs")
        fine()
