"""A small product to break: a catalogue, a published bundle, maps, a log, each in a folder."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from bench.measured import Ended, command
from bench.small_demo import DemoFolders
from data.bundle import CURRENT
from data.clock import VARIABLE
from data.log import roll


@dataclass(frozen=True)
class FaultScene:
    """Folders below one folder; whoever breaks them has a copy of its own."""

    folder: Path

    @property
    def catalogue(self) -> Path:
        """Titles, artworks and images."""
        return self.folder / "catalogue"

    @property
    def bundles(self) -> Path:
        """With one bundle that `current` leads to."""
        return self.folder / "bundles"

    @property
    def bundle(self) -> Path:
        """The folder that `current` leads to."""
        return (self.bundles / CURRENT).resolve()

    @property
    def maps(self) -> Path:
        """An LMDB store with a map of every profile."""
        return self.folder / "maps"

    @property
    def profiles(self) -> Path:
        """The table of profiles."""
        return self.folder / "profiles.parquet"

    @property
    def log(self) -> Path:
        """Where decisions are logged; nothing yet."""
        return self.folder / "log"

    @property
    def drawn(self) -> Path:
        """A log of what the maps that are there drew."""
        return self.folder / "drawn"

    @property
    def cache(self) -> Path:
        """Of decoded images."""
        return self.folder / "cache"

    @property
    def examples(self) -> Path:
        """What the bundle was trained on."""
        return self.folder / "examples"

    @property
    def titles(self) -> list[int]:
        """Title ids of the catalogue."""
        return pq.read_table(self.catalogue / "titles.parquet")["title_id"].to_pylist()

    @property
    def members(self) -> list[str]:
        """Ids of the profiles that have maps."""
        return pq.read_table(self.profiles)["profile_id"].to_pylist()

    def precompute(self, *more: object, clock: Path | None = None) -> Ended:
        """Run precompute to its end, by the machine's clock or by one that is turned."""
        turned = {} if clock is None else {VARIABLE: str(clock)}
        return command([*self.precompute_words(), *more], 60, **turned)

    def precompute_words(self) -> list[object]:
        """The command that makes maps, after `python`."""
        words: list[object] = ["-m", "serve", "precompute", "--workers", "1"]
        words += ["--bundle", self.bundles / CURRENT, "--catalogue", self.catalogue]
        words += ["--profiles", self.profiles, "--cache", self.cache]
        return [*words, "--store", self.maps, "--log", self.log]

    @contextmanager
    def copied(self, folder: Path) -> Iterator["FaultScene"]:
        """A copy in a folder, for as long as it is needed."""
        shutil.copytree(self.folder, folder, symlinks=True)
        try:
            yield FaultScene(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def lay_out(demo: DemoFolders, folder: Path) -> FaultScene:
    """A scene made of a demo.

    Raises:
        RuntimeError: its maps cannot be made.
    """
    scene = FaultScene(folder)
    shutil.copytree(demo.catalogue, scene.catalogue)
    bundle = demo.bundle.resolve()
    shutil.copytree(bundle, scene.bundles / bundle.name)
    (scene.bundles / CURRENT).symlink_to(bundle.name)
    shutil.copytree(demo.examples, scene.examples)
    words = ["-m", "data", "profiles", scene.examples, "--out", scene.profiles]
    for ended in (command(words), scene.precompute()):
        if ended.code:
            raise RuntimeError(f"there is nothing to break: {ended.complaint}")
    roll(scene.log)
    scene.log.rename(scene.drawn)
    return scene
