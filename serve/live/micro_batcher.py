"""Answers a page's request to decide, whatever happens: the model in time, or a fallback.

Requests that arrive while the model or the log is busy are decided together in the next batch: a
page that is decided while the log flushes waits for that flush all the same, and eight pages
together cost less than two alone. So the work a page costs falls as load rises.

Admission is by how many pages are open, waiting for the model or for their decisions to be on
disk: that number over the pages answered a second is how long one waits, on a slow disk as under
high load. Past it a page gets its fallback at once, at a small fraction of a decision's work.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
import pyarrow as pa

from data.log import PageRecords
from data.records import FACTS
from serve.live import metrics
from serve.live.fallbacks import Answer, Fallbacks, MapDraw, placeholder, shared_columns
from serve.live.recorder import LogFullError, Recorder
from serve.live.reload import ModelSource
from serve.live.snapshot import Ask, Chosen, LiveModel, piece
from serve.maps.store import MapStore

LOG = logging.getLogger("marquee.live")


class _Waiting(NamedTuple):
    ask: Ask
    facts: dict[str, Any]
    row: orjson.Fragment  # the facts as logged
    cell: str | None
    future: "asyncio.Future[Answer | str]"  # a string is the reason for a fallback
    due: float


class Pages:
    """Decides pages in batches on the event loop that it is used from.

    Args:
        source: the model in use.
        recorder: where decisions are logged.
        store: precomputed maps to fall back to; None uses none.
        queue: pages that may wait for the model or the log at once; more are shed.
        batch: pages decided together at most.
    """

    def __init__(
        self,
        source: ModelSource,
        recorder: Recorder,
        store: MapStore | None = None,
        queue: int = 12,
        batch: int = 8,
    ) -> None:
        self.source, self.recorder = source, recorder
        self.fallbacks = Fallbacks(source, recorder, store)
        self.queue, self.batch = queue, batch
        self._waiting: list[_Waiting] = []
        self._open = 0  # pages taken in and not answered yet
        self._running = False  # a look at what waits is on its way
        self._flushing = 0  # batches that are on their way to the disk
        self._said: set[str] = set()  # model failures that were warned of

    @property
    def full(self) -> bool:
        """Too many pages wait for the model or the disk: shed until there are fewer."""
        return self._open >= self.queue

    def shed(self, title_ids: Sequence[int]) -> Answer:
        """The quickest answer; see `serve.live.fallbacks`."""
        return self.fallbacks.shed(title_ids)

    async def decide(
        self, ask: Ask, facts: dict[str, Any], due: float, cell: str | None = None
    ) -> Answer:
        """One page's answer, `due` at a time of the event loop's clock.

        Raises:
            ValueError: facts that do not fit the schema; nothing else.
        """
        _refuse_strange(facts)
        loop, model = asyncio.get_running_loop(), self.source.model
        if model is None or loop.time() >= due:
            return await self._fall_back(
                ask, facts, "no_model" if model is None else "deadline", cell
            )
        mapped = await self._from_map(ask, model)
        left = [title for title in ask.title_ids if title not in mapped]
        if mapped and not left:
            return self._joined(ask, model, mapped, None)
        page = ask._replace(title_ids=left)
        future: asyncio.Future[Answer | str] = loop.create_future()
        self._waiting.append(_Waiting(page, facts, facts_row(facts), cell, future, due))
        timer = loop.call_at(due, _settle, future, "deadline")
        self._open += 1
        self._look(loop)
        try:
            outcome = await future
        finally:
            self._open -= 1
            timer.cancel()
        if isinstance(outcome, str):
            return await self._fall_back(ask, facts, outcome, cell)
        return self._joined(ask, model, mapped, outcome) if mapped else outcome

    async def _from_map(self, ask: Ask, model: LiveModel) -> dict[int, MapDraw]:
        """Draws of the member's map that go on: the same on every device."""
        if ask.fresh or self.fallbacks.store is None:
            return {}
        return await self.fallbacks.mapped(ask, model)

    def _joined(
        self, ask: Ask, model: LiveModel, mapped: dict[int, MapDraw], live: Answer | None
    ) -> Answer:
        """An answer of the map's draws, and of live ones for the other titles."""
        metrics.PERSONALISED.inc(len(mapped))
        rest = iter(live.pieces if live is not None else ())
        pieces = [
            piece(mapped[title].choice, model.base_url) if title in mapped else next(rest)
            for title in ask.title_ids
        ]
        logged = all(draw.logged for draw in mapped.values())
        if live is not None:
            logged = logged and live.logged
        return Answer(model.policy.bundle, pieces, None, logged)

    async def _fall_back(
        self, ask: Ask, facts: dict[str, Any], reason: str, cell: str | None
    ) -> Answer:
        facts_array([facts])
        return await self.fallbacks.answer(ask, reason, facts_row(facts), cell)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """See to it that what waits is decided, unless the log is busy and will say when not."""
        due = self._waiting and (not self._flushing or len(self._waiting) >= self.batch)
        if due and not self._running:
            self._running = True
            loop.call_soon(self._run)

    def _run(self) -> None:
        """Decide the pages that wait, up to a batch, and come back for the rest."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        taken, self._waiting = self._waiting[: self.batch], self._waiting[self.batch :]
        metrics.QUEUE.set(len(self._waiting))
        pages = []
        for page in taken:
            if page.due <= now:
                _settle(page.future, "deadline")
            elif not page.future.done():
                pages.append(page)
        model = self.source.model
        if pages and model is not None:
            pages, facts = _with_good_facts(pages)
            try:
                if pages:
                    self._decide(loop, model, pages, facts)
            except Exception as error:  # whatever a model raises, the page has its images
                self._failed(model, error)
                for page in pages:
                    _settle(page.future, "model_failed")
        self._running = False
        self._look(loop)

    def _failed(self, model: LiveModel, error: Exception) -> None:
        """Say what went wrong, once a bundle and kind of failure; each page is counted."""
        kind = f"{model.policy.bundle}: {type(error).__name__}"
        if kind not in self._said:
            self._said.add(kind)
            LOG.warning(
                "bundle %s failed to decide; pages fall back, counted as model_failed",
                model.policy.bundle,
                exc_info=error,
            )

    def _decide(
        self,
        loop: asyncio.AbstractEventLoop,
        model: LiveModel,
        pages: list[_Waiting],
        facts: pa.StructArray,
    ) -> None:
        start = time.perf_counter()
        answers = model.decide([page.ask for page in pages], facts)
        metrics.MODEL.observe(time.perf_counter() - start)
        metrics.BATCH.observe(len(pages))
        both = list(zip(pages, answers, strict=True))
        rows = [_log_page(page, model, chosen) for page, chosen in both if chosen.title_ids]
        try:
            durable = self.recorder.decisions(rows)
        except LogFullError:
            for page, chosen in both:
                metrics.UNLOGGED.labels("decision").inc(len(chosen.title_ids))
                _settle(page.future, "unlogged")
            return
        # Made while the log is on its way to the disk.
        ready = [
            (page, len(chosen.title_ids), _answer(page, model, chosen)) for page, chosen in both
        ]
        since = time.perf_counter()
        self._flushing += 1

        def finish() -> None:
            self._flushing -= 1
            metrics.LOG_WAIT.observe(time.perf_counter() - since)
            failed = durable.exception() is not None
            for page, count, answer in ready:
                if failed:
                    metrics.UNLOGGED.labels("decision").inc(count)
                _settle(page.future, "unlogged" if failed else answer)
            self._look(loop)  # behind the answers that were just settled

        if durable.done():
            finish()
        else:
            durable.add_done_callback(lambda _: loop.call_soon_threadsafe(finish))


def _answer(page: _Waiting, model: LiveModel, chosen: Chosen) -> Answer:
    """A page's answer, titles outside the catalogue with the placeholder; counted."""
    pieces, wanted = model.shown(chosen), page.ask.title_ids
    if len(pieces) < len(wanted):
        by_title = dict(zip(chosen.title_ids, pieces, strict=True))
        pieces = [by_title.get(title) or placeholder(title) for title in wanted]
    metrics.PERSONALISED.inc(len(chosen.title_ids))
    if chosen.title_ids:
        metrics.ENTROPY.observe(chosen.entropy)
        metrics.PROPENSITY.observe(sum(chosen.propensities) / len(chosen.propensities))
    return Answer(model.policy.bundle, pieces, None, True)


