"""What a page gets when it is not decided live: its map, the unpersonalised best, the default.

Always an image a title, never an error: the first level that answers is taken, counted under the
reason that led to it, and logged with its own propensity where the log has room.
"""

import asyncio
import time
from collections.abc import Collection, Sequence
from concurrent.futures import Future
from typing import NamedTuple

import numpy as np
import orjson

from data import clock
from data.log import PageRecords
from data.records import PINNED, TitleId
from serve.live import metrics
from serve.live.fallback_choice import HOLDOUT, PLACEHOLDER, FallbackChoice, placeholder
from serve.live.page_draws import name_fallback
from serve.live.page_request import PageRequest
from serve.live.recorder import LogFullError, Recorder, on_disk
from serve.live.reload import ModelHolder
from serve.live.request_facts import RequestFacts
from serve.live.snapshot import LiveModel
from serve.maps.artwork_map import CorruptMapError
from serve.maps.lmdb_store import LmdbStore
from serve.maps.map_draws import MapDraws
from serve.maps.map_reader import MapReader
from serve.maps.store import MapStore, StoreUnavailableError
from serve.rules.asked import AskedArtwork

LOG_WAIT = 0.01
"""Seconds that a fallback waits for the disk: forty flushes. Later it is said to be unlogged."""


class PageAnswer(NamedTuple):
    """A page's decisions and how they came about."""

    bundle: str | None
    pieces: Sequence[str]  # JSON, one a title
    reason: str | None  # None: decided live
    logged: bool

    def to_json(self) -> bytes:
        """The answer as a client gets it."""
        head = {"bundle": self.bundle, "reason": self.reason, "logged": self.logged}
        opening = orjson.dumps(head)[:-1].decode()
        return f'{opening},"decisions":[{",".join(self.pieces)}]}}'.encode()


def decided_answer(
    model: LiveModel, pieces: Sequence[str], page: PageRequest, logged: bool = True
) -> PageAnswer:
    """The answer to a page that was decided; of a preview nothing is logged, and it says so."""
    if not page.logs:
        return PageAnswer(model.policy.bundle, pieces, page.mode, False)
    return PageAnswer(model.policy.bundle, pieces, None, logged)


class MapDraw(NamedTuple):
    """A draw that precompute made, and whether its row is in a log."""

    choice: FallbackChoice
    logged: bool


