"""Reads a log in the background, again when it has grown."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock, Thread

from data import clock
from data.check.finding import Check
from data.errors import BadInput, Unavailable, first_line
from data.schema_cast import parquet_files
from evaluate.metrics.metrics import guards_beside
from evaluate.monitor.calibration import CalibrationCurves
from evaluate.monitor.monitor import inspect
from evaluate.monitor.takes import MeanReward, Rewards, rewards_of

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


class Watcher:
    """Knows what the monitor says of a log.

    Args:
        log: folder with decisions/; None: nothing is watched.
        examples: joined examples; None: nothing that needs rewards is known.
        catalogue: whose schema guards metrics.
    """

    def __init__(self, log: Path | None, examples: Path | None, catalogue: Path) -> None:
        self.log, self.examples, self.catalogue = log, examples, catalogue
        self._found = Watched(None, False, None, "ok", [], {}, [], [])
        self._stamp: object = None
        self._reading = False
        self._lock = Lock()

    def now(self) -> Watched:
        """What is known; a log that has grown is read again meanwhile.

        Raises:
            BadInput: no log is known.
        """
        if self.log is None:
            raise BadInput(NO_LOG)
        with self._lock:
            stamp = self._mark()
            if not self._reading and stamp != self._stamp:
                self._reading, self._stamp = True, stamp
                Thread(target=self._read, daemon=True, name="monitor").start()
            found = self._found
            return Watched(**{**vars(found), "reading": self._reading})

    def _mark(self) -> object:
        """What changes when files come or change."""
        places = [place for place in (self.log, self.examples) if place is not None]
        every = [file for place in places for file in parquet_files(place)]
        return len(every), max((file.stat().st_mtime_ns for file in every), default=0)

    def _read(self) -> None:
        assert self.log is not None
        trouble, found = None, self._found
        try:
            told = None if self.examples is None else str(self.examples)
            guards = {} if told is None else guards_beside(told, str(self.catalogue))
            result = inspect(str(self.log), told, guards=guards)
            rewards = Rewards([], []) if told is None else rewards_of(told)
            found = Watched(
                f"{datetime.fromtimestamp(clock.now(), UTC):%Y-%m-%d %H:%M} UTC",
                False,
                None,
                result.state,
                result.checks,
                result.calibration,
                rewards.days,
                rewards.bundles,
            )
        except (BadInput, Unavailable, OSError) as error:
            trouble = str(error)
        except Exception as error:  # whatever a file holds, pages say so and look again
            trouble = f"the log cannot be read ({first_line(error)}); check it with `data check`"
        with self._lock:
            self._found = Watched(**{**vars(found), "trouble": trouble})
            self._reading = False
