"""Bundles on any file system that fsspec knows: object stores, servers, memory.

There are no links and no renames of folders there. A bundle's manifest is written last, so a
bundle that was cut off is none; `current` is a small file, written in one step; and publishers
keep each other out by a lock file that only one of them can create.
"""

import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import orjson

from data.bundle import ANCHOR, CURRENT, MANIFEST, NAME, PUBLICATION, Bundle, Manifest
from data.errors import BadInput
from export.publish.store import Note, as_text, from_text, missing

LOCK = ".lock"
LOCK_SECONDS = 600.0
"""A lock that is older belongs to a publisher that was killed."""
WAIT_SECONDS = 60.0


class RemoteStore:
    """Bundles under a URL; `export.publish.store.Store` explains what its methods do."""

    def __init__(self, url: str) -> None:
        import fsspec

        try:
            self.fs, self.root = fsspec.url_to_fs(url, use_listings_cache=False)
        except (ValueError, ImportError) as error:
            raise BadInput(
                f"{url} is no place for bundles ({error}); give a folder, or a URL that fsspec "
                "knows, with the package that it asks for installed"
            ) from None
        self.root = self.root.rstrip("/")
        self.where = url

    def ids(self) -> list[str]:
        """Ids of the bundles that are there, oldest first."""
        with suppress(FileNotFoundError):
            names = {Path(file).parent.name for file in self.fs.glob(f"{self.root}/*/{MANIFEST}")}
            return sorted(name for name in names if NAME.fullmatch(name))
        return []

    def live(self) -> str | None:
        """Id of the live bundle; None: nothing was published."""
        return self._named_by(CURRENT)

    def anchor(self) -> str | None:
        """Id of the bundle that no chain of publications may fall behind; None: there is none."""
        return self._named_by(ANCHOR)

    def point(self, bundle_id: str, pointer: str = CURRENT) -> None:
        """Make a bundle the live one, or the anchor, in one step for everyone who looks."""
        self.fs.pipe_file(self._path(pointer), f"{bundle_id}\n".encode())

    def add(self, bundle: Bundle) -> None:
        """Copy a bundle here unless it is here already; its manifest goes last."""
        name = bundle.bundle_id
        with suppress(BadInput), self.at_hand(name) as there:
            Bundle.open(there)
            return
        self.fs.makedirs(self._path(name), exist_ok=True)
        for file in (*bundle.manifest.files, MANIFEST):
            self.fs.pipe_file(self._path(name, file), (bundle.root / file).read_bytes())

    @contextmanager
    def at_hand(self, bundle_id: str) -> Iterator[Path]:
        """A copy of a bundle in a temporary folder."""
        if not NAME.fullmatch(bundle_id):
            raise BadInput(missing(bundle_id, self))
        try:
            raw = self.fs.cat_file(self._path(bundle_id, MANIFEST))
        except FileNotFoundError:
            raise BadInput(missing(bundle_id, self)) from None
        manifest = Manifest.parse(raw, f"{self.where}/{bundle_id}/{MANIFEST}")
        with tempfile.TemporaryDirectory(prefix="bundle-") as scratch:
            folder = Path(scratch) / bundle_id
            folder.mkdir()
            (folder / MANIFEST).write_bytes(raw)
            for name in manifest.files:
                with suppress(FileNotFoundError):  # opening the copy says what is missing
                    self.fs.get_file(self._path(bundle_id, name), str(folder / name))
            yield folder

    def note(self, bundle_id: str, publication: Note) -> None:
        """Write `publication.json` beside a bundle's manifest."""
        self.fs.pipe_file(self._path(bundle_id, PUBLICATION), as_text(publication))

    def noted(self, bundle_id: str) -> Note:
        """What `note` wrote; empty: nothing, or it is not readable."""
        try:
            return from_text(self.fs.cat_file(self._path(bundle_id, PUBLICATION)))
        except FileNotFoundError:
            return {}

    def remove(self, bundle_id: str) -> None:
        """Remove a bundle, its manifest first."""
        self.fs.rm_file(self._path(bundle_id, MANIFEST))
        self.fs.rm(self._path(bundle_id), recursive=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other publishers out.

        Raises:
            BadInput: another has held the lock for too long.
        """
        lock, mine = self._path(LOCK), uuid.uuid4().hex
        self.fs.makedirs(self.root, exist_ok=True)
        until = time.monotonic() + WAIT_SECONDS
        while True:
            holder = orjson.dumps({"holder": mine, "until": time.time() + LOCK_SECONDS})
            try:
                self.fs.pipe_file(lock, holder, mode="create")
                break
            except FileExistsError:
                until_then = self._holder().get("until", 0.0)
            if not isinstance(until_then, int | float) or until_then < time.time():
                with suppress(FileNotFoundError):
                    self.fs.rm_file(lock)
            elif time.monotonic() > until:
                raise BadInput(
                    f"{self.where}/{LOCK} is held by another publisher; wait for it, or remove "
                    "the file if there is none"
                )
            else:
                time.sleep(0.05)
        try:
            yield
        finally:
            if self._holder().get("holder") == mine:
                with suppress(FileNotFoundError):
                    self.fs.rm_file(lock)

    def _holder(self) -> Note:
        try:
            return from_text(self.fs.cat_file(self._path(LOCK)))
        except FileNotFoundError:
            return {}

    def _named_by(self, pointer: str) -> str | None:
        try:
            return self.fs.cat_file(self._path(pointer)).decode().strip()
        except FileNotFoundError:
            return None

    def _path(self, *names: str) -> str:
        return "/".join((self.root, *names))
