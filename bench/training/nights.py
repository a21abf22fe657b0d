"""A simulated world, a full training in it, and nights that add days to what it knows."""

import copy
import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from bandit.head_policy import HeadPolicy
from bandit.simple import uniform_value
from bench.measured import ROOT
from bench.training.night_figures import Night, NightsOutcome, posterior_gap
from data.artwork_effects import ArtworkRecords
from data.catalogue import Catalogue
from data.days import DAY_US
from data.examples.stream import ExampleStream
from data.features import FeatureSpec, context_features
from export.graphs.architecture import architecture_of, build
from export.graphs.bundle import write_bundle
from export.graphs.description import BundleDescription
from export.graphs.graphs import GraphParts
from model.increments.days_to_read import DaySpan
from model.increments.increment import DaySource, PosteriorByDay
from model.increments.kept_posterior import KeptPosterior
from model.increments.refit import to_keep
from model.network.towers import Marquee
from model.training.exploring import arrivals_of
from model.training.featurise import Preparation
from model.training.first_pass import FirstPass, first_pass
from model.training.run import TrainedNetwork, TrainingData, train_network
from model.training.settings import Fit, Model, Settings
from serve.scoring.scored import Artworks, ScoredMembers
from simulate.browsing.browse import browse_days
from simulate.browsing.day import Browsing, DayLog
from simulate.browsing.logging_policies import Uniform
from simulate.browsing.sample import SampleSettings, make_sample
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.true_attributes import artwork_attributes

ARTWORKS = 6
"""A title."""
HELD_OUT = 300_000
BUFFER = 524_288


class Learnt(NamedTuple):
    """A full training."""

    trained: TrainedNetwork
    kept: KeptPosterior
    spec: FeatureSpec
    read: FirstPass
    cpu_seconds: float


