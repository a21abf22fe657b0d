"""Reads a log in the background, again when it has grown."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock, Thread

from data import clock
from data.cells.ramp_state import state_file
from data.check.finding import Check
from data.errors import BadInput, Unavailable, first_line
from data.schema_cast import parquet_files
from evaluate.metrics.metrics import guards_beside
from evaluate.monitor.calibration import CalibrationCurves
from evaluate.monitor.monitor import inspect
from evaluate.monitor.takes import MeanReward, Rewards, rewards_of
from evaluate.monitor.troubles import TitleTrouble, troubles
from web.watch.experiments import ExperimentsSeen, experiments_seen

NO_LOG = "no log is known; start the pages with --log FOLDER, and --examples FOLDER for rewards"


@dataclass(frozen=True)
class Watched:
    """What a log said when it was last read."""

    as_of: str | None
    """When, in UTC; None: it is being read for the first time."""
    reading: bool
    trouble: str | None
    """Why it could not be read, in a sentence."""
    state: str
    checks: list[Check]
    curves: CalibrationCurves
    days: list[MeanReward]
    """Reward a draw by day and cell."""
    bundles: list[MeanReward]
    troubles: list[TitleTrouble] = field(default_factory=list)
    """Titles that want somebody's look."""
    experiments: ExperimentsSeen | None = None
    """Of experiments.yaml; None: none is followed, or it was not read yet."""


class Watcher:
    """Knows what the monitor says of a log.

    Args:
        log: folder with decisions/; None: nothing is watched.
        examples: joined examples; None: nothing that needs rewards is known.
        catalogue: whose schema guards metrics.
        experiments: experiments.yaml; None: there are no experiments to be read.
    """

    def __init__(
        self,
        log: Path | None,
        examples: Path | None,
        catalogue: Path,
        experiments: Path | None = None,
    ) -> None:
        self.log, self.examples, self.catalogue = log, examples, catalogue
        self.experiments = experiments
        self._found = Watched(None, False, None, "ok", [], {}, [], [])
        self._stamp: object = None
        self._reading = False
        self._lock = Lock()

    def now(self) -> Watched:
        """What is known; a log that has grown is read again meanwhile.

        Raises:
            BadInput: no log is known.
        """
        if self.log is None and self.experiments is None:
            raise BadInput(NO_LOG)
        with self._lock:
            stamp = self._mark()
            if not self._reading and stamp != self._stamp:
                self._reading, self._stamp = True, stamp
                Thread(target=self._read, daemon=True, name="monitor").start()
            found = self._found
            return replace(found, reading=self._reading)

    def _mark(self) -> object:
        """What changes when files come or change."""
        places = [place for place in (self.log, self.examples) if place is not None]
        every = [file for place in places for file in parquet_files(place)]
        if self.experiments is not None:
            both = self.experiments, state_file(self.experiments)
            every += [file for file in both if file.is_file()]
        return len(every), max((file.stat().st_mtime_ns for file in every), default=0)

    def _read(self) -> None:
        trouble, found = None, self._found
        try:
            found = self._monitored()
            if self.experiments is not None:
                seen = experiments_seen(self.experiments, self.examples, self.catalogue)
                found = replace(found, experiments=seen)
        except (BadInput, Unavailable, OSError) as error:
            trouble = str(error)
        except Exception as error:  # whatever a file holds, pages say so and look again
            trouble = f"the log cannot be read ({first_line(error)}); check it with `data check`"
        with self._lock:
            self._found = replace(found, trouble=trouble)
            self._reading = False

    def _monitored(self) -> Watched:
        """What the monitor finds; without a log there is nothing to find."""
        when = f"{datetime.fromtimestamp(clock.now(), UTC):%Y-%m-%d %H:%M} UTC"
        if self.log is None:
            return Watched(when, False, None, "ok", [], {}, [], [])
        told = None if self.examples is None else str(self.examples)
        guards = {} if told is None else guards_beside(told, str(self.catalogue))
        result = inspect(str(self.log), told, guards=guards)
        rewards = Rewards([], []) if told is None else rewards_of(told)
        days, bundles = rewards.days, rewards.bundles
        return Watched(
            *(when, False, None, result.state, result.checks, result.calibration, days, bundles),
            troubles=troubles(self.catalogue, self.log),
        )
