"""A Spark of the bench's own: its workers write into the bench's folders, not the package's."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

HOME = "SPARK_HOME"


@contextmanager
def spark_home(folder: Path) -> Iterator[None]:
    """Let Spark be started from links to the package until the block ends.

    Args:
        folder: that does not exist, for the links and for what workers write.
    """
    found = find_spec("pyspark")
    assert found is not None
    assert found.submodule_search_locations is not None
    folder.mkdir()
    for entry in Path(found.submodule_search_locations[0]).iterdir():
        if entry.name != "work":  # of workers
            (folder / entry.name).symlink_to(entry)
    before = os.environ.get(HOME)
    os.environ[HOME] = str(folder)
    try:
        yield
    finally:
        del os.environ[HOME]
        if before is not None:
            os.environ[HOME] = before
