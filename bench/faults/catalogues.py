"""Catalogues, members, events that are odd, empty, old, or larger than usual."""

import http.client
from datetime import date, timedelta

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from bench.faults.account import Account, Breakage, last_line, refused
from bench.faults.scene import FaultScene
from bench.faults.visits import JSON, visited
from bench.logs.crash import names_in
from bench.measured import command
from bench.servers import wait_until
from data.records import ARTWORKS, FACTS, PROFILES, TITLES
from serve.maps.lmdb_store import LmdbStore
from serve.maps.lookup import Lookup

LONG_AGO = date(2020, 1, 1)
CANDIDATES = (0, 1, 500)


def _tables(scene: FaultScene) -> tuple[list[dict], list[dict]]:
    return tuple(  # type: ignore[return-value]
        pq.read_table(scene.catalogue / f"{name}.parquet").to_pylist()
        for name in ("titles", "artworks")
    )


def _write(scene: FaultScene, titles: list[dict], artworks: list[dict]) -> None:
    """Put both tables in place, whole."""
    for name, rows, schema in (("titles", titles, TITLES), ("artworks", artworks, ARTWORKS)):
        part = scene.catalogue / f".{name}"
        pq.write_table(pa.Table.from_pylist(rows, schema), part)
        part.rename(scene.catalogue / f"{name}.parquet")


def _with_counts(scene: FaultScene) -> list[int]:
    """Add titles with 0, 1 and 500 candidates; their ids. Those of the first were withdrawn."""
    titles, artworks = _tables(scene)
    like, image = titles[0], artworks[0]
    added = []
    for count in CANDIDATES:
        title = max(row["title_id"] for row in titles) + 1
        names = [f"{title}-{rank}" for rank in range(max(count, 1))]
        titles.append({**like, "title_id": title, "default_artwork_id": names[0]})
        gone = None if count else LONG_AGO + timedelta(1)
        row = {**image, "title_id": title, "added_day": LONG_AGO, "withdrawn_day": gone}
        artworks += [{**row, "artwork_id": name} for name in names]
        added.append(title)
    _write(scene, titles, artworks)
    return added


def _decided(scene: FaultScene, titles: list[int]) -> dict[int, list[dict]]:
    """Rows of the log by title."""
    table = pq.read_table(scene.log / "decisions").to_pylist()
    return {title: [row for row in table if row["title_id"] == title] for title in titles}


def _sound(account: Account, rows: list[dict], count: int) -> None:
    """Note where probabilities are not those of so many candidates."""
    for row in rows:
        chances = row["probabilities"]
        sound = chances is None or (len(chances) == count and abs(sum(chances) - 1) < 1e-6)
        account.must(sound and 0 < row["propensity"] <= 1, f"{count} candidates: {str(row)[:200]}")


def candidates_live(scene: FaultScene, account: Account) -> None:
    """Pages show titles with 0, 1 and 500 candidates."""
    added = _with_counts(scene)
    with visited(scene, account, titles=[*added, *scene.titles[:5]]) as visit:
        visit.openers.until("live", more=50)
    rows = _decided(scene, added)
    for title, count in zip(added, CANDIDATES, strict=True):
        account.must(bool(rows[title]) == bool(count), f"{count} candidates: wrongly decided")
        _sound(account, rows[title], count)


def candidates_in_maps(scene: FaultScene, account: Account) -> None:
    """Precompute of titles with 0, 1 and 500 candidates, then look-ups of all."""
    added = _with_counts(scene)
    ended = scene.precompute("--day", "2030-01-01")
    account.must(ended.code == 0, f"it ended with {ended.code}: {ended.complaint[-200:]}")
    _look_up(scene, account, scene.titles)
    account.look_for(set(), scene.log)
    rows = _decided(scene, added)
    for title, count in zip(added, CANDIDATES, strict=True):
        _sound(account, rows[title], count)
        account.must(len(rows[title]) == bool(count) * len(scene.members), f"{count}: not decided")


def _look_up(scene: FaultScene, account: Account, titles: list[int]) -> Lookup:
    store = LmdbStore(scene.maps, readonly=True)
    client = Lookup(store)
    for member in scene.members:
        urls = client.urls(member, np.array(titles))
        account.pages += 1
        account.without_image += len(urls) != len(titles) or not all(urls)
    store.close()
    return client


def no_rows_of_artwork(scene: FaultScene, account: Account) -> None:
    """A title without a row of artwork comes into the catalogue under the service."""
    titles, artworks = _tables(scene)
    with visited(scene, account, titles=[*scene.titles, 77]) as visit:
        _write(scene, [*titles, {**titles[0], "title_id": 77}], artworks)
        told = wait_until(lambda: bool((visit.service.ready() or {}).get("refused")), 10)
        account.must(told is not None, "`/readyz` does not say it")
        account.must("77" in str(visit.service.ready()), "the title is not named")
        account.must(visit.openers.until("live", more=30), "the old model was not kept")
    ended = command(["-m", "data", "check", scene.catalogue], 60)
    account.must(ended.code == 2, f"`data check` ended with {ended.code}")


