"""A log by its folder or URL: the embedded one, or Redis or Kafka that many machines share."""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from data.command_line.local_path import is_url, without_password
from data.errors import BadInput
from data.log.buffer import CAPACITY, BufferedLog
from data.log.embedded import EventLog
from data.log.precompute_runs import FolderRuns

if TYPE_CHECKING:
    # Their packages are optional.
    from data.log.kafka.kafka_log import KafkaLog
    from data.log.redis_log import RedisLog


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


def is_redis(place: str) -> bool:
    """Whether a log is one in Redis.

    Raises:
        BadInput: it is a URL of something else.
    """
    if place.startswith(("redis://", "rediss://")):
        return True
    if is_url(place):
        raise BadInput(
            f"log {without_password(place)}: give a folder, redis://host:port/db, or "
            "kafka://host:port/prefix"
        )
    if not place:
        raise BadInput("the log's name is empty: give a folder, or redis://host:port/db")
    return False


def is_kafka(place: str) -> bool:
    """Whether a log is one in Kafka."""
    return place.startswith("kafka://")


def check_log(place: str) -> None:
    """See whether a log can be where it is said to be, without opening it.

    Raises:
        NoServerError: it would be on a server that does not answer.
        BadInput: it is a URL of something else than Redis, or of a server that holds no log.
    """
    if is_kafka(place) or is_redis(place):
        open_log(place).close()


def open_log(place: str, capacity: int = CAPACITY) -> BufferedLog:
    """The log that decisions and events are appended to.

    Args:
        place: a folder, `redis://host:port/db?prefix=marquee&replicas=1`, or
            `kafka://host:port,host:port/prefix?options=FILE`.
        capacity: records buffered in this process.

    Raises:
        BadInput: no log goes by that name, or the server may forget what it acknowledges.
        OSError, sqlite3.Error: the folder cannot be used.
    """
    if is_kafka(place):
        return _kafka_log(place, capacity)
    return _redis_log(place, capacity) if is_redis(place) else EventLog(place, capacity)


def open_runs(place: str) -> RunLog:
    """The log that precompute's blocks are written to; see `open_log`."""
    if is_kafka(place):
        return _kafka_log(place)
    return _redis_log(place) if is_redis(place) else FolderRuns(Path(place))


def _redis_log(place: str, capacity: int = CAPACITY) -> "RedisLog":
    # Redis' package is optional.
    from data.log.redis_log import RedisLog
    from data.servers.redis_server import RedisAddress

    return RedisLog(RedisAddress.parse(place), capacity)


def _kafka_log(place: str, capacity: int = CAPACITY) -> "KafkaLog":
    try:
        # Kafka's package is optional.
        from data.log.kafka.kafka_address import KafkaAddress
        from data.log.kafka.kafka_log import KafkaLog
    except ModuleNotFoundError as error:
        raise BadInput(f"{error.name} is not installed; `pip install -e '.[kafka]'`") from None

    return KafkaLog(KafkaAddress.parse(place), capacity)
