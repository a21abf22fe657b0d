"""Title ids that are text, from a catalogue and a CSV to a page: one small world, the whole path.

About 35 s of one core, a third of it Spark's start.
"""

import asyncio
import csv
import json
import os
import re
import shutil
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from PIL import Image

from bench.optional import why_no_redis
from bench.servers import RedisServer
from data.bundle import Bundle
from data.catalogue import Catalogue
from data.check.path import check_path
from data.errors import BadInput
from data.importers.mapping.import_files import import_files
from data.join.join import join
from data.join.open_engine import EngineSettings
from data.log.roll import roll
from data.records import ARTWORKS, PROFILES, TITLES, title_kind, titles_as
from evaluate.monitor.monitor import monitor
from evaluate.new_artwork.command import candidates
from evaluate.policies.logged_examples import LoggedExamples
from evaluate.policies.read_examples import read_examples
from evaluate.report.report import report
from model.training.settings import Data, Fit, Model, Publish, Settings
from serve.live.app import live_app
from serve.live.load_model import load_live
from serve.live.recorder import DurableLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from serve.maps.command import lookup
from serve.maps.forget import forget
from serve.maps.lmdb_store import LmdbStore
from serve.maps.lookup import Lookup
from serve.maps.takedown.instead import read_instead
from serve.precompute.command import precompute
from serve.rules.takedown import takedown
from train import train

ODD = ["a/b", 'the "best"', "007", " lead", "trail ", "🦉, really", "caf\u00e9", "cafe\u0301"]
ODD += ["x" * 500, "line\nbreak", "it's", "7"]
"""Composed and decomposed, `007` and `7`, with and without a space: each is a title of its own."""
TODAY = datetime.now(UTC).date()
DAY = TODAY - timedelta(days=40)
WEEKS = timedelta(days=60)
MAP = """
rows: {rows}
zone: UTC
time: when
profile_id: who
title_id: title
"""


def written(folder: Path, ids: list, kind: pa.DataType) -> Path:
    """A catalogue of three artworks a title."""
    folder.mkdir()
    titles = [
        {
            "title_id": title,
            "name": f"Title {at}",
            "genres": ["noir"],
            "cast": [],
            "popularity": 1.0,
            "launch_day": DAY,
            "runtime_minutes": 90.0,
            "default_artwork_id": f"{title}"[:490] + " 0",
        }
        for at, title in enumerate(ids)
    ]
    artworks = [
        {
            "artwork_id": f"{title}"[:490] + f" {rank}",
            "title_id": title,
            "path": f"{at}-{rank}.png",
            "added_day": DAY,
        }
        for at, title in enumerate(ids)
        for rank in range(3)
    ]
    rng = np.random.default_rng(0)
    for artwork in artworks:
        pixels = rng.integers(0, 256, (18, 32, 3), np.uint8)
        Image.fromarray(pixels).save(folder / artwork["path"])
    for name, rows, schema in (("titles", titles, TITLES), ("artworks", artworks, ARTWORKS)):
        table = pa.Table.from_pylist(rows, titles_as(schema, kind))
        pq.write_table(table, folder / f"{name}.parquet")
    return folder


