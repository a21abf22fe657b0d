"""A sample to learn from: catalogue, log and examples, made once and kept."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from data.atomic_write import whole_folder
from data.join.join import join
from simulate.browsing.log import log_command
from simulate.posters.subjects import Subjects, named
from simulate.world.catalogue import write_catalogue


@dataclass(frozen=True)
class SampleFolders:
    """Where the parts of a sample are."""

    catalogue: Path
    log: Path
    examples: Path


def make_sample(
    cache: Path,
    *,
    subjects: str,
    exclude_subjects: str | None,
    titles: int,
    artworks: int,
    members: int,
    days: int,
    decisions_per_day: int,
    seed: int,
    tell: Callable[[str], None] = lambda text: None,
) -> SampleFolders:
    """Render a catalogue, let members browse it under random artwork, and join what came of it.

    A sample of the same settings is found again. One that was not finished is made anew.

    Args:
        cache: folder that keeps samples.
        subjects: folder of cut-outs.
        exclude_subjects: names that are left out, or a file of them.
        titles: how many.
        artworks: how many a title.
        members: how many.
        days: of the log.
        decisions_per_day: places on all pages of a day.
        seed: of everything.
        tell: is told what comes next.

    Raises:
        BadInput: the cut-outs are not sound.
    """
    settings = {k: v for k, v in locals().items() if k not in ("cache", "tell")}
    name = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
    folder = cache / f"sample-{name}"
    found = SampleFolders(folder / "catalogue", folder / "log", folder / "examples")
    if folder.is_dir():
        return found
    with whole_folder(folder) as part:
        tell(f"rendering {titles * artworks:,} posters of {titles:,} titles")
        drawn = Subjects.read(subjects, exclude=named(exclude_subjects))
        write_catalogue(drawn, titles, artworks, seed, part / "catalogue")
        tell(f"letting {members:,} members browse them for {days} days")
        told = log_command(
            out=str(part / "log"),
            catalogue=str(part / "catalogue"),
            members=members,
            days=days,
            decisions_per_day=decisions_per_day,
            seed=seed,
        )
        tell("joining decisions with what came of them")
        now = datetime.fromisoformat(told["windows_closed"])
        join(part / "log", part / "catalogue" / "titles.parquet", part / "examples", now=now)
        (part / "sample.json").write_text(json.dumps(settings, indent=1))
    return found
