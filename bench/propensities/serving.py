"""Ways to serve a page within one process: from maps, live, or live with maps beneath."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import orjson

from bandit.draws import Epochs
from data.catalogue import Catalogue
from data.days import date_of
from serve.live.load_model import load_live
from serve.live.recorder import DurableLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from serve.maps.layout import Layout
from serve.maps.map_reader import MapReader
from serve.maps.store import MapStore
from serve.precompute.member_block import Work
from serve.scoring.artwork_vectors import scored_artworks
from serve.scoring.bundle_members import BundleMembers
from serve.scoring.candidate_bank import Bank
from serve.scoring.scorer import Scorer
from serve.scoring.served_policy import ServedPolicy

PATIENCE = 600.0
"""Seconds that a live page may take: what is measured here is not how fast it is."""


class Page(NamedTuple):
    """What a page asks for."""

    profile_id: str
    title_ids: list[int]
    facts: Mapping[str, object]
    request_id: str
    fresh: bool
    late: bool  # no time is left: it falls back


class ShownArtwork(NamedTuple):
    """What a title is shown with."""

    artwork_id: str
    decision_id: str
    propensity: float


class Serving(Protocol):
    """A way to serve."""

    def pages(self, pages: Sequence[Page], day: int) -> list[dict[int, ShownArtwork]]:
        """What pages show, by title; what was not logged is left out."""
        ...


@dataclass(frozen=True)
class Models:
    """A catalogue and what decides about it."""

    catalogue: Path
    cache: Path

    def work(self, bundle: Path, day: int, epochs: Epochs) -> Work:
        """What precompute decides on a day."""
        shown, scorer = Catalogue.read(self.catalogue), Scorer(bundle)
        layout = Layout.of_catalogue(shown.titles, shown.artworks, day)
        artworks = scored_artworks(scorer, shown, layout.artwork_ids, self.cache)
        return Work(
            BundleMembers(scorer),
            Bank.of(layout, artworks.vectors, artworks.names),
            layout,
            ServedPolicy.of(scorer.manifest),
            day,
            True,
            scorer.manifest.policy.heads,
            epochs,
        )


class FromMaps:
    """Pages that show what precompute decided, and ask nobody."""

    def __init__(self, store: MapStore, layout: Layout) -> None:
        self.reader, self.layout = MapReader(store, layout), layout

    def pages(self, pages: Sequence[Page], day: int) -> list[dict[int, ShownArtwork]]:
        """See `Serving`."""
        return [self._page(page, day) for page in pages]

    def _page(self, page: Page, day: int) -> dict[int, ShownArtwork]:
        read = self.reader.draws(page.profile_id, day, page.title_ids)
        if read is None:
            return {}
        draws, layout = read[1], self.layout
        return {
            int(layout.title_ids[slot]): ShownArtwork(layout.artwork_ids[ordinal], name, chance)
            for slot, ordinal, name, chance in zip(
                draws.slots.tolist(),
                draws.ordinals.tolist(),
                draws.ids,
                draws.propensities.tolist(),
                strict=True,
            )
        }


class Live:
    """The live service, with or without maps beneath it."""

    def __init__(
        self, models: Models, current: Path, log: Path, store: MapStore | None, epoch_days: int
    ) -> None:
        self._day = 0
        self.source = ModelSource(
            current,
            lambda folder: load_live(
                *(folder, models.catalogue, models.cache, date_of(self._day)),
                epoch_days=epoch_days,
            ),
            lambda: self._day,
        )
        self.recorder = DurableLog(log)
        self.service = LiveService(self.source, self.recorder, store)
        self.loop = asyncio.new_event_loop()

    def pages(self, pages: Sequence[Page], day: int) -> list[dict[int, ShownArtwork]]:
        """See `Serving`."""
        if day != self._day:
            self._day = day
            self.source.look()
        answers = self.loop.run_until_complete(self._together(pages, day))
        return [
            {
                choice["title_id"]: ShownArtwork(
                    choice["artwork_id"], choice["decision_id"], choice["propensity"]
                )
                for choice in answer["decisions"]
                if choice["decision_id"] is not None
            }
            if answer["logged"]
            else {}
            for answer in map(orjson.loads, answers)
        ]

    async def _together(self, pages: Sequence[Page], day: int) -> list[bytes]:
        now = self.loop.time()
        return await asyncio.gather(
            *(
                self.service.answer(
                    {
                        "profile_id": page.profile_id,
                        "title_ids": page.title_ids,
                        "facts": page.facts,
                        "request_id": page.request_id,
                        "day": day,
                        "fresh": page.fresh,
                    },
                    now + (-1.0 if page.late else PATIENCE),
                    admitted=True,
                )
                for page in pages
            )
        )

    def close(self) -> None:
        """Flush the log and end."""
        self.recorder.close()
        self.loop.close()
