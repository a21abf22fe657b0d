"""A lock in a store that knows no locks: a file for each time that it was held.

Files are numbered, and only one publisher can make the next number: the store itself refuses the
second (`If-None-Match` in S3, a generation of 0 in GCS). The newest number holds the lock until it
is written over as given back, or is older than any publication takes, by the store's own clock: a
host's clock has no say. What is older is removed, the newest never is, so that numbers only rise
and whoever was taken over from finds out before it points at anything.
"""

import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import PurePosixPath

import orjson

from data.errors import BadInput, Unavailable
from export.publish.answers import Files
from export.publish.store import from_text

LOCKS = ".locks"
LOCK_SECONDS = 600.0
"""A lock that is older belongs to a publisher that was killed."""
WAIT_SECONDS = 60.0
PAUSE = 0.2
DIGITS = 12


class RemoteLock:
    """Keeps publishers of one store apart.

    Args:
        files: of the store.
        patience: seconds to wait for another publisher.
    """

    def __init__(self, files: Files, patience: float = WAIT_SECONDS) -> None:
        self.files, self.patience = files, patience
        self._held: int | None = None
        self._me = uuid.uuid4().hex

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep others out.

        Raises:
            BadInput: another has held the lock for too long.
            Unavailable: the store does not answer.
        """
        until = time.monotonic() + self.patience
        while not self._taken():
            if time.monotonic() > until:
                raise BadInput(
                    f"{self.files.where}/{LOCKS} is held by another publisher; wait for it, or "
                    "remove the folder if there is none"
                )
            time.sleep(PAUSE)
        try:
            yield
        finally:
            self._give_back()

    def see_that_it_is_held(self) -> None:
        """Before what only the holder may do.

        Raises:
            BadInput: another took the lock over, for this one has held it too long.
        """
        if self._held is not None and self._newest() != self._held:
            raise BadInput(
                f"{self.files.where}: another publisher took the lock over, since this one held "
                "it for too long; look at what is live, and publish again"
            )

    def _taken(self) -> bool:
        newest = self._newest()
        if newest and not (self._is_free(newest) or self._is_old(newest)):
            return False
        mine = newest + 1
        try:
            self.files.ask("pipe_file", self._path(mine), self._words(False), mode="create")
        except FileExistsError:
            return False
        except Unavailable:  # it may be there all the same: then it is ours
            if not self._is_mine(mine):
                raise
        # Numbers that were removed can be made again, and a store that knows no conditions takes
        # two: neither is the newest, or has our name in it.
        if self._newest() != mine or not self._is_mine(mine):
            return False
        self._held = mine
        for number in range(max(1, mine - 3), mine):
            with suppress(FileNotFoundError, Unavailable):
                self.files.ask("rm_file", self._path(number))
        return True

    def _give_back(self) -> None:
        held, self._held = self._held, None
        try:
            if held is not None and self._newest() == held:
                self.files.ask("pipe_file", self._path(held), self._words(True))
        except Unavailable as error:
            print(
                f"note: {error}; the lock stays for {LOCK_SECONDS:.0f} s",
                file=sys.stderr,
                flush=True,
            )

    def _newest(self) -> int:
        """The highest number; 0: nobody has held the lock yet."""
        try:
            names = self.files.ask("ls", self.files.path(LOCKS), detail=False, refresh=True)
        except FileNotFoundError:
            return 0
        numbers = [PurePosixPath(name).name for name in names]
        return max((int(name) for name in numbers if name.isdecimal()), default=0)

    def _is_free(self, number: int) -> bool:
        return from_text(self.files.read(LOCKS, _name(number)) or b"").get("free") is True

    def _is_mine(self, number: int) -> bool:
        return from_text(self.files.read(LOCKS, _name(number)) or b"").get("holder") == self._me

    def _is_old(self, number: int) -> bool:
        """Whether a lock was made longer ago than any publication takes, by the store's clock."""
        probe = self.files.path(LOCKS, f"clock-{self._me}")
        try:
            self.files.ask("pipe_file", probe, b"")
            now = self.files.ask("modified", probe)
            made = self.files.ask("modified", self._path(number))
        except FileNotFoundError:
            return False
        finally:
            with suppress(FileNotFoundError, Unavailable):
                self.files.ask("rm_file", probe)
        return (_in_utc(now) - _in_utc(made)).total_seconds() > LOCK_SECONDS

    def _words(self, free: bool) -> bytes:
        return orjson.dumps({"holder": self._me, "free": free})

    def _path(self, number: int) -> str:
        return self.files.path(LOCKS, _name(number))


def _name(number: int) -> str:
    return f"{number:0{DIGITS}}"


def _in_utc(when: datetime) -> datetime:
    return when if when.tzinfo else when.replace(tzinfo=UTC)
