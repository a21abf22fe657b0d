"""A bundle on disk: one published model, whose every byte is checked before any is used.

`manifest.json` names each file with its size and SHA-256. The bundle's id ends in a hash of the
manifest, so the id alone vouches for all of it. `publication.json`, which says when and over whom
it was published, is the one file that the manifest does not name.
"""

import hashlib
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from data.artwork_effects import RECORDS, ArtworkRecords
from data.errors import BadInput

BUNDLE_VERSION = 1
MANIFEST = "manifest.json"
PUBLICATION = "publication.json"
CURRENT = "current"
LARGEST_MANIFEST = 1 << 20
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
REMEDY = "export or publish it again, or roll back to another"
FIELDS: dict[str, tuple[type, ...]] = {
    "bundle_id": (str,),
    "created": (str,),
    "schema_version": (int,),
    "feature_fingerprint": (str,),
    "files": (dict,),
    "policy": (dict,),
    "calibration": (dict,),
    "dimension": (int,),
    "image": (dict, type(None)),
    "encoder": (str, type(None)),
    "reward_name": (str,),
    "parent": (str, type(None)),
    "metrics": (dict,),
}
"""What a manifest must have, and of which types."""


@dataclass(frozen=True)
class Bundle:
    """A bundle folder that was found whole."""

    root: Path
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, path: Path | str) -> "Bundle":
        """Check a bundle: its manifest, then size and SHA-256 of every file in it.

        Args:
            path: as `resolve` takes it.

        Raises:
            BadInput: there is no bundle, or it is not exactly what was exported.
        """
        root = resolve(path)
        manifest = read_manifest(root)
        named = manifest["files"]
        there = {entry.name for entry in root.iterdir()} - {MANIFEST, PUBLICATION}
        if unknown := sorted(there - set(named)):
            raise BadInput(f"bundle {root}: {unknown[0]} is not in its manifest; {REMEDY}")
        for name, as_named in named.items():
            _check(root / name, as_named)
        return cls(root, manifest)

    @property
    def bundle_id(self) -> str:
        """The id that decisions are logged under."""
        return self.manifest["bundle_id"]

    def records(self) -> ArtworkRecords | None:
        """Artworks' own records; None: the bundle judges all by looks alone.

        Raises:
            BadInput: the file is not what the manifest says of it.
        """
        if RECORDS not in self.manifest["files"]:
            return None
        return ArtworkRecords.read(self.root / RECORDS, self.manifest.get("records"))

    def file(self, name: str) -> Path:
        """Where a file of the bundle lies.

        Raises:
            BadInput: the manifest names no such file.
        """
        if name not in self.manifest["files"]:
            raise BadInput(f"bundle {self.root} has no {name}; {REMEDY}")
        return self.root / name


def resolve(path: Path | str) -> Path:
    """The bundle folder that a path leads to.

    Args:
        path: a bundle's folder, a `current` link or pointer file, or the folder that holds it.

    Raises:
        BadInput: it leads to no bundle.
    """
    folder = Path(path)
    if folder.is_dir() and not (folder / MANIFEST).exists():
        folder = folder / CURRENT
    if folder.is_file():
        name = folder.read_bytes()[:256].decode(errors="replace").strip()
        if not NAME.fullmatch(name):
            raise BadInput(f"{folder} names no bundle ({name[:40]!r}); publish or roll back")
        folder = folder.parent / name
    if not folder.is_dir():
        raise BadInput(
            f"no bundle at {path}; train.py publishes one, or give the folder of a bundle"
        )
    return folder.resolve()


def read_manifest(root: Path) -> dict[str, Any]:
    """The manifest of a bundle folder, checked for itself; the files it names are not looked at.

    Raises:
        BadInput: missing, too large, of another version, or not as `bundle_id` says.
    """
    file = root / MANIFEST
    try:
        with file.open("rb") as stream:
            raw = stream.read(LARGEST_MANIFEST + 1)
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror}); {REMEDY}") from None
    return parse_manifest(raw, str(file))


def parse_manifest(raw: bytes, where: str) -> dict[str, Any]:
    """A manifest from its bytes.

    Raises:
        BadInput: as `read_manifest`.
    """
    if len(raw) > LARGEST_MANIFEST:
        raise BadInput(f"{where} is larger than {LARGEST_MANIFEST} bytes; {REMEDY}")
    try:
        manifest = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{where} is not JSON ({error}); {REMEDY}") from None
    if not isinstance(manifest, dict):
        raise BadInput(f"{where} is not a JSON object; {REMEDY}")
    version = manifest.get("schema_version")
    if version != BUNDLE_VERSION:
        raise BadInput(
            f"{where} has schema_version {version!r}, this code reads {BUNDLE_VERSION}; "
            "export the model again with this code, or serve it with the code that wrote it"
        )
    for name, kinds in FIELDS.items():
        if not isinstance(manifest.get(name, ...), kinds):
            what = repr(manifest[name])[:40] if name in manifest else "missing"
            raise BadInput(f"{where}: {name} is {what}; {REMEDY}")
    for name, file in manifest["files"].items():
        if not NAME.fullmatch(name) or name in (MANIFEST, PUBLICATION):
            raise BadInput(f"{where} names a file {name[:80]!r}, which no bundle has; {REMEDY}")
        if not isinstance(file, dict) or not _is_entry(file):
            raise BadInput(f"{where}: {name} needs sha256 and bytes, not {file!r:.80}; {REMEDY}")
    claimed = manifest["bundle_id"]
    if not NAME.fullmatch(claimed) or claimed.rpartition("-")[2] != content_hash(manifest):
        raise BadInput(
            f"{where} was changed after it was written: its content does not give the id "
            f"{claimed[:80]!r}; {REMEDY}"
        )
    return manifest


def content_hash(manifest: Mapping[str, object]) -> str:
    """12 hex digits of the SHA-256 of a manifest without its id."""
    rest = {name: value for name, value in manifest.items() if name != "bundle_id"}
    return hashlib.sha256(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]


def entry(file: Path) -> dict[str, str | int]:
    """A file's size and SHA-256, as a manifest says them."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"sha256": digest, "bytes": file.stat().st_size}


def _is_entry(file: Mapping[str, object]) -> bool:
    size, digest = file.get("bytes"), file.get("sha256")
    return type(size) is int and size >= 0 and re.fullmatch("[0-9a-f]{64}", str(digest)) is not None


def _check(file: Path, named: Mapping[str, object]) -> None:
    try:
        there = file.lstat()
    except OSError:
        raise BadInput(f"{file} is missing though the manifest names it; {REMEDY}") from None
    if not stat.S_ISREG(there.st_mode):
        raise BadInput(f"{file} is a link or a folder, not a file; {REMEDY}")
    if there.st_size != named["bytes"]:
        raise BadInput(
            f"{file} has {there.st_size} bytes, the manifest says {named['bytes']}; {REMEDY}"
        )
    if entry(file)["sha256"] != named["sha256"]:
        raise BadInput(f"{file} is not what was exported (SHA-256 differs); {REMEDY}")
