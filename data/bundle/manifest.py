"""`manifest.json`: what a bundle is, and the size and SHA-256 of each of its files.

It is parsed once, to a record whose fields have been checked. The bundle's id ends in a hash of
the rest of the manifest, so the id alone vouches for all of it.
"""

import hashlib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

import orjson

from bandit.head_policy import HeadPolicy
from data.errors import BadInput
from data.images.format import MAIN, ImageFormat

BUNDLE_VERSION = 2
"""Graphs of version 2 say weights of names, which are matched beside the product of functionals and
vectors; those of version 1 had random vectors of names within it."""
NAMES_MEET_EXACTLY = 2
"""The first version in which they do."""
READ = (1, BUNDLE_VERSION)
"""Versions that this code serves."""
MANIFEST = "manifest.json"
PUBLICATION = "publication.json"
LARGEST = 1 << 20
"""Bytes of a manifest."""
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
REMEDY = "export or publish it again, or roll back to another"
Value = TypeVar("Value")


def _within(name: str, number: int, least: int, most: int) -> None:
    if not least <= number <= most:
        raise ValueError(f"{name} is {number}; it must be from {least} to {most}")


@dataclass(frozen=True)
class FileEntry:
    """A file of the bundle."""

    sha256: str
    size: int
    """Bytes."""


@dataclass(frozen=True)
class PublishedPolicy:
    """How the bundle decides."""

    head_policy: HeadPolicy
    salt: int
    """Of the draws; another salt draws anew."""
    heads: int
    """In the bank of functionals."""

    def __post_init__(self) -> None:
        _within("salt", self.salt, 0, 2**64 - 1)
        _within("heads", self.heads, 1, 65_535)


@dataclass(frozen=True)
class Calibration:
    """What makes scores a take's logits: (score + bias) / temperature."""

    bias: float
    temperature: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.bias):
            raise ValueError(f"bias is {self.bias}; it must be finite")
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"temperature is {self.temperature}; it must be above 0 and finite")


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself."""

    bundle_id: str
    """Decisions are logged under it."""
    created: str
    """When, ISO 8601."""
    schema_version: int
    feature_fingerprint: str
    """Of the features that the model was trained on."""
    files: Mapping[str, FileEntry]
    policy: PublishedPolicy
    calibration: Calibration
    dimension: int
    """Of functionals and candidate vectors."""
    image: ImageFormat | None
    """None: artwork comes as embeddings, and there is no encoder."""
    encoder: str | None
    """Name of its file."""
    reward_name: str
    """What the logits predict."""
    parent: str | None
    """Id of the bundle that was live when training began."""
    metrics: Mapping[str, object]
    network: Mapping[str, object] | None
    """What the network is made of; None: it does not say."""
    records: Mapping[str, object] | None
    """What it says of artworks' own records; None: it has none."""
    written: Mapping[str, object]
    """All of it, as it was written."""

    @property
    def encoder_version(self) -> str | None:
        """SHA-256 of the encoder: embeddings of equal images by equal encoders are equal."""
        return None if self.encoder is None else self.files[self.encoder].sha256

    @classmethod
    def read(cls, root: Path) -> "Manifest":
        """The manifest of a bundle folder; the files it names are not looked at.

        Raises:
            BadInput: as `parse`, or it cannot be read.
        """
        file = root / MANIFEST
        try:
            with file.open("rb") as stream:
                raw = stream.read(LARGEST + 1)
        except OSError as error:
            raise BadInput(f"{file} cannot be read ({error.strerror}); {REMEDY}") from None
        return cls.parse(raw, str(file))

    @classmethod
    def parse(cls, raw: bytes, where: str) -> "Manifest":
        """A manifest from its bytes.

        Raises:
            BadInput: too large, of another version, or not as its `bundle_id` says.
        """
        fields = _Fields(_json_object(raw, where), where)
        version = fields.values.get("schema_version")
        if type(version) is not int or version not in READ:
            raise BadInput(
                f"{where} has schema_version {version!r}, this code reads {READ[0]} to {READ[-1]}; "
                "export the model again with this code, or serve it with the code that wrote it"
            )
        manifest = cls(
            bundle_id=fields.of("bundle_id", str),
            created=fields.of("created", str),
            schema_version=fields.of("schema_version", int),
            feature_fingerprint=fields.of("feature_fingerprint", str),
            files=_files(fields.within("files")),
            policy=_policy(fields.within("policy")),
            calibration=_calibration(fields.within("calibration")),
            dimension=fields.of("dimension", int),
            image=None if fields.null("image") else _image(fields.within("image")),
            encoder=None if fields.null("encoder") else fields.of("encoder", str),
            reward_name=fields.of("reward_name", str),
            parent=None if fields.null("parent") else fields.of("parent", str),
            metrics=fields.of("metrics", dict),
            network=fields.of("network", dict) if fields.values.get("network") else None,
            records=fields.of("records", dict) if fields.values.get("records") else None,
            written=fields.values,
        )
        fields.checked(lambda: _within("dimension", manifest.dimension, 1, 65_536))
        manifest._check(fields)
        return manifest

    def _check(self, fields: "_Fields") -> None:
        """The encoder is one of the files and reads images, and the id is that of the content.

        Raises:
            BadInput: not so.
        """
        if (self.image is None) != (self.encoder is None):
            fields.refuse("image" if self.image is None else "encoder", None)
        if self.encoder is not None and self.encoder not in self.files:
            fields.refuse("encoder", self.encoder)
        name = self.bundle_id
        if not NAME.fullmatch(name) or name.rpartition("-")[2] != content_hash(self.written):
            raise BadInput(
                f"{fields.where} was changed after it was written: its content does not give the "
                f"id {name[:80]!r}; {REMEDY}"
            )