@dataclass(frozen=True)
class Nights:
    """A world with its log, and where bundles go."""

    folder: Path
    seed: int
    world: ArtworkWorld
    catalogue: Catalogue
    attributes: Float[np.ndarray, "artworks attributes"]
    examples: ExampleStream
    judged_on: DayLog
    """A day that nobody learns from."""
    history: int
    days: int

    @classmethod
    def made(
        cls,
        folder: Path,
        seed: int,
        titles: int,
        members: int,
        decisions: int,
        history: int,
        days: int,
    ) -> "Nights":
        """A new world; its last day of examples is there to calibrate on."""
        logged = history + days + 1
        sample = make_sample(
            folder,
            SampleSettings(
                subjects=str(ROOT / "sample" / "artwork"),
                exclude_subjects=None,
                titles=titles,
                artworks=ARTWORKS,
                members=members,
                days=logged,
                decisions_per_day=decisions,
                seed=seed,
            ),
        )
        world = ArtworkWorld.read(sample.catalogue, members, seed)
        catalogue = Catalogue.read(sample.catalogue)
        attributes = artwork_attributes(world.truth, catalogue.artwork_ids)
        browsing = Browsing(max(decisions, 20_000), seed)
        [judged_on] = browse_days(world, Uniform(), range(logged, logged + 1), browsing)
        stream = ExampleStream(sample.examples)
        return cls(folder, seed, world, catalogue, attributes, stream, judged_on, history, days)

    def outcome(self) -> NightsOutcome:
        """Carry all of it out."""
        takes, valid = self.judged_on.takes, self.judged_on.requests.valid
        before = self.first()
        value = self.value(before.trained.network, before.trained.records, before.spec)
        alone = self._last_day_alone(before)
        nightly, nights = self.nightly(before)
        once = self.once(before)
        last = self.trained(self.examples, 1 / (self.history + self.days + 1))
        again = self.trained(self.examples, 1 / (self.history + self.days + 1), self.seed + 1000)
        choices = [self.choices(going) for going in (nightly, once)]
        return NightsOutcome(
            posterior_gap(nightly.kept, once.kept),
            int((choices[0] != choices[1]).sum()),
            choices[0].size,
            float(uniform_value(takes, valid).mean()),
            float(takes.max(1).mean()),
            value,
            nights,
            self.value(last.trained.network, last.trained.records, last.spec),
            self.value(again.trained.network, again.trained.records, again.spec),
            last.cpu_seconds,
            last.read.statistics.count,
            alone,
        )

    def first(self) -> Learnt:
        """The full training that nights come after; the day that it calibrates on is theirs."""
        days = self.history + 1
        return self.trained(replace(self.examples, until=self._midnight(days)), 1 / days)

    def trained(
        self,
        stream: ExampleStream,
        validation: float,
        seed: int | None = None,
        warm: tuple[Path, FeatureSpec] | None = None,
    ) -> Learnt:
        """A full training on some examples, of which the last share is to calibrate on."""
        began, seed = time.process_time(), self.seed if seed is None else seed
        settings = Settings(
            model=Model("attributes"),
            fit=Fit(
                progress=False,
                threads=1,
                buffer=BUFFER,
                warm_start=None if warm is None else str(warm[0]),
            ),
            out=str(self.folder / "run"),
            seed=seed,
        )
        read = first_pass(
            stream,
            self.catalogue,
            validation=validation,
            held_out=HELD_OUT,
            buffer=BUFFER,
            seed=seed,
        )
        spec = read.statistics.specification() if warm is None else warm[1]
        preparation = Preparation(
            self.catalogue,
            spec,
            self.attributes,
            np.arange(len(self.attributes)),
            heads=1,
            mask=settings.fit.mask,
            seed=seed,
        )
        arrivals = arrivals_of(stream, self.catalogue, read.statistics.shown)
        trained = train_network(settings, TrainingData.of(preparation, read, settings, arrivals))
        assert trained is not None, "there is one process"
        kept = to_keep(trained, settings, self.catalogue, read)
        assert kept is not None, "hierarchical heads keep their posterior"
        return Learnt(trained, kept, spec, read, time.process_time() - began)

    def value(self, network: Marquee, records: ArtworkRecords | None, spec: FeatureSpec) -> float:
        """Exact take of what greedy shows."""
        best = self._scores(network, records, spec).mean(1).argmax(1)
        return float(self.judged_on.takes[np.arange(len(best)), best].mean())

    def nightly(self, before: Learnt) -> tuple[PosteriorByDay, list[Night]]:
        """A night a day, each from the files that the last one left."""
        file, nights = self.folder / "posterior.safetensors", list[Night]()
        before.kept.write(file)
        network = before.trained.network
        state, made_of = copy.deepcopy(network.state_dict()), architecture_of(network, None)
        going = None
        for span in self.spans(before.kept):
            began = time.process_time()
            kept = KeptPosterior.read_from(file)
            there = replace(
                self.examples, until=span.until + DAY_US
            )  # one day is there to judge by
            going = self._going(kept, build(made_of, state), before.spec, there)
            _, trained = going.read([span], HELD_OUT)
            going.kept.write(file)
            spent = time.process_time() - began
            state = trained.network.state_dict()
            value = self.value(trained.network, trained.records, before.spec)
            count = going.kept.read.examples - kept.read.examples
            nights.append(Night(count, spent, value))
        assert going is not None, "there is a day"
        return going, nights

    def once(self, before: Learnt) -> PosteriorByDay:
        """All days in one reading, which leaves nothing of what was before it."""
        going = self._going(before.kept, before.trained.network, before.spec, self.examples)
        going.read(self.spans(before.kept), HELD_OUT)
        return going

    def _going(
        self, kept: KeptPosterior, network: Marquee, spec: FeatureSpec, stream: ExampleStream
    ) -> PosteriorByDay:
        rows, reward = np.arange(len(self.attributes)), "take"
        source = DaySource(stream, self.catalogue, spec, self.attributes, rows, reward)
        return PosteriorByDay(kept, network, source)

    def spans(self, kept: KeptPosterior) -> list[DaySpan]:
        """As many days as there are to take in, the first from where the training stopped."""
        edges = [self._midnight(self.history + at) for at in range(1, self.days + 1)]
        return [
            DaySpan(since, until)
            for since, until in zip([kept.read.through, *edges], edges, strict=False)
        ]

    def _last_day_alone(self, before: Learnt) -> float:
        """A training on the last day alone that starts from the first bundle."""
        bundle = write_bundle(
            before.trained.network,
            before.spec,
            self.folder / "bundles",
            BundleDescription(
                image=None,
                reward_name="take",
                head_policy=HeadPolicy("thompson", 0.05),
                salt=0,
                parent=None,
                metrics={},
            ),
            before.read.statistics.unpersonalised_takes(),
            records=before.trained.records,
        )
        since = self._midnight(self.history + self.days - 1)
        latest = replace(self.examples, since=since)
        alone = self.trained(latest, 0.5, warm=(bundle, before.spec))
        return self.value(alone.trained.network, alone.trained.records, before.spec)

    def _scores(
        self, network: Marquee, records: ArtworkRecords | None, spec: FeatureSpec
    ) -> Float[np.ndarray, "decisions heads candidates"]:
        """Of each head for each candidate; what cannot be shown has -inf."""
        requests = self.judged_on.requests
        parts = GraphParts(network, records is not None)
        made = Preparation(self.catalogue, spec, self.attributes, self._rows, heads=1).candidates
        features = context_features(spec, requests.facts)
        bank = Artworks.said(parts("candidate.onnx", (self.attributes, *made)), made)
        if records is not None:
            joined = records.joined(bank.vectors, self.catalogue.artwork_ids)
            bank = bank._replace(vectors=joined)
        members = ScoredMembers.said(parts("context.onnx", tuple(features)), features)
        scores = members.scores(bank.at(requests.candidates))
        return np.where(requests.valid[:, None], scores, -np.inf)

    def choices(self, going: PosteriorByDay) -> np.ndarray:
        """What each head shows."""
        return self._scores(going.network, going.records(), going.source.spec).argmax(2)

    @cached_property
    def _rows(self) -> np.ndarray:
        return np.arange(len(self.attributes))

    @cached_property
    def _first(self) -> int:
        return self.examples.span()[0] // DAY_US * DAY_US

    def _midnight(self, day: int) -> int:
        return self._first + day * DAY_US
