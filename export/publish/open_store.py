"""A store of bundles by its folder or URL."""

from pathlib import Path

from export.publish.local_store import LocalStore
from export.publish.remote_store import RemoteStore
from export.publish.store import Store


def open_store(where: Path | str) -> Store:
    """The store at a folder or a URL (`s3://…`, `gs://…`, `memory://…`).

    Raises:
        BadInput: fsspec knows no such protocol, or lacks a package for it.
    """
    text = str(where)
    if "://" not in text or text.startswith("file://"):
        return LocalStore(Path(text.removeprefix("file://")))
    return RemoteStore(text)
