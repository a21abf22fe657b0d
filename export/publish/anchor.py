"""Which bundle is the anchor: the one that no chain of publications may fall behind."""

from pathlib import Path

from data.bundle import ANCHOR
from data.errors import BadInput
from export.publish.judge_candidate import fault_of
from export.publish.open_store import open_store
from export.publish.publish import Publication, user
from export.publish.store import missing


def anchor(store: Path | str, bundle_id: str | None = None) -> Publication:
    """Make a bundle the anchor; publishing and rolling back leave it where it is.

    Args:
        store: folder or URL of the published bundles.
        bundle_id: of the store; the live one if None.

    Returns:
        With `published` if it is live, and `previous` the anchor before.

    Raises:
        BadInput: there is none, or it is not whole.
    """
    place = open_store(store)
    target = bundle_id or place.live()
    if target is None:
        raise BadInput(f"{place.where} has no live bundle to make the anchor; publish one")
    if target not in place.ids():
        raise BadInput(missing(target, place))
    with place.locked():
        if fault := fault_of(place, target):
            raise BadInput(f"{target} was not made the anchor: {fault}")
        previous = place.anchor()
        place.point(target, ANCHOR)
    return Publication(target, target == place.live(), "it is the anchor", previous, by=user())
