"""One day of the product in a process of its own: `python -m tests.loop.one_day PLACE OUT WORKERS`.

PLACE holds a catalogue, bundles and profiles.parquet; OUT gets maps, log and examples. The clock
is held, and everything that a page sends is fixed, so nothing may differ between two runs but what
the machine is like. Pages are sent by several threads at once: they reach the log in any order.
"""

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pyarrow.parquet as pq

from data.clock import turn
from data.join.join import join
from data.log.roll import roll
from loop.carried.processes import Commands
from serve.maps.open_store import open_map_store

MORNING = datetime(2026, 1, 2, 9, tzinfo=UTC)
NOW_US = round(MORNING.timestamp() * 1e6)
SHOWN = 6
"""Titles of a page."""


def post(client: httpx.Client, path: str, body: Mapping[str, object]) -> dict:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def browse(url: str, number: int, profile: str, titles: list[int]) -> None:
    """A page of the member's map, one decided now, and what came of both."""
    with httpx.Client(base_url=url, timeout=60) as client:
        page = {"profile_id": profile, "request_id": f"request-{number}"}
        of_map = post(client, "/v1/decide", page | {"title_ids": titles[:SHOWN]})
        facts = {"device": "tv", "surface": "home", "row": 0, "column": number % 5}
        anew = {"title_ids": titles[-SHOWN:], "fresh": True, "facts": facts}
        decided = post(client, "/v1/decide", page | anew)
        events = []
        for at, shown in enumerate(of_map["decisions"] + decided["decisions"]):
            about = {
                **{name: shown[name] for name in ("decision_id", "title_id", "artwork_id")},
                "profile_id": profile,
                "time": NOW_US,
            }
            for kind in ("impression", "play")[: 1 + (number + at) % 2]:
                named = {"kind": kind, "event_id": f"{kind}-{number}-{at}"}
                page_facts = {"device": "tv", "row": at % 3} if kind == "impression" else {}
                events.append(about | named | page_facts)
        post(client, "/v1/events", {"events": events})


def one_day(place: Path, out: Path, workers: int) -> None:
    """Precompute, pages, roll and join."""
    out.mkdir()
    turn(out / "clock", NOW_US)
    commands = Commands(out / "commands.log", out / "clock")
    told = {"catalogue": place / "catalogue", "cache": out / "cache", "workers": workers}
    kept = {"store": out / "maps", "log": out / "log", "foreign": "true"}
    ahead = {"bundle": place / "bundles" / "current", "profiles": place / "profiles.parquet"}
    commands.run("-m", "serve", "precompute", options=told | kept | ahead | {"block": 8})
    profiles = pq.read_table(place / "profiles.parquet")["profile_id"].to_pylist()
    titles = pq.read_table(place / "catalogue" / "titles.parquet")["title_id"].to_pylist()
    live = {"bundles": place / "bundles", "deadline-ms": 60_000, "queue": 100}
    with commands.service(told | kept | live) as url, ThreadPoolExecutor(4) as pool:
        pages = [pool.submit(browse, url, n, name, titles) for n, name in enumerate(profiles)]
        for page in pages:
            page.result()
    roll(out / "log", keep_runs=True)
    join(out / "log", place / "catalogue", out / "examples", now=MORNING + timedelta(days=9))


def stored(maps: Path) -> dict[str, bytes | None]:
    """All that a store of maps holds."""
    store = open_map_store(str(maps), timeout=10)
    shared = ("layout", "run", "unpersonalised")
    held = {profile: store.get(profile) for profile in store.profiles()}
    held |= {f"\0{name}": store.get_shared(name) for name in shared}
    store.close()
    return held


if __name__ == "__main__":
    one_day(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
