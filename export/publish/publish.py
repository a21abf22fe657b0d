"""Which bundle is live: publish, roll back, list, verify, prune.

A bundle goes live only after it was compared with the one that it replaces. While that takes its
time, another may be published: then the comparison is made again, with the new one.
"""

import getpass
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from data.bundle import Bundle
from data.errors import BadInput
from export.publish.judge_candidate import Gate, Undecided, fault_of, judge_candidate
from export.publish.open_store import open_store
from export.publish.runnable import refuse_what_cannot_run
from export.publish.store import Note, Store, missing, text_in

ROUNDS = 8
"""How often a comparison is made again because another bundle went live meanwhile."""


@dataclass(frozen=True)
class Publication:
    """What came of publishing."""

    bundle_id: str
    published: bool
    reason: str
    previous: str | None
    """The bundle that was live before; rolling back returns to it."""
    forced: bool = False
    """Whether it went live against the gate's verdict."""
    verdict: Note | None = None
    by: str = ""
    time: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


def publish(
    bundle: Path | str,
    store: Path | str,
    gate: Gate | None = None,
    force: bool = False,
    undecided: Undecided = "keep",
) -> Publication:
    """Make a bundle the live one, if it may be.

    With a gate, its verdict over the live bundle and the anchor decides. Without, the bundle's
    parent must be the live one: else another was published since, which this one was never compared
    with. Where nothing is live, or what is live is broken or of another catalogue, only what a gate
    refuses stays out.

    Args:
        bundle: its folder, or the id of a bundle in the store.
        store: folder or URL of the published bundles.
        gate: compares the bundle with the live one and the anchor.
        force: publish in any case, and note whose verdict was overridden.
        undecided: what becomes of a bundle of which the gate cannot tell.

    Returns:
        With `published` False if it was refused; the store is then as it was.

    Raises:
        BadInput: the bundle is not whole or cannot run, or others publish without end.
    """
    place = open_store(store)
    if not Path(bundle).exists() and str(bundle) in place.ids():
        with place.at_hand(str(bundle)) as folder:
            return _publish(Bundle.open(folder), place, gate, force, undecided)
    return _publish(Bundle.open(bundle), place, gate, force, undecided)


def _publish(
    candidate: Bundle, place: Store, gate: Gate | None, force: bool, undecided: Undecided
) -> Publication:
    name = candidate.bundle_id
    for _ in range(ROUNDS):
        live = place.live()
        if live == name:
            place.add(candidate)  # what is there may have been damaged since
            return Publication(name, True, "it is live already", _previous(place, name))
        may, reason, verdict = judge_candidate(candidate, place, live, gate, force, undecided)
        forced = not may and force
        if not may and not force:
            return Publication(name, False, reason, live, verdict=verdict)
        refuse_what_cannot_run(candidate)
        place.add(candidate)
        with place.locked():
            if place.live() != live or name not in place.ids():
                continue
            publication = Publication(name, True, reason, live, forced, verdict, user())
            place.note(name, asdict(publication))
            place.point(name)
            return publication
    raise BadInput(
        f"{place.where}: each time that {name} was compared with the live bundle, another had "
        "been published; let one publisher finish, then try again"
    )


def rollback(store: Path | str, to: str | None = None) -> Publication:
    """Make an earlier bundle the live one.

    Args:
        store: folder or URL of the published bundles.
        to: id of the bundle; the one that was live before if None.

    Raises:
        BadInput: there is none, or it is not whole or cannot run.
    """
    place = open_store(store)
    if not place.ids():  # a lock would make the folder that is not there
        raise BadInput(f"{place.where}: nothing was live before: it holds no bundle")
    with place.locked():
        live = place.live()
        target = to or _previous(place, live)
        if target is None:
            there = ", ".join(place.ids()[-5:]) or "none"
            raise BadInput(
                f"{place.where}: nothing was live before {live}; name one with --to: {there}"
            )
        if target not in place.ids():
            raise BadInput(missing(target, place))
        if trouble := fault_of(place, target):
            raise BadInput(f"not rolled back to {target}: {trouble}")
        with place.at_hand(target) as folder:
            refuse_what_cannot_run(Bundle.open(folder))
        place.point(target)
    return Publication(target, True, "rolled back", live, by=user())


class ListedBundle(TypedDict):
    """A bundle of a store, and how it was published; None: it never was."""

    bundle_id: str
    live: bool
    anchor: bool
    published: str | None
    """When."""
    previous: str | None
    """The bundle that it replaced."""
    forced: bool | None
    reason: str | None


def list_bundles(store: Path | str) -> list[ListedBundle]:
    """Bundles of a store, oldest first: id, whether live, and how each was published."""
    place = open_store(store)
    return [_listed(name, place) for name in place.ids()]


def _listed(bundle_id: str, place: Store) -> ListedBundle:
    note = place.noted(bundle_id)
    forced = note.get("forced")
    return ListedBundle(
        bundle_id=bundle_id,
        live=bundle_id == place.live(),
        anchor=bundle_id == place.anchor(),
        published=text_in(note, "time"),
        previous=text_in(note, "previous"),
        forced=forced if isinstance(forced, bool) else None,
        reason=text_in(note, "reason"),
    )


def verify(store: Path | str, bundle_id: str | None = None) -> dict[str, str]:
    """Check every byte of a store's bundles: id → what is wrong with it, empty if it is whole.

    Args:
        store: folder or URL of the published bundles.
        bundle_id: one bundle; all of them if None, and the live one even if it is missing.
    """
    place = open_store(store)
    live = place.live()
    names = [bundle_id] if bundle_id else place.ids()
    if not bundle_id and live is not None and live not in names:
        names.append(live)
    return {name: fault_of(place, name) for name in names}


def prune(store: Path | str, keep: int) -> list[str]:
    """Remove all but the newest bundles; never the live one, the one before, nor the anchor.

    Args:
        store: folder or URL of the published bundles.
        keep: how many stay at least.

    Returns:
        Ids of those removed.
    """
    if keep < 1:
        raise BadInput(f"keep is {keep}; at least one bundle stays, the live one")
    place = open_store(store)
    removed: list[str] = []
    if not place.ids():
        return removed
    with place.locked():
        live = place.live()
        spared = {live, _previous(place, live), place.anchor()}
        for name in place.ids()[:-keep]:
            if name not in spared:
                place.remove(name)
                removed.append(name)
    return removed


def _previous(place: Store, bundle_id: str | None) -> str | None:
    """The bundle that another replaced when it went live."""
    return None if bundle_id is None else text_in(place.noted(bundle_id), "previous")


def user() -> str:
    """Who runs this; empty where the machine does not say."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
