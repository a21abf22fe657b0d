"""What a benchmark measures on: the folders of `make demo`, or the smallest that can be had."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.measured import ROOT, command
from data.bundle import CURRENT
from simulate.browsing.sample import SampleSettings, make_sample

SUBJECTS, UNSEEN = ROOT / "sample" / "artwork", ROOT / "sample" / "held_out.txt"
SMALLEST = SampleSettings(
    subjects=str(SUBJECTS),
    exclude_subjects=str(UNSEEN),
    titles=8,
    artworks=6,
    members=150,
    days=4,
    decisions_per_day=900,
    seed=1,
)


@dataclass(frozen=True)
class DemoFolders:
    """A catalogue, what members did there, and a model trained on it."""

    catalogue: Path = Path("artifacts/demo/catalogue")
    log: Path = Path("artifacts/demo/log")
    examples: Path = Path("artifacts/demo/examples")
    held_out: Path = Path("artifacts/demo/held_out")
    """Examples of days that the model was not trained on."""
    bundle: Path = Path("artifacts/demo/bundles/current")
    cache: Path = Path("artifacts/cache")
    """Of decoded images."""

    def options(self, *names: str) -> list[str]:
        """Options of a command that name these folders."""
        return [
            word
            for name in names
            for word in (f"--{name.replace('_', '-')}", str(getattr(self, name)))
        ]


@contextmanager
def demo_folders(
    quick: bool, given: Mapping[str, Path | None], trained: bool = True
) -> Iterator[DemoFolders]:
    """The folders that are given; those of `make demo` for the others.

    Args:
        quick: make small ones, for now, if none is given.
        given: folders by their names; None: not given.
        trained: with a bundle, which takes longest to make.
    """
    named = {name: folder for name, folder in given.items() if folder is not None}
    if named or not quick:
        yield replace(DemoFolders(), **named)
        return
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as scratch:
        yield (small_demo if trained else small_catalogue)(Path(scratch))


def small_catalogue(scratch: Path) -> DemoFolders:
    """A small catalogue, its log and the log's examples, the last day's apart."""
    sample = make_sample(scratch, SMALLEST)
    held_out = scratch / "held_out"
    held_out.mkdir()
    last = max(sample.examples.glob("day=*"))
    last.rename(held_out / last.name)
    folders = DemoFolders(sample.catalogue, sample.log, sample.examples, held_out)
    return replace(folders, bundle=scratch / "bundles" / CURRENT, cache=scratch / "cache")


def small_demo(scratch: Path) -> DemoFolders:
    """The same, and a model trained on it as briefly as can be.

    Raises:
        RuntimeError: training failed.
    """
    folders = small_catalogue(scratch)
    fit = {"epochs": 1, "passes": 1, "threads": 1}
    ended = command(
        [
            "train.py",
            *("--data.examples", folders.examples, "--data.catalogue", folders.catalogue),
            *("--data.cache", folders.cache, "--out", scratch / "run"),
            *("--publish.bundles", folders.bundle.parent),
            *(word for name, value in fit.items() for word in (f"--fit.{name}", value)),
        ],
        OMP_NUM_THREADS="1",
    )
    if ended.code:
        raise RuntimeError(f"train.py ended with {ended.code}: {ended.complaint}")
    return folders
