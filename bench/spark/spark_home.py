"""A Spark of the bench's own: its workers write into the bench's folders, not the package's."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

HOME = "SPARK_HOME"


@contextmanager
def spark_home() -> Iterator[None]:
    """Let Spark be started from links to the package until the block ends."""
    before = os.environ.get(HOME)
    os.environ[HOME] = str(_links())
    try:
        yield
    finally:
        del os.environ[HOME]
        if before is not None:
            os.environ[HOME] = before


@cache
def _links() -> Path:
    """A folder of the process, removed with it: so long a JVM of Spark lives."""
    found = find_spec("pyspark")
    assert found is not None
    assert found.submodule_search_locations is not None
    folder = Path(tempfile.mkdtemp(prefix="marquee-spark-home-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for entry in Path(found.submodule_search_locations[0]).iterdir():
        if entry.name != "work":  # of workers
            (folder / entry.name).symlink_to(entry)
    return folder
