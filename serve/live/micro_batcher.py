"""Answers a page's request to decide, whatever happens: the model in time, or a fallback.

Requests that arrive while the model or the log is busy are decided together in the next batch: a
page that is decided while the log flushes waits for that flush all the same, and eight pages
together cost less than two alone. So the work a page costs falls as load rises.

A page whose predicted wait for the open pages, on the model or on the disk, is too much of its
own deadline gets its fallback at once, at little work (`serve.live.door.admission`).
"""

import asyncio
import logging
import time
from typing import NamedTuple

import orjson
import pyarrow as pa

from data import clock
from data.features import ContextFeatures
from data.log import PageRecords
from data.records import TitleId
from data.sound import unsound_facts
from serve.live import metrics
from serve.live.door.admission import Admission
from serve.live.door.returning import Returning
from serve.live.fallback_choice import placeholder
from serve.live.fallbacks import Fallbacks, MapDraw, PageAnswer, decided_answer, shared_columns
from serve.live.page_request import PageRequest
from serve.live.recorder import LogFullError, Recorder
from serve.live.reload import ModelHolder
from serve.live.request_facts import facts_array, facts_as_logged
from serve.live.shown.page_decisions import PageDecisions
from serve.live.snapshot import LiveModel
from serve.maps.store import MapStore

LOG = logging.getLogger("marquee.live")


class _Waiting(NamedTuple):
    page: PageRequest
    logged_facts: orjson.Fragment
    future: "asyncio.Future[PageAnswer | str]"  # a string is the reason for a fallback
    due: float


class MicroBatcher:
    """Decides pages in batches on the event loop that it is used from.

    Args:
        source: the model in use.
        recorder: where decisions are logged.
        store: precomputed maps to fall back to; None uses none.
        queue: pages that may be open at most, whatever their deadlines; more are shed.
        batch: pages decided together at most.
    """

    def __init__(
        self,
        source: ModelHolder,
        recorder: Recorder,
        store: MapStore | None = None,
        queue: int = 256,
        batch: int = 8,
    ) -> None:
        self.source, self.recorder = source, recorder
        self.fallbacks = Fallbacks(source, recorder, store)
        self.queue, self.batch = queue, batch
        self.admission = Admission(batch)
        self.returning = Returning(batch)
        self._waiting: list[_Waiting] = []
        self._open = 0  # pages taken in and not answered yet
        self._running = False  # a look at what waits is on its way
        self._flushing = 0  # batches that are on their way to the disk
        self._warned: set[str] = set()  # model failures, each said once

    def admits(self, due: float) -> bool:
        """Whether a page that is due then may wait for those that are open; else it is shed."""
        if self._open >= self.queue:
            return False
        left = due - asyncio.get_running_loop().time()
        return self.admission.admits(self._open, left)

    async def decide(self, page: PageRequest, due: float) -> PageAnswer:
        """One page's answer, `due` at a time of the event loop's clock.

        Raises:
            ValueError: facts that do not fit the schema; nothing else.
        """
        loop, model = asyncio.get_running_loop(), self.source.model
        if model is None or loop.time() >= due:
            return await self._fall_back(page, "no_model" if model is None else "deadline")
        mapped, rest = await self.fallbacks.mapped(page, model), page
        if mapped:
            rest = page._replace(title_ids=[t for t in page.title_ids if t not in mapped])
        if mapped and not rest.title_ids:
            return self._joined(page, model, mapped, None)
        future: asyncio.Future[PageAnswer | str] = loop.create_future()
        self._waiting.append(_Waiting(rest, facts_as_logged(page.facts), future, due))
        timer = loop.call_at(due, _resolve, future, "deadline")
        self._open += 1
        self._look(loop)
        try:
            outcome = await future
        finally:
            self._open -= 1
            timer.cancel()
        if isinstance(outcome, str):
            return await self._fall_back(page, outcome)
        return self._joined(page, model, mapped, outcome) if mapped else outcome

    def _joined(
        self,
        page: PageRequest,
        model: LiveModel,
        mapped: dict[TitleId, MapDraw],
        live: PageAnswer | None,
    ) -> PageAnswer:
        """An answer of the map's draws, and of live ones for the other titles."""
        metrics.PERSONALISED.inc(len(mapped))
        rest = iter(live.pieces if live is not None else ())
        pieces = [
            mapped[title].choice.to_json(model.base_url) if title in mapped else next(rest)
            for title in page.title_ids
        ]
        logged = all(draw.logged for draw in mapped.values()) and (live is None or live.logged)
        return decided_answer(model, pieces, page, logged)

    async def _fall_back(self, page: PageRequest, reason: str) -> PageAnswer:
        facts_array([page.facts])
        return await self.fallbacks.answer(page, reason, facts_as_logged(page.facts))

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """See to it that what waits is decided, unless the log is busy and will say when not."""
        due = self._waiting and (not self._flushing or len(self._waiting) >= self.batch)
        if due and not self._running:
            self._running = True
            loop.call_soon(self._run)

    def _run(self) -> None:
        """Decide the pages that wait, up to a batch, and come back for the rest."""
        loop = asyncio.get_running_loop()
        if self.returning.awaited(len(self._waiting)):
            loop.call_soon(self._run)
            return
        now = loop.time()
        taken, self._waiting = self._waiting[: self.batch], self._waiting[self.batch :]
        metrics.QUEUE.set(len(self._waiting))
        batch = []
        for waiting in taken:
            if waiting.due <= now:
                _resolve(waiting.future, "deadline")
            elif not waiting.future.done():
                batch.append(waiting)
        model = self.source.model
        if batch and model is not None:
            try:
                batch, facts = _with_good_facts(model, batch)
                if batch:
                    self._decide(loop, model, batch, facts)
            except Exception as error:  # whatever a model raises, the page has its images
                self._one_by_one(loop, model, batch, error)
        self._running = False
        self._look(loop)

    def _one_by_one(
        self,
        loop: asyncio.AbstractEventLoop,
        model: LiveModel,
        batch: list[_Waiting],
        failure: Exception,
    ) -> None:
        """Try a failed batch's pages each by itself, so that one of them costs no other."""
        self._failed(model, failure)
        for waiting in batch:
            if waiting.future.done():
                continue
            try:
                if len(batch) == 1:
                    raise failure
                facts = facts_array([waiting.page.facts])
                self._decide(loop, model, [waiting], facts)
            except Exception as error:
                self._failed(model, error)
                _resolve(waiting.future, "model_failed")

    def _failed(self, model: LiveModel, error: Exception) -> None:
        """Say what went wrong, once a bundle and kind of failure; each page is counted."""
        kind = f"{model.policy.bundle}: {type(error).__name__}"
        if kind not in self._warned:
            self._warned.add(kind)
            LOG.warning(
                "bundle %s failed to decide; pages fall back, counted as model_failed",
                model.policy.bundle,
                exc_info=error,
            )

    def _decide(
        self,
        loop: asyncio.AbstractEventLoop,
        model: LiveModel,
        batch: list[_Waiting],
        facts: pa.StructArray | ContextFeatures,
    ) -> None:
        if isinstance(facts, pa.StructArray):  # else they are plain, and so sound
            for name, wrong in unsound_facts(facts).items():
                metrics.UNSOUND.labels(name).inc(int(wrong.sum()))
        start = time.perf_counter()
        now_us = clock.now_us()  # that rules go by, and that the log says
        decided = model.decide([waiting.page for waiting in batch], facts, now_us)
        metrics.MODEL.observe(time.perf_counter() - start)
        metrics.BATCH.observe(len(batch))
        both = list(zip(batch, decided, strict=True))
        drawn = ((w, page) for w, page in both if page.title_ids and w.page.logs)
        rows = [_records(w, model, page, now_us) for w, page in drawn]
        try:
            durable = self.recorder.decisions(rows)
        except LogFullError:
            for waiting, page in both:
                metrics.UNLOGGED.labels("decision").inc(len(page.title_ids))
                _resolve(waiting.future, "unlogged")
            return
        # Made while the log is on its way to the disk.
        ready = [(w, len(page.title_ids), _answer(w, model, page)) for w, page in both]
        since = time.perf_counter()
        self._flushing += 1
        self.admission.begin(start, len(batch))

        def finish() -> None:
            self._flushing -= 1
            self.admission.end()
            metrics.LOG_WAIT.observe(time.perf_counter() - since)
            failed = durable.exception() is not None
            for waiting, count, answer in ready:
                if failed:
                    metrics.UNLOGGED.labels("decision").inc(count)
                _resolve(waiting.future, "unlogged" if failed else answer)
            self.returning.answered(len(ready), len(self._waiting), self.admission.seconds_a_page)
            self._look(loop)  # behind the answers that were just given

        if durable.done():
            finish()
        else:
            durable.add_done_callback(lambda _: loop.call_soon_threadsafe(finish))


