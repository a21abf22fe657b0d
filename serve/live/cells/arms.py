"""Which model decides a page: by `experiments.yaml`, read again when it changes.

Each way to decide has a batcher of its own, so a bundle that fails costs no other cell a page.
A file that is refused changes nothing: the last good one stays.
"""

import math
import time
from collections.abc import Callable, Mapping
from copy import copy
from pathlib import Path
from typing import NamedTuple

from bandit.head_policy import HeadPolicy
from data.cells.experiment import Arm, Experiments, label_of
from data.cells.ramp_state import state_file
from data.cells.written import read_experiments
from data.errors import BadInput
from data.schema.schema import read_schema
from serve.live import metrics
from serve.live.micro_batcher import MicroBatcher
from serve.live.recorder import Recorder
from serve.live.reload import ModelHolder, ModelSource
from serve.live.snapshot import LiveModel
from serve.maps.store import MapStore
from serve.pictures.file_mark import FileMark

AGAIN = 30.0
"""Seconds until what was refused is tried again: a bundle may be on its way."""
_Key = tuple[str | None, str | None]
"""Bundle and rules of a source; None: the service's."""


class PolicyModel:
    """A source's model under another policy; worked out once a model."""

    def __init__(self, base: ModelHolder, arm: Arm) -> None:
        self._base, self._arm = base, arm
        self._of: LiveModel | None = None
        self._made: LiveModel | None = None

    @property
    def model(self) -> LiveModel | None:
        """Of the moment; None: there is none yet."""
        base = self._base.model
        if base is not self._of:
            self._made = base and under_policy(base, self._arm)
            self._of = base
        return self._made


def under_policy(model: LiveModel, arm: Arm) -> LiveModel:
    """The same model under an arm's policy; its draws are others."""
    made, of = copy(model), model.policy.head_policy
    epsilon = of.epsilon if arm.epsilon is None else arm.epsilon
    how = HeadPolicy.named(arm.head or of.kind, epsilon)
    # What draws follow from is worked out anew; a model is frozen to those who use it.
    vars(made).update(policy=model.policy._replace(head_policy=how), _rules={})
    return made


class Assigned(NamedTuple):
    """What a page is decided by."""

    cell: str | None
    """As decisions name it; None: of no experiment."""
    policy: str | None
    """One of `data.cells.experiment.NO_DRAW`; None: the model decides."""
    source: ModelHolder
    batcher: MicroBatcher


