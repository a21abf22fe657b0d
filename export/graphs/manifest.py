"""A staged folder becomes a bundle: every file named in a manifest, and the manifest in its id."""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
import orjson

from data.bundle import MANIFEST, Bundle, Manifest, content_hash, entry
from export.publish.staging import settle


def seal(part: Path, root: Path, manifest: Mapping[str, object]) -> Path:
    """Name every file of a staged folder in its manifest and move it to its place.

    Args:
        part: from `export.publish.staging.staging`.
        root: folder of bundles.
        manifest: all but `files` and `bundle_id`.

    Raises:
        BadInput: a number of it is out of range; nothing is written to `root`.
    """
    files = {}
    for file in sorted(part.iterdir()):
        file.chmod(0o644)  # some writers make files that none but this user can read
        files[file.name] = entry(file)
    sealed = orjson.loads(
        orjson.dumps(
            {**manifest, "files": files},
            option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS,
            default=_plain,
        )
    )
    when = datetime.fromisoformat(sealed["created"])
    sealed["bundle_id"] = f"{when:%Y%m%d-%H%M%S}-{content_hash(sealed)}"
    text = orjson.dumps(sealed, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)
    Manifest.parse(text, f"the manifest of {sealed['bundle_id']}")  # as whoever serves it will
    (part / MANIFEST).write_bytes(text + b"\n")
    target = root / sealed["bundle_id"]
    settle(part, target)
    return Bundle.open(target).root


def _plain(value: object) -> object:
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    item = getattr(value, "item", None)
    if item is None:
        raise TypeError(f"{value!r} cannot stand in a manifest")
    return item()
