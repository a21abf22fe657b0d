"""What is accepted is what the log's readers read; what one page sends costs no other."""

from collections import Counter

import pyarrow as pa
import pytest

from data.log import roll
from serve.live.recorder import DurableLog
from tests.data.log.log_rows import rolled
from tests.serve.live.test_live import Bundles, page, run, served


@pytest.fixture
def bundles(tmp_path):
    made = Bundles(tmp_path)
    made.publish("bundle-1")
    return made


EVENT = {"kind": "impression", "profile_id": "ada", "title_id": 7}
UNREADABLE = [
    {"row": 10**6},
    {"row": -1},
    {"kind": "thumb", "thumb": 1000},
    {"kind": "thumb"},
    {"title_id": 2**63},
    {"time": 1_700_000_000},
    {"time": 2**63},
    {"time": 2**62},
    {"time": "yesterday"},
    {"time": "1700000000"},
    {"time": "2026-01-05T12:00:00+99:00"},
    {"kind": "progress"},
    {"kind": "progress", "minutes": -1},
    {"kind": "progress", "minutes": 1e9},
    {"kind": "skip"},
    {"profile_id": ""},
    {"profile_id": "\u00e9" * 300},
    {"profile_id": "a\0"},
    {"event_id": "e" * 501},
]


def test_an_event_that_no_reader_takes_is_refused_with_all_that_came_with_it(bundles, tmp_path):
    async def check():
        async with served(bundles, DurableLog(tmp_path / "log")) as (client, _):
            for odd in UNREADABLE:
                batch = {"events": [EVENT, EVENT | odd]}
                assert (await client.post("/v1/events", json=batch)).status_code == 422, odd
            assert (await client.post("/v1/events", json={"events": [EVENT]})).status_code == 200
            assert (await client.post("/v1/events", json={"events": []})).status_code == 200

    run(check())
    moved = roll(tmp_path / "log")
    assert (moved["events"], moved["rejected"]) == (1, 0)


def test_kinds_that_the_catalogue_declares_are_taken_and_others_refused_by_name(bundles, tmp_path):
    schema = tmp_path / "schema.yaml"

    async def check():
        async with served(bundles, DurableLog(tmp_path / "log"), catalogue=tmp_path) as (client, _):

            async def said(**event):
                return await client.post("/v1/events", json={"events": [EVENT | event]})

            refused = await said(kind="share")
            assert refused.status_code == 422
            assert "'share' is none of impression, play, progress, thumb" in refused.text
            schema.write_text("events: {share: {}, trailer: {value: seconds}}")
            assert (await said(kind="share")).status_code == 200
            assert (await said(kind="trailer", value=12.5)).status_code == 200
            assert (await said(kind="trailer")).status_code == 200
            for odd in ({"kind": "share", "value": 1}, {"kind": "trailer", "value": 1e12}):
                assert "value" in (await said(**odd)).text
                assert (await said(**odd)).status_code == 422
            schema.write_text("events: [")  # broken: what was declared before still is
            assert (await said(kind="share")).status_code == 200

    run(check())
    roll(tmp_path / "log")
    events = rolled(tmp_path / "log", "events")
    seen = Counter(zip(events["kind"].to_pylist(), events["value"].to_pylist(), strict=True))
    assert seen == {("share", None): 2, ("trailer", 12.5): 1, ("trailer", None): 1}


NOON = 1_767_614_400_000_000  # 2026-01-05, UTC
NOONS = [NOON, "2026-01-05T12:00:00Z", "2026-01-05T21:00:00.000000+09:00", "2026-01-05 12:00"]


def test_times_are_microseconds_or_iso_8601_and_utc_where_they_name_no_zone(bundles, tmp_path):
    async def check():
        async with served(bundles, DurableLog(tmp_path / "log")) as (client, _):
            batch = {"events": [EVENT | {"time": noon} for noon in NOONS]}
            assert (await client.post("/v1/events", json=batch)).status_code == 200

    run(check())
    roll(tmp_path / "log")
    times = rolled(tmp_path / "log", "events")["time"].cast(pa.int64()).to_pylist()
    assert times == [NOON] * len(NOONS)


ODD_PAGES = [
    {"cell": 5},
    {"cell": "c" * 501},
    {"day": 2**40},
    {"day": -1},
    {"profile_id": ""},
    {"profile_id": "\u00e9" * 300},
    {"profile_id": "\0unpersonalised"},
    {"facts": {"row": 70_000}},
    {"facts": {"country": 5}},
    {"facts": {"watched_genres": [{"drama": 1}]}},
    {"facts": {"watched_genres": [["drama", 1, 2]]}},
]


@pytest.mark.parametrize("route", ["/v1/decide", "/v1/decide/batch"])
def test_a_page_that_cannot_be_logged_is_refused(route, bundles):
    async def check():
        async with served(bundles) as (client, _):
            for odd in ODD_PAGES:
                one = page() | odd
                body = {"requests": [one]} if route.endswith("batch") else one
                assert (await client.post(route, json=body)).status_code == 422, odd

    run(check())


@pytest.mark.parametrize(
    "genres", [{"drama": 1}, [["drama", 1]], [{"key": "drama", "value": 1}]], ids=str
)
def test_facts_are_rolled_as_they_were_decided_by(genres, bundles, tmp_path):
    async def check():
        async with served(bundles, DurableLog(tmp_path / "log")) as (client, _):
            facts = {"tenure_days": 3.0, "watched_genres": genres}
            answer = (await client.post("/v1/decide", json=page(facts=facts))).json()
            assert answer["logged"]

    run(check())
    assert roll(tmp_path / "log")["rejected"] == 0
    facts = rolled(tmp_path / "log", "decisions")["facts"].to_pylist()
    assert all(each["watched_genres"] == [("drama", 1.0)] for each in facts)


def test_a_page_that_the_model_fails_at_costs_no_other(bundles):
    async def check():
        async with served(bundles) as (client, _):
            # The small model of these tests fails at a member whose tenure is not known.
            pages = [page("a"), page("odd", facts={}), page("b")]
            answers = await client.post("/v1/decide/batch", json={"requests": pages})
            assert [one["reason"] for one in answers.json()] == [None, "model_failed", None]

    run(check())
