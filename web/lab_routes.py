"""The lab over HTTP: a page, and the same as JSON."""

import asyncio
import io
from typing import Annotated

from fastapi import APIRouter, File, Form, Query, Response, UploadFile
from PIL import Image

from data.errors import BadInput
from data.images.decode import load_image, upright_size
from data.images.format import ImageFormat
from serve.live.door.image_worker import BusyError
from web.lab.judge import MOST, LabAnswer
from web.lab.uploads import Upload
from web.pages_of import PagesOf
from web.render import page, small

IMAGE_BYTES = 16 << 20
LONGEST = 1600
"""Pixels of the longer side of what is kept of an image."""
CROPPED = 300
"""Pixels of the longer side of a crop."""
Sent = Annotated[list[UploadFile], File()]
Digests = Annotated[list[str], Query(alias="image", max_length=MOST)]


def lab_routes(pages: PagesOf) -> APIRouter:
    """Where images are sent and judged."""
    router = APIRouter()

    @router.post("/api/lab")
    async def judge(title: Annotated[str, Form()], images: Sent) -> LabAnswer:
        """Judge images that nobody has shown as candidates of a title.

        Each may have 16 MiB; one that cannot be decoded refuses all, with what to do.
        """
        kept, refused = await received(pages, images)
        if refused:
            raise BadInput("; ".join(refused))
        return await asyncio.to_thread(answered, pages, title, kept)

    @router.get("/api/lab")
    def judged(title: str, image: Digests) -> LabAnswer:
        """The same of images that were sent before, by their digests."""
        return answered(pages, title, [pages.uploads.of(one) for one in image])

    @router.get("/lab", include_in_schema=False)
    def lab(title: str = "", image: Annotated[list[str], Query(max_length=MOST)] = []) -> Response:  # noqa: B006
        kept = [pages.uploads.of(one) for one in image]
        return _lab_page(pages, title, answered(pages, title, kept) if kept else None, [])

    @router.post("/lab", include_in_schema=False)
    async def send(title: Annotated[str, Form()], images: Sent) -> Response:
        kept, refused = await received(pages, images)
        answer = await asyncio.to_thread(answered, pages, title, kept) if kept else None
        return await asyncio.to_thread(_lab_page, pages, title, answer, refused)

    @router.get("/lab/picture", include_in_schema=False)
    def picture(image: str, aspect: float | None = None) -> Response:
        kept = pages.uploads.of(image)
        content = kept.file.read_bytes()
        if aspect is not None and 0.2 <= aspect <= 5:
            content = _cropped(kept, aspect)
        return Response(
            content, media_type="image/webp", headers={"Cache-Control": "private, max-age=3600"}
        )

    return router


async def received(pages: PagesOf, images: list[UploadFile]) -> tuple[list[Upload], list[str]]:
    """Images written anew, and a sentence for each that cannot be."""
    kept, refused = [], []
    if len(images) > MOST:
        raise BadInput(f"{len(images)} images were sent; send at most {MOST} at once")
    for sent in images:
        name = sent.filename or "without a name"
        raw = await sent.read(IMAGE_BYTES + 1)
        try:
            if not raw:
                words = "choose a file first" if not sent.filename else f"image {name} is empty"
                raise BadInput(f"{words}; export it as PNG or JPEG")
            if len(raw) > IMAGE_BYTES:
                raise BadInput(
                    f"image {name} has more than {IMAGE_BYTES >> 20} MiB; export it smaller"
                )
            content = await pages.worker.reencode(raw, name, LONGEST)
            kept.append(await asyncio.to_thread(pages.uploads.keep, content, name))
        except BusyError:
            refused.append(f"image {name} had to wait too long; send it again")
        except BadInput as error:
            refused.append(str(error))
    return kept, refused


def answered(pages: PagesOf, title: str, kept: list[Upload]) -> LabAnswer:
    """The lab's answer for a title, by its id."""
    view = pages.view()
    return pages.lab.answer(view, view.title(title), kept, pages.audience())


def _lab_page(pages: PagesOf, title: str, answer: LabAnswer | None, refused: list[str]) -> Response:
    view = pages.view()
    found = view.title(title) if title else None
    content = {
        "shape": view.shape,
        "bundle": view.model.policy.bundle,
        "title": found,
        "titles": list(view.titles.values()),
        "refused": refused,
        "answer": answer,
    }
    if answer is not None:
        digests = [image.image for image in answer.value.images]
        content |= {
            "value": answer.value,
            "source": {one: f"/lab/picture?image={one}" for one in digests},
            "about": {one.image: one for one in answer.about},
            "again": digests,
            "picture": small,
            "open": False,
        }
    return page("lab.html", 422 if refused and answer is None else 200, **content)


def _cropped(kept: Upload, aspect: float) -> bytes:
    """A picture as a canvas would crop it about its middle."""
    width, height = (CROPPED, CROPPED / aspect) if aspect > 1 else (CROPPED * aspect, CROPPED)
    columns, rows = upright_size(kept.file.read_bytes(), kept.name)
    scale = min(1.0, columns / width, rows / height)
    shape = ImageFormat(max(1, round(height * scale)), max(1, round(width * scale)), fit="crop")
    out = io.BytesIO()
    Image.fromarray(load_image(kept.file, shape).transpose(1, 2, 0)).save(out, "WEBP", quality=82)
    return out.getvalue()
