"""Maps in LMDB: the embedded store."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import lmdb

from data.errors import BadInput
from serve.maps.store import VERSION, profile_key


class LmdbStore:
    """Maps in a memory-mapped B-tree: many reading processes, one writing at a time."""

    def __init__(
        self, folder: Path, readonly: bool = False, durable: bool = True, size: int = 1 << 36
    ) -> None:
        if readonly and not (folder / "data.mdb").exists():
            raise BadInput(f"no store at {folder}; `python -m serve precompute` writes one")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._env = lmdb.open(
            str(folder),
            map_size=size,
            readonly=readonly,
            sync=durable,
            readahead=False,
            max_readers=1024,
            max_spare_txns=64,
        )
        self.begin = self._env.begin
        """A read transaction; the look-up client calls it directly."""

    def get(self, profile_id: str) -> bytes | None:
        """One map, or None."""
        return self.begin().get(profile_id.encode() or b"\0")

    def get_many(self, profile_ids: Sequence[str]) -> list[bytes | None]:
        """Maps in the order asked for, in one transaction."""
        keys = [profile_id.encode() for profile_id in profile_ids]
        with self.begin() as txn, txn.cursor() as cursor:
            pairs = cursor.getmulti(keys)
        if len(pairs) == len(keys):
            return [value for _, value in pairs]
        found = dict(pairs)
        return [found.get(key) for key in keys]

    def put_many(self, profile_ids: Sequence[str], maps: Sequence[bytes]) -> int:
        """Store maps in one transaction, on disk when it returns."""
        keys = [profile_key(profile_id) for profile_id in profile_ids]
        written = 0
        with self._env.begin(write=True) as txn:
            for key, value in zip(keys, maps, strict=True):
                old = txn.get(key)
                if old is None or old[VERSION] <= value[VERSION] or old[:2] != b"MQ":
                    txn.put(key, value)
                    written += 1
        return written

    def delete(self, profile_ids: Sequence[str]) -> None:
        """Forget profiles."""
        with self._env.begin(write=True) as txn:
            for profile_id in profile_ids:
                txn.delete(profile_key(profile_id))

    def profiles(self) -> Iterator[str]:
        """Every profile that has a map, in order of bytes."""
        with self.begin() as txn, txn.cursor() as cursor:
            if cursor.set_range(b"\x01"):
                for key in cursor.iternext(values=False):
                    yield key.decode()

    def get_shared(self, name: str) -> bytes | None:
        """A value that all profiles share."""
        with self.begin() as txn:
            return txn.get(b"\0" + name.encode())

    def put_shared(self, name: str, value: bytes) -> None:
        """Replace a shared value."""
        with self._env.begin(write=True) as txn:
            txn.put(b"\0" + name.encode(), value)

    def close(self) -> None:
        """Unmap the files."""
        self._env.close()
