"""`python -m serve loop`: the whole product on one machine, day after day, with real processes.

    precompute ─► live service ◄─ members over HTTP ─► log ─► roll ─► join ─► train ─► publish
        ▲                                                                        │
        └──────────────────────────── next day ◄─────────────────────────────────┘

Each step is a command that a scheduler can run as well; `OUT/commands.log` shows them all. The
members are simulated, and so is the clock that records are stamped by: a week takes minutes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds

from data.bundle import CURRENT
from data.clock import turn
from data.errors import BadInput
from data.features import FeatureSpec
from loop.audit import day_counts
from loop.processes import Commands
from loop.state import LoopState
from loop.table import shown

START = date(2026, 1, 1)
"""Day 0 of the simulator."""
FIRST = ("render", "browse", "join", "train", "estimate")
"""Steps before the first live day: a history of evenly chosen artwork, and a model of it."""
DAILY = ("precompute", "visit", "roll", "join", "train", "estimate")
HELD_OUT = 0.15
"""Share of the time of the examples, the latest, that training leaves to judge by."""
CLOSED_AFTER = timedelta(days=4)
"""Every window of a day has closed, and every phone has told, so long after it."""


@dataclass(frozen=True)
class World:
    """Who browses what."""

    titles: int
    members: int
    decisions: int
    history: int
    map_share: float
    seed: int


@dataclass
class Loop:
    """A loop that is under way in a folder."""

    out: Path
    world: World
    subjects: Path
    train_options: tuple[str, ...]
    first_options: tuple[str, ...]
    margin: float
    deadline_ms: float
    state: LoopState

    def __post_init__(self) -> None:
        self.catalogue, self.log = self.out / "catalogue", self.out / "log"
        self.examples, self.bundles = self.out / "examples", self.out / "bundles"
        self.visits, self.cache = self.out / "visits", self.out / "cache"
        self.clock = self.out / "clock"
        self.commands = Commands(self.out / "commands.log", self.clock)

    def run(self, days: int, progress: Callable[[str], object]) -> None:
        """Go on until so many live days are over, then wait for what is still to come of them."""
        while self.state.day <= days:
            steps = DAILY if self.state.day else FIRST
            for number, name in enumerate(steps):
                if number < self.state.step:
                    continue
                progress(f"day {self.state.day}: {name}")
                turn(self.clock, _microseconds(self.midnight(self.state.day)))
                getattr(self, f"_{name}")(self.state.day)
                self.state.done(number, steps)
        progress("closing")
        self._close(days)

    def midnight(self, day: int) -> datetime:
        """When a live day begins; day 0 is the history, which ends where day 1 begins."""
        number = self.world.history + max(day - 1, 0)
        at = START + timedelta(days=number)
        return datetime(at.year, at.month, at.day, tzinfo=UTC)

    def _render(self, day: int) -> None:
        if not self.catalogue.is_dir():
            self.commands.run(
                "-m", "simulate", "catalogue", "--subjects", self.subjects,
                "--out", self.catalogue, "--titles", self.world.titles, "--seed", self.world.seed,
            )  # fmt: skip

    def _browse(self, day: int) -> None:
        if not self.log.is_dir():
            self.commands.run(
                "-m", "simulate", "log", "--catalogue", self.catalogue, "--out", self.log,
                "--members", self.world.members, "--days", self.world.history,
                "--decisions-per-day", self.world.decisions, "--seed", self.world.seed,
                "--policy", "uniform",
            )  # fmt: skip

    def _precompute(self, day: int) -> None:
        self.commands.run(
            "-m", "data", "profiles", "--examples", self.examples,
            "--out", self.out / "profiles.parquet",
        )  # fmt: skip
        told = self.commands.run(
            "-m", "serve", "precompute", "--bundle", self.bundles / CURRENT,
            "--catalogue", self.catalogue, "--profiles", self.out / "profiles.parquet",
            "--store", self.out / "maps", "--log", self.log, "--cache", self.cache,
            "--day", self.midnight(day).date(), "--workers", 1,
        )  # fmt: skip
        names = ("profiles", "decisions", "kept", "artwork_changed")
        self._row(day)["precomputed"] = {name: told[name] for name in names}

    def _visit(self, day: int) -> None:
        self._row(day).update(self._visits(day))
        self._row(day)["bundle"] = (self.bundles / CURRENT).readlink().name

    def _visits(self, day: int, *options: str) -> dict[str, Any]:
        with self.commands.service(
            "--bundles", self.bundles, "--catalogue", self.catalogue, "--log", self.log,
            "--store", self.out / "maps", "--cache", self.cache,
            "--deadline-ms", self.deadline_ms,
        ) as url:  # fmt: skip
            return self.commands.run(
                "-m", "simulate", "visit", "--url", url, "--catalogue", self.catalogue,
                "--day", self.world.history + day - 1, "--clock", self.clock,
                "--out", self.visits, "--log", self.log, "--members", self.world.members,
                "--decisions", self.world.decisions, "--seed", self.world.seed,
                "--map-share", self.world.map_share, *options,
            )  # fmt: skip

    def _roll(self, day: int) -> None:
        self.commands.run("-m", "data", "roll", "--log", self.log)

    def _join(self, day: int, now: datetime | None = None) -> None:
        told = self.commands.run(
            "-m", "data", "join", "--log", self.log, "--catalogue", self.catalogue,
            "--out", self.examples, "--now", (now or self.midnight(day + 1)).isoformat(),
        )  # fmt: skip
        self._row(day).update({name: told[name] for name in ("examples", "waiting")})

    def _train(self, day: int) -> None:
        current = self.bundles / CURRENT
        warm = ("--fit.warm-start", current.resolve()) if current.is_symlink() else ()
        self.commands.run(
            "train.py", "--data.examples", self.examples, "--data.catalogue", self.catalogue,
            "--data.cache", self.cache, "--data.validation", HELD_OUT,
            "--publish.bundles", self.bundles, "--out", self.out / "run",
            "--publish.margin", self.margin, *warm, *self.train_options,
            *(() if day else self.first_options), json_out=False,
        )  # fmt: skip
        if not current.is_symlink():
            raise BadInput(f"train.py published no bundle; {self.commands.log} says why")

    def _estimate(self, day: int) -> None:
        """What tomorrow's bundle would have earned on what it was not trained on."""
        live = (self.bundles / CURRENT).readlink().name
        told = self.commands.run(
            "-m", "evaluate", "bundle", "--log", self.examples, "--catalogue", self.catalogue,
            "--bundles", self.bundles / live, "--since", self._held_out_since().isoformat(),
            "--segments", "false", "--resamples", 400, "--cache", self.cache,
        )  # fmt: skip
        [estimates] = told["policies"].values()
        self._row(day)["offline"] = {"bundle": live} | {
            name: estimates["dr"][name] for name in ("value", "low", "high")
        }

    def _held_out_since(self) -> datetime:
        files = sorted(self.examples.glob("day=*/*.parquet"))
        times = ds.dataset(files, format="parquet").to_table(columns=["time"])["time"]
        ends = pc.min_max(times).as_py()  # pyright: ignore[reportAttributeAccessIssue]
        return ends["min"] + (1 - HELD_OUT) * (ends["max"] - ends["min"])

    def _close(self, days: int) -> None:
        """Let the last windows close, and count every day at every station."""
        if "counts" in self.state.rows[days]:
            return
        held = dict(self.state.rows[days])
        self._visits(days + 1, "--close")
        self._roll(days)
        self._join(days, self.midnight(days + 1) + CLOSED_AFTER)
        self.state.rows[days] = held
        spec = FeatureSpec.from_json((self.bundles / CURRENT / "features.json").read_text())
        for day in range(1, days + 1):
            number = self.world.history + day - 1
            sent = self.visits / f"sent-{number}.parquet"
            counts = day_counts(sent, self.log, self.examples, spec)
            self.state.rows[day]["counts"] = counts._asdict()
        self.state.write()

    def _row(self, day: int) -> dict[str, Any]:
        while len(self.state.rows) <= day:
            self.state.rows.append({"day": len(self.state.rows)})
        return self.state.rows[day]


