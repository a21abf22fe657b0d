"""Pictures by canvas beside the maps: what look-ups give URLs of."""

from serve.maps.layout import Layout
from serve.maps.store import MapStore
from serve.pictures.layout_pictures import LayoutPictures, pictures_key


def put_pictures(store: MapStore, layout: Layout, pictures: LayoutPictures | None) -> None:
    """Store what pictures a layout's artworks have; nothing where they have one each.

    Args:
        store: of maps in this layout.
        layout: of the catalogue.
        pictures: of its artworks; None: one each.

    Raises:
        StoreUnavailableError: it does not answer.
    """
    key = pictures_key(layout.digest)
    if pictures is not None:
        store.put_shared(key, pictures.to_bytes())
    elif store.get_shared(key):  # of the same catalogue, when it had more
        store.put_shared(key, b"")