def log_of(folder: Path, catalogue: Path, ids: list) -> Path:
    """Decisions at random, an impression of each, and plays of some, from CSV."""
    rng, choices, events = np.random.default_rng(1), [], []
    for at in range(900):
        title = str(ids[at % len(ids)])
        when = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC) + timedelta(minutes=20 * at)
        rank = int(rng.integers(3))
        one = {"id": f"d{at}", "when": when.isoformat(), "who": f"m{at % 60}", "title": title}
        choices.append(one | {"cover": f"{title[:490]} {rank}", "random": 1})
        later = one | {"when": (when + timedelta(minutes=1)).isoformat(), "minutes": ""}
        events.append(later | {"kind": "impression"})
        if rng.random() < 0.1 + 0.2 * rank:
            events.append(later | {"kind": "progress", "minutes": 60})
    kinds = {
        "decisions": (choices, "action: cover\npropensity: {random: random}\ndecision_id: id\n"),
        "events": (events, "kind: kind\nminutes: minutes\ndecision_id: id\n"),
    }
    for rows, (lines, more) in kinds.items():
        file = folder / f"{rows}.csv"
        with file.open("w", newline="", encoding="utf-8") as stream:
            table = csv.DictWriter(stream, list(lines[0]))
            table.writeheader()
            table.writerows(lines)
        (folder / f"{rows}.yaml").write_text(MAP.format(rows=rows) + more)
        import_files([str(file)], folder / f"{rows}.yaml", folder / "log", catalogue)
    return folder / "log"


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> dict[str, Path]:
    """A catalogue, its log, the log's examples and a bundle."""
    folder = tmp_path_factory.mktemp("text")
    catalogue = written(folder / "catalogue", ODD, pa.string())
    log = log_of(folder, catalogue, ODD)
    examples = folder / "examples"
    join(log, catalogue, examples, now=datetime.now(UTC))
    settings = Settings(
        data=Data(
            examples=str(examples),
            catalogue=str(catalogue),
            cache=str(folder / "cache"),
            height=36,
            width=64,
        ),
        model=Model(),
        fit=Fit(epochs=1, passes=1, threads=1),
        publish=Publish(bundles=str(folder / "bundles")),
        out=str(folder / "run"),
    )
    train(settings)
    return {"catalogue": catalogue, "log": log, "examples": examples, "root": folder}


def table_of(folder: Path) -> pa.Table:
    return ds.dataset(folder, partitioning=None, exclude_invalid_files=True).to_table()


def test_a_log_of_text_ids_is_imported_checked_and_judged(world):
    assert check_path(world["catalogue"]) == []
    assert check_path(world["log"], world["catalogue"]) == []
    for kind in ("decisions", "events"):
        table = table_of(world["log"] / kind)
        assert title_kind(table.schema) == pa.string()
        assert set(table["title_id"].to_pylist()) == set(ODD)
    catalogue = Catalogue.read(world["catalogue"])
    examples = read_examples(world["examples"], catalogue)
    assert len(examples) == 900
    logged = LoggedExamples.of(examples, catalogue)
    told = [catalogue.title_ids[row] for row in logged.title_rows]
    assert told == logged.examples["title_id"].to_pylist()
    assert Bundle.open(world["root"] / "bundles" / "current").root.is_dir()


@pytest.mark.filterwarnings("ignore")  # pyspark's own, at import and at shutdown
def test_both_engines_join_text_ids_alike(world, tmp_path):
    if shutil.which("java") is None:
        assert os.environ.get("CI") != "true", "java is not installed: CI needs it"
        pytest.skip("java is not installed")
    now = datetime.now(UTC)
    spark = EngineSettings("spark")
    join(world["log"], world["catalogue"], tmp_path / "out", now=now, engine=spark)
    order = [("decision_id", "ascending")]
    spark, duckdb = (
        table_of(place).sort_by(order) for place in (tmp_path / "out", world["examples"])
    )
    assert spark.equals(duckdb)
    assert spark["reward"].to_numpy().sum() > 0


def precomputed(world, at: Path, members: int = 4, **how) -> None:
    """Maps of m0, m1 … in a folder."""
    folder = world["root"]
    people = [{"profile_id": f"m{n}", "facts": {}, "profiling": True} for n in range(members)]
    pq.write_table(pa.Table.from_pylist(people, PROFILES), at / "profiles.parquet")
    precompute(
        bundle=folder / "bundles" / "current",
        catalogue=world["catalogue"],
        profiles=at / "profiles.parquet",
        store=str(at / "maps"),
        workers=1,
        cache=folder / "cache",
        **how,
    )


