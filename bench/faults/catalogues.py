"""Catalogues that are empty, old, larger than usual, or lack images."""

import http.client
from datetime import date, timedelta

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from bench.faults.stage.account import Account, Breakage, refused
from bench.faults.stage.scene import FaultScene
from bench.faults.stage.visits import JSON, visited
from bench.measured import command
from bench.servers import wait_until
from data.records import ARTWORKS, TITLES
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
    look_up(scene, account, scene.titles)
    account.look_for(set(), scene.log)
    rows = _decided(scene, added)
    for title, count in zip(added, CANDIDATES, strict=True):
        _sound(account, rows[title], count)
        account.must(len(rows[title]) == bool(count) * len(scene.members), f"{count}: not decided")


def look_up(scene: FaultScene, account: Account, titles: list[int]) -> Lookup:
    """A page of every member who has a map, by the look-up client."""
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
    look_up(scene, account, scene.titles)


def _urls(scene: FaultScene, port: int) -> set[str]:
    """What late pages of everybody show."""
    connection, found = http.client.HTTPConnection("127.0.0.1", port), set()
    for member in scene.members:
        body = orjson.dumps({"profile_id": member, "title_ids": scene.titles})
        connection.request("POST", "/v1/decide", body, JSON)
        answer = orjson.loads(connection.getresponse().read())
        found |= {decision["url"] for decision in answer["decisions"]}
    return found


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
)
