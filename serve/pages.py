"""Answers a page's request to decide, whatever happens: the model in time, or a fallback.

Requests that arrive while the model is busy are decided together in the next batch, so the work
a page costs falls as load rises. Admission is by the length of that queue: past it a page gets
its fallback at once, at a small fraction of a decision's work.
"""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow as pa

from data.records import FACTS, SCHEMA_VERSION
from serve import metrics
from serve.artwork_map import ArtworkMap, CorruptMapError
from serve.live_model import Ask, Choice, LiveModel, ModelSource, piece
from serve.recorder import LogFullError, Recorder
from serve.store import LmdbStore, MapStore, StoreUnavailableError

PLACEHOLDER = "placeholder"


class Answer(NamedTuple):
    """A page's decisions and how they came about."""

    bundle: str | None
    choices: list[Choice]
    reason: str | None  # None: decided live
    logged: bool


class _Waiting(NamedTuple):
    ask: Ask
    facts: pa.StructArray
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
        queue: pages that may wait for the model; more are shed.
        batch: pages decided together at most.
    """

    def __init__(
        self,
        source: ModelSource,
        recorder: Recorder,
        store: MapStore | None = None,
        queue: int = 16,
        batch: int = 8,
    ) -> None:
        self.source, self.recorder, self.store = source, recorder, store
        self.queue, self.batch = queue, batch
        self._waiting: list[_Waiting] = []
        self._running = False
        self._store_rests_until = 0.0

    def rest(self, seconds: float) -> None:
        """Leave the store alone for a while; 0 asks it again at once."""
        self._store_rests_until = time.monotonic() + seconds

    @property
    def full(self) -> bool:
        """Too many pages wait: give `shed` answers until there are fewer."""
        return len(self._waiting) >= self.queue

    def shed(self, title_ids: Sequence[int]) -> bytes:
        """The quickest answer: what all members are shown, as JSON put together from pieces.

        Not logged: writing 40 rows is most of the work that shedding saves.
        """
        model = self.source.model
        metrics.SHED.inc()
        metrics.UNLOGGED.labels("fallback").inc(len(title_ids))
        pieces, bundle = (model.pieces, model.policy.bundle) if model is not None else ({}, None)
        parts = [pieces.get(title) or piece(_placeholder(title), "") for title in title_ids]
        metrics.FALLBACKS.labels("unpersonalised", "shed").inc()
        metrics.LOOKUPS.labels("unpersonalised").inc(len(title_ids))
        head = orjson.dumps({"bundle": bundle, "reason": "shed", "logged": False})
        return head[:-1] + b',"decisions":[' + b",".join(parts) + b"]}"

    async def decide(
        self, ask: Ask, facts: dict[str, Any], due: float, cell: str | None = None
    ) -> Answer:
        """One page's answer, `due` at a time of the event loop's clock; never raises.

        Raises:
            ValueError: facts that do not fit the schema.
        """
        array, row = facts_row(facts)
        loop = asyncio.get_running_loop()
        if self.source.model is None:
            return await self._fall_back(ask, "no_model", row, cell)
        if loop.time() >= due:
            return await self._fall_back(ask, "deadline", row, cell)
        future: asyncio.Future[Answer | str] = loop.create_future()
        self._waiting.append(_Waiting(ask, array, row, cell, future, due))
        timer = loop.call_at(due, _give_up, future)
        if not self._running:
            self._running = True
            loop.call_soon(self._run)
        outcome = await future
        timer.cancel()
        if isinstance(outcome, str):
            return await self._fall_back(ask, outcome, row, cell)
        return outcome

    def _run(self) -> None:
        """Decide the pages that wait, up to a batch, and come back for the rest."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        taken, self._waiting = self._waiting[: self.batch], self._waiting[self.batch :]
        metrics.QUEUE.set(len(self._waiting))
        pages = [page for page in taken if not page.future.done() and page.due > now]
        for page in taken:
            if page not in pages:
                _settle(page.future, "deadline")
        model = self.source.model
        if pages and model is not None:
            try:
                self._decide(loop, model, pages)
            except Exception:
                for page in pages:
                    _settle(page.future, "model_failed")
        self._running = bool(self._waiting)
        if self._running:
            loop.call_soon(self._run)

    def _decide(
        self, loop: asyncio.AbstractEventLoop, model: LiveModel, pages: list[_Waiting]
    ) -> None:
        start = time.perf_counter()
        facts = pa.concat_arrays([page.facts for page in pages])
        answers = model.decide([page.ask for page in pages], facts)
        metrics.MODEL.observe(time.perf_counter() - start)
        metrics.BATCH.observe(len(pages))
        rows: list[dict[str, Any]] = []
        for page, choices in zip(pages, answers, strict=True):
            rows += _rows(page.ask, page.row, choices, model.policy.name, model, page.cell)
            if choices:
                chances = np.concatenate([choice.probabilities or [1.0] for choice in choices])
                entropy = -(chances * np.log(np.maximum(chances, 1e-12))).sum() / len(choices)
                metrics.ENTROPY.observe(entropy)
                metrics.PROPENSITY.observe(
                    sum(choice.propensity for choice in choices) / len(choices)
                )
        try:
            durable = self.recorder.decisions(rows)
        except LogFullError:
            metrics.UNLOGGED.labels("decision").inc(len(rows))
            for page in pages:
                _settle(page.future, "unlogged")
            return
        bundle = model.policy.bundle
        since = time.perf_counter()

        def finish() -> None:
            metrics.LOG_WAIT.observe(time.perf_counter() - since)
            failed = durable.exception() is not None
            for page, choices in zip(pages, answers, strict=True):
                if failed:
                    metrics.UNLOGGED.labels("decision").inc(len(choices))
                    _settle(page.future, "unlogged")
                else:
                    rest = self._unknown(page.ask, model, choices)
                    _settle(page.future, Answer(bundle, rest, None, True))

        if durable.done():
            finish()
        else:
            durable.add_done_callback(lambda _: loop.call_soon_threadsafe(finish))

    def _unknown(self, ask: Ask, model: LiveModel, choices: list[Choice]) -> list[Choice]:
        """The choices in the page's order, titles outside the catalogue with the placeholder."""
        metrics.LOOKUPS.labels("personalised").inc(len(choices))
        if len(choices) == len(ask.title_ids):
            return choices
        by_title = {choice.title_id: choice for choice in choices}
        return [by_title.get(title) or _placeholder(title) for title in ask.title_ids]

    async def _fall_back(
        self, ask: Ask, reason: str, row: orjson.Fragment, cell: str | None
    ) -> Answer:
        """The precomputed map where the store answers, the shared fallback where it does not."""
        model = self.source.model
        if self.store is None or model is None or time.monotonic() < self._store_rests_until:
            return self._shared(ask, reason, row, cell)
        try:
            if isinstance(self.store, LmdbStore):
                value = self.store.get(ask.profile_id)
            else:
                value = await asyncio.to_thread(self.store.get, ask.profile_id)
            found = ArtworkMap.parse(value) if value is not None else None
        except StoreUnavailableError as error:
            self.rest(1.0)
            metrics.FALLBACKS.labels("store", error.reason).inc()
            return self._shared(ask, reason, row, cell)
        except CorruptMapError:
            metrics.FALLBACKS.labels("store", "map_corrupt").inc()
            return self._shared(ask, reason, row, cell)
        if found is None or found.layout != model.layout.digest:
            return self._shared(ask, reason, row, cell)
        mapped = found.decisions(ask.profile_id, model.layout, ask.title_ids)
        shared = self._shared(ask, reason, row, cell, skip=mapped)
        paths = dict(zip(model.layout.artwork_ids, model.layout.paths, strict=True))
        choices = []
        for choice in shared.choices:
            held = mapped.get(choice.title_id)
            if held is not None:
                choice = choice._replace(
                    artwork_id=held[0],
                    path=paths[held[0]],
                    decision_id=held[1],
                    level="personalised",
                )
            choices.append(choice)
        metrics.LOOKUPS.labels("personalised").inc(len(mapped))
        metrics.FALLBACKS.labels("precomputed", reason).inc()
        return shared._replace(choices=choices)

    def _shared(
        self,
        ask: Ask,
        reason: str,
        row: orjson.Fragment,
        cell: str | None,
        skip: Sequence[int] | dict[int, Any] = (),
    ) -> Answer:
        """Unpersonalised best, title default or placeholder; logged if the log has room."""
        model = self.source.model
        if model is None:
            metrics.FALLBACKS.labels(PLACEHOLDER, reason).inc()
            metrics.LOOKUPS.labels(PLACEHOLDER).inc(len(ask.title_ids))
            return Answer(None, [_placeholder(title) for title in ask.title_ids], reason, False)
        choices: list[Choice] = []
        for title in ask.title_ids:
            choice = model.fallback.get(title)
            if choice is None:
                choices.append(_placeholder(title))
            else:
                choices.append(choice._replace(decision_id=f"{ask.nonce:016x}{title:016x}"))
        own = [c for c in choices if c.decision_id is not None and c.title_id not in skip]
        logged = self._log_fallback(ask, row, own, model, cell)
        for level in ("unpersonalised", "default"):
            metrics.LOOKUPS.labels(level).inc(sum(choice.level == level for choice in own))
        if not skip:
            first = choices[0].level if choices else PLACEHOLDER
            metrics.FALLBACKS.labels(first, reason).inc()
        return Answer(model.policy.bundle, choices, reason, logged)

    def _log_fallback(
        self,
        ask: Ask,
        row: orjson.Fragment,
        choices: list[Choice],
        model: LiveModel,
        cell: str | None,
    ) -> bool:
        """Hand a fallback's decisions to the log without waiting for it."""
        try:
            pending: Future[None] = self.recorder.decisions(
                _rows(ask, row, choices, "fallback", model, cell)
            )
        except LogFullError:
            metrics.UNLOGGED.labels("fallback").inc(len(choices))
            return False
        return not (pending.done() and pending.exception() is not None)


