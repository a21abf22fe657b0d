"""What a day of the product consists of: its own commands, on the files of one folder."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Literal

import pyarrow.compute as pc
import pyarrow.dataset as ds

from data.assets.assets import ASSETS_FILE
from data.bundle import CURRENT, Bundle
from data.errors import BadInput
from loop.carried.kinds import kinds_to_learn
from loop.carried.processes import Commands, Printed, option_words
from loop.carried.steering import SteeredNights, Steering
from simulate.browsing.habits import Habits

HELD_OUT = 0.15
"""Share of the time of the examples, the latest, that training leaves to judge by."""
RESAMPLES = 400


@dataclass(frozen=True)
class ProductLoopSettings:
    """Who browses what, and how it is trained."""

    days: int
    """Live ones, after the history."""
    titles: int
    members: int
    decisions: int
    """A day."""
    history: int
    """Days of evenly chosen artwork that the first model is trained on."""
    map_share: float
    """Share of members who are shown their precomputed map."""
    seed: int
    subjects: Path
    """Folder of cut-outs."""
    train: tuple[str, ...]
    """Further options of train.py."""
    train_first: tuple[str, ...]
    """Still further options of its first run."""
    margin: float
    """Of publishing."""
    undecided: Literal["keep", "publish"]
    """What becomes of a bundle of which a night's log cannot tell."""
    habits: Habits = field(default_factory=Habits)
    """Of members."""
    increments: bool = False
    """Nights add their day to the live bundle, and train in full once a week."""
    steering: Steering = field(default_factory=Steering)
    """Rules, experiments and probation."""
    kinds: tuple[str, ...] = ()
    """What pages show beside artwork."""

    def __post_init__(self) -> None:
        if self.days < 1 or self.history < 3 or self.members < 2 or self.decisions < 100:
            raise BadInput(
                f"{self.days} days after {self.history} of history, {self.members} members, "
                f"{self.decisions} decisions a day: give at least 1, 3 (until the first windows "
                "close), 2 and 100"
            )

    def record(self) -> dict[str, object]:
        """As the loop's state keeps them."""
        settings: dict[str, object] = dict(vars(self))
        del settings["steering"]  # likewise where there is none
        settings |= self.steering.record()
        if not self.kinds:  # loops that were begun before there were any go on
            del settings["kinds"]
        if not self.increments:  # loops that were begun before there were any go on
            del settings["increments"]
        return settings | {"subjects": str(self.subjects), "habits": asdict(self.habits)}

    def habit_options(self) -> dict[str, object]:
        """The habits as options of the simulator's commands."""
        return {
            f"habits.{name.replace('_', '-')}": str(value).lower()
            for name, value in asdict(self.habits).items()
        }


