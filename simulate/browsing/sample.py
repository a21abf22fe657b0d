"""A sample to learn from: catalogue, log and examples, made once and kept."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from data.atomic_write import whole_folder
from data.join.join import join
from simulate.browsing.browse import browse_days
from simulate.browsing.day import Browsing
from simulate.browsing.log import windows_closed, write_days
from simulate.browsing.logging_policies import Uniform
from simulate.posters.subjects import Subjects, named
from simulate.progress import progress_bar
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.catalogue import write_catalogue


@dataclass(frozen=True)
class SampleSettings:
    """What a sample is made of; the same settings find the same sample again."""

    subjects: str
    """Folder of cut-outs."""
    exclude_subjects: str | None
    """Names that are left out, or a file of them."""
    titles: int
    artworks: int
    """A title."""
    members: int
    days: int
    """Of the log."""
    decisions_per_day: int
    seed: int
    """Of everything."""


@dataclass(frozen=True)
class SampleFolders:
    """Where the parts of a sample are."""

    catalogue: Path
    log: Path
    examples: Path


def make_sample(
    cache: Path,
    settings: SampleSettings,
    progress: Callable[[str], None] = lambda text: None,
) -> SampleFolders:
    """Render a catalogue, let members browse it under random artwork, and join what came of it.

    A sample of the same settings is found again. One that was not finished is made anew.

    Args:
        cache: folder that keeps samples.
        settings: what the sample is made of.
        progress: called with what comes next.

    Raises:
        BadInput: the cut-outs are not sound.
    """
    name = hashlib.sha256(json.dumps(asdict(settings), sort_keys=True).encode()).hexdigest()[:12]
    folder = cache / f"sample-{name}"
    if not folder.is_dir():
        with whole_folder(folder) as part:
            _write_sample(_folders(part), settings, progress)
            (part / "sample.json").write_text(json.dumps(asdict(settings), indent=1))
    return _folders(folder)


def _folders(sample: Path) -> SampleFolders:
    return SampleFolders(sample / "catalogue", sample / "log", sample / "examples")


def _write_sample(
    to: SampleFolders, settings: SampleSettings, progress: Callable[[str], None]
) -> None:
    titles, artworks, days = settings.titles, settings.artworks, settings.days
    progress(f"rendering {titles * artworks:,} posters of {titles:,} titles")
    subjects = Subjects.read(settings.subjects, exclude=named(settings.exclude_subjects))
    write_catalogue(subjects, titles, artworks, settings.seed, to.catalogue)
    progress(f"letting {settings.members:,} members browse them for {days} days")
    world = ArtworkWorld.read(to.catalogue, settings.members, settings.seed)
    browsing = Browsing(settings.decisions_per_day, settings.seed)
    with progress_bar("days", days) as done:
        write_days(browse_days(world, Uniform(), range(days), browsing), to.log, done)
    progress("joining decisions with what came of them")
    join(to.log, to.catalogue / "titles.parquet", to.examples, now=windows_closed(days))
