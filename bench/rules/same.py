"""The same first draws of an hour by precompute, by the live service and by Spark."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from bench.rules.lives import START_US, RuledWorld, live_model
from data.days import DAY_US, HOUR_US
from data.log import roll
from data.log.precompute_runs import FolderRuns
from serve.live.recorder import DurableLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from serve.live.shown.follow_rules import RulesFile
from serve.maps.lmdb_store import LmdbStore
from serve.precompute.precompute import precompute_maps
from serve.precompute.spark import precompute_spark

COLUMNS = (
    *("decision_id", "profile_id", "title_id", "candidates", "action", "propensity"),
    *("probabilities", "seed", "level", "epoch", "fingerprint", "layout", "rules"),
)


def same_everywhere(world: RuledWorld, hours: Iterable[int], spark: bool) -> dict[str, object]:
    """Compare rows, column by column and bit by bit, and maps byte by byte.

    Args:
        world: whose rules change each hour.
        hours: that are compared; Spark the first alone, since it takes seconds to start.
        spark: whether Spark is there.
    """
    compared, differ, hour = 0, 0, -1
    maps_alike: bool | None = None
    for wanted in hours:
        while hour < wanted:
            hour += 1
            world.turn(hour)
        rows, maps = _precomputed(world, hour, "local")
        live = _live(world, hour)
        compared += len(rows)
        differ += _different(rows, live)
        if spark and maps_alike is None:
            others, its = _precomputed(world, hour, "spark")
            differ += _different(rows, others)
            maps_alike = maps == its
    return {"rows": compared, "different": differ, "spark_maps_alike": maps_alike}


def _different(one: list[tuple], other: list[tuple]) -> int:
    return len(set(map(repr, one)) ^ set(map(repr, other)))


def _precomputed(world: RuledWorld, hour: int, engine: str) -> tuple[list[tuple], dict[str, bytes]]:
    folder = world.folder / f"{engine}-{hour}"
    store, moment = LmdbStore(folder / "maps", size=1 << 28), _moment(hour)
    given = (world.work(hour, False), world.table(), store, FolderRuns(folder / "log"))
    if engine == "spark":
        precompute_spark(*given, now=lambda: moment, master="local[2]")
    else:
        precompute_maps(*given, workers=1, now=lambda: moment)
    maps = {name: store.get(name) or b"" for name in store.profiles()}
    store.close()
    return _rows(folder / "log"), maps


def _live(world: RuledWorld, hour: int) -> list[tuple]:
    folder = world.folder / f"live-{hour}"
    (folder / "bundle").mkdir(parents=True)
    (folder / "bundle" / "manifest.json").touch()
    rules = RulesFile(world.file, world.folder)
    source = ModelSource(folder / "bundle", lambda _: live_model(world), rules=rules)

    async def ask() -> None:
        service = LiveService(source, DurableLog(folder / "log"), deadline=60.0, watch=3600.0)
        await service.start()
        for member in range(world.members):
            facts = {k: v for k, v in world.facts(member).items() if v is not None}
            request = {
                "profile_id": f"member-{member}",
                "title_ids": world.layout.title_ids.tolist(),
                "facts": facts,
                "day": (START_US + hour * HOUR_US) // DAY_US,
            }
            answer = orjson.loads(await service.answer(request, service.due(None)))
            if answer["reason"] is not None:
                raise RuntimeError(f"a page was not decided: {answer['reason']}")
        await service.stop()

    asyncio.run(ask())
    return _rows(folder / "log")


def _moment(hour: int) -> float:
    return (START_US + hour * HOUR_US + HOUR_US // 2) / 1e6


def _rows(log: Path) -> list[tuple]:
    roll(log)
    rows = []
    for file in sorted((log / "decisions").rglob("*.parquet")):
        table = pq.read_table(file)
        if "rules" not in table.column_names:
            table = table.append_column("rules", pa.nulls(len(table), pa.list_(pa.string())))
        rows += [tuple(row[name] for name in COLUMNS) for row in table.to_pylist()]
    return rows
