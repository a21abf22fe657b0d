"""Impressions to judge calibration by: predicted take, what came of it, what was to be expected."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow.dataset as ds
from jaxtyping import Bool, Float, Int

from bench.small_demo import DemoFolders
from data.catalogue import Catalogue
from data.errors import BadInput
from evaluate.policies.bundle_scores import BundleScores, open_bundle_scores
from evaluate.policies.expected_takes import expected_takes
from evaluate.policies.logged_examples import LoggedExamples
from evaluate.policies.policy_probabilities import PolicyProbabilities
from evaluate.policies.read_examples import read_examples
from simulate.browsing.browse import browse
from simulate.browsing.day import Browsing, Requests
from simulate.browsing.habits import NO_HABITS
from simulate.browsing.log import read_expected
from simulate.browsing.logging_policies import Uniform
from simulate.named_rng import named_seed
from simulate.posters.subjects import Subjects
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.catalogue import Rendering, write_catalogue
from simulate.world.catalogue_truth import CatalogueTruth
from simulate.world.members import Members

MEMBERS = 3000
Numbers = Float[np.ndarray, " impressions"]


@dataclass(frozen=True)
class BrowsedImpressions:
    """Impressions: what was predicted of them, and what came of them.

    Attributes:
        predicted: the bundle's probability of a take.
        reward: takes.
        expected: the simulator's probability of a take.
        profile: a number for each profile.
        new: whether training never saw the artwork.
    """

    predicted: Numbers
    reward: Numbers
    expected: Numbers
    profile: Int[np.ndarray, " impressions"]
    new: Bool[np.ndarray, " impressions"]

    def part(self, rows: Bool[np.ndarray, " impressions"]) -> "BrowsedImpressions":
        """Some of them."""
        return BrowsedImpressions(
            *(getattr(self, name)[rows] for name in self.__dataclass_fields__)
        )

    @classmethod
    def together(cls, parts: list["BrowsedImpressions"]) -> "BrowsedImpressions":
        """All of them; profiles of different parts are different people."""
        at = np.cumsum([0, *(part.profile.max() + 1 for part in parts)])
        profile = np.concatenate([p.profile + a for p, a in zip(parts, at, strict=False)])
        rest = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("predicted", "reward", "expected", "new")
        }
        return cls(profile=profile, **rest)


@dataclass(frozen=True)
class Browsed:
    """Days on which a catalogue is browsed."""

    days: range
    decisions: int
    """On all pages of a day."""
    seen: frozenset[str] = frozenset()
    """Artwork that training saw."""


def trained_on(examples: Path) -> tuple[frozenset[str], date]:
    """Artwork that training saw, and its last day."""
    table = ds.dataset(examples, format="parquet").to_table(columns=["action", "time"])
    if not len(table):
        raise BadInput(f"--examples {examples}: there are none; run `make demo`")
    times = table["time"].to_numpy()
    return frozenset(table["action"].unique().to_pylist()), times.max().astype("M8[D]").item()


def kept_apart(demo: DemoFolders, catalogue: Catalogue, seen: frozenset[str]) -> BrowsedImpressions:
    """Days of the training log that were kept from training."""
    logged = LoggedExamples.every(read_examples(str(demo.held_out), catalogue), catalogue)
    feedback = logged.feedback
    names = np.array(catalogue.artwork_ids)[logged.chosen]
    _, profile = np.unique(logged.examples["profile_id"].to_numpy(), return_inverse=True)
    return BrowsedImpressions(
        PolicyProbabilities(logged, demo.cache).takes(str(demo.bundle)).astype(float),
        feedback.reward.astype(float),
        expected_takes(read_expected(demo.log), logged)[feedback.logged],
        profile,
        ~np.isin(names, list(seen)),
    )


def new_people(truth: CatalogueTruth, seed: int) -> ArtworkWorld:
    """A world with members that no log has."""
    own = named_seed("calibration", seed) >> 33
    return ArtworkWorld(truth, Members.draw(MEMBERS, own, truth.subjects))


def browsed(
    scored: BundleScores, world: ArtworkWorld, browsing: Browsed, seed: int
) -> BrowsedImpressions:
    """What members meet on some days under random artwork."""
    parts = []
    for day in browsing.days:
        log = browse(world, Uniform(), day, Browsing(browsing.decisions, seed, habits=NO_HABITS))
        rows = np.flatnonzero(log.outcomes.rendered)
        choice = log.outcomes.choice[rows]
        artwork = log.requests.candidates[rows, choice]
        parts.append(
            BrowsedImpressions(
                predicted=_predicted(scored, log.requests, rows, artwork).astype(float),
                reward=log.outcomes.taken[rows].astype(float),
                expected=log.takes[rows, choice],
                profile=log.requests.members[rows],
                new=~np.isin(world.truth.catalogue.artwork_ids, list(browsing.seen))[artwork],
            )
        )
    whole = BrowsedImpressions.together(parts)
    # The same members come on every day.
    return replace(whole, profile=np.concatenate([part.profile for part in parts]))


def _predicted(
    scored: BundleScores,
    requests: Requests,
    rows: Int[np.ndarray, " impressions"],
    artworks: Int[np.ndarray, " impressions"],
) -> Numbers:
    """A bundle's probability of a take, of one artwork for each of some requests."""
    step = scored.block(1)
    parts = []
    for start in range(0, len(rows), step):
        at = slice(start, start + step)
        members = scored.members(requests.facts.take(rows[at]))
        parts.append(scored.takes(members, artworks[at][:, None]))
    return np.concatenate(parts)[:, 0]


def rendered(
    bundle: Path, pool: Subjects, titles: int, seed: int, days: int, decisions: int
) -> BrowsedImpressions:
    """The same on a catalogue that is rendered now."""
    with TemporaryDirectory(prefix="calibration.") as scratch:
        folder = Path(scratch) / "catalogue"
        own = named_seed("calibration", "catalogue", seed) >> 33
        write_catalogue(pool, titles, 6, own, folder, arrivals=0, rendering=Rendering(workers=1))
        scored = open_bundle_scores(bundle, Catalogue.read(folder), scratch)
        world = new_people(CatalogueTruth.read(folder), seed)
        browsing = Browsed(range(8, 8 + max(1, days // 3)), decisions)
        return browsed(scored, world, browsing, seed)
