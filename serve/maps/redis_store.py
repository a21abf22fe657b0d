"""Artwork maps in Redis, one server or a cluster: pipelined, expiring, never overwritten by older.

One key a map, so that a cluster spreads members evenly; the comparison of versions runs inside
Redis, so that two precompute runs need no lock between them. What all members share never expires.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence

import redis
from redis.exceptions import NoPermissionError

from data.errors import BadInput
from serve.maps.redis_nodes import NO_MAP, Client, Nodes
from serve.maps.store import known_key, profile_key

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
PUT_OVER_SEEN = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
return 1
"""
MAPS, SHARED = b"marquee:map:", b"marquee:shared:"
FROM, LARGEST = b"0", b"%d" % (1 << 20)
"""Bytes of a value that are read, as Redis is told: no map is as large."""


class RedisStore:
    """Maps under `marquee:map:…`, shared values under `marquee:shared:…`.

    A value that is no map, whatever it is, is read as one that is corrupt; a node that does not
    answer is left alone for a second and costs its own members their maps.

    Args:
        url: `redis://host:port/db` or `redis+cluster://host:port`.
        timeout: seconds one read may take before the page falls back.
        write_timeout: seconds one pipeline of writes may take.
        ttl: seconds until a map expires, 0 never: a member who left takes no memory for long.
        block: maps a pipeline carries.
        clock: seconds, by which a server that failed is left alone.
    """

    def __init__(
        self,
        url: str,
        timeout: float = 0.05,
        write_timeout: float = 10.0,
        ttl: int = 14 * 86400,
        block: int = 1000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ttl, self.block = ttl, block
        self._read = Nodes(url, timeout, clock)
        self._write = Nodes(url, write_timeout, clock)
        self._may_write = False

    def get(self, profile_id: str) -> bytes | None:
        """One map, or None."""
        key = known_key(profile_id)
        if key is None:
            return None
        return self._got(MAPS + key, _ask_map) or None

    def _got(self, key: bytes, ask: Callable[[Client, bytes], bytes | None]) -> bytes | None:
        try:
            return self._read.ask_one(key, lambda client: ask(client, key))
        except redis.ResponseError:
            return NO_MAP

    def get_many(self, profile_ids: Sequence[str]) -> list[bytes | None]:
        """Maps in the order asked for, in one round trip (one a node of a cluster)."""
        keys = [MAPS + (known_key(profile_id) or b"") for profile_id in profile_ids]

        answers = self._read.ask_many(keys, _ask_map)
        return [NO_MAP if isinstance(each, Exception) else each or None for each in answers]

    def put_many(self, profile_ids: Sequence[str], maps: Sequence[bytes]) -> int:
        """Store maps, `block` a pipeline."""
        keys = [MAPS + profile_key(profile_id) for profile_id in profile_ids]
        if len(keys) != len(maps):
            raise ValueError(f"{len(keys)} profiles and {len(maps)} maps")
        return self._put(keys, maps, self.ttl)

    def _put(self, keys: Sequence[bytes], values: Sequence[bytes], ttl: int) -> int:
        """Store values that are not older than what is there; a key of another type is replaced."""
        self._see_whether_it_keeps()
        written = 0
        for start in range(0, len(keys), self.block):
            part = keys[start : start + self.block]

            def add(pipeline: Client, key: bytes, place: int, first: int = start) -> None:
                pipeline.eval(PUT_IF_NOT_OLDER, 1, key, values[first + place], ttl)

            answers = self._write.ask_many(part, add)
            if all(isinstance(answer, NoPermissionError) for answer in answers):
                raise _forbidden(answers[0])
            for place, answer in enumerate(answers):
                if isinstance(answer, NoPermissionError):
                    continue  # that map is refused, and counted by who compares
                if isinstance(answer, Exception):
                    key, value = part[place], values[start + place]
                    self._write.ask_one(
                        key, lambda client, k=key, v=value: client.set(k, v, ex=ttl or None)
                    )
                    answer = 1
                written += answer
        return written

    def _see_whether_it_keeps(self) -> None:
        """Refuse to write into a server that would evict what all members share.

        Raises:
            BadInput: it would.
        """
        if self._may_write:
            return
        for name, client in self._write.all():
            try:
                held = self._write.ask(name, lambda c=client: c.config_get("maxmemory-policy"))
            except redis.ResponseError:
                print(
                    "note: this Redis does not say how it evicts; see that its maxmemory-policy is"
                    " noeviction or one of volatile-…",
                    file=sys.stderr,
                )
                break
            policy = held.get("maxmemory-policy", "noeviction")
            if policy.startswith("allkeys"):
                raise BadInput(
                    f"this Redis evicts any key (maxmemory-policy {policy}), also those without"
                    " which no map can be read; set volatile-lru: maps expire, those never do"
                )
        self._may_write = True

    def delete(self, profile_ids: Sequence[str]) -> None:
        """Forget profiles."""
        keys = [MAPS + profile_key(profile_id) for profile_id in profile_ids]

        def add(pipeline: Client, key: bytes, _: int) -> None:
            pipeline.delete(key)

        if keys:
            for answer in self._write.ask_many(keys, add):
                if isinstance(answer, Exception):
                    raise _forbidden(answer)

    def profiles(self) -> Iterator[str]:
        """Every profile that has a map; one that is written meanwhile may be missed."""
        for name, client in self._write.all():
            cursor = 0
            while True:
                cursor, keys = self._write.ask(
                    name, lambda c=client, at=cursor: c.scan(at, match=MAPS + b"*", count=1000)
                )
                for key in keys:
                    yield key[len(MAPS) :].decode()
                if not cursor:
                    break

    def get_shared(self, name: str) -> bytes | None:
        """A value that all profiles share."""
        return self._got(SHARED + name.encode(), lambda client, key: client.get(key))

    def put_shared(self, name: str, value: bytes) -> None:
        """Replace a shared value."""
        self._see_whether_it_keeps()
        key = SHARED + name.encode()
        try:
            self._write.ask_one(key, lambda client: client.set(key, value))
        except redis.ResponseError as error:
            raise _forbidden(error) from error

    def put_newer(self, name: str, value: bytes) -> bool:
        """Replace a shared value unless what is there is of a later version."""
        return bool(self._put([SHARED + name.encode()], [value], 0))

    def put_over(self, name: str, value: bytes, seen: bytes | None) -> bool:
        """Replace a shared value that is still what was seen; a key of another type is replaced."""
        self._see_whether_it_keeps()
        key = SHARED + name.encode()
        try:
            return bool(
                self._write.ask_one(
                    key, lambda client: client.eval(PUT_OVER_SEEN, 1, key, value, seen or b"")
                )
            )
        except NoPermissionError as error:
            raise _forbidden(error) from error
        except redis.ResponseError:
            self.put_shared(name, value)
            return True

    def look(self) -> None:
        """Learn who took the place of nodes that do not answer."""
        self._read.look()

    def close(self) -> None:
        """Close the connections."""
        self._read.close()
        self._write.close()


def _forbidden(error: Exception) -> BadInput:
    return BadInput(
        f"this Redis does not let its user write maps ({error}); give it"
        " ~marquee:* with +@read +@write +eval +scan +ping +config|get"
    )


def _ask_map(client: Client, key: bytes, _: int = 0) -> bytes | None:
    """Ask for a map, or add that to a pipeline: `getrange` in fewer calls."""
    return client.execute_command("GETRANGE", key, FROM, LARGEST)
