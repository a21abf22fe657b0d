"""Pictures of a layout's artworks out of a catalogue."""

from collections.abc import Iterable

from data.catalogue import Catalogue
from data.images.canvases import canvas_aspects
from serve.pictures.layout_pictures import LayoutPictures


def pictures_of_layout(catalogue: Catalogue, artwork_ids: Iterable[str]) -> LayoutPictures | None:
    """Those of a layout's artworks; None: the catalogue has one picture an artwork."""
    if catalogue.images is None:
        return None
    own = dict(zip(catalogue.artwork_ids, catalogue.pictures, strict=True))
    return LayoutPictures(canvas_aspects(catalogue), [own[name] for name in artwork_ids])
