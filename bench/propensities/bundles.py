"""Bundles of one catalogue, each trained on more days than the one before."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from bench.measured import command
from bench.small_demo import SUBJECTS, UNSEEN
from data.atomic_write import whole_folder
from data.bundle import CURRENT
from simulate.browsing.sample import SampleSettings, make_sample


@dataclass(frozen=True)
class Trained:
    """What there is to serve."""

    catalogue: Path
    cache: Path
    bundles: list[Path]


@dataclass(frozen=True)
class Size:
    """Of the catalogue and of the first log, on which bundles are trained."""

    titles: int = 24
    artworks: int = 5
    members: int = 1500
    decisions_per_day: int = 15000
    epochs: int = 8


def train_bundles(folder: Path, size: Size, days: tuple[int, ...] = (1, 3, 6)) -> Trained:
    """Bundles trained on the first days of a log of uniform choices; found again where they are.

    Raises:
        RuntimeError: training failed.
    """
    sample = make_sample(
        folder,
        SampleSettings(
            subjects=str(SUBJECTS),
            exclude_subjects=str(UNSEEN),
            titles=size.titles,
            artworks=size.artworks,
            members=size.members,
            days=max(days),
            decisions_per_day=size.decisions_per_day,
            seed=1,
        ),
    )
    cache, bundles = folder / "cache", []
    for count in days:
        place = folder / f"{sample.catalogue.parent.name}-{count}-{size.epochs}"
        if not (place / "examples").is_dir():
            with whole_folder(place / "examples") as part:
                for day in sorted(sample.examples.glob("day=*"))[:count]:
                    shutil.copytree(day, part / day.name)
        if not (place / CURRENT).is_symlink():
            fit = {"epochs": size.epochs, "threads": 2}
            ended = command(
                [
                    "train.py",
                    *("--data.examples", place / "examples", "--data.catalogue", sample.catalogue),
                    *("--data.cache", cache, "--out", place / "run"),
                    *("--publish.bundles", place),
                    *(word for name, value in fit.items() for word in (f"--fit.{name}", value)),
                ]
            )
            if ended.code:
                raise RuntimeError(f"train.py ended with {ended.code}: {ended.complaint}")
        bundles.append((place / CURRENT).resolve())
    return Trained(sample.catalogue, cache, bundles)