def _log_page(page: _Waiting, model: LiveModel, chosen: Chosen) -> PageRecords:
    shared = shared_columns(page.ask, page.row, model.policy.head_policy.kind, model, page.cell)
    record = {
        "level": "personalised",
        "fingerprint": chosen.fingerprint,
        "layout": model.layout.digest.hex(),
    }
    return PageRecords({**shared, **record}, model.logged(chosen))


def _refuse_strange(facts: dict[str, Any]) -> None:
    strange = facts.keys() - _FACTS
    if strange:
        raise ValueError(f"facts: unknown {sorted(strange)}; known are {sorted(_FACTS)}")


def facts_row(facts: dict[str, Any]) -> orjson.Fragment:
    """Facts of a request as they are logged: as bytes once, not once a title."""
    return orjson.Fragment(orjson.dumps(facts))


def facts_array(facts: Sequence[dict[str, Any]]) -> pa.StructArray:
    """Facts of requests as Arrow rows.

    Raises:
        ValueError: a value of the wrong type.
    """
    rows = []
    for each in facts:
        row = dict(each)
        for name in ("watched_genres", "watched_cast"):
            if isinstance(row.get(name), dict):
                row[name] = list(row[name].items())
        rows.append(row)
    try:
        return pa.array(rows, FACTS)
    except (pa.ArrowException, TypeError, OverflowError, ValueError) as error:
        raise ValueError(f"facts do not fit the schema: {error}") from None


def _with_good_facts(pages: list[_Waiting]) -> tuple[list[_Waiting], pa.StructArray]:
    """The pages whose facts fit the schema, and those; the others are told what is wrong."""
    try:
        return pages, facts_array([page.facts for page in pages])
    except ValueError:
        good = []
    for page in pages:
        try:
            facts_array([page.facts])
            good.append(page)
        except ValueError as error:
            page.future.set_exception(error)
    return good, facts_array([page.facts for page in good])


_FACTS = frozenset(field.name for field in FACTS)


def _settle(future: "asyncio.Future[Answer | str]", outcome: Answer | str) -> None:
    if not future.done():
        future.set_result(outcome)