async def asked(world, store: LmdbStore, log: Path | str) -> None:
    """Pages and events of a live service, by text."""
    folder = world["root"]

    def load(bundle: Path):
        return load_live(bundle, world["catalogue"], folder / "cache", TODAY)

    source = ModelSource(folder / "bundles" / "current", load)
    service = LiveService(source, DurableLog(str(log)), store, deadline=20.0)
    await service.start()
    transport = httpx.ASGITransport(live_app(service))
    async with httpx.AsyncClient(transport=transport, base_url="http://live") as client:
        page = {"profile_id": "m1", "title_ids": [*ODD, "no such title"], "fresh": True}
        answer = (await client.post("/v1/decide", json=page)).json()
        assert [one["title_id"] for one in answer["decisions"]] == page["title_ids"]
        levels = [one["level"] for one in answer["decisions"]]
        assert levels == ["personalised"] * len(ODD) + ["placeholder"]
        shown = (await client.get("/v1/maps/m1")).json()["titles"]
        assert {one["title_id"] for one in shown} == set(ODD)
        rendered = [
            {
                "kind": "impression",
                "profile_id": "m1",
                "title_id": one["title_id"],
                "artwork_id": one["artwork_id"],
                "decision_id": one["decision_id"],
            }
            for one in [*shown, *answer["decisions"][:2]]
        ]
        sent = await client.post("/v1/events", json={"events": rendered})
        assert sent.json() == {"accepted": len(ODD) + 2}
        for wrong, said in (
            ([7], "must be text, as in the catalogue; 7 was sent"),
            (["a/b", 7], "all be text"),
            (["y" * 501], "501 bytes"),
            ([""], "0 bytes"),
            ([None], "whole numbers, or all be text"),
        ):
            refused = await client.post("/v1/decide", json={**page, "title_ids": wrong})
            assert refused.status_code == 422
            assert said in refused.json()["detail"]
        event = {**rendered[0], "title_id": 7}
        refused = await client.post("/v1/events", json={"events": [event]})
        assert (refused.status_code, "must be text" in refused.text) == (422, True)
    await service.stop()


def test_text_ids_are_precomputed_looked_up_and_decided_live(world, tmp_path):
    maps, log = tmp_path / "maps", tmp_path / "log"
    precomputed(world, tmp_path, log=str(log))
    named = lookup("m1", [*ODD, "nobody's"], str(maps)).titles
    assert [image.level for image in named.values()] == ["personalised"] * len(ODD) + [
        "placeholder"
    ]
    store = LmdbStore(maps, readonly=True)
    client = Lookup(store)
    urls = client.urls("m1", ODD).tolist()
    assert urls == [named[title].url for title in ODD]
    assert client.urls("m1", np.array(ODD, object)).tolist() == urls
    assert client.urls_many(["m1", "m1"], [ODD, ODD]).tolist() == [urls, urls]
    assert client.urls("m1", np.array([7])).tolist() == ["/static/placeholder.svg"]
    asyncio.run(asked(world, store, log))
    moved = roll(log, keep_runs=True)
    assert (moved["rejected"], moved["damaged"]) == (0, 0)
    join(log, world["catalogue"], tmp_path / "examples", now=datetime.now(UTC) + WEEKS)
    joined = table_of(tmp_path / "examples")
    assert joined["title_id"].type == pa.string()
    assert sorted(joined["title_id"].to_pylist()) == sorted([*ODD, *ODD[:2]])
    assert check_path(log, world["catalogue"]) == []


def test_precompute_says_what_may_be_shown_in_the_place_of_what_is_taken_down(world, tmp_path):
    """By rules that name titles and artwork of odd ids: `7` is not `007`."""
    rules = {
        f"r{at}": {
            "effect": "deny",
            "about": {"artwork": f"{title} {at % 3}"},
            "where": {"country": "DE"},
            "who": "me",
            "why": "a test",
        }
        for at, title in enumerate(("007", 'the "best"', "line\nbreak"))
    }
    (tmp_path / "rules.yaml").write_text(json.dumps({"rules": rules}))
    precomputed(world, tmp_path, members=1, rules=tmp_path / "rules.yaml")
    place = str(tmp_path / "maps")
    store = LmdbStore(tmp_path / "maps", readonly=True)
    said = read_instead(store).artwork_ids
    assert said == {
        "007": (["007 1", "007 2"], []),
        'the "best"': (['the "best" 0', 'the "best" 2'], []),
        "line\nbreak": (["line\nbreak 0", "line\nbreak 1"], []),
    }
    store.close()
    at, shown = ODD.index("007"), []
    for name in ("007 1", "007 2"):
        takedown([name], place, "me", "a test")
        with closing(LmdbStore(tmp_path / "maps", readonly=True)) as store:
            page = Lookup(store).page("nobody")
        shown.append(page["007"])
        assert page["7"].startswith(str(ODD.index("7")))
    assert shown == [f"{at}-2.png", "/static/placeholder.svg"]


