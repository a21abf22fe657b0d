"""Somebody made of facts, and what other policies would show."""

import json

import pytest

from tests.screenshots import listening
from tests.web.conftest import ODD
from web.app import web_app


@pytest.fixture
def facts(pages):
    """What is known of a member, as a caller of the live service would say it."""
    row = pages.members().member("m3").facts[0].as_py()
    told = {name: value for name, value in row.items() if value and name != "own"}
    return {n: dict(v) if isinstance(v, list) else v for n, v in told.items()}


def test_who_is_made_of_a_members_facts_has_their_probabilities(client, facts):
    home = client.get("/api/home", params={"member": "m7", "facts": json.dumps(facts)}).json()
    assert [one["profile_id"] for one in home["members"]] == ["m7", "somebody composed"]
    for tile in home["rows"][0]["tiles"][1][:4]:
        title = {"title": tile["title_id"]}
        known = client.get("/api/why", params={"member": "m3"} | title).json()
        made = client.get("/api/why", params={"facts": json.dumps(facts)} | title).json()
        chances = [
            {one["artwork_id"]: one["probability"] for one in found["candidates"]}
            for found in (known, made)
        ]
        assert chances[0] == pytest.approx(chances[1], abs=1e-12)
        [shown] = [one for one in made["candidates"] if one["shown"]]
        assert shown["artwork_id"] == tile["artwork_id"]


@pytest.mark.parametrize(
    ("told", "words"),
    [("[]", "JSON object"), ('{"shoe_size": 9}', "shoe_size"), ('{"country": 7}', "schema")],
)
def test_facts_that_cannot_be_are_refused_in_a_sentence(client, told, words):
    got = client.get("/api/home", params={"facts": told})
    assert got.status_code == 404
    assert words in got.json()["detail"]
    wrong = client.get("/compose", params={"fact.tenure_days": "long"})
    assert "write a number" in wrong.text


def test_a_bundle_without_eyes_says_that_no_part_of_an_image_counts(client):
    title = client.get("/api/titles").json()[0]["title_id"]
    asked = {"member": "m3", "title": title}
    why = client.get("/api/why", params=asked).json()
    assert not why["pixels"]
    named = [one["policy"] for one in why["others"]]
    assert named == ["greedy", "unpersonalised", "most popular", "default"]
    asked["artwork"] = why["candidates"][0]["artwork_id"]
    assert "reads no pixels" in client.get("/api/saliency", params=asked).json()["detail"]


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1440)])
def test_a_creative_composes_somebody_and_looks_at_what_counts(pages, walk, scheme, width):
    page, fine = walk(scheme, width)
    with listening(web_app(pages)) as address:
        page.goto(f"{address}/?member=m7")
        page.get_by_text("Compose somebody").click()
        page.get_by_label("watched genres").fill(f"drama: 4, {ODD[:9]}: 1")
        page.get_by_role("button", name="Show them").click()
        fine()
        assert page.get_by_role("heading", name="somebody composed").count() == 1
        page.locator(".strip").nth(1).locator("a").first.click()
        fine()
