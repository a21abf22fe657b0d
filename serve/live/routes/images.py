"""`/v1/score`: an image that the catalogue does not have."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, File, HTTPException, UploadFile

from serve.live.door.image_worker import BusyError
from serve.live.schema import ScoredImage
from serve.live.service import LiveService

IMAGE_LIMIT = 8 << 20


def image_routes(service: LiveService) -> APIRouter:
    """Score images."""
    router = APIRouter()

    @router.post("/v1/score")
    async def score(image: Annotated[UploadFile, File()], title_id: str) -> ScoredImage:
        """Score an image that the catalogue does not have: its vector as a title's candidate."""
        raw = await image.read(IMAGE_LIMIT + 1)
        if len(raw) > IMAGE_LIMIT:
            raise HTTPException(413, f"the image is larger than {IMAGE_LIMIT} bytes")
        model = service.source.model
        if model is None or model.images is None:
            raise HTTPException(404, "the model in use scores no images")
        try:
            picture = await service.pictures.decode(raw, model.images.format)
            return await asyncio.to_thread(model.images.score, picture, title_id)
        except BusyError:
            words = "other images are being scored; send it again"
            raise HTTPException(503, words, {"Retry-After": "1"}) from None
        except ValueError as error:
            raise HTTPException(422, str(error)) from None

    return router
