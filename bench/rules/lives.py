"""Ten days of a catalogue whose rules change every hour: maps of each hour, and live pages."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bandit.draws import Epochs
from bandit.head_policy import HeadPolicy
from bench.rules.hourly import RANKS, Facts, HourlyRule, Wanted, begun_rules, rules_text
from bench.serving.live_app import DIMENSION, HEADS, Tower
from bench.serving.random_maps import numbered_layout
from data import clock
from data.atomic_write import write_text_whole
from data.days import DAY_US, HOUR_US
from data.log import roll
from data.log.expand_runs import expand
from data.log.precompute_runs import FolderRuns, run_files
from data.own_facts import fold
from data.records import FACTS
from data.rules.files import read_rules
from data.rules.traits import ArtworkTraits
from data.schema.fact import Fact
from data.schema.request_facts import Declared
from data.schema.schema import Schema, write_schema
from serve.live.recorder import DurableLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from serve.live.shown.follow_rules import RulesFile
from serve.live.snapshot import LiveModel
from serve.maps.artwork_map import ArtworkMap
from serve.maps.layout import Layout
from serve.maps.lmdb_store import LmdbStore
from serve.precompute.precompute import precompute_maps
from serve.precompute.work import Work
from serve.rules.layout_rules import LayoutRules
from serve.scoring.candidate_bank import Bank
from serve.scoring.member_model import MemberFunctionals
from serve.scoring.served_policy import ServedPolicy

START_US = 20_500 * DAY_US
HALF = HOUR_US // 2
MATURITY = Fact("maturity", "number")
EPOCHS = Epochs(14, 0.5)


class PrintedTower(Tower):
    """The same, with the fingerprints that draws go by."""

    def functionals_of(self, facts: pa.StructArray) -> MemberFunctionals:
        """Facts as functionals, and a number of each."""
        tenure = np.nan_to_num(np.asarray(facts.field("tenure_days"), np.float32))
        return super().functionals_of(facts)._replace(fingerprints=tenure.astype(np.int64))


@dataclass
class RuledWorld:
    """A catalogue, its members and its rules, hour by hour."""

    folder: Path
    titles: int
    members: int
    seed: int
    layout: Layout = field(init=False)
    vectors: np.ndarray = field(init=False)
    rules: list[HourlyRule] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.layout = numbered_layout(self.titles, RANKS)
        rng = np.random.default_rng([self.seed, 1])
        size = (self.titles * RANKS, DIMENSION)
        self.vectors = rng.normal(size=size).astype(np.float32)
        self.rng = np.random.default_rng([self.seed, 2])
        self.file = self.folder / "rules.yaml"
        write_schema(self.folder, Schema((MATURITY,)))

    @property
    def traits(self) -> ArtworkTraits:
        """Of artwork without tags."""
        none = [frozenset[str]() for _ in self.layout.artwork_ids]
        title_ids = np.repeat(self.layout.title_ids, RANKS).tolist()
        return ArtworkTraits(self.layout.artwork_ids, title_ids, {}, none, none)

    @property
    def policy(self) -> ServedPolicy:
        """Thompson sampling with exploration."""
        return ServedPolicy("rules", HeadPolicy("thompson", 0.05), self.seed)

    def turn(self, hour: int) -> None:
        """Let an hour begin: the clock at its half, and its rules in the file."""
        self.rules = [rule for rule in self.rules if rule.ends > hour]
        self.rules += begun_rules(hour, self.titles, self.rng)
        text = rules_text(self.rules, self.layout.artwork_ids, START_US)
        write_text_whole(self.file, text)
        clock.turn(self.folder / "clock", START_US + hour * HOUR_US + HALF)

    def facts(self, member: int) -> Facts:
        """What is known of a member before there is a page."""
        return {
            "country": ("DE", "FR", None)[member % 3],
            "language": ("de", "fr")[member % 2],
            "maturity": (6.0, 18.0, None, 12.0)[member % 4],
            "tenure_days": float(member),
        }

    def table(self) -> pa.Table:
        """All members as precompute reads them."""
        rows = [dict(self.facts(member)) for member in range(self.members)]
        own, _ = fold({"maturity": pa.array([r.pop("maturity") for r in rows])}, None, len(rows))
        facts = pa.array(rows, FACTS)
        columns = [own if f.name == "own" else facts.field(f.name) for f in FACTS]
        names = [f"member-{member}" for member in range(self.members)]
        made = pa.StructArray.from_arrays(columns, fields=list(FACTS))
        return pa.table({"profile_id": names, "facts": made})

    def work(self, hour: int, changed_only: bool, block: int = 64) -> Work:
        """An hour's run of precompute."""
        written = read_rules(self.file, Schema((MATURITY,)))
        return Work(
            PrintedTower(),
            Bank.of(self.layout, self.vectors),
            self.layout,
            self.policy,
            (START_US + hour * HOUR_US) // DAY_US,
            True,
            HEADS,
            EPOCHS,
            changed_only,
            block,
            ruled=LayoutRules.of(written, self.traits, self.layout),
        )

    def wanted(self, title: int, facts: Facts, hour: float) -> Wanted:
        """What the rules of now ask for."""
        return Wanted.of(self.rules, title, facts, hour)


