"""A bundle's posterior takes in days: each at the cost of that day's examples.

The network stays as it is but for what the closed form writes into it. So an example becomes the
same numbers in whatever night it is read: what is hidden of it and its noise follow from its id,
facts are standardised as in the last full training, and a day's rows are read in the order of ids.
"""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from jaxtyping import Int

from bandit.choice import profile_keys
from data.artwork_effects import ArtworkRecords
from data.catalogue import Catalogue
from data.check.streaming import checked_examples
from data.days import DAY_US, date_of
from data.errors import BadInput
from data.examples.stream import ExampleStream
from data.features import FeatureSpec
from data.shown.read_outs import ReadOuts
from model.heads.hierarchical import HierarchicalHeads
from model.increments.daily_logistic import DayImpressions
from model.increments.days_to_read import WATCHED, DaySpan, counted, late
from model.increments.kept_posterior import KeptPosterior
from model.increments.observed_noise import noise_of
from model.network.lightning_module import Learner
from model.network.matches import ArtworkMatches
from model.network.towers import Marquee
from model.training.calibrate import calibrate
from model.training.dataset import Examples
from model.training.dataset_statistics import DatasetStatistics
from model.training.featurise import Preparation
from model.training.first_pass import FirstPass, sample
from model.training.fit import embed_all
from model.training.fit_hierarchical import (
    ROWS,
    HierarchicalPosterior,
    ObservedExamples,
    RegressionInputs,
)
from model.training.fit_random_effects import RecordEffects
from model.training.run import TrainedNetwork

ARTWORKS = 256
"""Of a batch that the calibration predicts."""


@dataclass(frozen=True)
class DaySource:
    """Where days come from, and what their examples refer to."""

    stream: ExampleStream
    catalogue: Catalogue
    spec: FeatureSpec
    images: np.ndarray
    """uint8 pixels, or float32 embeddings in their place."""
    image_row: Int[np.ndarray, " artworks"]
    """Row of each artwork, in the catalogue's order; -1: its image cannot be had."""
    reward_name: str
    """That the bundle predicts."""
    read_outs: ReadOuts | None = None
    """The bundle's."""


