"""Joined examples as off-policy estimates need them: candidates by catalogue row, checked."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float, Int

from data.catalogue import Catalogue
from data.check.known import refuse_other_kind
from data.days import DAY_US, date_of, day_number
from data.duplicate_ids import DuplicateIds
from data.errors import BadInput
from evaluate.ope.feedback import Feedback
from evaluate.ope.feedback_batch import Batch
from evaluate.ope.feedback_file import FeedbackSource
from evaluate.ope.reward_model import CrossFittedMeans
from evaluate.ope.support import NoSupport, Support

NEEDED = (
    *("decision_id", "time", "profile_id", "title_id", "facts", "candidates", "action"),
    *("propensity", "reward"),
)
SUPPORT = ("level", "probabilities")
"""Read where they are there: whether an action was drawn."""
IMPRESSIONS = "impressions"
"""Read where it is there: how many pages showed a draw."""


@dataclass(frozen=True)
class LoggedExamples:
    """Decisions that were rendered, with their rewards, on a catalogue.

    Attributes:
        examples: as EXAMPLES, at least the columns `NEEDED`.
        catalogue: that has every candidate.
        batches: of the same rows, in order; their target is uniform.
        model: of the reward, learnt from all rows of the log, those without support as well.
        support: rows of the log that were left out, and why.
    """

    examples: pa.Table
    catalogue: Catalogue
    batches: list[Batch]
    model: CrossFittedMeans
    support: Support

    @classmethod
    def of(
        cls, examples: pa.Table, catalogue: Catalogue, without: Collection[str] = ()
    ) -> "LoggedExamples":
        """Examples whose action was drawn, so that estimates may weigh them; each checked.

        Args:
            examples: as EXAMPLES.
            catalogue: that has every candidate.
            without: artworks that have no image: rows that offer one are left out and counted.

        Raises:
            NoSupport: nothing was drawn.
            BadInput: there are none, a row is wrong, or the catalogue lacks a candidate.
        """
        logged = cls.every(examples, catalogue, without)
        logged.support.refuse_none("the log")
        batches = [batch.with_support() for batch in logged.batches]
        drawn = np.concatenate([batch.drawn for batch in logged.batches if batch.drawn is not None])
        examples = logged.examples.filter(pa.array(drawn)).combine_chunks()
        return replace(logged, examples=examples, batches=batches)

    @classmethod
    def every(
        cls, examples: pa.Table, catalogue: Catalogue, without: Collection[str] = ()
    ) -> "LoggedExamples":
        """All examples, for what weighs none of them; each checked; but for `without`, as `of`.

        Raises:
            NoSupport: every row offers an artwork without image.
            BadInput: as `of`.
        """
        if missing := [name for name in NEEDED if name not in examples.schema.names]:
            raise BadInput(f"examples have no column {missing[0]}; join the log again")
        refuse_other_kind(examples.schema, catalogue.title_kind, "the log")
        offering = len(examples)
        examples, lacking = _without(examples, without)
        offering -= len(examples)
        if offering and not len(examples):
            raise NoSupport(
                f"each of {offering:,} rows offers artwork whose image cannot be had, such as "
                f"{lacking[0]}: mend the images, which `python -m data check` names, or give a "
                "log of other days"
            )
        unconditional = _unconditional(examples)
        has = [name for name in SUPPORT if name in examples.schema.names]
        alone = _alone(examples, catalogue)
        feedback = examples.select(
            ["decision_id", "candidates", "action", "reward", "propensity", "profile_id", *has]
        ).combine_chunks()
        columns = [name for name in (*NEEDED, IMPRESSIONS) if name in examples.schema.names]
        examples = examples.select(columns).combine_chunks()
        source = FeedbackSource.open(
            feedback.append_column(
                "target_probabilities", _uniform(examples["candidates"])
            ).append_column("rule", pa.array(alone))
        )
        batches = []
        with DuplicateIds() as seen:
            for batch in source.batches():
                seen.add(batch.id_hashes)
                batches.append(batch)
            seen.refuse(source)
        support = Support.sum(batch.support for batch in batches)
        support = replace(support, unconditional=unconditional).and_offering(offering, lacking)
        logged = cls(examples, catalogue, batches, CrossFittedMeans().learn(batches), support)
        unknown = np.flatnonzero(logged._flat_rows < 0)
        if len(unknown):
            name = flattened(examples["candidates"])[int(unknown[0])].as_py()
            raise BadInput(
                f"the log offers artwork {name!r}, which is not in {catalogue.root}; give the "
                "catalogue that the log was made with"
            )
        return logged

    def __len__(self) -> int:
        return len(self.examples)

    @cached_property
    def impressions(self) -> int | None:
        """Pages that showed the draws, all together; None where they were not counted."""
        if IMPRESSIONS not in self.examples.schema.names:
            return None
        counts = self.examples[IMPRESSIONS]
        return None if counts.null_count else int(pc.call_function("sum", [counts]).as_py())

    @property
    def reward_an_impression(self) -> float | None:
        """What the log earned on each page that showed a draw; None where they were not counted."""
        pages = self.impressions
        return float(self.feedback.reward.sum()) / pages if pages else None

    @property
    def ends(self) -> tuple[datetime, datetime]:
        """When the first decision was taken, and the last."""
        first, last = pc.call_function("min_max", [self.examples["time"]]).as_py().values()
        return first, last

    @cached_property
    def facts(self) -> pa.StructArray:
        """Facts of each decision."""
        return self.examples["facts"].combine_chunks()

    @cached_property
    def feedback(self) -> Feedback:
        """All batches in one, with the modelled rewards of means that no profile judges itself by.

        Its target is uniform.
        """
        parts = [batch.feedback for batch in self.batches]
        ends = np.cumsum([0, *(len(part.target) for part in parts)])
        offsets = [part.offsets[1:] + end for part, end in zip(parts, ends, strict=False)]
        return Feedback(
            offsets=np.concatenate([[0], *offsets]),
            logged=np.concatenate([p.logged + e for p, e in zip(parts, ends, strict=False)]),
            reward=np.concatenate([part.reward for part in parts]),
            propensity=np.concatenate([part.propensity for part in parts]),
            target=np.concatenate([part.target for part in parts]),
            estimated=np.concatenate([self.model.predict(batch) for batch in self.batches]),
            group=np.concatenate([part.group for part in parts]),
        )

    @cached_property
    def _flat_rows(self) -> Int[np.ndarray, " flat"]:
        flat = flattened(self.examples["candidates"]).cast(pa.string())
        return places(flat, pa.array(self.catalogue.artwork_ids, pa.string()))

    @cached_property
    def valid(self) -> Bool[np.ndarray, "decisions candidates"]:
        """Which places of `rows` are candidates."""
        sizes = np.diff(self.feedback.offsets)
        return np.arange(sizes.max()) < sizes[:, None]

    @cached_property
    def rows(self) -> Int[np.ndarray, "decisions candidates"]:
        """Catalogue row of each candidate; padding has row 0."""
        rows = np.zeros(self.valid.shape, np.int64)
        rows[self.valid] = self._flat_rows
        return rows

    def by_decision(
        self, flat: Float[np.ndarray, " flat"], padding: float = 0.0
    ) -> Float[np.ndarray, "decisions candidates"]:
        """Values of candidates, a row a decision, as `rows`."""
        matrix = np.full(self.valid.shape, padding)
        matrix[self.valid] = flat
        return matrix

    @cached_property
    def chosen(self) -> Int[np.ndarray, " decisions"]:
        """Catalogue row of what was shown."""
        return self._flat_rows[self.feedback.logged]

    @cached_property
    def title_rows(self) -> Int[np.ndarray, " decisions"]:
        """Catalogue row of each decision's title."""
        known = pa.array(self.catalogue.title_ids)
        rows = places(self.examples["title_id"].combine_chunks(), known)
        if (rows < 0).any():
            title = self.examples["title_id"][int((rows < 0).argmax())].as_py()
            raise BadInput(
                f"the log decides title {title!r:.60}, which is not in {self.catalogue.root}"
            )
        return rows