class LiveArms:
    """All ways to decide, and who is decided by which.

    Args:
        file: `experiments.yaml`; None: there are no experiments, and all is decided as `main`.
        catalogue: folder whose schema.yaml declares the facts that loops may ask for.
        main: the service's own model.
        batcher: the service's own.
        recorder: where decisions are logged.
        source: of a bundle and a file of rules (None: the service's).
        store: of maps, by its name.
    """

    def __init__(
        self,
        file: Path | None,
        catalogue: Path | None,
        main: ModelSource,
        batcher: MicroBatcher,
        recorder: Recorder,
        source: Callable[[str | None, str | None], ModelSource],
        store: Callable[[str], MapStore],
    ) -> None:
        self.file, self._catalogue, self.main = file, catalogue, main
        self._batcher, self._recorder = batcher, recorder
        self._source, self._store = source, store
        first = _Ways(None, {(None, None): main}, {}, {(Arm(), True): (main, batcher)}, {})
        self._ways = first  # replaced as a whole: pages are decided while a new file is read
        self._seen: tuple[FileMark | None, FileMark | None] | None = None
        self._again_at = math.inf
        self.refused = ""
        """Why the newest file does not hold; empty where it does."""

    @property
    def experiments(self) -> Experiments | None:
        """Those that hold; None: no file was good yet."""
        return self._ways.experiments

    @property
    def stores(self) -> Mapping[str, MapStore]:
        """Stores of cells and loops, by name: open, and looked at by the service."""
        return self._ways.stores

    def look(self) -> None:
        """Follow the file, the ramps' state beside it, and the bundles of cells and loops."""
        others = [one for key, one in self._ways.sources.items() if key != (None, None)]
        for one in others:
            if one.rules is not None and self.main.rules is not None:
                one.rules.taken = self.main.rules.taken
            one.look()
        if self.file is None:
            return
        seen = (FileMark.of(self.file), FileMark.of(state_file(self.file)))
        if seen == self._seen and time.monotonic() < self._again_at:
            return
        try:
            schema = None if self._catalogue is None else read_schema(self._catalogue)
            found = read_experiments(self.file, schema)
            self._ways = self._opened(found)
        except (BadInput, OSError) as error:
            if seen != self._seen:
                metrics.RULES.labels("experiments_refused").inc()
            self._seen, self.refused = seen, str(error)
            self._again_at = time.monotonic() + AGAIN
            return
        self._seen, self.refused, self._again_at = seen, "", math.inf

    def _opened(self, found: Experiments) -> "_Ways":
        """What cells and loops decide by, loaded.

        Raises:
            BadInput: a bundle or a store cannot be had.
        """
        loops = {None: Arm()} | {loop.name: loop.arm for loop in found.loops}
        wanted = [Arm(), *loops.values()]
        for one in found.experiments:
            wanted += [cell.arm.over(loops[one.loop]) for cell in one.cells]
        sources, stores = dict[_Key, ModelSource](), dict[str, MapStore]()
        for arm in wanted:
            if (key := (arm.bundle, arm.rules)) not in sources:
                source = self._ways.sources.get(key)
                if source is None:
                    source = self._source(*key)
                    if not source.look():
                        raise BadInput(f"{self.file}: bundle {arm.bundle}: {source.refused}")
                sources[key] = source
            if arm.store is not None and arm.store not in stores:
                stores[arm.store] = self._ways.stores.get(arm.store) or self._store(arm.store)
        ways = {key: way for key, way in self._ways.ways.items() if key[0] in wanted}
        return _Ways(found, sources, stores, ways, {})

    def of(self, profile_id: str | None, facts: Mapping[str, object]) -> Assigned:
        """What a page is decided by.

        Args:
            profile_id: as it is logged; None: of no cell, whoever looks.
            facts: of the page, as JSON.
        """
        ways, found = self._ways, self._ways.experiments
        if found is None:
            return Assigned(None, None, self.main, self._batcher)
        loop = found.loop_of(facts)
        name = None if loop is None else loop.name
        cells = [] if profile_id is None else found.cells_of(profile_id, name)
        key = name, *((one.name, cell.name) for one, cell in cells)
        assigned = ways.known.get(key)
        if assigned is None:
            arm = Arm() if loop is None else loop.arm
            for _, cell in cells:
                arm = cell.arm.over(arm)
            way = self._way(ways, arm, not cells)
            assigned = ways.known[key] = Assigned(label_of(cells), arm.no_draw, *way)
        return assigned

    def _way(self, ways: "_Ways", arm: Arm, mapped: bool) -> tuple[ModelHolder, MicroBatcher]:
        """The model and batcher of an arm.

        Args:
            ways: that hold.
            arm: that decides.
            mapped: the service's maps may answer: they are of no cell, and say so in the log.
        """
        way = ways.ways.get((arm, mapped))
        if way is None:
            holder: ModelHolder = ways.sources[arm.bundle, arm.rules]
            if arm.head is not None or arm.epsilon is not None:
                holder = PolicyModel(holder, arm)
            store = None if arm.store is None else ways.stores[arm.store]
            batcher = MicroBatcher(holder, self._recorder, store, self._batcher.queue)
            way = ways.ways[arm, mapped] = (holder, batcher)
        return way

    def close(self) -> None:
        """Let go of the cells' stores."""
        for store in self._ways.stores.values():
            store.close()


class _Ways(NamedTuple):
    """What a file came to."""

    experiments: Experiments | None
    sources: dict[_Key, ModelSource]
    stores: dict[str, MapStore]
    ways: dict[tuple[Arm, bool], tuple[ModelHolder, MicroBatcher]]
    known: dict[tuple[object, ...], Assigned]
    """Loop and cells of a page → what it is decided by."""
