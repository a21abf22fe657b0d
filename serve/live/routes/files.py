"""`/artwork`, `/static`: the files behind the URLs that answers hold, for where no CDN has them."""

from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import FileResponse

from serve.live.service import LiveService
from serve.maps.page_urls import PLACEHOLDER

FILES = "/artwork/"
"""Before a path in the catalogue."""
IMAGE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 9" role="img">'
    '<title>No artwork</title><rect width="16" height="9" fill="#808080"/></svg>'
)


class SvgResponse(Response):
    """A drawing."""

    media_type = "image/svg+xml"


def file_routes(service: LiveService) -> APIRouter:
    """Give files."""
    router = APIRouter()

    @router.get(FILES + "{path:path}", response_class=FileResponse)
    async def artwork(path: str) -> FileResponse:
        """An artwork of the catalogue in use; nothing else of the disk."""
        model = service.source.model
        catalogue = service.catalogue
        if catalogue is None or model is None or path not in model.paths:
            raise HTTPException(404, f"no artwork {quote(path)[:200]} is shown today")
        return FileResponse(catalogue / path, headers={"Cache-Control": "max-age=300"})

    @router.get(PLACEHOLDER, response_class=SvgResponse)
    async def placeholder() -> Response:
        """What a title outside the catalogue shows."""
        headers = {"Cache-Control": "max-age=86400"}
        return SvgResponse(IMAGE, headers=headers)

    return router
