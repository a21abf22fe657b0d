"""What a request asks for of its artwork: kept before probabilities, and logged as it was."""

import asyncio

import numpy as np
import pytest

from bandit.rules.book import MOST_EFFECTS
from data.log import roll
from serve.live.recorder import DurableLog
from serve.rules.asked import AskedArtwork
from tests.serve.precompute.test_precompute import logged
from tests.serve.rules.rules_world import rules_of
from tests.serve.rules.test_live_rules import EVERY, Service
from tests.serve.world import DAY, make_layout


@pytest.fixture
def service(tmp_path):
    made = Service(tmp_path)
    made.write("deny", 0)
    return made


def names(service, *ranks):
    return [f"{service.title}-{rank}" for rank in ranks]


def test_a_page_shows_what_it_asks_for_after_rules_and_logs_it_so(service, tmp_path):
    async def check():
        async with service.open(DurableLog(tmp_path / "log")) as client:
            only = {"candidates": {str(service.title): names(service, 0, 2, 3)}}
            assert (await service.shown(client, **only))[0] == {2, 3}
            assert (await service.shown(client, "FR", **only))[0] == {0, 2, 3}
            without = {"exclude": [*names(service, 1, 2), "unheard-of"]}
            assert (await service.shown(client, **without))[0] == {3, 4, 5}
            assert (await service.shown(client, **(only | without)))[0] == {3}

    asyncio.run(check())
    roll(tmp_path / "log")
    rows = logged(tmp_path / "log").to_pylist()
    kinds = {
        (tuple(int(n[-1]) for n in row["candidates"]), tuple(row["rules"] or ())) for row in rows
    }
    assert kinds == {
        ((2, 3), ("one", "request")),
        ((0, 2, 3), ("request",)),
        ((3, 4, 5), ("one", "request")),
        ((3,), ("one", "request")),
    }
    for row in rows:
        assert row["action"] in row["candidates"]
        assert sum(row["probabilities"]) == pytest.approx(1)
        at = row["candidates"].index(row["action"])
        assert row["propensity"] == row["probabilities"][at]


def test_a_service_without_rules_keeps_to_what_pages_ask_for(service):
    async def check():
        service.source.rules = None
        async with service.open() as client:
            asked = {"exclude": names(service, 0, 5)}
            assert (await service.shown(client, **asked))[0] == {1, 2, 3, 4}
            assert (await service.shown(client, profiling=False, **asked))[0] == {1}
            assert (await service.shown(client))[0] == EVERY

    asyncio.run(check())


@pytest.mark.parametrize("late", [False, True])
def test_a_title_of_which_nothing_is_left_shows_the_placeholder(service, late, tmp_path):
    async def check():
        async with service.open(DurableLog(tmp_path / "log")) as client:
            page = {
                "profile_id": "m",
                "title_ids": service.layout.title_ids.tolist(),
                "facts": {"country": "DE"},
                "candidates": {str(service.title): names(service, 0)},
                "day": DAY,
            }
            headers = {"x-deadline-ms": "0"} if late else {}
            answer = (await client.post("/v1/decide", json=page, headers=headers)).json()
            levels = {one["title_id"]: one["level"] for one in answer["decisions"]}
            assert levels.pop(service.title) == "placeholder"
            assert "placeholder" not in levels.values()

    asyncio.run(check())
    roll(tmp_path / "log")
    assert service.title not in logged(tmp_path / "log")["title_id"].to_pylist()


def test_previews_and_unpersonalised_pages_are_not_logged(service, tmp_path):
    async def check():
        async with service.open(DurableLog(tmp_path / "log")) as client:
            drawn = await service.shown(client)
            seen = await service.shown(client, mode="preview")
            assert seen[0] == drawn[0]
            assert (seen[1]["reason"], seen[1]["logged"]) == ("preview", False)
            assert seen[1]["decisions"] == drawn[1]["decisions"]
            ranks, answer = await service.shown(client, mode="unpersonalised")
            assert (ranks, answer["reason"], answer["logged"]) == ({5}, "unpersonalised", False)

    asyncio.run(check())
    roll(tmp_path / "log")
    assert logged(tmp_path / "log").num_rows == 40


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"mode": "dream"}, "mode is 'dream'; send one of draw, preview, unpersonalised"),
        ({"exclude": "a"}, "exclude must be a list of artwork ids"),
        ({"exclude": ["a"] * 1001}, "exclude has 1,001 ids"),
        ({"candidates": ["a"]}, "candidates must be an object"),
        ({"candidates": {"999": ["a"]}}, "candidates name title '999', which is not in title_ids"),
        ({"candidates": {"TITLE": []}}, "are none; name some"),
        ({"candidates": {"TITLE": [7]}}, "must be a list of artwork ids"),
        ({"audience": 7}, "audience must be a string"),
        ({"audience": "kids"}, "unknown ['audience']; known are"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(service, more, words):
    async def check():
        async with service.open() as client:
            page = {"profile_id": "m", "title_ids": [service.title], "day": DAY} | more
            if isinstance(page.get("candidates"), dict):
                its = page["candidates"].items()
                page["candidates"] = {k.replace("TITLE", str(service.title)): v for k, v in its}
            answer = await client.post("/v1/decide", json=page)
            assert answer.status_code == 422
            assert words in answer.json()["detail"]

    asyncio.run(check())


def test_effects_are_bounded_however_many_pages_ask_for():
    layout = make_layout()
    rules, title = rules_of(layout), layout.title_ids.tolist()[5]
    book, slots = rules.book, np.array([5])
    case = rules.case({}, 0)
    for at in range(MOST_EFFECTS + 1):
        book._places[(5, at.to_bytes(4), ())] = 0
    asked = AskedArtwork({}, frozenset({f"{title}-1"}))
    before = rules.page_codes({}, 0, slots, [title], asked)
    word = book.effects.words[before[0]]
    book.make_room()
    assert not book._places
    after = rules.page_codes({}, 0, slots, [title], asked)
    assert book.effects.words[after[0]] == word
    assert rules.case({}, 0) is not case
