"""A bundle on disk: one published model, whose every byte is checked before any is used.

`publication.json`, which says when and over whom it was published, is the one file that the
manifest does not name.
"""

import stat
from dataclasses import dataclass
from pathlib import Path

from data.artwork_effects import RECORDS, ArtworkRecords
from data.bundle.asset_terms import ASSET_TERMS, AssetTerms
from data.bundle.manifest import (
    MANIFEST,
    NAME,
    PUBLICATION,
    REMEDY,
    FileEntry,
    Manifest,
    entry,
)
from data.bundle.row_pairs import ROW_PAIRS, RowPairs
from data.errors import BadInput
from data.shown.read_outs import READ_OUTS, ReadOuts

CURRENT = "current"
"""Leads to the live bundle, beside the bundles."""
ANCHOR = "anchor"
"""Leads to the bundle that no chain of publications may fall behind."""


@dataclass(frozen=True)
class Bundle:
    """A bundle folder that was found whole."""

    root: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path | str) -> "Bundle":
        """Check a bundle: its manifest, then size and SHA-256 of every file in it.

        Args:
            path: as `resolve` takes it.

        Raises:
            BadInput: there is no bundle, or it is not exactly what was exported.
        """
        root = resolve(path)
        manifest = Manifest.read(root)
        there = {file.name for file in root.iterdir()} - {MANIFEST, PUBLICATION}
        if unknown := sorted(there - set(manifest.files)):
            raise BadInput(f"bundle {root}: {unknown[0]} is not in its manifest; {REMEDY}")
        for name, expected in manifest.files.items():
            _check(root / name, expected)
        return cls(root, manifest)

    @property
    def bundle_id(self) -> str:
        """The id that decisions are logged under."""
        return self.manifest.bundle_id

    def records(self) -> ArtworkRecords | None:
        """Artworks' own records; None: the bundle judges all by looks alone.

        Raises:
            BadInput: the file is not what the manifest says of it.
        """
        if RECORDS not in self.manifest.files:
            return None
        return ArtworkRecords.read(self.root / RECORDS, self.manifest.records)

    def read_outs(self) -> ReadOuts | None:
        """What it reads of pictures beside their embeddings; None: nothing.

        Raises:
            BadInput: the file holds no read-outs.
        """
        if READ_OUTS not in self.manifest.files:
            return None
        return ReadOuts.read_from(self.root / READ_OUTS)

    def row_pairs(self) -> RowPairs | None:
        """What neighbours do to each other; None: it was not learnt.

        Raises:
            BadInput: the file holds no pair term, or one of other heads or vectors.
        """
        if ROW_PAIRS not in self.manifest.files:
            return None
        pairs = RowPairs.read(self.root / ROW_PAIRS)
        self._refuse_others(ROW_PAIRS, (len(pairs.heads), len(pairs.centre)))
        return pairs

    def asset_terms(self) -> AssetTerms | None:
        """What kinds of assets add beside artwork; None: it was not learnt.

        Raises:
            BadInput: the file holds no terms, or those of other heads or vectors.
        """
        if ASSET_TERMS not in self.manifest.files:
            return None
        terms = AssetTerms.read(self.root / ASSET_TERMS)
        self._refuse_others(ASSET_TERMS, (len(terms.heads), len(terms.centre)))
        return terms

    def _refuse_others(self, name: str, has: tuple[int, int]) -> None:
        """Refuse what was learnt beside other heads or vectors."""
        if has != (wants := (self.manifest.policy.heads, self.manifest.dimension)):
            raise BadInput(
                f"bundle {self.root}: {name} has (heads, dimension) {has}, the bundle {wants};"
                f" {REMEDY}"
            )

    def file(self, name: str) -> Path:
        """Where a file of the bundle lies.

        Raises:
            BadInput: the manifest names no such file.
        """
        if name not in self.manifest.files:
            raise BadInput(f"bundle {self.root} has no {name}; {REMEDY}")
        return self.root / name


def resolve(path: Path | str) -> Path:
    """The bundle folder that a path leads to.

    Args:
        path: a bundle's folder, a `current` link or pointer file, or the folder that holds it.

    Raises:
        BadInput: it leads to no bundle.
    """
    folder = start = Path(path)
    if folder.is_dir() and not (folder / MANIFEST).exists():
        folder = folder / CURRENT
    if folder.is_file():
        name = folder.read_bytes()[:256].decode(errors="replace").strip()
        if not NAME.fullmatch(name):
            raise BadInput(f"{folder} names no bundle ({name[:40]!r}); publish or roll back")
        folder = folder.parent / name
    if not folder.is_dir():
        raise BadInput(
            f"no bundle at {start}; train.py publishes one, or give the folder of a bundle"
        )
    return folder.resolve()


def _check(file: Path, expected: FileEntry) -> None:
    try:
        status = file.lstat()
    except OSError:
        raise BadInput(f"{file} is missing though the manifest names it; {REMEDY}") from None
    if not stat.S_ISREG(status.st_mode):
        raise BadInput(f"{file} is a link or a folder, not a file; {REMEDY}")
    if status.st_size != expected.size:
        raise BadInput(
            f"{file} has {status.st_size} bytes, the manifest says {expected.size}; {REMEDY}"
        )
    if entry(file)["sha256"] != expected.sha256:
        raise BadInput(f"{file} is not what was exported (SHA-256 differs); {REMEDY}")
