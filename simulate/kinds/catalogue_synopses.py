"""`python -m simulate synopses`: three synopses for every title of a rendered catalogue."""

from collections.abc import Sequence
from pathlib import Path

from data.assets.assets import ASSETS_FILE, Assets
from data.catalogue import Catalogue
from data.errors import BadInput
from simulate.kinds.told_world import EACH, KIND, ToldWorld
from simulate.world.artwork_world import ArtworkWorld


def synopses(catalogue: Path, seed: int = 1) -> dict[str, object]:
    """Write assets.parquet beside a rendered catalogue: three synopses a title.

    Each tells of themes of its title and of a few of its own. What they do to members follows from
    the catalogue and the seed, and is not in the file: `python -m simulate visit --kinds synopsis`
    knows it.

    Args:
        catalogue: folder that `python -m simulate catalogue` wrote.
        seed: of the synopses; members who read them visit with the same.

    Raises:
        BadInput: the catalogue has assets already, or is none that was rendered.
    """
    if (catalogue / ASSETS_FILE).exists():
        raise BadInput(
            f"{catalogue / ASSETS_FILE} is there already; move it away, or go on with it"
        )
    told = ToldWorld.make(ArtworkWorld.read(catalogue, 1, seed), 0.0, seed)
    told.assets().write()
    return {"catalogue": str(catalogue), "titles": len(told.texts), "each": EACH}


def read_kinds(kinds: Sequence[str] | None) -> bool:
    """Whether members read something beside the artwork.

    Args:
        kinds: that pages show; None or none: artwork alone.

    Raises:
        BadInput: simulated members know nothing of a kind.
    """
    if kinds and list(kinds) != [KIND]:
        raise BadInput(
            f"--kinds {','.join(kinds)}: simulated members read the kind {KIND} alone; give"
            f" --kinds {KIND}, or leave it out"
        )
    return bool(kinds)


def told_of(world: ArtworkWorld, catalogue: Path, seed: int) -> ToldWorld:
    """What members make of a catalogue's synopses, each by itself.

    Args:
        world: of the catalogue's artwork.
        catalogue: its folder.
        seed: that the synopses were written with.

    Raises:
        BadInput: its synopses are not those of the seed.
    """
    told = ToldWorld.make(world, 0.0, seed)
    shown = Assets.read(Catalogue.read(catalogue))
    texts = {name: row["text"] for name, row in shown.rows.items() if row["kind"] == KIND}
    if texts != {name: row["text"] for name, row in told.assets().rows.items()}:
        raise BadInput(
            f"{catalogue / ASSETS_FILE} has not the synopses of seed {seed}; write them with"
            f" `python -m simulate synopses --catalogue {catalogue} --seed {seed}`, or give --seed"
            " as it was given there"
        )
    return told
