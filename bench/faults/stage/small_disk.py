"""A disk of its own, which can be filled, freed, and made read-only: a tmpfs."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path


class SmallDisk:
    """A mounted tmpfs.

    Args:
        folder: where it is mounted.
        megabytes: that it holds.
    """

    def __init__(self, folder: Path, megabytes: float) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        _mount("-t", "tmpfs", "-o", f"size={int(megabytes * 1024)}k", "tmpfs", folder)

    def fill(self, leave: int = 0) -> None:
        """Leave no room but so many bytes."""
        block = bytes(1 << 16)
        with (self.folder / "filler").open("ab", buffering=0) as file:
            try:
                while True:
                    if file.write(block) < len(block):
                        break
            except OSError:
                pass
            if leave:
                file.truncate(max(0, file.tell() - leave))

    def free(self) -> None:
        """Take away what fills it."""
        (self.folder / "filler").unlink(missing_ok=True)

    def read_only(self, so: bool) -> None:
        """Refuse writes, or take them again."""
        # Files that are open for writing keep a file system from being made read-only; an emergency
        # does it all the same, as the kernel does when a disk fails.
        _mount("-o", f"remount,{'ro' if so else 'rw'}", self.folder)

    def close(self) -> None:
        """Unmount it, however busy it is."""
        subprocess.run(["umount", "-l", str(self.folder)], check=False)


def _mount(*words: object) -> None:
    subprocess.run(["mount", *map(str, words)], check=True, capture_output=True)


@contextmanager
def small_disk(folder: Path, megabytes: float) -> Iterator[SmallDisk]:
    """A disk for as long as it is needed."""
    disk = SmallDisk(folder, megabytes)
    try:
        yield disk
    finally:
        disk.close()


@cache
def why_no_mount() -> str | None:
    """Why no disk can be mounted here; None if one can."""
    if sys.platform != "linux":
        return "a tmpfs is a matter of Linux"
    with tempfile.TemporaryDirectory() as folder:
        try:
            with small_disk(Path(folder), 1):
                return None
        except (OSError, subprocess.CalledProcessError) as error:
            return f"no tmpfs can be mounted here ({error})"
