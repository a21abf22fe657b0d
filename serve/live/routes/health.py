"""`/healthz`, `/readyz` and `/metrics`: for those who look after the service."""

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from serve.live import metrics
from serve.live.schema import Readiness
from serve.live.service import LiveService


def health_routes(service: LiveService) -> APIRouter:
    """Say how the service is."""
    router = APIRouter()

    @router.get("/healthz")
    async def health() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @router.get("/readyz", responses={503: {"model": Readiness}})
    async def ready(response: Response) -> Readiness:
        """A model is loaded and the process is not shutting down."""
        model = service.source.model
        response.status_code = 200 if model is not None and not service.draining else 503
        return Readiness(
            bundle=model.policy.bundle if model is not None else None,
            refused=service.source.refused,
            draining=service.draining,
            log=service.recorder.trouble(),
            experiments=service.arms.refused if service.arms is not None else "",
            rules=service.source.rules.refused if service.source.rules is not None else "",
        )

    @router.get("/metrics", response_class=PlainTextResponse)
    async def prometheus() -> Response:
        """Prometheus' text format, all workers together."""
        return Response(metrics.exposition(), media_type="text/plain; version=0.0.4")

    return router
