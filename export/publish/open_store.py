"""A store of bundles by its folder or URL."""

from pathlib import Path

from data.command_line.local_path import is_url
from data.errors import BadInput
from export.publish.local_store import LocalStore
from export.publish.remote_store import RemoteStore
from export.publish.store import Store


def open_store(where: Path | str) -> Store:
    """The store at a folder or a URL (`s3://…`, `gs://…`, `memory://…`).

    Raises:
        BadInput: fsspec knows no such protocol, or lacks a package for it; or a chain of them, as
            of a cache before a store, whose copies would hide what others publish.
    """
    text = str(where)
    if not text.removeprefix("file://"):
        raise BadInput("the store's name is empty; give a folder, or a URL as s3://bucket/x")
    if text.startswith("file://") or not is_url(text):
        return LocalStore(Path(text.removeprefix("file://")))
    if "::" in text or "://" not in text:
        raise BadInput(f"{text} is no place for bundles; give a folder, or a URL as s3://bucket/x")
    return RemoteStore(text)