def test_a_run_is_expanded_to_the_draws_that_its_maps_name(world, tmp_path):
    """Seeds hash text in, and every reader of a draw makes them the same."""
    precomputed(world, tmp_path, members=1, log=str(tmp_path / "log"))
    roll(tmp_path / "log")
    rows = table_of(tmp_path / "log" / "decisions").sort_by("title_id")
    assert rows["title_id"].to_pylist() == sorted(ODD)
    assert len(set(rows["seed"].to_pylist())) == len(ODD)


@pytest.mark.parametrize(
    ("ids", "kind", "said"),
    [
        (["a", "x" * 501], pa.string(), r"title_id, row 1: .*501 bytes"),
        (["a", ""], pa.string(), r"title_id, row 1: '': it has 0 bytes"),
        (["a", "b\0"], pa.string(), r"title_id, row 1: .*it holds a NUL"),
        (["a", "a"], pa.string(), r"title_id, row 1: 'a' is in row 0 already"),
        ([1, -1], pa.int64(), r"title_id, row 1: -1: a whole number is from 0"),
    ],
)
def test_an_id_that_is_none_is_refused_by_its_row(tmp_path, ids, kind, said):
    folder = written(tmp_path / "c", ids, kind)
    assert any(re.search(said, str(problem)) for problem in check_path(folder))
    with pytest.raises(BadInput, match=r"(title|artwork)_id, row"):
        Catalogue.read(folder)


def test_whole_numbers_of_64_bits_are_ids(tmp_path):
    ids = [0, 7, 2**40, 2**63 - 1]
    catalogue = Catalogue.read(written(tmp_path / "c", ids, pa.int64()))
    assert catalogue.title_ids == ids