class PosteriorByDay:
    """A posterior that is under way through the days.

    Args:
        kept: what the bundle kept of it.
        network: the bundle's, in evaluation; it is written to.
        source: of the days.
    """

    def __init__(self, kept: KeptPosterior, network: Marquee, source: DaySource) -> None:
        heads = network.context.heads
        assert isinstance(heads, HierarchicalHeads), "others keep no posterior"
        self.kept, self.network, self.heads, self.source = kept, network, heads, source
        with torch.no_grad():
            network.bias.fill_(kept.bias)
        read = kept.read
        self.preparation = Preparation(
            source.catalogue,
            source.spec,
            source.images,
            source.image_row,
            heads=1,
            mask=read.mask,
            clip=read.clip,
            seed=read.seed,
            mean=read.mean_importance,
            by_id=True,
            read_outs=source.read_outs,
        )
        self.titles = source.catalogue.artworks["title_id"].to_pylist()
        self.left_out = 0
        """Examples that could not be learnt from, since the artwork that they showed has no
        image."""

    def read(
        self, days: Sequence[DaySpan], held_out: int, say: Callable[[str], None] = lambda _: None
    ) -> tuple[FirstPass, TrainedNetwork]:
        """Take days in, in order, and calibrate on what comes after them.

        Args:
            days: to take in.
            held_out: most examples of later days to judge by.
            say: where progress goes.

        Raises:
            BadInput: an example is wrong, or of another reward.
        """
        source, before = self.source, self.kept.read
        if more := late(source.stream, before.through, dict(before.counts)):
            say(f"{more:,} examples of days read before came late: a full training takes them in")
        for span in days:
            count = self.take_in(span)
            say(f"took in {date_of(span.day)}: {count:,} examples")
        stream = replace(source.stream, since=days[-1].until)
        later = sample(stream, held_out)
        records = self.records()
        learner = Learner(self.network).eval()
        added = RecordEffects(records, source.catalogue.artwork_ids)
        temperature, error = calibrate(learner, self.preparation(later), ARTWORKS, added)
        posterior = self._posterior(self._inputs())
        trained = TrainedNetwork(
            self.network, records, posterior, temperature, error, read_outs=source.read_outs
        )
        return FirstPass(self.statistics(), later, stream, None, self.left_out), trained

    @torch.no_grad()
    def take_in(self, span: DaySpan) -> int:
        """Read a day, and add it; how many examples it has.

        Raises:
            BadInput: an example is wrong, or of another reward.
        """
        table = self._examples(span)
        read = self.kept.read
        days = span.day - (read.through - 1) // DAY_US
        if read.decay < 1 and days > 0:
            self.kept.regression.fade(read.decay**days)
        if len(table):
            self._add(table)
        counts = {**read.counts, **counted(self.source.stream, span.until)}
        read = replace(
            read, through=span.until, examples=read.examples + len(table), counts=_latest(counts)
        )
        self.kept = replace(self.kept, read=read)
        return len(table)

    def records(self) -> ArtworkRecords:
        """Write what all artworks share into the network; give what each has of its own."""
        kept = self.kept
        components = type(kept.components)(*(part.double() for part in kept.components))
        inputs = replace(self._inputs(), components=components, second=kept.second.double())
        return self._posterior(inputs).records()

    def statistics(self) -> DatasetStatistics:
        """Of all examples so far, as far as takes go."""
        rows = self._catalogue_rows()
        whole = DatasetStatistics(self.source.catalogue)
        there = rows >= 0
        takes = self.kept.takes.numpy()[there]
        whole.resume(rows[there], takes, self.kept.read.examples)
        return whole

    def _examples(self, span: DaySpan) -> pa.Table:
        """A day's examples whose artwork has an image, in the order of their ids."""
        source, catalogue = self.source, self.source.catalogue
        stream = replace(source.stream, since=span.since, until=span.until, seed=None)
        checked = checked_examples(
            stream.rows(), catalogue.artwork_ids, title_ids=catalogue.title_ids
        )
        table = pa.concat_tables(checked)
        names = pc.unique(table["reward_name"]).to_pylist()
        if names != [source.reward_name]:
            other = next(name for name in names if name != source.reward_name)
            raise BadInput(
                f"the examples of {date_of(span.day)} are of the reward {other!r}, and the bundle "
                f"predicts {source.reward_name!r}; train in full, without --increment.of"
            )
        artwork = pc.index_in(table["action"], value_set=pa.array(catalogue.artwork_ids))
        seen = source.image_row[artwork.to_numpy()] >= 0
        self.left_out += int((~seen).sum())
        return table.filter(pa.array(seen)).sort_by("decision_id").combine_chunks()

    def _add(self, table: pa.Table) -> None:
        part = self.preparation(table)
        shown = np.unique(part.artwork_of)
        self._join(part, shown)
        posterior = self._posterior(self._inputs(part, shown))
        chunks = [
            posterior.impressions(part, np.arange(start, min(start + ROWS, len(part))))
            for start in range(0, len(part), ROWS)
        ]
        read = ObservedExamples(*(torch.cat(parts) for parts in zip(*chunks, strict=True)))
        keys = profile_keys(table["decision_id"].to_pylist())
        noise = noise_of(keys, self.kept.regression.count).astype(np.float32)
        self.kept.regression.take_in(DayImpressions(*read, torch.from_numpy(noise)))
        day = DatasetStatistics(self.source.catalogue, self.kept.read.clip)
        day.add(table)
        self.kept.takes[torch.from_numpy(self._row()[shown])] += torch.from_numpy(day.sums()[shown])

    def _join(self, part: Examples, shown: Int[np.ndarray, " shown"]) -> None:
        """Give artworks that were never shown before a place, in the order of their ids."""
        ids, kept = self.source.catalogue.artwork_ids, self.kept
        new = sorted(shown[self._row()[shown] < 0].tolist(), key=lambda row: ids[row])
        if not new:
            return
        titles = dict.fromkeys(str(self.titles[row]) for row in new)
        new_titles = [title for title in titles if title not in set(kept.title_ids)]
        place = {title: at for at, title in enumerate([*kept.title_ids, *new_titles])}
        images = part.images[part.image_row[new]]
        looks = torch.from_numpy(embed_all(Learner(self.network), images))
        title_features = torch.from_numpy(np.array(part.candidates.dense[new]))
        scores = kept.components(self.network.candidate.content(looks, title_features))
        names = [ids[row] for row in new]
        self.kept = replace(
            kept,
            regression=kept.regression.joined_by(
                scores,
                torch.tensor([place[str(self.titles[row])] for row in new]),
                profile_keys(names),
                profile_keys(new_titles),
            ),
            artwork_ids=[*kept.artwork_ids, *names],
            title_ids=list(place),
            takes=torch.cat([kept.takes, kept.takes.new_zeros(len(new), kept.takes.shape[1])]),
        )

    def _inputs(
        self, part: Examples | None = None, shown: Int[np.ndarray, " shown"] | None = None
    ) -> RegressionInputs:
        """What the regression reads of artworks: of those that a day showed, and 0 of others."""
        kept, network = self.kept, self.network
        none = torch.zeros(0, 0)
        inputs = RegressionInputs(
            network,
            self.heads,
            self._catalogue_rows(),
            kept.components,
            kept.regression.components[:, :-1],
            titles=none,
            matches=ArtworkMatches.none(),
            units=kept.units,
            second=kept.second,
        )
        if part is None or shown is None:
            return inputs
        candidates = [torch.from_numpy(np.array(column[shown])) for column in part.candidates]
        looks = torch.zeros(len(shown), network.architecture.embedding)  # names do not depend on it
        titles = network.candidate(looks, *candidates)[1]
        at, count = torch.from_numpy(self._row()[shown]), len(kept.artwork_ids)
        return replace(
            inputs,
            titles=titles.new_zeros(count, titles.shape[1]).index_copy(0, at, titles),
            matches=ArtworkMatches.of(network, candidates).placed(at, count),
        )

    def _posterior(self, inputs: RegressionInputs) -> HierarchicalPosterior:
        kept = self.kept
        row, ids = self._row(), kept.artwork_ids
        return HierarchicalPosterior(inputs, kept.regression, row, ids, kept.scale)

    def _row(self) -> Int[np.ndarray, " artworks"]:
        """Of each artwork of the catalogue in the regression; -1: it was never shown."""
        at = {name: row for row, name in enumerate(self.kept.artwork_ids)}
        return np.array([at.get(name, -1) for name in self.source.catalogue.artwork_ids], np.int64)

    def _catalogue_rows(self) -> Int[np.ndarray, " known"]:
        """Of each artwork of the regression in the catalogue; -1: it is there no more."""
        at = {name: row for row, name in enumerate(self.source.catalogue.artwork_ids)}
        return np.array([at.get(name, -1) for name in self.kept.artwork_ids], np.int64)


def _latest(counts: Mapping[str, int]) -> dict[str, int]:
    """Those of the last days."""
    return dict(sorted(counts.items())[-WATCHED:])