def loop(
    days: int = 7, out: Path = Path("artifacts/loop/served"), titles: int = 40,
    members: int = 400, decisions: int = 4000, history: int = 4, map_share: float = 0.2,
    subjects: Path = Path("sample/artwork"), train: list[str] | None = None,
    train_first: list[str] | None = None, margin: float = 0.2,
    deadline_ms: float = 1000.0, seed: int = 1, json: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Live through some days of the whole product: serve, log, join, train, publish, precompute.

    A loop that was killed goes on where it stopped when it is started again with the same options.

    Args:
        days: live days, after the history.
        out: folder of everything.
        titles: of the catalogue that is rendered.
        members: who browse.
        decisions: places on all pages of a day.
        history: days of evenly chosen artwork that the first model is trained on.
        map_share: share of members who are shown their precomputed map; the others' pages are
            decided live.
        subjects: folder of cut-outs to render a catalogue from.
        train: further options of train.py, such as '[--fit.epochs=6]'.
        train_first: still further options of its first run, which starts from nothing.
        margin: share of the live bundle's value by which a new one may be judged under it and still
            be published; a few thousand decisions cannot tell two bundles apart more finely.
        deadline_ms: of a live page; generous, as training shares the machine.
        seed: of catalogue, members, visits and outcomes.
        json: print one JSON object.
    """
    from rich.console import Console

    if days < 1 or history < 3 or members < 2 or decisions < 100:
        raise BadInput(
            f"{days} days after {history} of history, {members} members, {decisions} decisions a "
            "day: give at least 1, 3 (until the first windows close), 2 and 100"
        )
    world = World(titles, members, decisions, history, map_share, seed)
    options, first = tuple(train or ()), tuple(train_first or ())
    out = out.resolve()
    settings = {"days": days, **vars(world), "subjects": str(subjects), "train": [*options, *first],
                "margin": margin}  # fmt: skip
    state = LoopState.open(out, settings)
    made = Loop(out, world, subjects.resolve(), options, first, margin, deadline_ms, state)
    with Console(stderr=True).status("loop") as status:
        made.run(days, status.update)
    rows = state.rows
    if not json:
        Console(width=150).print(shown(rows))
    return {"out": str(out), **summary(rows), **({"days": rows} if json else {})}


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What the days say together."""
    live = rows[1:]
    held = [holds(rows, row["day"]) for row in live]
    counts = [row["counts"] for row in live]
    stations = ("served", "logged"), ("rendered", "joined")
    return {
        "regret_per_impression": [
            row["cells"]["live"]["regret"] / row["cells"]["live"]["impressions"] for row in live
        ],
        "days_held_by_offline_interval": sum(held),
        "lost": sum(c[one] - c[two] for c in counts for one, two in stations),
        "doubled": sum(c["doubled"] for c in counts),
        "skewed": sum(c["skewed"] for c in counts),
    }  # fmt: skip


def holds(rows: list[dict[str, Any]], day: int) -> bool:
    """Whether the estimate of the night before has the day's expected take in its interval."""
    live, before = rows[day]["cells"]["live"], rows[day - 1]["offline"]
    return before["low"] <= live["expected"] / live["impressions"] <= before["high"]


def _microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6)
