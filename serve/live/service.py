"""The live service of one process, whatever protocol it is asked by: its parts, its start and end.

Routes (`serve.live.routes`) and the ASGI application (`serve.live.app`) stand above it.
"""

import asyncio
import gc
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from data.privacy.pseudonym import Pseudonyms
from data.records import TitleId
from data.rules.desk import RulesDesk
from data.schema.watched import WatchedSchema
from serve.live import metrics
from serve.live.cells.arms import Assigned, LiveArms
from serve.live.cells.shown import CallerArtwork, answer_shown, parse_shown
from serve.live.door.image_worker import ImageWorker
from serve.live.fallback_choice import HOLDOUT
from serve.live.fallbacks import PageAnswer
from serve.live.micro_batcher import MicroBatcher
from serve.live.page_request import (
    FIELDS,
    PageRequest,
    parse_page,
    parse_title_ids,
    refuse_unknown,
    sent_facts,
)
from serve.live.recorder import Recorder
from serve.live.reload import ModelSource
from serve.live.request_facts import RequestFacts, facts_as_logged, folded
from serve.live.shown.taken_lists import TakenLists
from serve.live.snapshot import LiveModel
from serve.maps.store import MapStore
from serve.pictures.asked import asked_kinds, asked_pictures
from serve.pictures.page_pictures import NO_PICTURES
from serve.rules.asked import parse_asked