def content_hash(manifest: Mapping[str, object]) -> str:
    """12 hex digits of the SHA-256 of a manifest without its id."""
    rest = {name: value for name, value in manifest.items() if name != "bundle_id"}
    return hashlib.sha256(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]


def entry(file: Path) -> dict[str, str | int]:
    """A file's size and SHA-256, as a manifest writes them."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"sha256": digest, "bytes": file.stat().st_size}


@dataclass(frozen=True)
class _Fields:
    """An object of the manifest, and where it stands."""

    values: Mapping[str, object]
    where: str
    path: str = ""

    def of(self, name: str, kind: type[Value]) -> Value:
        """A field of a type."""
        value = self.values.get(name, ...)
        # A bool is an int to Python.
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
        return self.refuse(name, value)

    def number(self, name: str) -> float:
        """A field that is a whole number or another."""
        value = self.values.get(name, ...)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        return self.refuse(name, value)

    def checked(self, make: Callable[[], Value]) -> Value:
        """A record of fields of this object.

        Raises:
            BadInput: their numbers are out of range.
        """
        try:
            return make()
        except ValueError as error:
            raise BadInput(f"{self.where}: {self.path}{error}; {REMEDY}") from None

    def null(self, name: str) -> bool:
        """Whether a field is there, and null."""
        return self.values.get(name, ...) is None

    def within(self, name: str) -> "_Fields":
        """A field that is an object."""
        return _Fields(self.of(name, dict), self.where, f"{self.path}{name}.")

    def refuse(self, name: str, value: object) -> NoReturn:
        """Say that a field is not what it should be."""
        shown = "missing" if value is ... else repr(value)[:40]
        raise BadInput(f"{self.where}: {self.path}{name} is {shown}; {REMEDY}")


def _json_object(raw: bytes, where: str) -> Mapping[str, object]:
    if len(raw) > LARGEST:
        raise BadInput(f"{where} is larger than {LARGEST} bytes; {REMEDY}")
    try:
        values = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{where} is not JSON ({error}); {REMEDY}") from None
    if not isinstance(values, dict):
        raise BadInput(f"{where} is not a JSON object; {REMEDY}")
    return values


def _files(fields: _Fields) -> dict[str, FileEntry]:
    files = {}
    for name, said in fields.values.items():
        if not NAME.fullmatch(name) or name in (MANIFEST, PUBLICATION):
            raise BadInput(
                f"{fields.where} names a file {name[:80]!r}, which no bundle has; {REMEDY}"
            )
        size, digest = (said.get("bytes"), said.get("sha256")) if isinstance(said, dict) else (0, 0)
        if type(size) is not int or size < 0 or not re.fullmatch("[0-9a-f]{64}", str(digest)):
            raise BadInput(
                f"{fields.where}: {name} needs sha256 and bytes, not {said!r:.80}; {REMEDY}"
            )
        files[name] = FileEntry(str(digest), size)
    return files


def _policy(fields: _Fields) -> PublishedPolicy:
    kind, epsilon = fields.of("kind", str), fields.number("epsilon")
    salt, heads = fields.of("salt", int), fields.of("heads", int)
    return fields.checked(lambda: PublishedPolicy(HeadPolicy.named(kind, epsilon), salt, heads))


def _calibration(fields: _Fields) -> Calibration:
    bias, temperature = fields.number("bias"), fields.number("temperature")
    return fields.checked(lambda: Calibration(bias, temperature))


def _image(fields: _Fields) -> ImageFormat:
    height, width = fields.of("height", int), fields.of("width", int)
    # Earlier versions read the middle of pictures, and did not say so.
    fit = fields.of("fit", str) if "fit" in fields.values else "crop"
    # And one picture an artwork was all there was.
    canvas = fields.of("canvas", str) if "canvas" in fields.values else MAIN
    return fields.checked(lambda: ImageFormat(height, width, fit, canvas))