def facts_row(facts: dict[str, Any]) -> tuple[pa.StructArray, orjson.Fragment]:
    """Facts of a request as one Arrow row and as they are logged.

    Raises:
        ValueError: an unknown fact, or a value of the wrong type.
    """
    names = {field.name for field in FACTS}
    strange = set(facts) - names
    if strange:
        raise ValueError(f"facts: unknown {sorted(strange)}; known are {sorted(names)}")
    row = dict(facts)
    for name in ("watched_genres", "watched_cast"):
        if isinstance(row.get(name), dict):
            row[name] = list(row[name].items())
    try:
        array = pa.array([row], FACTS)
        # As bytes once, not once a title: a page's rows share their facts.
        return array, orjson.Fragment(orjson.dumps(facts))
    except (pa.ArrowException, TypeError, OverflowError, ValueError) as error:
        raise ValueError(f"facts do not fit the schema: {error}") from None


def _rows(
    ask: Ask,
    facts: orjson.Fragment,
    choices: Sequence[Choice],
    policy: str,
    model: LiveModel,
    cell: str | None,
) -> list[dict[str, Any]]:
    """Rows of `data.records.DECISIONS`; a page's rows share one facts dict and one time."""
    now = time.time_ns() // 1000
    return [
        {
            "schema_version": SCHEMA_VERSION,
            "decision_id": choice.decision_id,
            "time": now,
            "profile_id": ask.profile_id,
            "title_id": choice.title_id,
            "facts": facts,
            "candidates": choice.candidates,
            "action": choice.artwork_id,
            "propensity": choice.propensity,
            "probabilities": choice.probabilities,
            "policy": policy,
            "bundle": model.policy.bundle,
            "seed": choice.seed,
            "level": choice.level,
            "cell": cell,
        }
        for choice in choices
    ]


def _placeholder(title: int) -> Choice:
    return Choice(title, "", "", None, 1.0, PLACEHOLDER, 0, (), None)


def _settle(future: "asyncio.Future[Answer | str]", outcome: Answer | str) -> None:
    if not future.done():
        future.set_result(outcome)


def _give_up(future: "asyncio.Future[Answer | str]") -> None:
    _settle(future, "deadline")
