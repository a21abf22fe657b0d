"""`/v1/maps`: what precompute drew for a profile."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from data import clock
from data.days import DAY_US
from serve.live import metrics
from serve.live.schema import MapAnswer, MapAsset, MapTitle, ShownPicture
from serve.live.service import LiveService
from serve.live.snapshot import LiveModel
from serve.maps.artwork_map import ArtworkMap, CorruptMapError
from serve.maps.map_draws import MapDraws
from serve.maps.map_reader import MapReader
from serve.maps.store import StoreUnavailableError
from serve.pictures.asked import asked_pictures
from serve.pictures.url import artwork_url

Names = Annotated[list[str] | None, Query()]


def map_routes(service: LiveService) -> APIRouter:
    """Read artwork maps."""
    router = APIRouter()

    @router.get("/v1/maps/{profile_id}", response_model_exclude_unset=True)
    async def artwork_map(
        profile_id: str, canvas: Names = None, languages: Names = None
    ) -> MapAnswer:
        """The artwork map of a profile: what precompute drew, and the decisions behind it."""
        model, store = service.source.model, service.store
        try:
            asked = asked_pictures({"canvas": canvas, "languages": languages})
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        if store is None or model is None:
            raise HTTPException(404, "this service has no map store or no model")
        reader, today = MapReader(store, model.layout, model.words), clock.now_us() // DAY_US
        member = None
        try:
            store.look()
            member = await asyncio.to_thread(reader.draws, service.names.of(profile_id), today)
        except StoreUnavailableError as error:
            metrics.FALLBACKS.labels("store", error.reason).inc()
        except CorruptMapError:
            metrics.FALLBACKS.labels("store", "map_corrupt").inc()
        if member is None:
            return MapAnswer(profile_id=profile_id, version=None, titles=[])
        held, draws = member
        titles = _titles(draws, model)
        await asyncio.to_thread(_with_assets, titles, held, draws, reader, model.base_url)
        if asked is not None:
            for title in titles:
                given = model.page_pictures.of(title.artwork_id, title.url, asked)
                title.pictures = {k: ShownPicture(**one) for k, one in given.by_canvas.items()}
                title.url = given.url
                for name in given.others:
                    metrics.OTHER_CANVAS.labels(name).inc()
        return MapAnswer(profile_id=profile_id, version=held.version, titles=titles)

    return router


def _with_assets(
    titles: list[MapTitle], held: ArtworkMap, draws: MapDraws, reader: MapReader, base_url: str
) -> None:
    """Say what the map shows beside each artwork."""
    table = None if held.beside is None else reader.table(held.beside.table)
    if table is None or held.beside is None:
        return
    for title, slot in zip(titles, draws.slots.tolist(), strict=True):
        title.assets = {
            kind: MapAsset(
                asset_id=entry.asset_id,
                text=entry.text,
                frames=[artwork_url(base_url, path) for path in entry.frames],
            )
            for kind, entry in table.shown(slot, held.beside.codes[:, slot].tolist())
        }


def _titles(draws: MapDraws, model: LiveModel) -> list[MapTitle]:
    layout = model.layout
    return [
        MapTitle(
            title_id=layout.title_ids.item(slot),
            artwork_id=layout.artwork_ids[ordinal],
            url=artwork_url(model.base_url, layout.paths[ordinal]),
            decision_id=name,
            propensity=propensity,
        )
        for slot, ordinal, name, propensity in zip(
            draws.slots.tolist(),
            draws.ordinals.tolist(),
            draws.ids,
            draws.propensities.tolist(),
            strict=True,
        )
    ]