def empty_catalogue(scene: FaultScene, account: Account) -> None:
    """The service is started on a catalogue without a title, which is filled later."""
    titles, artworks = _tables(scene)
    shown = scene.titles
    _write(scene, [], [])
    refused(account, scene.precompute())
    with visited(scene, account, first="no_model", titles=shown) as visit:
        visit.openers.until("no_model", more=30)
        _write(scene, titles, artworks)
        account.must(visit.openers.until("live"), "the catalogue was not taken when it came")


def catalogue_emptied(scene: FaultScene, account: Account) -> None:
    """Every title is taken out of the catalogue under the service."""
    titles, artworks = _tables(scene)
    with visited(scene, account) as visit:
        _write(scene, [], [])
        told = wait_until(lambda: bool((visit.service.ready() or {}).get("refused")), 10)
        account.must(told is not None, "`/readyz` does not say it")
        account.must(visit.openers.until("live", more=30), "the old model was not kept")
        _write(scene, titles, artworks)
        fallbacks = visit.openers.pages - visit.openers.reasons["live"]
        account.must(fallbacks == 0, f"{fallbacks} pages were not decided live")


def images_missing(scene: FaultScene, account: Account) -> None:
    """Images are gone: a default, one of another title, and all of a third; one is half there."""
    titles, artworks = _tables(scene)
    third = titles[2]["title_id"]
    by_id = {row["artwork_id"]: scene.catalogue / row["path"] for row in artworks}
    lost = {titles[0]["default_artwork_id"], f"{titles[1]['title_id']}-1"}
    lost |= {row["artwork_id"] for row in artworks if row["title_id"] == third}
    for name in lost:
        by_id[name].unlink()
    half = f"{titles[3]['title_id']}-1"
    by_id[half].write_bytes(by_id[half].read_bytes()[:200])
    with visited(scene, account) as visit:
        visit.openers.until("live", more=60)
        left_out = visit.service.counted("marquee_artworks_left_out")
        account.must(sum(left_out.values()) == len(lost) + 1, f"counted: {dict(left_out)}")
    shown = {row["action"] for row in pq.read_table(scene.log / "decisions").to_pylist()}
    wrong = shown & (lost | {half})
    account.must(not wrong, f"artwork without an image was shown: {sorted(wrong)}")


def stale_map(scene: FaultScene, account: Account) -> None:
    """Artwork is withdrawn after maps were made: an artwork of each title, but the last one."""
    titles, artworks = _tables(scene)
    seen, gone = set(), set()
    for row in reversed(artworks):
        if row["title_id"] in seen:
            row["withdrawn_day"] = LONG_AGO
            row["added_day"] = LONG_AGO - timedelta(1)
            gone.add(row["path"])
        seen.add(row["title_id"])
    for title in titles:
        held = [row for row in artworks if row["title_id"] == title["title_id"]]
        title["default_artwork_id"] = held[-1]["artwork_id"]
    _write(scene, titles, artworks)
    with visited(scene, account, options=("--deadline-ms", 0), first="deadline") as visit:
        shown = _urls(scene, visit.service.port)
    wrong = {url for url in shown if any(url.endswith(path) for path in gone)}
    account.must(not wrong, f"{len(wrong)} withdrawn artworks were shown")
    account.must(scene.precompute("--changed-only").code == 0, "precompute failed")
    _look_up(scene, account, scene.titles)


def _urls(scene: FaultScene, port: int) -> set[str]:
    """What late pages of everybody show."""
    connection, found = http.client.HTTPConnection("127.0.0.1", port), set()
    for member in scene.members:
        body = orjson.dumps({"profile_id": member, "title_ids": scene.titles})
        connection.request("POST", "/v1/decide", body, JSON)
        answer = orjson.loads(connection.getresponse().read())
        found |= {decision["url"] for decision in answer["decisions"]}
    return found


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
    client = _look_up(scene, account, scene.titles)
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
        "titles with 0 to 500 candidates: live",
        "Each has an image; probabilities are those of its candidates.",
        candidates_live,
    ),
    Breakage(
        "titles with 0 to 500 candidates: maps",
        "Each has an image; probabilities are those of its candidates.",
        candidates_in_maps,
        quick=True,
    ),
    Breakage(
        "title without a row of artwork",
        "It is named by `/readyz` and `data check`; the model in use decides every page.",
        no_rows_of_artwork,
    ),
    Breakage(
        "empty catalogue",
        "The service starts and pages show the placeholder; titles are taken when they come.",
        empty_catalogue,
    ),
    Breakage(
        "catalogue emptied",
        "The model in use decides every page.",
        catalogue_emptied,
    ),
    Breakage(
        "missing artwork",
        "What has no image is not shown, and counted; every title has one all the same.",
        images_missing,
    ),
    Breakage(
        "stale map",
        "No withdrawn artwork is shown; `--changed-only` draws anew.",
        stale_map,
    ),
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
