"""What is on disk whole or not at all: written under a hidden name, then moved into place."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory


def sync(path: Path) -> None:
    """Make a file's content, or a folder's entries, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move_into_place(aside: Path, file: Path) -> None:
    """Give a file that is durable its name, in place of what had it; durable when this returns."""
    aside.replace(file)
    sync(file.parent)


@contextmanager
def whole_file(file: Path, aside: Path | None = None) -> Iterator[Path]:
    """Where to write a file that gets its name, durable, when the block ends well.

    Args:
        file: its name; what has it already is replaced in one step.
        aside: the hidden name until then; one beside `file` if None.
    """
    # Hosts that share a folder share process numbers: in containers each of them is 1.
    aside = aside or file.with_name(f".{file.name}.{uuid.uuid4().hex[:12]}.tmp")
    try:
        yield aside
        sync(aside)
        move_into_place(aside, file)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder to fill, which gets its name when the block ends well; else it goes.

    Args:
        folder: its name; an empty folder may have it already. Folders above it are made, and go
            again where the block ends badly.
    """
    made = [above for above in folder.parents if not above.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as hidden:
            part = Path(hidden) / folder.name
            part.mkdir()
            yield part
            part.replace(folder)
    except BaseException:
        for above in made:
            with suppress(OSError):  # somebody else has put something there
                above.rmdir()
        raise


@contextmanager
def replaced_folder(folder: Path) -> Iterator[Path]:
    """As `whole_folder`, in place of what has the name, which goes once the new one is there."""
    old = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:12]}.old")
    try:
        with whole_folder(folder) as part:
            yield part
            if folder.exists():
                folder.replace(old)
    finally:
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
        elif old.exists():
            old.replace(folder)


@contextmanager
def added_files(folder: Path) -> Iterator[Path]:
    """A hidden folder to fill, whose files join those of a folder when the block ends well.

    Raises:
        FileExistsError: a name is taken there, by somebody who added to it at the same time.
    """
    with TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as hidden:
        part = Path(hidden)
        yield part
        for file in sorted(part.iterdir()):
            os.link(file, folder / file.name)
        sync(folder)


def write_text_whole(file: Path, text: str) -> None:
    """Write a text file."""
    with whole_file(file) as part:
        part.write_text(text, encoding="utf-8")