def _without(examples: pa.Table, artworks: Collection[str]) -> tuple[pa.Table, list[str]]:
    """The rows that offer none of these artworks, and those of them that the others offer."""
    if not artworks:
        return examples, []
    flat = flattened(examples["candidates"]).cast(pa.string())
    among = pa.array(sorted(artworks), pa.string())
    found = places(flat, among)
    sizes = list_sizes(examples["candidates"])
    row = np.repeat(np.arange(len(sizes)), sizes)
    keep = np.bincount(row[found >= 0], minlength=len(sizes)) == 0
    return examples.filter(pa.array(keep)), among.take(np.unique(found[found >= 0])).to_pylist()


def _alone(examples: pa.Table, catalogue: Catalogue) -> Bool[np.ndarray, " rows"]:
    """Rows that list what was shown alone, where others could have been: a rule's choices.

    The title has several candidates in the catalogue on that day, or in other rows of the day. Of a
    bundle's rows the candidates are what rules of rights left, which bind every policy.
    """
    sizes = list_sizes(examples["candidates"])
    single = sizes == 1
    if "bundle" in examples.schema.names:
        single &= np.asarray(examples["bundle"].is_null())
    if not single.any():
        return single
    days = examples["time"].cast(pa.int64()).to_numpy() // DAY_US
    own = examples["title_id"].combine_chunks().dictionary_encode()
    names, titles = own.dictionary.to_pylist(), own.indices.to_numpy()
    keys, inverse = np.unique(np.stack([titles, days], 1), axis=0, return_inverse=True)
    inverse = inverse.ravel()
    most = np.zeros(len(keys), np.int64)
    np.maximum.at(most, inverse, sizes)
    known = set(catalogue.title_ids)
    for at in np.unique(inverse[single]):
        title, day = names[keys[at, 0]], int(keys[at, 1])
        if most[at] == 1 and title in known:
            most[at] = len(catalogue.candidates(title, date_of(day)))
    return single & (most[inverse] > 1)


