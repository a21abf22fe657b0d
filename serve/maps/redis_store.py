"""Artwork maps in Redis, one server or a cluster: pipelined, expiring, never overwritten by older.

One key a map, so that a cluster spreads members evenly; the comparison of versions runs inside
Redis, so that two precompute runs need no lock between them.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar, cast

import redis
import redis.cluster
from redis.backoff import NoBackoff
from redis.retry import Retry

from serve.maps.store import StoreUnavailableError, known_key, profile_key

PUT_IF_NOT_OLDER = """
local old = redis.call('GETRANGE', KEYS[1], 0, 23)
if #old == 24 and string.sub(old, 1, 2) == 'MQ' then
  for i = 17, 24 do
    local was, now = string.byte(old, i), string.byte(ARGV[1], i)
    if was > now then return 0 end
    if was < now then break end
  end
end
if ARGV[2] == '0' then redis.call('SET', KEYS[1], ARGV[1])
else redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) end
return 1
"""
MAPS, SHARED = b"marquee:map:", b"marquee:shared:"
Reply = TypeVar("Reply")


class Pipeline(Protocol):
    """Commands that travel together."""

    def get(self, name: bytes) -> object:
        """Ask for a value."""
        ...

    def eval(self, script: str, numkeys: int, *keys_and_args: bytes | int) -> object:
        """Run a script."""
        ...

    def execute(self) -> list:
        """All replies, in order."""
        ...


class RedisClient(Protocol):
    """What is asked of Redis, one server or a cluster: its own types serve asyncio too."""

    def get(self, name: bytes) -> bytes | None:
        """A value."""
        ...

    def set(self, name: bytes, value: bytes) -> object:
        """Replace a value."""
        ...

    def delete(self, *names: bytes) -> object:
        """Forget values."""
        ...

    def scan_iter(self, match: bytes, count: int) -> Iterator[bytes]:
        """Keys that match."""
        ...

    def pipeline(self, transaction: bool) -> Pipeline:
        """Commands that travel together."""
        ...

    def close(self) -> None:
        """Let go of the connections."""
        ...


class RedisStore:
    """Maps under `marquee:map:…`, shared values under `marquee:shared:…`.

    Args:
        url: `redis://host:port/db` or `redis+cluster://host:port`.
        timeout: seconds one read may take before the page falls back.
        write_timeout: seconds one pipeline of writes may take.
        ttl: seconds until a map expires, 0 never: a member who left takes no memory for long.
        block: maps a pipeline carries.
    """

    def __init__(
        self,
        url: str,
        timeout: float = 0.05,
        write_timeout: float = 10.0,
        ttl: int = 14 * 86400,
        block: int = 1000,
    ) -> None:
        self.ttl, self.block = ttl, block
        self._url, self._timeout, self._write_timeout = url, timeout, write_timeout
        self._reader: RedisClient | None = None
        self._writer: RedisClient | None = None

    @property
    def _read(self) -> RedisClient:
        if self._reader is None:
            self._reader = _connected(self._url, self._timeout)
        return self._reader

    @property
    def _write(self) -> RedisClient:
        if self._writer is None:
            self._writer = _connected(self._url, self._write_timeout)
        return self._writer

    def get(self, profile_id: str) -> bytes | None:
        """One map, or None."""
        key = known_key(profile_id)
        return None if key is None else _asked(lambda: self._read.get(MAPS + key))

    def get_many(self, profile_ids: Sequence[str]) -> list[bytes | None]:
        """Maps in the order asked for, in one round trip (one a node of a cluster)."""
        if not profile_ids:
            return []
        keys = [MAPS + (known_key(profile_id) or b"") for profile_id in profile_ids]

        def ask() -> list[bytes | None]:
            pipe = self._read.pipeline(transaction=False)
            for key in keys:
                pipe.get(key)
            return pipe.execute()

        return _asked(ask)

    def put_many(self, profile_ids: Sequence[str], maps: Sequence[bytes]) -> int:
        """Store maps, `block` a pipeline."""
        keys = [MAPS + profile_key(profile_id) for profile_id in profile_ids]
        if len(keys) != len(maps):
            raise ValueError(f"{len(keys)} profiles and {len(maps)} maps")

        def write() -> int:
            written = 0
            for start in range(0, len(keys), self.block):
                pipe = self._write.pipeline(transaction=False)
                for key, value in zip(
                    keys[start : start + self.block], maps[start : start + self.block], strict=True
                ):
                    pipe.eval(PUT_IF_NOT_OLDER, 1, key, value, self.ttl)
                written += sum(pipe.execute())
            return written

        return _asked(write)

    def delete(self, profile_ids: Sequence[str]) -> None:
        """Forget profiles."""

        def forget() -> None:
            for profile_id in profile_ids:
                self._write.delete(MAPS + profile_key(profile_id))

        _asked(forget)

    def profiles(self) -> Iterator[str]:
        """Every profile that has a map; one that is written meanwhile may be missed."""
        for key in _asked(lambda: self._write.scan_iter(match=MAPS + b"*", count=1000)):
            yield key[len(MAPS) :].decode()

    def get_shared(self, name: str) -> bytes | None:
        """A value that all profiles share."""
        return _asked(lambda: self._read.get(SHARED + name.encode()))

    def put_shared(self, name: str, value: bytes) -> None:
        """Replace a shared value."""
        _asked(lambda: self._write.set(SHARED + name.encode(), value))

    def look(self) -> None:
        """Nothing to see: each question says whether the server answers."""

    def close(self) -> None:
        """Close the connections."""
        for client in (self._reader, self._writer):
            if client is not None:
                client.close()


def _connected(url: str, seconds: float) -> RedisClient:
    """A client of the server or cluster that a URL names."""
    if url.startswith("redis+cluster://"):
        where = "redis://" + url.removeprefix("redis+cluster://")
        cluster = redis.cluster.RedisCluster.from_url(
            where, socket_timeout=seconds, socket_connect_timeout=seconds
        )
        return cast("RedisClient", cluster)
    # A page never waits for a second try: it falls back, and the next page asks again.
    never = Retry(NoBackoff(), 0)
    server = redis.Redis.from_url(
        url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=never
    )
    return cast("RedisClient", server)


def _asked(ask: Callable[[], Reply]) -> Reply:
    """The answer of Redis, or `StoreUnavailableError` with the reason in one word."""
    try:
        return ask()
    except redis.TimeoutError as error:
        raise StoreUnavailableError(
            "store_timeout", f"Redis did not answer in time: {error}"
        ) from error
    except (redis.RedisError, OSError) as error:
        raise StoreUnavailableError("store_down", f"Redis cannot be reached: {error}") from error
