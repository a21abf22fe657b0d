"""What a bundle earns on the pages of new members, exactly: by policy, candidates and title.

Choices and outcomes are not sampled where the simulator knows what to expect of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from jaxtyping import Bool, Float, Int

from bandit.simple import greedy, uniform
from data.bundle import resolve
from evaluate.policies.baselines import one_hot
from evaluate.policies.bundle_scores import BundleScores
from simulate.browsing.browse import browse
from simulate.browsing.day import Browsing, Requests
from simulate.browsing.habits import NO_HABITS
from simulate.browsing.logging_policies import Uniform
from simulate.named_rng import named_generator, named_seed
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.members import Members

SIZES = (1, 2, 3, 4, 6)
"""Numbers of candidates a title."""
QUARTERS = 4
MEMBERS = 3000
Matrix = Float[np.ndarray, "decisions candidates"]


@dataclass(frozen=True)
class Pages:
    """Rendered places of some days, under random artwork.

    Attributes:
        takes: expected take of every candidate.
        valid: which are candidates.
        mean: a bundle's mean score of each.
        thompson: the probabilities of its policy.
        table: the bundle's take of each over all members: what `bundle-table` goes by.
        artworks: rows of the catalogue.
        obscurity: of the title, 0 (best known) … 1.
        place: each candidate's place in a random order of its title's artworks.
    """

    takes: Matrix
    valid: Bool[np.ndarray, "decisions candidates"]
    mean: Matrix
    thompson: Matrix
    table: Matrix
    artworks: Int[np.ndarray, "decisions candidates"]
    obscurity: Float[np.ndarray, " decisions"]
    place: Int[np.ndarray, "decisions candidates"]

    @classmethod
    def together(cls, parts: Sequence["Pages"]) -> "Pages":
        """All of them; places with fewer candidates are padded with invalid ones."""
        most = max(part.valid.shape[1] for part in parts)
        columns = (
            np.concatenate([_wide(getattr(part, column.name), most) for part in parts])
            for column in fields(cls)
        )
        return cls(*columns)

    def value(self, probabilities: Matrix, rows: np.ndarray | slice = slice(None)) -> float:
        """Expected take of a policy, over some places."""
        return float((probabilities * self.takes).sum(-1)[rows].mean())

    def _for_all(self) -> Matrix:
        """Mean take of each candidate's artwork over everybody who meets its title here."""
        rows, takes = self.artworks[self.valid], self.takes[self.valid]
        mean = np.bincount(rows, takes) / np.maximum(np.bincount(rows), 1)
        return mean[self.artworks]

    def policies(
        self, valid: Bool[np.ndarray, "decisions candidates"] | None = None
    ) -> dict[str, Matrix]:
        """Probabilities of each policy, among all candidates or some."""
        there = self.valid if valid is None else valid
        return {
            "random": uniform(there),
            "bundle-table": best(self.table, there),
            "oracle-for-all": best(self._for_all(), there),
            "thompson": self.thompson,
            "greedy": greedy(self.mean, there),
            "oracle": best(self.takes, there),
        }


def best(score: Matrix, valid: Bool[np.ndarray, "decisions candidates"]) -> Matrix:
    """All on the valid candidate of the highest score; the first among equals."""
    return one_hot(np.where(valid, score, -np.inf).argmax(-1), valid)


def scores(scored: BundleScores, requests: Requests) -> tuple[Matrix, Matrix]:
    """A bundle's mean score of each candidate, and Thompson sampling's probabilities."""
    means, chances = [], []
    step = scored.block(requests.valid.shape[1])
    for at in range(0, len(requests.titles), step):
        part = slice(at, at + step)
        members = scored.members(requests.facts[part])
        rows, valid = requests.candidates[part], requests.valid[part]
        means.append(scored.scores(members, rows).mean(1))
        policy = scored.policy("thompson")
        chances.append(scored.probabilities(members, rows, valid, policy))
    return np.concatenate(means).astype(float), np.concatenate(chances)


def new_members(world: ArtworkWorld, seed: int) -> ArtworkWorld:
    """The same catalogue for members that no log has."""
    own = named_seed("findings", seed) >> 33
    return world.with_members(Members.draw(MEMBERS, own, world.truth.subjects))


def pages_of(
    scored: BundleScores,
    bundle: Path | str,
    world: ArtworkWorld,
    days: range,
    decisions: int,
    seed: int,
) -> Pages:
    """Some days of pages, with all that policies say of them."""
    table = table_of(bundle, world)
    order = named_generator("findings", "order", seed).random(len(world.truth.title_of))
    parts = []
    for day in days:
        log = browse(world, Uniform(), day, Browsing(decisions, seed, habits=NO_HABITS))
        rows = log.outcomes.rendered
        asked = _part(log.requests, rows)
        mean, thompson = scores(scored, asked)
        key = np.where(asked.valid, order[asked.candidates], np.inf)
        parts.append(
            Pages(
                takes=log.takes[rows],
                valid=asked.valid,
                mean=mean,
                thompson=thompson,
                table=np.where(asked.valid, table[asked.candidates], -1.0),
                artworks=asked.candidates,
                obscurity=world.truth.obscurity[asked.titles],
                place=key.argsort(-1).argsort(-1),
            )
        )
    return Pages.together(parts)


def by_policy(pages: Pages) -> dict[str, float]:
    """Expected take of each policy."""
    return {name: pages.value(p) for name, p in pages.policies().items()}


def by_candidates(pages: Pages) -> dict[int, dict[str, float]]:
    """The same with fewer candidates a title, over titles that have the most."""
    rows = pages.valid.sum(-1) >= SIZES[-1]
    takes = {}
    for size in SIZES:
        policies = pages.policies(pages.valid & (pages.place < size))
        takes[size] = {
            name: pages.value(policies[name], rows) for name in ("random", "greedy", "oracle")
        }
    return takes


def by_fame(pages: Pages) -> list[dict[str, float]]:
    """The same by quarter of titles, the best known first."""
    quarter = np.minimum((pages.obscurity * QUARTERS).astype(int), QUARTERS - 1)
    policies = pages.policies().items()
    return [{name: pages.value(p, quarter == at) for name, p in policies} for at in range(QUARTERS)]


def table_of(bundle: Path | str, world: ArtworkWorld) -> Float[np.ndarray, " artworks"]:
    """The bundle's take of each artwork over all members; 0 where it has none."""
    file = resolve(bundle) / "unpersonalised.parquet"
    table = pq.ParquetFile(file).read().to_pydict()
    known = dict(zip(table["artwork_id"], table["take"], strict=True))
    return np.array([known.get(name, 0.0) for name in world.truth.catalogue.artwork_ids])


def _part(requests: Requests, rows: Bool[np.ndarray, " decisions"]) -> Requests:
    """Some of the requests."""
    at = np.flatnonzero(rows)
    return requests._replace(
        members=requests.members[at],
        titles=requests.titles[at],
        candidates=requests.candidates[at],
        valid=requests.valid[at],
        facts=requests.facts.take(at),
    )


def _wide(part: np.ndarray, most: int) -> np.ndarray:
    """Candidates padded with invalid ones."""
    if part.ndim == 1:
        return part
    return np.pad(part, ((0, 0), (0, most - part.shape[1])))
