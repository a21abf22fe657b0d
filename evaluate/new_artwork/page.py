"""Images that were judged for a title, as one HTML page that needs no network."""

import base64
import io
from pathlib import Path

from PIL import Image

from data.catalogue import Catalogue
from data.images.decode import thumbnail
from evaluate.look.render import write_page
from evaluate.new_artwork.records import NewArtwork


def write_judged(value: NewArtwork, catalogue: Catalogue, path: Path) -> None:
    """Write the images with what they add, the curve of value, segments and what to commission."""
    name = catalogue.titles["name"].to_pylist()[catalogue.title_ids.index(value.title)]
    write_page(
        "file.html",
        path,
        part="new_artwork.html",
        heading=f"New artwork for {name}",
        value=value,
        source={image.image: _inside(image.image) for image in value.images},
        about={},
        picture=None,
        open=True,
    )


def _inside(file: str) -> str:
    """A whole small picture of a file, as an address that holds it."""
    packed = io.BytesIO()
    picture = Image.fromarray(thumbnail(file, 420, 600).transpose(1, 2, 0))
    picture.save(packed, "WEBP", quality=85)
    return f"data:image/webp;base64,{base64.b64encode(packed.getvalue()).decode()}"
