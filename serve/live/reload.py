"""The published model, loaded again when the bundle or the catalogue changes."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from serve.live.shown.follow_rules import RulesFile
from serve.live.snapshot import LiveModel

PAUSES = (1.0, 60.0)
"""Seconds until what was refused is tried again: the first time, and at most."""


class ModelHolder(Protocol):
    """What says which model is in use."""

    @property
    def model(self) -> LiveModel | None:
        """Of the moment; None: there is none yet."""
        ...


class ModelSource:
    """Follows `current` to the newest bundle; keeps the old one when the new is no good.

    What was refused is tried again, after pauses that double: a file may be on its way yet, a disk
    may come back, an image may be put in its place. A model that had to leave images out is loaded
    again when one of their files changes.

    Args:
        current: symlink to the bundle folder.
        load: reads a bundle folder whole and checks it; any exception refuses it.
        stamp: what else the model was made from, as a value that changes with it (the day, the
            catalogue's files).
        now: seconds, monotonic.
        rules: that models are put under; None: there are none.
    """

    def __init__(
        self,
        current: Path,
        load: Callable[[Path], LiveModel],
        stamp: Callable[[], object] = lambda: None,
        now: Callable[[], float] = time.monotonic,
        rules: RulesFile | None = None,
    ) -> None:
        self._current, self._load, self._stamp, self._now = current, load, stamp, now
        self.rules = rules
        self._again_at, self._pause = math.inf, PAUSES[0]
        self.model: LiveModel | None = None
        self._seen: tuple[str, int, object] | None = None
        self.refused = ""
        """Why the newest bundle was not taken; empty when it was."""
        self.events: dict[str, int] = {"loaded": 0, "refused": 0, "no_current": 0}

    def look(self) -> bool:
        """Load what `current` points at if that is new, and rules; whether the bundle changed."""
        changed = self._look()
        if not changed and self.rules is not None and self.model is not None:
            self.model = self.rules.followed(self.model)
        return changed

    def _look(self) -> bool:
        try:
            folder = self._current.resolve(strict=True)
            manifest = (folder / "manifest.json").stat().st_mtime_ns
        except (OSError, RuntimeError) as error:  # the latter of links that lead to themselves
            self.events["no_current"] += 1
            self.refused = f"{self._current} leads to no bundle: {error}; publish one"
            return False
        try:
            seen = (str(folder), manifest, self._stamp())
        except OSError as error:
            self.events["no_current"] += 1
            self.refused = f"the catalogue is not there: {error}; give its folder by --catalogue"
            return False
        if seen != self._seen:
            self._pause = PAUSES[0]
        elif self._now() < self._again_at and not self._mended():
            if self._again_at == math.inf:
                self.refused = ""  # what the model in use was made from is there again
            return False
        self._seen = seen
        try:
            model = self._load(folder)
            if self.rules is not None:
                model = self.rules.begun(model)
        except Exception as error:
            self.events["refused"] += 1
            self._again_at = self._now() + self._pause
            self._pause = min(2 * self._pause, PAUSES[1])
            self.refused = f"not loaded with bundle {folder.name}: {error}"
            return False
        self.model, self.refused, self._again_at = model, "", math.inf
        self.events["loaded"] += 1
        return True

    def _mended(self) -> bool:
        """Whether an image that the model had to leave out changed, and may be there now."""
        return self.model is not None and not self.refused and self.model.mended()