def _answer(waiting: _Waiting, model: LiveModel, decisions: PageDecisions) -> PageAnswer:
    """A page's answer, titles outside the catalogue with the placeholder; counted."""
    pieces, wanted = model.decisions_json(decisions), waiting.page.title_ids
    if len(pieces) < len(wanted):
        by_title = dict(zip(decisions.title_ids, pieces, strict=True))
        pieces = [by_title.get(title) or placeholder(title) for title in wanted]
    metrics.PERSONALISED.inc(len(decisions.title_ids))
    if decisions.title_ids:
        metrics.ENTROPY.observe(decisions.entropy)
        metrics.PROPENSITY.observe(sum(decisions.propensities) / len(decisions.propensities))
    return decided_answer(model, pieces, waiting.page)


def _records(
    waiting: _Waiting, model: LiveModel, decisions: PageDecisions, now_us: int
) -> PageRecords:
    kind = model.policy.head_policy.kind
    shared = shared_columns(waiting.page, waiting.logged_facts, kind, model, now_us)
    record = {
        "level": "personalised",
        "fingerprint": decisions.fingerprint,
        "layout": model.layout.digest.hex(),
    }
    return PageRecords({**shared, **record}, model.logged(decisions))


def _with_good_facts(
    model: LiveModel, batch: list[_Waiting]
) -> tuple[list[_Waiting], pa.StructArray | ContextFeatures]:
    """The pages whose facts fit the schema, and those; the others are told what is wrong."""
    facts = [waiting.page.facts for waiting in batch]
    features = model.features(facts)
    if features is not None:
        return batch, features
    try:
        return batch, facts_array(facts)
    except ValueError:
        good = []
    for waiting in batch:
        try:
            facts_array([waiting.page.facts])
            good.append(waiting)
        except ValueError as error:
            waiting.future.set_exception(error)
    return good, facts_array([waiting.page.facts for waiting in good])


def _resolve(future: "asyncio.Future[PageAnswer | str]", outcome: PageAnswer | str) -> None:
    if not future.done():
        future.set_result(outcome)