@contextmanager
def turned_clock(folder: Path) -> Iterator[None]:
    """A folder's clock as this process's."""
    clock.turn(folder / "clock", START_US)
    before = os.environ.get(clock.VARIABLE)
    os.environ[clock.VARIABLE] = str(folder / "clock")
    try:
        yield
    finally:
        if before is None:
            del os.environ[clock.VARIABLE]
        else:
            os.environ[clock.VARIABLE] = before


@dataclass
class Lived:
    """What a life left."""

    rows: list[dict] = field(default_factory=list)
    """Of the log, each decision once."""
    wanted: list[Wanted] = field(default_factory=list)
    """Of each row."""
    shown: int = 0
    """Titles of maps that were looked at, hour by hour."""
    breaches: list[str] = field(default_factory=list)


def mapped_life(world: RuledWorld, hours: int) -> Lived:
    """Maps that are made anew each hour where rules changed, and each day where epochs ended."""
    lived, log = Lived(), world.folder / "log-maps"
    store = LmdbStore(world.folder / "maps", durable=False, size=1 << 28)
    table, layout = world.table(), world.layout
    names = [layout.candidates(slot) for slot in range(world.titles)]
    for hour in range(hours):
        world.turn(hour)
        moment = (START_US + hour * HOUR_US + HALF) / 1e6
        work = world.work(hour, changed_only=hour % 24 > 0)
        precompute_maps(work, table, store, FolderRuns(log), workers=1, now=lambda m=moment: m)
        for path in run_files(log):
            for part in expand(path):
                for row in part.to_pylist():
                    _judge(world, lived, row, hour, names)
            path.unlink()
        for member in range(world.members):
            value = store.get(f"member-{member}")
            assert value is not None
            choices = ArtworkMap.parse(value).choices - layout.starts[:-1]
            for title, rank in enumerate(choices.tolist()):
                wanted = world.wanted(title, world.facts(member), hour + 0.5)
                lived.shown += 1
                if rank not in wanted.candidates or wanted.pinned not in (None, rank):
                    lived.breaches.append(f"hour {hour}, member {member}, title {title}: a map")
    store.close()
    return lived


def live_life(world: RuledWorld, hours: int, pages: int) -> Lived:
    """Live pages of each hour, by a service that reads its rules again as they change."""
    lived, log = Lived(), world.folder / "log-live"
    bundle = world.folder / "bundle"
    bundle.mkdir()
    (bundle / "manifest.json").touch()
    names = [world.layout.candidates(slot) for slot in range(world.titles)]
    source = ModelSource(
        bundle, lambda _: live_model(world), rules=RulesFile(world.file, world.folder)
    )
    asked: dict[str, Facts] = {}

    async def live() -> None:
        service = LiveService(source, DurableLog(log), deadline=60.0, watch=3600.0)
        world.turn(0)
        await service.start()
        for hour in range(hours):
            if hour:
                world.turn(hour)
                source.look()
            for at in range(pages):
                member = int(world.rng.integers(world.members))
                facts = {k: v for k, v in world.facts(member).items() if v is not None}
                facts |= {"surface": ("home", "gallery")[at % 2]} if at % 3 else {}
                asked[f"member-{member}-{hour}-{at}"] = facts
                request = {
                    "profile_id": f"member-{member}-{hour}-{at}",
                    "title_ids": world.layout.title_ids.tolist(),
                    "facts": facts,
                    "day": (START_US + hour * HOUR_US) // DAY_US,
                }
                # Every fourth page has no time, and falls back.
                due = service.due(0 if at % 4 == 3 else None)
                await service.answer(request, due)
            # By its rows: on a slow disk a fallback does not wait until it knows of them.
            missing = {name for name in asked if name.split("-")[2] == str(hour)}
            roll(log)
            for file in sorted((log / "decisions").rglob("*.parquet")):
                for row in pq.read_table(file).to_pylist():
                    _judge(world, lived, row, hour, names, asked[row["profile_id"]])
                    missing.discard(row["profile_id"])
                file.unlink()
            lived.breaches += [f"hour {hour}: page {name} was not logged" for name in missing]
        await service.stop()

    asyncio.run(live())
    return lived


def live_model(world: RuledWorld) -> LiveModel:
    """What the live service decides with; its rules come from their file."""
    model = LiveModel(
        world.policy,
        world.layout,
        world.vectors,
        PrintedTower(),
        world.layout.starts[1:] - 1,
        epochs=EPOCHS,
        declared=Declared({MATURITY.name: MATURITY}, {}),
    )
    return replace(model, traits=world.traits)


# A row, and all that it is judged by.
def _judge(
    world: RuledWorld,
    lived: Lived,
    row: dict,
    hour: int,
    names: list[tuple[str, ...]],
    facts: Facts | None = None,
) -> None:
    """Hold a row against the rules of its hour."""
    title = int(row["title_id"]) - 1
    if facts is None:
        facts = world.facts(int(row["profile_id"].rpartition("-")[2]))
    wanted = world.wanted(title, facts, hour + 0.5)
    for what in wanted.breaches(row, names[title]):
        lived.breaches.append(f"hour {hour}, {row['profile_id']}, title {title}: {what}")
    row = {k: v for k, v in row.items() if k not in ("facts", "time")}
    row.setdefault("rules", None)
    lived.rows.append(row)
    lived.wanted.append(wanted)
