"""Folders that appear whole or not at all, and the lock of a folder of bundles.

What is being written has a hidden name and is locked by its writer. A writer that was killed
leaves its folder unlocked: the next one removes it.
"""

import errno
import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.atomic_write import sync, whole_file

PART = ".part-"
LOCK = ".lock"


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the folder's lock; others wait. A killed holder's lock is free at once."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / LOCK).open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


@contextmanager
def staging(root: Path) -> Iterator[Path]:
    """A hidden folder to write to, gone afterwards unless `settle` has moved it."""
    with locked(root):
        sweep(root)
        part = root / f"{PART}{uuid.uuid4().hex[:12]}"
        part.mkdir()
        handle = os.open(part, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)
        os.close(handle)


def settle(part: Path, target: Path) -> None:
    """Make a staged folder durable and give it its name; what has the name already stays."""
    for file in part.iterdir():
        sync(file)
    sync(part)
    try:
        part.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    sync(target.parent)


def sweep(root: Path) -> None:
    """Remove what killed writers left; the caller holds the lock of `root`."""
    for left in root.glob(f"{PART}*"):
        if left.is_symlink() or left.is_file():
            left.unlink(missing_ok=True)
            continue
        try:
            handle = os.open(left, os.O_RDONLY)
        except FileNotFoundError:
            continue  # its writer has just moved it to its name
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(left, ignore_errors=True)
        finally:
            os.close(handle)


def write_whole(file: Path, content: bytes, root: Path) -> None:
    """Write a file under a hidden name, make it durable, and move it into place.

    Args:
        file: to write.
        content: of it.
        root: where the hidden name stands: a bundle's own folder holds nothing but the bundle.
    """
    with whole_file(file, root / f"{PART}{uuid.uuid4().hex[:12]}") as part:
        part.write_bytes(content)