def _unconditional(examples: pa.Table) -> int:
    """Rows of schema 1 that a bundle decided: some of them may have been precomputed."""
    if not {"schema_version", "bundle"} <= set(examples.schema.names):
        return 0
    version = pc.fill_null(examples["schema_version"], 1).to_numpy()
    return int(((version <= 1) & examples["bundle"].is_valid().to_numpy()).sum())


def _uniform(candidates: pa.ChunkedArray) -> pa.Array:
    sizes = list_sizes(candidates)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, np.repeat(1 / np.maximum(sizes, 1), sizes))


def list_sizes(lists: pa.ChunkedArray) -> Int[np.ndarray, " rows"]:
    """How many values each list holds; 0 where it is null."""
    sizes = pc.call_function("list_value_length", [_whole(lists)])
    return pc.fill_null(sizes, 0).to_numpy(zero_copy_only=False)


def flattened(lists: pa.ChunkedArray) -> pa.Array:
    """The values of all lists, one after another."""
    return _whole(lists).flatten()


def places(values: pa.Array, among: pa.Array) -> Int[np.ndarray, " values"]:
    """Where each value stands among others; −1: nowhere."""
    rows = pc.call_function("index_in", [values], pc.SetLookupOptions(among))
    return pc.fill_null(rows, -1).to_numpy(zero_copy_only=False).astype(np.int64)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return pa.concat_arrays(whole.chunks) if isinstance(whole, pa.ChunkedArray) else whole


def days_of(catalogue: Catalogue) -> Float[np.ndarray, " artworks"]:
    """Day on which each artwork was added, since 1970-01-01."""
    added: list[date] = catalogue.artworks["added_day"].to_pylist()
    return np.array([day_number(day) for day in added], float)
