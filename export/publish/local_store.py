"""A folder of bundles with a pointer that is replaced atomically."""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.atomic_write import move_into_place
from data.bundle import ANCHOR, CURRENT, MANIFEST, NAME, PUBLICATION, Bundle
from data.errors import BadInput
from export.publish.staging import PART, locked, settle, staging, sweep, write_whole
from export.publish.store import Note, as_text, from_text, missing

POINTERS = (CURRENT, ANCHOR)


class LocalStore:
    """A folder of bundle folders; `current` is a link to the live one, `anchor` to the anchor."""

    def __init__(self, root: Path) -> None:
        self.root, self.where = root, str(root)

    def ids(self) -> list[str]:
        """Ids of the bundles that are there, oldest first."""
        if not self.root.is_dir():
            return []
        names = [file.parent.name for file in self.root.glob(f"*/{MANIFEST}")]
        return sorted(name for name in names if NAME.fullmatch(name) and name not in POINTERS)

    def live(self) -> str | None:
        """Id of the live bundle; None: nothing was published."""
        return self._named_by(CURRENT)

    def anchor(self) -> str | None:
        """Id of the bundle that no chain of publications may fall behind; None: there is none."""
        return self._named_by(ANCHOR)

    def point(self, bundle_id: str, pointer: str = CURRENT) -> None:
        """Make a bundle the live one, or the anchor, in one step for everyone who looks."""
        part = self.root / f"{PART}{uuid.uuid4().hex[:12]}"
        part.symlink_to(bundle_id)
        move_into_place(part, self.root / pointer)

    def add(self, bundle: Bundle) -> None:
        """Copy a bundle here unless it is here already; it appears whole or not at all."""
        target = self.root / bundle.bundle_id
        if target.is_dir():
            try:
                Bundle.open(target)
            except BadInput:
                with self.locked():
                    self.remove(bundle.bundle_id)
            else:
                return
        with staging(self.root) as part:
            for name in (*bundle.manifest.files, MANIFEST):
                shutil.copyfile(bundle.root / name, part / name)
            Bundle.open(part)
            settle(part, target)

    @contextmanager
    def at_hand(self, bundle_id: str) -> Iterator[Path]:
        """A bundle's folder."""
        folder = self.root / bundle_id
        if not NAME.fullmatch(bundle_id) or not folder.is_dir():
            raise BadInput(missing(bundle_id, self))
        yield folder

    def note(self, bundle_id: str, publication: Note) -> None:
        """Write `publication.json` beside a bundle's manifest."""
        write_whole(self.root / bundle_id / PUBLICATION, as_text(publication), self.root)

    def noted(self, bundle_id: str) -> Note:
        """What `note` wrote; empty: nothing, or it is not readable."""
        try:
            return from_text((self.root / bundle_id / PUBLICATION).read_bytes())
        except OSError:
            return {}

    def remove(self, bundle_id: str) -> None:
        """Remove a bundle; at no moment is a part of it taken for a whole one."""
        gone = self.root / f"{PART}{uuid.uuid4().hex[:12]}"
        (self.root / bundle_id).rename(gone)
        shutil.rmtree(gone)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other publishers out, and clear what killed ones left."""
        with locked(self.root):
            sweep(self.root)
            yield

    def _named_by(self, pointer: str) -> str | None:
        link = self.root / pointer
        if link.is_symlink():
            return link.readlink().name
        if link.is_file():
            return link.read_text()[:256].strip()
        return None
