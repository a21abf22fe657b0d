"""What one reading of the examples tells, in memory that does not grow with them.

Everything that training needs of all examples is summed up here, part by part: the features'
vocabulary and statistics, the mean reward, each artwork's take over all members.
"""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float, Int

from bandit.counts import PRIOR_IMPRESSIONS, prior_strength
from data.bundle import Bundle
from data.catalogue import Catalogue
from data.errors import BadInput
from data.features import CATEGORIES, DeclaredTallies, FeatureSpec, own_column, tenure_days
from data.records import FACTS
from data.schema import SCHEMA_FILE, Schema

SAMPLE = 4096
"""First examples that are kept as they are."""
SUMS = ("shown", "weight", "taken", "weight_squares", "taken_squares")
"""What `DatasetStatistics` has of each artwork, which its takes follow from."""


@dataclass
class DatasetStatistics:
    """Sums over the examples that were added."""

    catalogue: Catalogue
    clip: float | None = None
    """Of importance weights, whose mean is counted."""
    schema: Schema = field(default_factory=Schema)
    """Facts that are declared."""
    count: int = 0
    sample: list[pa.Table] = field(default_factory=list)
    """The first of them."""

    def __post_init__(self) -> None:
        artworks = len(self.catalogue.artworks)
        self.ids = pa.array(self.catalogue.artwork_ids, pa.string())
        self.reward = self.importance = 0.0
        self.rewards = (np.inf, -np.inf)
        self.shown = np.zeros(artworks, np.int64)
        self.weight, self.taken = np.zeros(artworks), np.zeros(artworks)
        self.weight_squares, self.taken_squares = np.zeros(artworks), np.zeros(artworks)
        self.values: dict[str, set[str]] = {name: set() for name in (*CATEGORIES, "genres")}
        self.tenure = np.zeros(3)
        self.last = 0
        self.declared = DeclaredTallies(self.schema)
        self.declared.add("titles", own_column(self.catalogue.titles))
        self.declared.add("artworks", own_column(self.catalogue.artworks))

    def add(self, examples: pa.Table) -> None:
        """Take some more examples, as EXAMPLES and checked."""
        sampled = sum(len(part) for part in self.sample)
        if sampled < SAMPLE:
            self.sample.append(examples.slice(0, SAMPLE - sampled))
        self.count += len(examples)
        reward = examples["reward"].to_numpy()
        self.reward += float(reward.sum())
        least, most = self.rewards
        self.rewards = (min(least, float(reward.min())), max(most, float(reward.max())))
        self.last = max(self.last, int(examples["time"].cast(pa.int64()).to_numpy().max()))
        weight = random_weights(examples)
        clipped = weight if self.clip is None else np.minimum(weight, self.clip)
        self.importance += float(clipped.sum())
        at = pc.index_in(examples["action"], value_set=self.ids).to_numpy()
        artworks = len(self.ids)
        self.shown += np.bincount(at, minlength=artworks)
        self.weight += np.bincount(at, weight, minlength=artworks)
        self.taken += np.bincount(at, weight * reward, minlength=artworks)
        self.weight_squares += np.bincount(at, weight**2, minlength=artworks)
        self.taken_squares += np.bincount(at, weight * reward**2, minlength=artworks)
        facts = examples["facts"].combine_chunks()
        for name in CATEGORIES:
            self.values[name] |= set(pc.unique(facts.field(name)).to_pylist()) - {None}
        genres = facts.field("watched_genres")
        start, stop = genres.offsets[0].as_py(), genres.offsets[len(genres)].as_py()
        self.values["genres"] |= set(pc.unique(genres.keys.slice(start, stop - start)).to_pylist())
        self.declared.add("facts", facts.field("own"))
        tenure = np.log1p(tenure_days(facts))
        tenure = tenure[~np.isnan(tenure)]
        self.tenure += [len(tenure), tenure.sum(), (tenure**2).sum()]

    @property
    def mean_reward(self) -> float:
        """Of all examples, strictly between 0 and 1.

        A log without a take says that takes are rarer than one in its length, not that none is.
        """
        edge = 0.5 / (self.count + 1)
        return min(max(self.reward / self.count, edge), 1 - edge)

    def refuse_rewards(self, name: str) -> None:
        """Refuse rewards that no probability explains.

        Args:
            name: of the reward.

        Raises:
            BadInput: one is below 0 or above 1.
        """
        least, most = self.rewards
        if least < 0 or most > 1:
            raise BadInput(
                f"the reward {name!r} goes from {least:g} to {most:g}, and training learns the "
                "probability of one between 0 and 1: join again with one of that range, such as "
                "--reward 'an_hour=least(minutes, 60) / 60', or declare its range, or a half, "
                "under rewards in schema.yaml; of imported files, import again with reward: "
                "{column: NAME, range: [0, 10]}, or half: 30, in the map; evaluate takes it as "
                "it is"
            )

    @property
    def mean_importance(self) -> float:
        """Mean of the clipped importance weights."""
        return self.importance / self.count

    @property
    def distinct(self) -> np.ndarray:
        """Rows of the artworks that were shown, in the catalogue's order."""
        return np.flatnonzero(self.shown)

    def sums(self) -> Float[np.ndarray, "artworks sums"]:
        """`SUMS` of each artwork, in the catalogue's order."""
        return np.stack([getattr(self, name) for name in SUMS], 1).astype(np.float64)

    def resume(
        self, rows: Int[np.ndarray, " some"], sums: Float[np.ndarray, "some sums"], count: int
    ) -> None:
        """Take in what `sums` gave of so many earlier examples.

        Args:
            rows: of the artworks, in the catalogue's order.
            sums: of these.
            count: of the examples.
        """
        self.count += count
        for name, column in zip(SUMS, sums.T, strict=True):
            held = getattr(self, name)
            held[rows] += column.astype(held.dtype)

    def specification(self) -> FeatureSpec:
        """The features' vocabulary and statistics, as `FeatureSpec.learn` has them of a table."""
        none = pa.array([], FACTS)
        spec = FeatureSpec.learn(none, self.catalogue.titles, self.catalogue.artworks)
        known, total, squares = self.tenure
        mean = total / known if known else 0.0
        deviation = float(np.sqrt(max(0.0, squares / known - mean**2))) if known else 1.0
        return replace(
            spec,
            categories={name: sorted(self.values[name]) for name in CATEGORIES},
            genres=sorted({*spec.genres, *self.values["genres"]}),
            tenure_mean=float(mean),
            tenure_sd=deviation,
            declared=self.declared.learnt(),
        )

    def unpersonalised_takes(self) -> pa.Table:
        """Take of each artwork over all members, importance weighted, shrunken to its title's.

        By as much as artworks of a title are found to differ less than chance makes them.
        """
        titles = self.catalogue.artworks["title_id"].to_numpy()
        _, title = np.unique(titles, return_inverse=True)
        overall = self.taken.sum() / self.weight.sum()
        weight, taken = np.bincount(title, self.weight), np.bincount(title, self.taken)
        by_title = (taken + PRIOR_IMPRESSIONS * overall) / (weight + PRIOR_IMPRESSIONS)
        size = self.weight**2 / np.maximum(self.weight_squares, 1e-12)
        mean = self.taken / np.maximum(self.weight, 1e-12)
        shown = np.maximum(weight, 1e-12)
        noise = np.bincount(title, self.taken_squares) / shown - (taken / shown) ** 2
        strength = prior_strength(size, mean, noise, title)
        take = (size * mean + strength * by_title[title]) / (size + strength)
        return pa.table(
            {"title_id": titles, "artwork_id": self.ids, "take": take, "impressions": self.shown}
        )


def random_weights(examples: pa.Table) -> np.ndarray:
    """1 / (propensity · candidates): 1 where the log chose at random."""
    count = pc.list_value_length(examples["candidates"]).to_numpy()
    return 1 / (examples["propensity"].to_numpy() * count)


def specification(statistics: DatasetStatistics, warm_start: str | None) -> FeatureSpec:
    """Learnt from the examples; that of the bundle which training starts from, if any.

    Names have numbers of their own even if that bundle is of before there were any: what it learnt
    of their buckets stays true.

    Args:
        statistics: of the examples.
        warm_start: the bundle.

    Raises:
        BadInput: that bundle knows other declared facts than the catalogue.
    """
    if warm_start is None:
        return statistics.specification()
    bundle = Bundle.open(warm_start)
    spec = FeatureSpec.from_json(bundle.file("features.json").read_bytes())
    if spec.declared.schema != statistics.schema:
        raise BadInput(
            f"--fit.warm-start {warm_start} was trained on other facts than "
            f"{statistics.catalogue.root}/{SCHEMA_FILE} declares; train once without it"
        )
    return replace(spec, exact_names=True)