def test_a_log_of_text_over_a_catalogue_of_numbers_is_refused_in_a_sentence(world, tmp_path):
    numbers = written(tmp_path / "numbers", [7, 8], pa.int64())
    problem, *_ = (
        str(one) for one in check_path(world["examples"], numbers) if "kind of" in one.kind
    )
    assert "its title ids are text, and those of the catalogue whole numbers; write" in problem
    with pytest.raises(BadInput, match="the log: its title ids are text"):
        LoggedExamples.every(
            read_examples(world["examples"], Catalogue.read(numbers)), Catalogue.read(numbers)
        )
    with pytest.raises(BadInput, match=r"title ids are text, and those of .* whole numbers; write"):
        join(world["log"], numbers, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_a_folder_of_both_kinds_is_refused_by_both_files(world, tmp_path):
    shutil.copytree(world["log"], tmp_path / "log")
    file = next((tmp_path / "log" / "events").rglob("*.parquet"))
    table = pq.ParquetFile(file).read().slice(0, 5)
    at = table.schema.get_field_index("title_id")
    numbers = table.set_column(at, "title_id", pa.array([7] * len(table)))
    pq.write_table(numbers, file.with_name("z.parquet"))
    with pytest.raises(BadInput, match=r"z\.parquet: its title ids are whole numbers"):
        join(tmp_path / "log", None, tmp_path / "out")
    assert any("kind of" in problem.kind for problem in check_path(tmp_path / "log"))


def test_a_report_and_the_monitor_read_text_ids(world, tmp_path):
    where = {"catalogue": str(world["catalogue"]), "cache": str(tmp_path / "cache")}
    current = str(world["root"] / "bundles" / "current")
    page, since = tmp_path / "report.html", str(DAY + timedelta(days=8))
    told = report(str(page), str(world["examples"]), current, since=since, resamples=100, **where)
    assert told["log"]["decisions"] > 200
    assert re.search(r"Title \d", page.read_text()), "titles that members are shown"
    watched = monitor(
        str(world["log"]),
        str(world["examples"]),
        bundle=current,
        catalogue=where["catalogue"],
        html=str(tmp_path / "monitor.html"),
    )
    assert watched.checks
    assert watched.calibration, "takes were predicted by title"
    assert (tmp_path / "monitor.html").is_file()


def test_new_images_are_judged_for_a_title_whose_id_is_text(world, tmp_path):
    picture = tmp_path / "new.png"
    Image.fromarray(np.full((18, 32, 3), 200, np.uint8)).save(picture)
    how = {
        "catalogue": str(world["catalogue"]),
        "bundle": str(world["root"] / "bundles" / "current"),
        "log": str(world["examples"]),
        "day": str(TODAY),
        "cache": str(tmp_path / "cache"),
    }
    for title in ("007", "7", "line\nbreak", ODD[8]):
        judged = candidates([str(picture)], title, **how, html=str(tmp_path / "page.html"))
        assert judged.title == title
        assert [image.image for image in judged.images] == [str(picture)]
        assert {name.rsplit(" ", 1)[0] for name in judged.today.artworks} == {title[:490]}
    with pytest.raises(BadInput, match="--title 07: "):
        candidates([str(picture)], "07", **how)


def test_somebody_is_forgotten_in_a_log_of_text_ids(world, tmp_path):
    for name in ("log", "examples"):
        shutil.copytree(world[name], tmp_path / name)
    done = forget("m1", tmp_path / "log", tmp_path / "examples", None, None)
    rows = table_of(world["log"] / "decisions")["profile_id"].to_pylist().count("m1")
    assert (done.example_rows, done.log_rows) == (rows, table_rows(world["log"], "m1"))
    assert table_rows(tmp_path / "log", "m1") == 0
    assert check_path(tmp_path / "log", world["catalogue"]) == []
    left = table_of(tmp_path / "examples")
    assert left["title_id"].type == pa.string()
    assert len(left) == 900 - rows


def table_rows(log: Path, profile: str) -> int:
    kinds = (table_of(log / kind)["profile_id"].to_pylist() for kind in ("decisions", "events"))
    return sum(names.count(profile) for names in kinds)


def test_a_log_in_redis_is_drained_with_its_text_ids(world, tmp_path):
    if (why := why_no_redis()) is not None:
        assert os.environ.get("CI") != "true", f"{why}: CI needs it"
        pytest.skip(why)
    # Redis' package is optional.
    from data.log.redis_drain import drain
    from data.servers.redis_server import RedisAddress

    (tmp_path / "redis").mkdir()
    server = RedisServer(tmp_path / "redis")
    try:
        precomputed(world, tmp_path, log=server.url)
        store = LmdbStore(tmp_path / "maps", readonly=True)
        asyncio.run(asked(world, store, server.url))
        moved = drain(RedisAddress.parse(server.url), tmp_path / "log")
    finally:
        server.stop()
    assert (moved["rejected"], moved["damaged"], moved["lost"]) == (0, 0, 0)
    join(tmp_path / "log", world["catalogue"], tmp_path / "out", now=datetime.now(UTC) + WEEKS)
    titles = table_of(tmp_path / "out")["title_id"]
    assert titles.type == pa.string()
    assert sorted(titles.to_pylist()) == sorted([*ODD, *ODD[:2]])


@pytest.mark.filterwarnings("ignore")  # pyspark's own, at import and at shutdown
def test_spark_precomputes_the_same_maps_of_text_ids(world, tmp_path):
    if shutil.which("java") is None:
        assert os.environ.get("CI") != "true", "java is not installed: CI needs it"
        pytest.skip("java is not installed")
    for name, how in (("here", {}), ("there", {"engine": "spark", "master": "local[2]"})):
        (tmp_path / name).mkdir()
        precomputed(world, tmp_path / name, log=str(tmp_path / name / "log"), **how)
        roll(tmp_path / name / "log")
    shown = [
        [Lookup(store).urls(f"m{at}", ODD).tolist() for at in range(4)]
        for name in ("here", "there")
        for store in [LmdbStore(tmp_path / name / "maps", readonly=True)]
    ]
    assert shown[0] == shown[1]
    here, there = (
        table_of(tmp_path / name / "log" / "decisions").sort_by("decision_id").drop(["time"])
        for name in ("here", "there")
    )
    assert here.equals(there)
    assert sorted(set(here["title_id"].to_pylist())) == sorted(ODD)