class LiveService:
    """The service's parts, put together.

    Args:
        source: where the model comes from.
        recorder: where decisions and events are logged.
        store: precomputed maps; None has none.
        deadline: seconds a page may take when it does not say.
        queue: pages that may be open at most, whatever their deadlines; more are shed.
        watch: seconds between looks at `current`.
        catalogue: folder that the artworks' paths start from; None: their files are elsewhere.
        arms: makes what decides by `experiments.yaml`, of the service; None: there are none.
        names: that profiles go by in logs and maps; their own ids if None.
    """

    # Each part that a test or a command puts together otherwise.
    def __init__(
        self,
        source: ModelSource,
        recorder: Recorder,
        store: MapStore | None = None,
        deadline: float = 0.05,
        queue: int = 256,
        watch: float = 1.0,
        names: Pseudonyms | None = None,
        catalogue: Path | None = None,
        arms: Callable[[ModelSource, MicroBatcher, Recorder], LiveArms] | None = None,
    ) -> None:
        self.source, self.recorder, self.store = source, recorder, store
        self.deadline, self.watch = deadline, watch
        self.catalogue = catalogue
        self.declared = WatchedSchema(catalogue)
        self.names = names or Pseudonyms()
        self.batcher = MicroBatcher(source, recorder, store, queue)
        self.arms = None if arms is None else arms(source, self.batcher, recorder)
        self.pictures = ImageWorker()
        self.rules_desk: RulesDesk | None = None if source.rules is None else source.rules.desk
        """Where rules are changed; None: the service follows no file of rules."""
        self.draining = False
        self._taken = TakenLists()

    async def answer(
        self, request: Mapping[str, object], due: float, admitted: bool = False
    ) -> bytes:
        """A page's answer as JSON.

        Args:
            request: as JSON has it.
            due: when it must be there, of the event loop's clock.
            admitted: it came with others that were let in, so it is not shed.

        Raises:
            ValueError: the request does not make sense.
        """
        asked = asked_pictures(request)
        refuse_unknown(request, FIELDS, "a page")
        assigned = self.assigned(request)
        beside = asked_kinds(request)
        model = assigned.source.model
        answer = await self._answered(request, due, admitted, assigned)
        if beside is not None and model is not None and model.assets is not None:
            answer = answer._replace(pieces=model.assets.with_defaults(answer.pieces, beside))
        if asked is None:
            return answer.to_json()
        pictures = NO_PICTURES if model is None else model.page_pictures
        pieces, others = pictures.answered(answer.pieces, asked)
        for canvas, count in others.items():
            metrics.OTHER_CANVAS.labels(canvas).inc(count)
        return answer._replace(pieces=pieces).to_json()

    async def _answered(
        self, request: Mapping[str, object], due: float, admitted: bool, assigned: Assigned
    ) -> PageAnswer:
        """The same with main pictures."""
        model, batcher = assigned.source.model, assigned.batcher
        is_text = None if model is None else model.layout.is_text
        shown = parse_shown(request)
        if not admitted and not shown and not batcher.admits(due):
            titles = parse_title_ids(request, is_text)
            asked = parse_asked(request, titles)
            return batcher.fallbacks.shed(titles, _known_facts(request, model), asked)
        bundle, declared = ("", None) if model is None else (model.policy.bundle, model.declared)
        page = parse_page(request, bundle, declared, is_text)
        for name in page.odd:
            metrics.UNSOUND.labels(name).inc()
        if not page.profiling:
            told = (page.title_ids, "opted_out", page.facts, page.asked)
            return batcher.fallbacks.impersonal(*told)
        if page.mode == "unpersonalised":
            return batcher.fallbacks.impersonal(page.title_ids, page.mode, page.facts, page.asked)
        if shown and not page.logs:
            raise ValueError("shown is there to be logged, and a preview is not; leave one out")
        page = self.placed(page, assigned)
        if assigned.policy == "own" or (assigned.cell is None and shown):
            return await self._beside(page, shown, assigned)
        if assigned.policy is not None:
            logged = facts_as_logged(page.facts)
            return await batcher.fallbacks.answer(page, HOLDOUT, logged, maps=False)
        return await batcher.decide(page, due)

    async def _beside(
        self,
        page: PageRequest,
        shown: Mapping[TitleId, CallerArtwork],
        assigned: Assigned,
    ) -> PageAnswer:
        """What the caller shows; of other titles what all members are shown."""
        rest = [title for title in page.title_ids if title not in shown]
        own = page._replace(title_ids=[title for title in page.title_ids if title in shown])
        answer = await answer_shown(own, shown, assigned.source.model, self.recorder)
        if not rest:
            return answer
        others = page._replace(title_ids=rest)
        fallbacks = assigned.batcher.fallbacks
        more = await fallbacks.answer(others, HOLDOUT, facts_as_logged(page.facts), maps=False)
        both = dict(zip((*own.title_ids, *rest), (*answer.pieces, *more.pieces), strict=True))
        pieces = [both[title] for title in page.title_ids]
        return answer._replace(pieces=pieces, logged=answer.logged and more.logged)

    def assigned(self, request: Mapping[str, object]) -> Assigned:
        """What decides a page, by who looks and where; who opted out is in no cell."""
        profile, facts = request.get("profile_id"), request.get("facts")
        if self.arms is None or not isinstance(profile, str):
            return Assigned(None, None, self.source, self.batcher)
        facts = facts if isinstance(facts, dict) else {}
        if request.get("profiling") is False:
            return self.arms.of(None, facts)
        return self.arms.of(self.names.of(profile) if self.names else profile, facts)

    def placed(self, page: PageRequest, assigned: Assigned) -> PageRequest:
        """A page under the name and the cell that it is decided and logged by.

        Raises:
            ValueError: it names a cell, and the service puts members into cells.
        """
        if self.names:
            page = page._replace(profile_id=self.names.of(page.profile_id))
        if self.arms is None or self.arms.experiments is None:
            return page
        if page.cell is not None:
            raise ValueError(
                "cell: the service puts members into cells, as experiments.yaml says; leave it out"
            )
        return page._replace(cell=assigned.cell)

    def due(self, milliseconds: float | None) -> float:
        """When a request must be answered that gives itself so long, of the event loop's clock."""
        seconds = self.deadline if milliseconds is None else milliseconds / 1000
        return asyncio.get_running_loop().time() + seconds

    async def start(self) -> None:
        """Load the model and go on watching `current`."""
        await asyncio.to_thread(self._look_at_models)
        if self.arms is not None:  # their stores are open now, and may take more down
            await asyncio.to_thread(self._look_at_models)
        self._count_reload({"loaded": 0, "refused": 0, "no_current": 0})
        # What is there now stays: a full collection that walks all of it would hold up pages.
        gc.collect()
        gc.freeze()
        self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        said = ""
        while True:
            await asyncio.sleep(self.watch)
            before = dict(self.source.events)
            try:
                await asyncio.to_thread(self._look)
            except Exception as error:  # of whatever was looked at: the next look comes
                if repr(error) != said:
                    print(f"looked in vain: {error!r}", file=sys.stderr, flush=True)
                said = repr(error)
            self._count_reload(before)
            metrics.LOG_QUEUE.set(self.recorder.waiting())

    def _look(self) -> None:
        """See what there is to show, and whether the log is whole."""
        self._look_at_models()
        self.recorder.look()
        metrics.DAMAGED.set(self.recorder.damaged())

    def _look_at_models(self) -> None:
        """See whether there is a new model, whether stores are whole, what is down."""
        stores: dict[str | None, MapStore] = {} if self.store is None else {None: self.store}
        if self.arms is not None:
            stores = {**stores, **self.arms.stores}
        taken = self._taken.look(stores)
        if self.source.rules is not None:
            self.source.rules.taken = taken
        self.source.look()
        if self.arms is not None:
            self.arms.look()

    def _count_reload(self, before: dict[str, int]) -> None:
        for outcome, count in self.source.events.items():
            if count > before[outcome]:
                metrics.RELOADS.labels(outcome).inc(count - before[outcome])
        if self.source.model is not None:
            metrics.BUNDLE.labels(self.source.model.policy.bundle).set(1)

    async def stop(self) -> None:
        """Stop watching and put everything that was decided on disk."""
        self.draining = True
        self._watcher.cancel()
        gc.unfreeze()
        self.pictures.close()
        await asyncio.to_thread(self.recorder.close)
        if self.store is not None:
            self.store.close()
        if self.arms is not None:
            self.arms.close()


def _known_facts(request: Mapping[str, object], model: LiveModel | None) -> RequestFacts:
    """A request's facts where rules ask for them; none where they make no sense."""
    if model is None or model.rules is None:
        return {}
    try:
        return folded(sent_facts(request), model.declared)[0]
    except ValueError:
        return {}
