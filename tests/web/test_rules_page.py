"""Rules made and ended on pages: what a preview shows follows, and the log says who. About 10 s."""

import httpx
import pytest

from serve.live.door.tokens import Token, Tokens, digest
from tests.screenshots import listening
from tests.web.conftest import ODD
from web.app import web_app
from web.pages_of import PagesOf
from web.session import Sessions
from web.view.catalogue_view import FollowedView

READS, RULES = "r" * 43, "u" * 43


@pytest.fixture(scope="module")
def steered(world, story, tmp_path_factory):
    root = tmp_path_factory.mktemp("steered")
    (root / "rules.yaml").touch()
    held = [Token("ann", digest(READS), ("read",)), Token("bea", digest(RULES), ("read", "rules"))]
    places = world / "bundles", world / "catalogue", world / "cache"
    followed = FollowedView(*places, False, root / "rules.yaml")
    profiles, sessions = world / "profiles.parquet", Sessions(Tokens(held))
    pages = PagesOf(followed, profiles, story.root / "examples", sessions=sessions)
    with listening(web_app(pages)) as address:
        yield address


@pytest.fixture
def bea(steered):
    with httpx.Client(base_url=steered, headers={"Authorization": f"Bearer {RULES}"}) as opened:
        yield opened


def shown(client, title):
    why = client.get("/api/why", params={"member": "m3", "title": title}).json()
    [one] = [candidate for candidate in why["candidates"] if candidate["shown"]]
    chances = {one["artwork_id"]: one["probability"] for one in why["candidates"]}
    return one["artwork_id"], chances, why["rules"]


def test_what_is_denied_is_shown_to_nobody_until_the_rule_ends(bea, story):
    title = story.catalogue.title_ids[2]
    before, chances, _ = shown(bea, title)
    made = bea.post("/rules", data={"effect": "deny", "artwork": before, "why": "<b>rights</b>"})
    assert made.status_code == 303, made.text
    after, ruled, names = shown(bea, title)
    assert after != before
    assert ruled[before] == 0
    assert sum(ruled.values()) == pytest.approx(1, abs=1e-9)
    [rule] = bea.get("/api/rules").json()["rules"]
    assert names == [rule["id"]]
    assert (rule["who"], rule["state"]) == ("bea", "holds")
    page = bea.get("/rules").text
    assert "&lt;b&gt;rights&lt;/b&gt;" in page
    assert bea.get("/csv/rules").text.count(rule["id"]) == 1
    ended = bea.post("/rules/end", data={"rule": rule["id"], "why": "signed"})
    assert ended.status_code == 303
    again, back, _ = shown(bea, title)
    assert (again, back) == (before, chances)
    told = [(one["what"], one["by"], one["why"]) for one in bea.get("/api/audit").json()]
    assert told == [("ended", "bea", "signed"), ("added", "bea", "<b>rights</b>")]


def test_a_rule_that_cannot_be_is_refused_in_a_sentence_and_changes_nothing(bea, story):
    before = bea.get("/api/rules").json()["version"]
    title = story.catalogue.title_ids[4]
    first = story.catalogue.artwork_ids[0]
    for asked, words in (
        ({"effect": "deny", "title": str(title)}, "contradict|nothing|no artwork|left"),
        ({"effect": "deny", "artwork": "none-such"}, "none-such"),
        ({"effect": "floor", "title": str(title), "share": "a lot"}, "is no number"),
        ({"effect": "deny"}, "about nothing"),
        ({"effect": "deny", "artwork": first, "fact": "country"}, "both a fact and its values"),
        ({"effect": "deny", "artwork": first, "fact": "shoe", "values": "1"}, "is no fact"),
        ({"effect": "deny", "artwork": first, "begins": "tomorrow"}, "tomorrow"),
    ):
        got = bea.post("/rules", data={"why": "a test"} | asked)
        assert got.status_code == 422, asked
        assert any(word in got.text for word in words.split("|")), got.text[-3000:]
    assert bea.get("/api/rules").json()["version"] == before