class Fallbacks:
    """Answers pages without the model.

    Args:
        source: the model in use; its layout and its fallbacks are what there is to show.
        recorder: where fallback decisions are logged.
        store: precomputed maps, the first thing to fall back to; None has none.
    """

    def __init__(self, source: ModelHolder, recorder: Recorder, store: MapStore | None) -> None:
        self.source, self.recorder, self.store = source, recorder, store
        self._store_rests_until = 0.0
        self._reader: MapReader | None = None

    def rest(self, seconds: float) -> None:
        """Leave the store alone for a while; 0 asks it again at once."""
        self._store_rests_until = time.monotonic() + seconds

    def shed(
        self,
        title_ids: Sequence[TitleId],
        facts: RequestFacts,
        asked: AskedArtwork | None = None,
    ) -> PageAnswer:
        """The quickest answer: not logged, which is most of the work that shedding saves."""
        metrics.SHED.inc()
        metrics.UNLOGGED.labels("fallback").inc(len(title_ids))
        return self.impersonal(title_ids, "shed", facts, asked)

    def impersonal(
        self,
        title_ids: Sequence[TitleId],
        reason: str,
        facts: RequestFacts,
        asked: AskedArtwork | None = None,
    ) -> PageAnswer:
        """What all members are shown, put together from ready pieces; nothing of it is logged.

        Args:
            title_ids: of the page.
            reason: why it is not decided; counted.
            facts: of the page, which rules ask for.
            asked: of its artwork.
        """
        model = self.source.model
        pieces, bundle = (model.pieces, model.policy.bundle) if model is not None else ({}, None)
        parts = [pieces.get(title) or placeholder(title) for title in title_ids]
        ruled = None if model is None else model.shown_for(asked)
        if model is not None and ruled is not None:
            changed = ruled.fallbacks(title_ids, facts, clock.now_us(), asked)
            if changed:
                both = zip(title_ids, parts, strict=True)
                parts = [
                    changed[title].to_json(model.base_url) if title in changed else part
                    for title, part in both
                ]
        metrics.FALLBACKS.labels("unpersonalised", reason).inc()
        metrics.LOOKUPS.labels("unpersonalised").inc(len(title_ids))
        return PageAnswer(bundle, parts, reason, False)

    async def answer(
        self, page: PageRequest, reason: str, facts: orjson.Fragment, maps: bool = True
    ) -> PageAnswer:
        """The precomputed map where the store answers, what all members are shown elsewhere.

        Args:
            page: the request.
            reason: why it is not decided live; counted.
            facts: its facts, for the log.
            maps: ask the store; not for who is to be shown what all members are.
        """
        model = self.source.model
        if model is None:
            metrics.FALLBACKS.labels(PLACEHOLDER, reason).inc()
            metrics.LOOKUPS.labels(PLACEHOLDER).inc(len(page.title_ids))
            return PageAnswer(None, [placeholder(title) for title in page.title_ids], reason, False)
        mapped = await self.mapped(page, model, ended=True) if maps else {}
        ruled, shown = dict[TitleId, FallbackChoice](), model.shown_for(page.asked)
        if shown is not None:
            ruled = shown.fallbacks(page.title_ids, page.facts, clock.now_us(), page.asked)
        pieces, shared = [], []
        for title in page.title_ids:
            choice = ruled.get(title) or model.fallback.get(title)
            if choice is None or choice.level == PLACEHOLDER:
                pieces.append(placeholder(title))
                continue
            if title in mapped:
                choice = mapped[title].choice
            else:
                choice = name_fallback(model.policy.bundle, page, choice)
                shared.append(choice)
            pieces.append(choice.to_json(model.base_url))
        _count(mapped, shared, reason)
        if not page.logs:
            return PageAnswer(model.policy.bundle, pieces, reason, False)
        policy = "unpersonalised" if reason == HOLDOUT else "fallback"
        logged = await self._log(page, facts, shared, model, policy)
        logged = logged and all(draw.logged for draw in mapped.values())
        return PageAnswer(model.policy.bundle, pieces, reason, logged)

    async def mapped(
        self, page: PageRequest, model: LiveModel, ended: bool = False
    ) -> dict[TitleId, MapDraw]:
        """The draws of the profile's map that are open today and go on, by title.

        Args:
            page: the request; rows and kinds are drawn whole, so on theirs none goes on.
            model: in use.
            ended: all draws of the map: better than what all members are shown.
        """
        whole = page.fresh or page.beside is not None or model.joint is not None
        rests = time.monotonic() < self._store_rests_until
        if self.store is None or rests or (whole and not ended):
            return {}
        try:
            reader = self._reader_of(self.store, model)
            asked = (page.profile_id, page.day, page.title_ids)
            if isinstance(self.store, LmdbStore):
                self.store.look()  # read past the end of a file cut short, the process would end
                member = reader.draws(*asked)
            else:
                member = await asyncio.to_thread(reader.draws, *asked)
        except StoreUnavailableError as error:
            if not error.alone:
                self.rest(1.0)
            metrics.FALLBACKS.labels("store", error.reason).inc()
            return {}
        except CorruptMapError:
            metrics.FALLBACKS.labels("store", "map_corrupt").inc()
            return {}
        if member is None:
            return {}
        layout, (_, draws), shown = model.layout, member, dict[TitleId, MapDraw]()
        holds, pins = _under_rules(model, page, draws)
        # What was drawn with other kinds is logged with them: a page shows it whole, or not at all.
        holds = (np.array(holds, bool) & ~draws.beside).tolist()
        for slot, ordinal, name, propensity, is_open, logged, held, pinned in zip(
            draws.slots.tolist(),
            draws.ordinals.tolist(),
            draws.ids,
            draws.propensities.tolist(),
            draws.open.tolist(),
            draws.logged.tolist(),
            holds,
            pins,
            strict=True,
        ):
            title = layout.title_ids.item(slot)
            if not held or title not in model.fallback:
                continue
            choice = model.fallback[title]._replace(
                artwork_id=layout.artwork_ids[ordinal],
                path=layout.paths[ordinal],
                decision_id=name,
                level=PINNED if pinned else "personalised",
                propensity=propensity,
            )
            if is_open or ended:
                shown[title] = MapDraw(choice, logged)
        return shown

    def _reader_of(self, store: MapStore, model: LiveModel) -> MapReader:
        if self._reader is None or self._reader.layout is not model.layout:
            self._reader = MapReader(store, model.layout, model.words)
        return self._reader

    async def _log(
        self,
        page: PageRequest,
        facts: orjson.Fragment,
        choices: Sequence[FallbackChoice],
        model: LiveModel,
        policy: str,
    ) -> bool:
        """Hand a fallback's own decisions to the log; whether they were on disk in time."""
        if not choices:
            return True  # all came from the map, whose decisions were logged when it was made
        each = {
            "decision_id": [choice.decision_id for choice in choices],
            "title_id": [choice.title_id for choice in choices],
            "candidates": [choice.candidates for choice in choices],
            "action": [choice.artwork_id for choice in choices],
            "level": [choice.level for choice in choices],
        }
        shared = shared_columns(page, facts, policy, model)
        records = PageRecords({**shared, "propensity": 1.0, "seed": 0}, each)
        try:
            pending: Future[None] = self.recorder.decisions([records])
        except LogFullError:
            metrics.UNLOGGED.labels("fallback").inc(len(choices))
            return False
        if await on_disk(pending, LOG_WAIT):
            return True
        metrics.UNLOGGED.labels("fallback").inc(len(choices))
        return False


def shared_columns(
    page: PageRequest,
    facts: orjson.Fragment,
    policy: str,
    model: LiveModel,
    now_us: int | None = None,
) -> dict[str, object]:
    """The columns that a page's decisions have in common in the log."""
    return {
        "time": clock.now_us() if now_us is None else now_us,
        "profile_id": page.profile_id,
        "facts": facts,
        "policy": policy,
        "bundle": model.policy.bundle,
        "cell": page.cell,
    }


def _under_rules(
    model: LiveModel, page: PageRequest, draws: MapDraws
) -> tuple[list[bool], list[bool]]:
    """Whether draws go on, under the rules that they were made under alone; and which are pins."""
    shown = model.shown_for(page.asked)
    if shown is None:
        return (draws.ruled == 0).tolist(), [False] * len(draws.ids)
    words, pins = shown.words(draws.slots, page.facts, clock.now_us(), page.asked)
    return (draws.ruled == words).tolist(), pins


def _count(mapped: Collection[TitleId], shared: Sequence[FallbackChoice], reason: str) -> None:
    metrics.LOOKUPS.labels("personalised").inc(len(mapped))
    for level in ("unpersonalised", "default", PINNED):
        metrics.LOOKUPS.labels(level).inc(sum(choice.level == level for choice in shared))
    first = "precomputed" if mapped else shared[0].level if shared else PLACEHOLDER
    metrics.FALLBACKS.labels(first, reason).inc()
