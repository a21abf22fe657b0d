"""A store of bundles by its folder or URL."""

from pathlib import Path

from data.command_line.local_path import is_url, without_password
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
    if text.startswith("file://"):
        text = text.removeprefix("file://").removeprefix("localhost")
        if not text.startswith("/"):
            raise BadInput(
                f"file://{text} is no place for bundles of this machine; give file:///folder"
            )
    if not text:
        raise BadInput("the store's name is empty; give a folder, or a URL as s3://bucket/x")
    if not is_url(text):
        return LocalStore(Path(text))
    if "::" in text or "://" not in text:
        shown = without_password(text)
        raise BadInput(f"{shown} is no place for bundles; give a folder, or a URL as s3://bucket/x")
    return RemoteStore(text)
