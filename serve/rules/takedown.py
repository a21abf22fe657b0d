"""`python -m serve takedown`: artwork that nobody is shown any more, from this second on."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from data import clock
from data.catalogue import Catalogue
from data.command_line.local_path import without_password
from data.errors import BadInput
from data.rules.files import read_rules
from data.rules.traits import ArtworkTraits
from data.schema.schema import read_schema
from data.sound import id_problem
from serve.maps.current import read_current
from serve.maps.layout import Layout, layout_key
from serve.maps.open_store import open_map_store
from serve.maps.store import MapStore
from serve.maps.takedown.instead import put_instead, read_instead
from serve.maps.takedown.listed import Takedown, TakedownChange, change_takedown, read_takedown
from serve.rules.anybody import for_anybody
from serve.rules.layout_rules import LayoutRules


@dataclass(frozen=True)
class TakenDownList:
    """What is taken down, and the latest changes."""

    version: int
    artwork_ids: list[str]
    changes: list[TakedownChange]
    ruled_titles: int = 0
    """Of which look-ups show but some artwork in the place of other: rules forbid the rest."""


SHOWN = 20
"""Changes that are printed."""


# Each parameter is an option of the command.
def takedown(
    artworks: list[str] | None = None,
    store: str = "artifacts/maps",
    who: str = "",
    why: str = "",
    restore: bool = False,
    unknown: bool = False,
    rules: Path | None = None,
    catalogue: Path = Path("artifacts/catalogue"),
) -> TakenDownList:
    """Take artwork off all pages that read a store's maps; without any, print what is taken down.

    Look-up clients and live services see it within a second or two: each of its titles shows its
    next best that no rule forbids to anybody. The next precompute makes draws without it.

    Args:
        artworks: Ids to take down.
        store: Folder or URL of the maps.
        who: Asks for it.
        why: It is asked for.
        restore: Put them back in place of taking them down.
        unknown: Also take down ids that the maps' catalogue does not have, or in a store without
            maps.
        rules: rules.yaml of now, which say what look-ups may show in its place; without it those
            that maps were made by do. Without artworks: look-ups go by them from now on.
        catalogue: Folder of the catalogue, where rules are given.
    """
    if not (artworks and unknown):
        open_map_store(store, readonly=True).close()  # a name that is wrong makes no store
    maps = open_map_store(store, timeout=10.0)
    try:
        if rules is not None and not artworks:
            _say_instead(maps, rules, catalogue)
        if not artworks:
            return _listed(_read(maps), maps)
        if not who or not why:
            raise BadInput("--who and --why are missing: whoever reads the list will want to know")
        for name in artworks:
            if wrong := id_problem(name):
                raise BadInput(f"--artworks {name!r:.60}: {wrong}")
        shown = _shown(maps)
        known = None if shown is None else frozenset(shown.artwork_ids)
        strange = [name for name in artworks if name not in (known or ())]
        if known is None and not unknown and not restore:
            raise BadInput(
                f"--store {without_password(store)}: no maps in it that pages read; mend its name,"
                " or add --unknown"
            )
        if strange and not unknown and not restore:
            raise BadInput(
                f"--artworks {strange[0]}: the maps' catalogue has no such artwork; mend the id,"
                " or add --unknown"
            )
        if rules is not None:
            _say_instead(maps, rules, catalogue)
        now_us = clock.now_us()
        return _listed(change_takedown(maps, artworks, not restore, now_us, who, why), maps)
    finally:
        maps.close()


def show(listed: TakenDownList) -> None:
    """Print the list for people."""
    print(f"{len(listed.artwork_ids)} artworks are taken down (version {listed.version})")
    for name in listed.artwork_ids:
        print(f"  {name}")
    if listed.ruled_titles:
        print(f"{listed.ruled_titles:,} titles of which rules let not everybody see all artwork")
    for change in listed.changes:
        at = datetime.fromtimestamp(change.at_us / 1e6, UTC).isoformat(timespec="seconds")
        what = "taken down" if change.down else "put back"
        print(f"{at} {change.artwork_id} {what} by {change.who}: {change.why}")


def _listed(held: Takedown, maps: MapStore) -> TakenDownList:
    ruled = 0
    with suppress(ValueError):  # look-ups count it, and go by what they knew
        ruled = len(read_instead(maps).artwork_ids)
    names, changes = sorted(held.artwork_ids), list(held.changes[-SHOWN:])
    return TakenDownList(held.version, names, changes, ruled)


def _read(maps: MapStore) -> Takedown:
    try:
        return read_takedown(maps)
    except ValueError as error:
        raise BadInput(str(error)) from None


def _shown(maps: MapStore) -> Layout | None:
    """What pages are opened in; None: it cannot be told."""
    try:
        current = read_current(maps)
        raw = None if current is None else maps.get_shared(layout_key(current.layout))
        return None if raw is None else Layout.from_bytes(raw)
    except ValueError:
        return None


def _say_instead(maps: MapStore, file: Path, catalogue: Path) -> None:
    """Tell look-ups what the rules of now let anybody see.

    Raises:
        BadInput: rules that cannot be, or a store that shows nothing.
    """
    written = read_rules(file, read_schema(catalogue))
    traits, shown = ArtworkTraits.of(Catalogue.read(catalogue)), _shown(maps)
    if shown is None:
        raise BadInput(f"--rules {file}: the store has no maps that they could be about")
    put_instead(maps, for_anybody(LayoutRules.of(written, traits, shown), shown, clock.now_us()))
