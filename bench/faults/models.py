"""Bundles, catalogues and caches that are damaged under a service that loads a model from them."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import orjson
import pyarrow.parquet as pq

from bench.faults.damage import cut, flip
from bench.faults.stage.account import Account, Breakage
from bench.faults.stage.scene import FaultScene
from bench.faults.stage.visits import visited
from bench.servers import wait_until
from data.bundle import CURRENT


def _refused_and_mended(
    scene: FaultScene, account: Account, damage: Callable[[], None], mend: Callable[[], None]
) -> None:
    """Damage what a model is loaded from, see the old one stay, mend it, see a new one loaded."""
    with visited(scene, account) as visit:
        service = visit.service

        def loads(outcome: str) -> int:
            return service.counted("marquee_bundle_reloads_total")[outcome]

        before = loads("loaded")
        damage()
        seen = wait_until(lambda: loads("refused") + loads("no_current") > 0, 10)
        account.must(seen is not None, "it was not counted as refused")
        state = service.ready() or {}
        account.must(bool(state.get("refused")), "`/readyz` does not say it")
        account.numbers["refused"] = str(state.get("refused"))[:200]
        account.must(visit.openers.until("live", more=30), "the old model was not kept")
        mend()
        back = wait_until(lambda: not (service.ready() or {"refused": "?"})["refused"], 20)
        account.must(back is not None, "what was mended was not taken")
        account.must(loads("loaded") >= before, "the model was lost")
        fallbacks = visit.openers.pages - visit.openers.reasons["live"]
        account.must(fallbacks == 0, f"{fallbacks} pages were not decided live")


def _next_bundle(scene: FaultScene, damage: Callable[[Path], None]) -> Callable[[], None]:
    """What swaps a damaged copy of the bundle in."""

    def swap() -> None:
        other = scene.bundles / f"{scene.bundle.name}x"
        shutil.copytree(scene.bundle, other)
        damage(other)
        point(scene, other.name)

    return swap


def point(scene: FaultScene, name: str) -> None:
    """Move `current`."""
    link = scene.bundles / ".next"
    link.symlink_to(name)
    link.rename(scene.bundles / CURRENT)


def bundle_cut_short(scene: FaultScene, account: Account) -> None:
    """A bundle with a graph cut to half becomes `current`, then the old one again."""
    name = scene.bundle.name
    swap = _next_bundle(scene, lambda folder: cut(folder / "context.onnx"))
    _refused_and_mended(scene, account, swap, lambda: point(scene, name))


def bundle_corrupt(scene: FaultScene, account: Account) -> None:
    """A bundle with one bit of each file flipped becomes `current`, then the old one again."""
    name = scene.bundle.name

    def damage(folder: Path) -> None:
        for file in folder.iterdir():
            if file.name != "manifest.json":
                flip(file)

    _refused_and_mended(scene, account, _next_bundle(scene, damage), lambda: point(scene, name))


def manifest_changed(scene: FaultScene, account: Account) -> None:
    """A bundle whose manifest was edited to explore nothing becomes `current`."""
    name = scene.bundle.name

    def damage(folder: Path) -> None:
        manifest = orjson.loads((folder / "manifest.json").read_bytes())
        manifest["policy"]["epsilon"] = 1.5
        (folder / "manifest.json").write_bytes(orjson.dumps(manifest))

    _refused_and_mended(scene, account, _next_bundle(scene, damage), lambda: point(scene, name))


def current_gone(scene: FaultScene, account: Account) -> None:
    """`current` is taken away, and put back."""
    name = scene.bundle.name
    gone = (scene.bundles / CURRENT).unlink
    _refused_and_mended(scene, account, gone, lambda: point(scene, name))


def titles_damaged(scene: FaultScene, account: Account) -> None:
    """The table of titles is cut to half under the service, and put back."""
    file = scene.catalogue / "titles.parquet"
    whole = file.read_bytes()
    _refused_and_mended(scene, account, lambda: cut(file), lambda: _write(file, whole))


def _write(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def schema_changed(scene: FaultScene, account: Account) -> None:
    """A column of the table of artworks is taken away, and another has text for ids; put back."""
    file = scene.catalogue / "artworks.parquet"
    whole, table = file.read_bytes(), pq.read_table(file)

    def damage() -> None:
        ids = [f"number {each}" for each in table["title_id"].to_pylist()]
        pq.write_table(
            table.drop_columns(["title_id", "path"]).append_column("title_id", [ids]), file
        )

    _refused_and_mended(scene, account, damage, lambda: _write(file, whole))


def cache_damaged(scene: FaultScene, account: Account) -> None:
    """Every file of the cache of images is cut to half, and one is noise, before the start."""
    for number, file in enumerate(sorted(f for f in scene.cache.rglob("*") if f.is_file())):
        cut(file)
        if number == 0:
            file.write_bytes(os.urandom(1000))
    with visited(scene, account) as visit:
        account.must(visit.openers.until("live", more=20), "no page was decided")
    state = visit.openers.reasons
    account.must(set(state) == {"live"}, f"pages fell back: {dict(state)}")


BREAKAGES = (
    Breakage(
        "bundle cut short",
        "It is refused by name and the old one decides every page.",
        bundle_cut_short,
    ),
    Breakage(
        "bundle corrupt",
        "It is refused by name and the old one decides every page.",
        bundle_corrupt,
    ),
    Breakage(
        "manifest changed",
        "It is refused by name and the old one decides every page.",
        manifest_changed,
    ),
    Breakage(
        "`current` gone",
        "The model in use decides every page.",
        current_gone,
    ),
    Breakage(
        "titles damaged under the service",
        "The model in use decides every page; mended, the table is taken without a restart.",
        titles_damaged,
    ),
    Breakage(
        "schema changed under the service",
        "The model in use decides every page; mended, the table is taken without a restart.",
        schema_changed,
    ),
    Breakage(
        "cache damaged",
        "Images are decoded anew: every page is decided.",
        cache_damaged,
    ),
)
