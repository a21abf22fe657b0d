"""Maps in LMDB: the embedded store."""

import mmap
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import lmdb

from data.errors import BadInput
from data.lean.ids import ID_BYTES
from serve.maps.store import (
    MAGIC,
    VERSION,
    StoreUnavailableError,
    known_key,
    profile_key,
)

FILE = "data.mdb"
FIRST_KEY = b"\1"
"""No profile's key comes before it: shared values begin with NUL."""
NOBODY = b"\xff"
"""A key that no profile has: it is no UTF-8."""


DAMAGED = "store_damaged"


class LmdbStore:
    """Maps in a memory-mapped B-tree: many reading processes, one writing at a time.

    A file that is damaged, cut short or replaced while it is open makes every method raise
    `StoreUnavailableError` until it is whole again: then it is opened anew. Reading past the end of
    a mapped file would end the process, so `look` compares its size; call it before each read, or
    once a second where a read must take no more than a microsecond.

    Args:
        folder: of the store.
        readonly: refuse to make or write one.
        durable: writes are on disk when they return.
        size: most bytes that it may grow to.
        patient: a store that cannot be opened is one that cannot be reached yet.

    Raises:
        BadInput: there is none, or it is damaged, and `patient` is not set.
    """

    def __init__(
        self,
        folder: Path,
        readonly: bool = False,
        durable: bool = True,
        size: int = 1 << 36,
        patient: bool = False,
    ) -> None:
        if readonly and not patient and not (folder / FILE).exists():
            raise BadInput(f"no store at {folder}; `python -m serve precompute` writes one")
        self.folder, self._readonly, self._durable, self._size = folder, readonly, durable, size
        self._env: lmdb.Environment | None = None
        self._file = folder / FILE
        self._identity = (0, 0)
        self._looking = threading.Lock()
        self._least = 0  # bytes that the file had once: it never shrinks
        try:
            self._open()
        except StoreUnavailableError as error:
            if not patient:
                raise BadInput(f"{error}; run `python -m serve precompute` into another") from None

    def _open(self) -> None:
        try:
            if not self._readonly:
                self.folder.mkdir(parents=True, exist_ok=True)
            env = lmdb.open(
                str(self.folder),
                map_size=self._size,
                readonly=self._readonly,
                sync=self._durable,
                readahead=False,
                max_readers=1024,
                max_spare_txns=64,
            )
        except (lmdb.Error, OSError) as error:
            raise StoreUnavailableError(
                DAMAGED, f"the store at {self.folder} cannot be opened: {error}"
            ) from None
        stat = self._file.stat()
        self._identity = (stat.st_dev, stat.st_ino)
        self._env, self._least = env, 0
        self._measure()

    def _measure(self) -> None:
        """Close the environment if the file is shorter than its pages.

        Raises:
            StoreUnavailableError: it is.
        """
        env, size = self.environment(), self._file.stat().st_size
        # `info` reads the two pages at the file's head.
        if size >= max(self._least, 2 * mmap.PAGESIZE):
            needed = (env.info()["last_pgno"] + 1) * env.stat()["psize"]
            size = self._file.stat().st_size  # after what it is compared with: both may grow
            self._least = max(self._least, min(size, needed))
            if size >= needed:
                return
        self._env = None
        env.close()
        raise StoreUnavailableError(
            DAMAGED, f"{self._file} was cut short: it has {size} bytes, its pages take more"
        )

    def look(self) -> None:
        """See whether the file is still whole, and open it again where it was replaced or mended.

        Raises:
            StoreUnavailableError: it is not.
        """
        with self._looking:
            try:
                stat = self._file.stat()
            except OSError as error:
                raise StoreUnavailableError(DAMAGED, f"{self._file} is gone: {error}") from None
            if self._env is not None and self._identity == (stat.st_dev, stat.st_ino):
                self._measure()
                return
            self.close()
            self._open()

    def environment(self) -> lmdb.Environment:
        """LMDB's own handle.

        Raises:
            StoreUnavailableError: the file is not whole.
        """
        if self._env is None:
            raise self._closed()
        return self._env

    def _closed(self) -> StoreUnavailableError:
        return StoreUnavailableError(DAMAGED, f"the store at {self.folder} is not whole")

    def get(self, profile_id: str) -> bytes | None:
        """One map, or None."""
        # A page's one read: no call that can be spared.
        env = self._env
        if env is None:
            raise self._closed()
        try:
            key = profile_id.encode()
            return env.begin().get(key) if key >= FIRST_KEY else None
        except (lmdb.Error, UnicodeEncodeError) as error:
            if known_key(profile_id) is None:
                return None
            raise StoreUnavailableError(DAMAGED, f"the store cannot be read: {error}") from error

    def get_many(self, profile_ids: Sequence[str]) -> list[bytes | None]:
        """Maps in the order asked for, in one transaction."""
        try:
            keys = [profile_id.encode() for profile_id in profile_ids]
            short = sum(map(len, keys)) <= ID_BYTES or len(max(keys, key=len)) <= ID_BYTES
            if not keys or (short and min(keys) >= FIRST_KEY):
                return self._values(keys)
        except UnicodeEncodeError:
            pass
        return self._values([known_key(profile_id) or NOBODY for profile_id in profile_ids])

    def _values(self, keys: list[bytes]) -> list[bytes | None]:
        try:
            with self.environment().begin() as txn, txn.cursor() as cursor:
                pairs = cursor.getmulti(keys)
        except lmdb.Error as error:
            raise _unavailable(error) from error
        if len(pairs) == len(keys):
            return [value for _, value in pairs]
        found = dict(pairs)
        return [found.get(key) for key in keys]

    def put_many(self, profile_ids: Sequence[str], maps: Sequence[bytes]) -> int:
        """Store maps in one transaction, on disk when it returns."""
        keys = [profile_key(profile_id) for profile_id in profile_ids]
        return self._put(keys, maps)

    def put_newer(self, name: str, value: bytes) -> bool:
        """Replace a shared value unless what is there is of a later version."""
        return bool(self._put([b"\0" + name.encode()], [value]))

    def put_over(self, name: str, value: bytes, seen: bytes | None) -> bool:
        """Replace a shared value that is still what was seen."""
        key = b"\0" + name.encode()
        with _asked(), self.environment().begin(write=True) as txn:
            still = txn.get(key) == seen
            if still:
                txn.put(key, value)
        self._grow()
        return still

    def _put(self, keys: Sequence[bytes], values: Sequence[bytes]) -> int:
        written = 0
        with _asked(), self.environment().begin(write=True) as txn:
            for key, value in zip(keys, values, strict=True):
                old = txn.get(key)
                if old is None or old[VERSION] <= value[VERSION] or not old.startswith(MAGIC):
                    txn.put(key, value)
                    written += 1
        self._grow()
        return written

    def _grow(self) -> None:
        """Give the file all of its pages: LMDB leaves out those at its end that it does not use."""
        env = self.environment()
        needed = (env.info()["last_pgno"] + 1) * env.stat()["psize"]
        if self._file.stat().st_size < needed:
            os.truncate(self._file, needed)

    def delete(self, profile_ids: Sequence[str]) -> None:
        """Forget profiles."""
        with _asked(), self.environment().begin(write=True) as txn:
            for profile_id in profile_ids:
                txn.delete(profile_key(profile_id))
        self._grow()

    def profiles(self) -> Iterator[str]:
        """Every profile that has a map, in order of bytes."""
        with _asked(), self.environment().begin() as txn, txn.cursor() as cursor:
            if cursor.set_range(b"\x01"):
                for key in cursor.iternext(values=False):
                    yield key.decode()

    def get_shared(self, name: str) -> bytes | None:
        """A value that all profiles share."""
        with _asked(), self.environment().begin() as txn:
            return txn.get(b"\0" + name.encode())

    def put_shared(self, name: str, value: bytes) -> None:
        """Replace a shared value."""
        with _asked(), self.environment().begin(write=True) as txn:
            txn.put(b"\0" + name.encode(), value)
        self._grow()

    def close(self) -> None:
        """Unmap the files."""
        env, self._env = self._env, None
        if env is not None:
            env.close()


@contextmanager
def _asked() -> Iterator[None]:
    """LMDB's own errors as `StoreUnavailableError`."""
    try:
        yield
    except lmdb.Error as error:
        raise _unavailable(error) from error


def _unavailable(error: lmdb.Error) -> StoreUnavailableError:
    if isinstance(error, lmdb.MapFullError):
        return StoreUnavailableError("store_full", f"the store has no room: {error}")
    return StoreUnavailableError(DAMAGED, f"the store cannot be read: {error}")
