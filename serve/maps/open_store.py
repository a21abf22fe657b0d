"""A map store by its folder or URL."""

import time
from collections.abc import Callable
from pathlib import Path

from data.command_line.local_path import is_url, without_password
from data.errors import BadInput
from serve.maps.lmdb_store import LmdbStore
from serve.maps.store import MapStore


def open_map_store(
    url: str,
    readonly: bool = False,
    timeout: float = 0.05,
    patient: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> MapStore:
    """Open a store by name.

    Args:
        url: a folder (LMDB), `redis://host:port/db` or `redis+cluster://host:port`.
        readonly: refuse to create or write (LMDB).
        timeout: seconds that a read from Redis may take.
        clock: seconds, by which a server of Redis that failed is left alone.
        patient: what cannot be opened yet is tried again by `look` (LMDB; Redis always is).

    Raises:
        BadInput: no store goes by that name, no client of Redis can use it, or it is damaged and
            `patient` is not set.
    """
    if url.startswith(("redis://", "rediss://", "redis+cluster://")):
        # Redis' package is optional.
        from serve.maps.redis_store import RedisStore

        return RedisStore(url, timeout=timeout, clock=clock)
    if is_url(url):
        raise BadInput(
            f"store {without_password(url)}: use a folder, redis://host:port/0 or redis+cluster://…"
        )
    if not url.removeprefix("lmdb:"):
        raise BadInput("the store's name is empty: give a folder, or redis://host:port/0")
    folder = Path(url.removeprefix("lmdb:"))
    return LmdbStore(folder, readonly=readonly, patient=patient)
