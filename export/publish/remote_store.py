"""Bundles on any file system that fsspec knows: object stores, servers, memory.

There are no links and no renames of folders there. A bundle's manifest is written last, so a
bundle that was cut off is none; what was uploaded is read back before anybody is told of it;
`current` is a small file, written in one step; `export.publish.remote_lock` keeps publishers apart.
"""

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from data.bundle import ANCHOR, CURRENT, MANIFEST, NAME, PUBLICATION, Bundle, Manifest
from data.errors import BadInput, Unavailable
from export.publish.answers import Files
from export.publish.remote_lock import RemoteLock
from export.publish.store import Note, as_text, from_text, missing


class RemoteStore:
    """Bundles under a URL; `export.publish.store.Store` explains what its methods do.

    Each of them raises Unavailable where the store does not answer.
    """

    def __init__(self, url: str) -> None:
        self.files, self.where = Files(url), url
        self._lock = RemoteLock(self.files)

    def ids(self) -> list[str]:
        """Ids of the bundles that are there, oldest first."""
        with suppress(FileNotFoundError):
            found = self.files.ask("glob", self.files.path("*", MANIFEST))
            names = {Path(file).parent.name for file in found}
            return sorted(name for name in names if NAME.fullmatch(name))
        return []

    def live(self) -> str | None:
        """Id of the live bundle; None: nothing was published."""
        return self._named_by(CURRENT)

    def anchor(self) -> str | None:
        """Id of the bundle that no chain of publications may fall behind; None: there is none."""
        return self._named_by(ANCHOR)

    def point(self, bundle_id: str, pointer: str = CURRENT) -> None:
        """Make a bundle the live one, or the anchor, in one step for everyone who looks.

        Raises:
            BadInput: the lock was taken over meanwhile.
        """
        # In this order: whoever takes the lock over after it was looked at changes what is there.
        condition = self.files.condition(pointer)
        self._lock.see_that_it_is_held()
        try:
            self.files.replace(f"{bundle_id}\n".encode(), condition, pointer)
        except FileExistsError:
            raise BadInput(
                f"{self.where}/{pointer}: another publisher changed it at the same moment; look at "
                "what is live, and publish again"
            ) from None

    def add(self, bundle: Bundle) -> None:
        """Copy a bundle here unless it is here already; its manifest goes last.

        What is there in part, or damaged, is written again.

        Raises:
            Unavailable: what was written is not what is there.
        """
        name = bundle.bundle_id
        if not self._fault(name):
            return
        self.files.ask("makedirs", self.files.path(name), exist_ok=True)
        for file in (*bundle.manifest.files, MANIFEST):
            self.files.write((bundle.root / file).read_bytes(), name, file)
        if fault := self._fault(name):
            with suppress(FileNotFoundError, Unavailable):
                self.files.ask("rm_file", self.files.path(name, MANIFEST))  # so that it is none
            raise Unavailable(f"{self.where} did not keep what was uploaded ({fault})")

    def _fault(self, bundle_id: str) -> str:
        """What is wrong with a bundle here; empty if nothing."""
        try:
            with self.at_hand(bundle_id) as there:
                Bundle.open(there)
        except BadInput as error:
            return str(error)
        return ""

    @contextmanager
    def at_hand(self, bundle_id: str) -> Iterator[Path]:
        """A copy of a bundle in a temporary folder."""
        if not NAME.fullmatch(bundle_id):
            raise BadInput(missing(bundle_id, self))
        raw = self.files.read(bundle_id, MANIFEST)
        if raw is None:
            raise BadInput(missing(bundle_id, self))
        manifest = Manifest.parse(raw, f"{self.where}/{bundle_id}/{MANIFEST}")
        with tempfile.TemporaryDirectory(prefix="bundle-") as scratch:
            folder = Path(scratch) / bundle_id
            folder.mkdir()
            (folder / MANIFEST).write_bytes(raw)
            for name in manifest.files:
                content = self.files.read(bundle_id, name)
                if content is not None:  # opening the copy says what is missing
                    (folder / name).write_bytes(content)
            yield folder

    def note(self, bundle_id: str, publication: Note) -> None:
        """Write `publication.json` beside a bundle's manifest."""
        self.files.write(as_text(publication), bundle_id, PUBLICATION)

    def noted(self, bundle_id: str) -> Note:
        """What `note` wrote; empty: nothing, or it is not readable."""
        if not NAME.fullmatch(bundle_id):
            return {}
        return from_text(self.files.read(bundle_id, PUBLICATION) or b"")

    def remove(self, bundle_id: str) -> None:
        """Remove a bundle, its manifest first."""
        self.files.ask("rm_file", self.files.path(bundle_id, MANIFEST))
        with suppress(FileNotFoundError):  # it was all that there was
            self.files.ask("rm", self.files.path(bundle_id), recursive=True)

    def locked(self) -> AbstractContextManager[None]:
        """Keep other publishers out.

        Raises:
            BadInput: another has held the lock for too long.
        """
        return self._lock.held()

    def _named_by(self, pointer: str) -> str | None:
        raw = self.files.read(pointer)
        if raw is None:
            return None
        # What is no name is nobody's: whoever looks for that bundle says so, publishing mends it.
        return raw.decode("ascii", "backslashreplace").strip()
