"""A small product that whole commands run on: made when it is first needed, then copied."""

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from bench.faults.stage.scene import FaultScene, lay_out
from bench.small_demo import demo_folders


@contextmanager
def small_product(folder: Path) -> Iterator[FaultScene]:
    """A copy in a folder: a catalogue, a bundle, profiles; maps and log are elsewhere."""
    with _made().copied(folder / "product") as scene:
        yield scene


@cache
def _made() -> FaultScene:
    """The one that is copied; it goes with this process."""
    scratch = Path(tempfile.mkdtemp(prefix="marquee-product-"))
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    with demo_folders(True, {}) as demo:
        return lay_out(demo, scratch / "product")
