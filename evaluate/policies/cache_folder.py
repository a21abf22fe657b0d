"""Where decoded images are kept while policies are judged."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def cache_folder(asked: Path | str | None) -> Iterator[Path]:
    """The folder that was asked for, which stays; one that goes again if None."""
    if asked is not None:
        yield Path(asked)
        return
    with TemporaryDirectory(prefix="images.") as folder:
        yield Path(folder)
