"""What tells a file that was put in the place of another."""

from pathlib import Path
from typing import NamedTuple


class FileMark(NamedTuple):
    """What tells a file that was put in its place."""

    size: int
    changed_ns: int
    inode: int

    @classmethod
    def of(cls, file: Path) -> "FileMark | None":
        """Of a file as it is now; None: it cannot be had."""
        try:
            stat = file.stat()
        except OSError:
            return None
        return cls(stat.st_size, stat.st_mtime_ns, stat.st_ino)