class ProductSteps:
    """The commands of a loop in a folder; each may be carried out twice with the same outcome."""

    def __init__(self, out: Path, settings: ProductLoopSettings, deadline_ms: float) -> None:
        self.out, self.settings, self.deadline_ms = out, settings, deadline_ms
        self.catalogue, self.log = out / "catalogue", out / "log"
        self.examples, self.bundles = out / "examples", out / "bundles"
        self.visits, self.cache = out / "visits", out / "cache"
        self.clock = out / "clock"
        self.commands = Commands(out / "commands.log", self.clock)
        self.nights = SteeredNights(
            out, self.catalogue, self.examples, settings.steering, self.commands
        )

    @property
    def _kinds(self) -> dict[str, object]:
        kinds = self.settings.kinds
        return {"kinds": ",".join(kinds)} if kinds else {}

    @property
    def bundle(self) -> Path:
        """The live bundle's folder."""
        return (self.bundles / CURRENT).resolve()

    def sent(self, number: int) -> Path:
        """The decisions that members were answered on a day of the simulation."""
        return self.visits / f"sent-{number}.parquet"

    def render(self) -> None:
        """The catalogue."""
        if not self.catalogue.is_dir():
            self._run(
                "simulate",
                "catalogue",
                {
                    "subjects": self.settings.subjects.resolve(),
                    "out": self.catalogue,
                    "titles": self.settings.titles,
                    "seed": self.settings.seed,
                },
            )

        if self.settings.kinds and not (self.catalogue / ASSETS_FILE).is_file():
            options = {"catalogue": self.catalogue, "seed": self.settings.seed}
            self._run("simulate", "synopses", options)

    def browse(self) -> None:
        """The history's log."""
        if not self.log.is_dir():
            self._run(
                "simulate",
                "log",
                {
                    "catalogue": self.catalogue,
                    "out": self.log,
                    "members": self.settings.members,
                    "days": self.settings.history,
                    "decisions-per-day": self.settings.decisions,
                    "seed": self.settings.seed,
                    "policy": "uniform",
                    **self.settings.habit_options(),
                },
            )

    def precompute(self, today: date) -> Printed:
        """Everybody's artwork map for a day."""
        profiles = self.out / "profiles.parquet"
        self._run("data", "profiles", {"examples": self.examples, "out": profiles})
        options = {
            "bundle": self.bundles / CURRENT,
            "catalogue": self.catalogue,
            "profiles": profiles,
            "store": self.out / "maps",
            "log": self.log,
            "cache": self.cache,
            "day": today,
            "workers": 1,
            **self.nights.options,
            **self._kinds,
        }
        return self._run("serve", "precompute", options)

    def visit(self, number: int, close: bool = False) -> Printed:
        """A day of members at the live service; or only what is still to come of earlier days."""
        service = {
            "bundles": self.bundles,
            "catalogue": self.catalogue,
            "log": self.log,
            "store": self.out / "maps",
            "cache": self.cache,
            "deadline-ms": self.deadline_ms,
            **self.nights.options,
        }
        with self.commands.service(service) as url:
            options = {
                "url": url,
                "catalogue": self.catalogue,
                "day": number,
                "clock": self.clock,
                "out": self.visits,
                "log": self.log,
                "members": self.settings.members,
                "decisions": self.settings.decisions,
                "seed": self.settings.seed,
                "map-share": self.settings.map_share,
                "close": str(close).lower(),
                "say-cells": str(self.nights.experiments is None).lower(),
                **self.settings.habit_options(),
                **self._kinds,
            }
            return self._run("simulate", "visit", options)

    def roll(self) -> None:
        """The service's journals into the log."""
        self._run("data", "roll", {"log": self.log})

    def join(self, now: datetime) -> Printed:
        """The examples whose windows have closed by then."""
        options = {"log": self.log, "catalogue": self.catalogue, "out": self.examples}
        return self._run("data", "join", {**options, "now": now.isoformat()})

    def train(self, further: tuple[str, ...]) -> None:
        """A new bundle, from the live one where there is one; it goes live if it may."""
        current = self.bundles / CURRENT
        learnt = self.nights.learnt()
        options: dict[str, object] = {
            "data.examples": learnt,
            "data.catalogue": self.catalogue,
            "data.cache": self.cache,
            "data.validation": HELD_OUT,
            "publish.bundles": self.bundles,
            "publish.margin": self.settings.margin,
            "publish.undecided": self.settings.undecided,
            "out": self.out / "run",
        }
        if current.is_symlink():
            options["fit.warm-start"] = self.bundle
            if self.settings.increments:
                options["increment.of"] = self.bundle
        if self.settings.kinds and kinds_to_learn(learnt, HELD_OUT):
            options["kinds.learn"] = "true"
        words = [*option_words(options), *self.settings.train, *further]
        self.commands.run("train.py", *words, json_out=False)
        if not current.is_symlink():
            raise BadInput(f"train.py published no bundle; {self.commands.log} says why")

    def estimate(self) -> dict[str, float]:
        """What the live bundle would have earned on what it was not trained on."""
        options = {
            "log": self.examples,
            "catalogue": self.catalogue,
            "bundles": self.bundle,
            "since": self._held_out_since().isoformat(),
            "segments": "false",
            "resamples": RESAMPLES,
            "cache": self.cache,
        }
        [estimates] = self._run("evaluate", "bundle", options)["policies"].values()
        return {name: estimates["dr"][name] for name in ("value", "low", "high")}

    def _held_out_since(self) -> datetime:
        """From when on the live bundle has read nothing."""
        read = Bundle.open(self.bundle).manifest.metrics.get("read_through")
        if isinstance(read, str):
            return datetime.fromisoformat(read)
        files = sorted(self.examples.glob("day=*/*.parquet"))
        times = ds.dataset(files, format="parquet").to_table(columns=["time"])["time"]
        ends = pc.min_max(times).as_py()  # pyright: ignore[reportAttributeAccessIssue]
        return ends["min"] + (1 - HELD_OUT) * (ends["max"] - ends["min"])

    def _run(self, package: str, command: str, options: Mapping[str, object]) -> Printed:
        return self.commands.run("-m", package, command, options=options)
