"""A log by its folder or URL: the embedded one, or Redis Streams that many machines share."""

from pathlib import Path
from typing import Protocol

from data.atomic_write import sync, whole_file
from data.command_line.local_path import is_url
from data.errors import BadInput
from data.log.buffer import CAPACITY, BufferedLog
from data.log.embedded import EventLog
from data.log.precompute_runs import FOLDER


class RunLog(Protocol):
    """Where precompute's decisions go, a block at a time."""

    def write_run(self, name: str, body: bytes) -> None:
        """Keep a block; on disk when this returns. Its name is that of its content.

        Raises:
            OSError, Unavailable: it could not be written.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class FolderRuns:
    """Runs as files of a log's folder."""

    def __init__(self, log_dir: Path) -> None:
        self.folder = log_dir / FOLDER

    def write_run(self, name: str, body: bytes) -> None:
        """Write a file that readers see whole or not at all."""
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True, exist_ok=True)
            sync(self.folder.parent)
        with whole_file(self.folder / name) as part:
            part.write_bytes(body)

    def close(self) -> None:
        """Nothing is held."""


def is_redis(place: str) -> bool:
    """Whether a log is one in Redis.

    Raises:
        BadInput: it is a URL of something else.
    """
    if place.startswith(("redis://", "rediss://")):
        return True
    if is_url(place):
        raise BadInput(f"log {place!r}: give a folder, or redis://host:port/db")
    return False


def check_log(place: str) -> None:
    """See whether a log can be where it is said to be, without opening it.

    Raises:
        BadInput: it is a URL of something else than Redis, or of a server that holds no log.
    """
    if is_redis(place):
        open_log(place).close()


def open_log(place: str, capacity: int = CAPACITY) -> BufferedLog:
    """The log that decisions and events are appended to.

    Args:
        place: a folder, or `redis://host:port/db?prefix=marquee&replicas=1`.
        capacity: records buffered in this process.

    Raises:
        BadInput: no log goes by that name, or the server may forget what it acknowledges.
        OSError, sqlite3.Error: the folder cannot be used.
    """
    if is_redis(place):
        # Redis' package is optional.
        from data.log.redis_log import RedisLog
        from data.log.redis_server import RedisAddress

        return RedisLog(RedisAddress.parse(place), capacity)
    return EventLog(place, capacity)


def open_runs(place: str) -> RunLog:
    """The log that precompute's blocks are written to; see `open_log`."""
    if is_redis(place):
        # Redis' package is optional.
        from data.log.redis_log import RedisLog
        from data.log.redis_server import RedisAddress

        return RedisLog(RedisAddress.parse(place))
    return FolderRuns(Path(place))
