"""Titles, members and events that are odd, or cannot be."""

import http.client
from datetime import date

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from bench.faults.catalogues import look_up
from bench.faults.stage.account import Account, Breakage, last_line
from bench.faults.stage.scene import FaultScene
from bench.faults.stage.visits import JSON, visited
from bench.logs.crash import names_in
from data.records import FACTS, PROFILES

LONG_AGO = date(2020, 1, 1)
CANDIDATES = (0, 1, 500)


def unknown_titles(scene: FaultScene, account: Account) -> None:
    """Pages show titles that no catalogue has, repeated, and up to the largest number."""
    odd = [1, 1, 2**32 - 1, 2**53, 0, -7]
    with visited(scene, account, titles=[*dict.fromkeys(odd), *scene.titles]) as visit:
        account.must(visit.openers.until("live", more=50), "pages were not decided")


ODD_NAMES = (
    "\u00e9" * 250,
    "\U0001f3ac",
    " ",
    "a/b?c#d",
    "' OR 1=1",
    "null",
    "\u202eabc",
    "x" * 500,
)
ODD_FACTS: tuple[dict, ...] = (
    {"tenure_days": -1},
    {"tenure_days": 1e39},
    {"watched_genres": {"drama": -3, "": 1e30}},
    {"watched_genres": {str(n): 1.0 for n in range(500)}},
    {"watched_cast": {"\u00e9" * 1000: 2}},
    {"row": 32767, "column": -32768},
    {"country": "", "language": "\U0001f600", "device": "x" * 5000},
    {},
)


def odd_members(scene: FaultScene, account: Account) -> None:
    """Members with odd names and facts that cannot be ask for pages between all others."""
    with visited(scene, account, titles=scene.titles) as visit:
        connection = http.client.HTTPConnection("127.0.0.1", visit.service.port, timeout=10)
        accepted = set()
        for name in ODD_NAMES:
            for facts in ODD_FACTS:
                page = {"profile_id": name, "title_ids": scene.titles, "facts": facts}
                body = orjson.dumps({**page, "fresh": True})
                connection.request("POST", "/v1/decide", body, JSON)
                response = connection.getresponse()
                answer = orjson.loads(response.read())
                account.must(response.status in (200, 422), f"{facts}: {response.status}")
                if response.status == 422:
                    continue
                account.pages += 1
                decisions = answer["decisions"]
                account.without_image += len(decisions) != len(scene.titles)
                account.must(answer["reason"] is None, f"{name[:9]} {facts}: {answer['reason']}")
                accepted |= {decision["decision_id"] for decision in decisions}
        fallbacks = visit.openers.pages - visit.openers.reasons["live"]
        account.must(fallbacks == 0, f"{fallbacks} pages of others were not decided live")
        visit.openers.acknowledged |= accepted


def odd_members_in_maps(scene: FaultScene, account: Account) -> None:
    """Precompute of members with odd names and facts that cannot be, among others."""
    rows = pq.read_table(scene.profiles).to_pylist()
    known = [row["profile_id"] for row in rows]
    for number, facts in enumerate(ODD_FACTS):
        held = {
            name: list(value.items()) if isinstance(value, dict) else value
            for name, value in facts.items()
        }
        rows.append({"profile_id": ODD_NAMES[number], "facts": held, "profiling": None})
    rows.append({"profile_id": "nothing is known", "facts": None, "profiling": None})
    facts = pa.array([row["facts"] for row in rows], FACTS)
    names = pa.array([row["profile_id"] for row in rows])
    opted = pa.array([row.get("profiling") for row in rows], pa.bool_())
    pq.write_table(pa.table([names, facts, opted], schema=PROFILES), scene.profiles)
    ended = scene.precompute("--day", "2030-01-01")
    account.must(ended.code == 0, f"it ended with {ended.code}: {last_line(ended.complaint)}")
    client = look_up(scene, account, scene.titles)
    account.must(not client.reasons, f"not personalised: {dict(client.reasons)}")
    account.look_for(set(), scene.log)
    account.acknowledged = len(rows) * len(scene.titles)
    account.lost = account.acknowledged - len(names_in(scene.log / "decisions", "decision_id"))
    account.numbers["members"] = f"{len(known)} and {len(rows) - len(known)} odd ones"


ODD_EVENTS: tuple[dict, ...] = (
    {"row": 10**6},
    {"kind": "thumb", "thumb": 100},
    {"kind": "thumb", "thumb": 1},
    {"kind": "progress"},
    {"kind": "progress", "minutes": 30.5},
    {"kind": "progress", "minutes": 1e300},
    {"kind": "nothing"},
    {"time": 0},
    {"time": 2**63 - 1},
    {"title_id": 2**63 - 1},
    {"title_id": 0},
    {"profile_id": "\u00e9" * 250},
    {"profile_id": "a" * 501},
    {"decision_id": "x" * 10_000},
    {"device": "\U0001f4fa" * 100},
    {"artwork_id": ""},
    {"kind": "play", "decision_id": "0" * 32},
)


def odd_events(scene: FaultScene, account: Account) -> None:
    """Events that are odd or cannot be are sent, each by itself, and the log is rolled."""
    with visited(scene, account) as visit:
        connection = http.client.HTTPConnection("127.0.0.1", visit.service.port, timeout=10)
        accepted = set()
        for number, odd in enumerate(ODD_EVENTS):
            event = {"kind": "impression", "profile_id": "ada", "title_id": scene.titles[0]}
            event |= {"event_id": f"odd-{number}", **odd}
            connection.request("POST", "/v1/events", orjson.dumps({"events": [event]}), JSON)
            response = connection.getresponse()
            response.read()
            account.must(response.status in (200, 422), f"{odd}: {response.status}")
            if response.status == 200:
                accepted.add(f"odd-{number}")
    account.numbers["accepted"] = f"{len(accepted)} of {len(ODD_EVENTS)}"
    account.acknowledged += len(accepted)
    account.lost += len(accepted - names_in(scene.log / "events", "event_id").keys())
    rejected = scene.log / "rejected.jsonl"
    account.must(not rejected.exists(), "an accepted event was rejected by the roll")


BREAKAGES = (
    Breakage(
        "titles of no catalogue",
        "They show the placeholder, the others are decided.",
        unknown_titles,
    ),
    Breakage(
        "odd members: live",
        "They are decided or told why not; pages of others are decided.",
        odd_members,
    ),
    Breakage(
        "odd members: maps",
        "Everybody has a map, and every draw is in the log.",
        odd_members_in_maps,
        quick=True,
    ),
    Breakage(
        "odd events",
        "What is accepted is in the log, and nothing accepted is rejected later.",
        odd_events,
    ),
)