def test_a_rule_of_some_countries_from_a_day_on_changes_nothing_elsewhere(bea, story):
    title = story.catalogue.title_ids[5]
    before, chances, _ = shown(bea, title)
    asked = {"effect": "deny", "artwork": before, "why": "rights", "fact": "country"}
    asked |= {"values": "XX, YY", "begins": "2026-01-01T00:00", "until": "2999-01-01T00:00"}
    made = bea.post("/rules", data=asked)
    assert made.status_code == 303, made.text
    assert shown(bea, title)[:2] == (before, chances)
    rules = bea.get("/api/rules").json()["rules"]
    [rule] = [one for one in rules if one["where"]]
    assert (rule["where"], rule["begins"][:16]) == ("country XX or YY", "2026-01-01T00:00")
    bea.post("/rules/end", data={"rule": rule["id"], "why": "over"})


def test_a_floor_is_kept_and_who_may_only_read_changes_nothing(bea, steered, story):
    title = story.catalogue.title_ids[6]
    _, chances, _ = shown(bea, title)
    least = min(chances, key=chances.__getitem__)
    floor = {"effect": "floor", "artwork": least, "share": "0.3", "why": "try it"}
    reads = {"Authorization": f"Bearer {READS}"}
    got = httpx.post(f"{steered}/rules", data=floor, headers=reads)
    assert got.status_code == 403
    assert "rules" in got.text
    assert shown(bea, title)[1] == chances
    bea.post("/rules", data=floor)
    assert shown(bea, title)[1][least] >= 0.3 - 1e-9


def test_a_disk_that_refuses_is_a_sentence_without_its_paths(world, tmp_path):
    (tmp_path / "rules.yaml").touch()
    (tmp_path / "rules.audit.jsonl").mkdir()
    places = world / "bundles", world / "catalogue", world / "cache"
    pages = PagesOf(FollowedView(*places, False, tmp_path / "rules.yaml"), None, None)
    pages.followed.look()
    title = str(next(iter(pages.view().titles)))
    with listening(web_app(pages)) as address:
        asked = {"effect": "cap", "share": "0.9", "title": title, "who": "ann", "why": "try"}
        got = httpx.post(f"{address}/rules", data=asked)
    assert got.status_code == 503
    assert "disk refused (Is a directory)" in got.text
    assert str(tmp_path) not in got.text


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1440)])
def test_an_editor_signs_in_denies_and_sees_it_gone(steered, story, walk, scheme, width):
    page, fine = walk(scheme, width)
    title = story.catalogue.title_ids[7 if width == 360 else 8]
    why = f"{steered}/why?member=m5&title={title}"
    page.goto(why)
    fine()
    page.get_by_label("Token").fill(RULES)
    page.get_by_role("button", name="Sign in").click()
    page.locator("li.chosen .name").wait_for()
    before = page.locator("li.chosen .name").inner_text().split("·")[1].strip()
    page.get_by_role("link", name="All about this title").click()
    page.get_by_role("link", name="Rules: deny").click()
    page.get_by_label("Artwork").select_option(before)
    page.get_by_label("Why", exact=True).fill(ODD)
    page.get_by_role("button", name="Make it").click()
    page.get_by_role("rowheader").first.wait_for()
    fine()
    page.goto(why)
    page.get_by_text("Rules that hold here").wait_for()
    assert page.locator("li.chosen .name").inner_text().split("·")[1].strip() != before
    page.goto(f"{steered}/?member=m5")
    tile = page.locator(f'li:has(a[href$="title={title}"]) img').first
    assert f"artwork={before}" not in tile.get_attribute("src")
    page.goto(f"{steered}/audit")
    fine()
    assert page.get_by_text("bea").count() > 0


def test_a_reader_who_denies_is_told_what_that_needs_and_nothing_changes(
    steered, bea, story, browser
):
    title, before = story.catalogue.title_ids[3], bea.get("/api/rules").json()["version"]
    page = browser.new_page()
    page.goto(f"{steered}/sign-in?next=/rules?title={title}")
    page.get_by_label("Token").fill(READS)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Artwork").select_option(index=1)
    page.get_by_label("Why", exact=True).fill("rights")
    page.get_by_role("button", name="Make it").click()
    page.get_by_text("needs").first.wait_for()
    assert "rules" in page.locator("main").inner_text()
    page.close()
    assert bea.get("/api/rules").json()["version"] == before
