"""A file of decisions whose long-term rewards have come, as estimators read it."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float, Int

from bandit.counts import PRIOR_IMPRESSIONS
from data.errors import BadInput
from data.schema_cast import read_table
from evaluate.longterm.lope import LongTermLog, at_level
from evaluate.longterm.short_term import action_posterior
from evaluate.ope.feedback_batch import Batch
from evaluate.ope.feedback_file import FeedbackSource
from evaluate.ope.reward_model import FOLDS, CrossFittedMeans
from evaluate.ope.support import Support

MOST_OUTCOMES = 50
"""Kinds of short-term outcomes: more are no kinds, and each would be seen too seldom."""
NO_DIFFERENCE = 1e12
"""Strength where artworks differ by no more than noise."""
TURNS = 4
"""In which the outcome's part of a reward and the artwork's own are told apart."""
STRENGTH = 20.0
"""Decisions that the outcomes of all artwork count for, beside an artwork's own."""


@dataclass(frozen=True)
class LongFile:
    """What a file holds.

    Attributes:
        log: decisions that were drawn, candidates padded.
        target: the target's probability of each candidate.
        predicted: a proxy's reward of each decision; None: the file has none.
        left: modelled reward − predicted of each candidate, by cross-fitted means; None likewise.
        clustered: whether profiles are named.
        support: rows that were left out, and why.
    """

    log: LongTermLog
    target: Float[np.ndarray, "decisions actions"]
    predicted: Float[np.ndarray, " decisions"] | None
    left: Float[np.ndarray, "decisions actions"] | None
    clustered: bool
    support: Support

    @classmethod
    def read(cls, file: Path) -> "LongFile":
        """Read a file whole.

        Raises:
            BadInput: it is no feedback, or lacks `outcome` or `probabilities`: by name.
        """
        if not file.is_file():
            raise BadInput(f"{file}: no such file; docs/longterm.md says what it holds")
        table = read_table(file)
        for name, why in (
            ("outcome", "what was seen at once: text or whole numbers, such as none, early, take"),
            ("probabilities", "the logging policy's probability of each candidate"),
        ):
            if name not in table.schema.names:
                raise BadInput(f"{file}: column {name} is missing; it is {why}")
        source = FeedbackSource.open(table)
        batches = list(source.batches())
        support = Support.sum(batch.support for batch in batches)
        support.refuse_none(str(file))
        rows = np.concatenate(
            [np.ones(len(b.feedback), bool) if b.drawn is None else b.drawn for b in batches]
        )
        table = table.filter(pa.array(rows))
        kept = [batch.with_support() for batch in batches]
        grid = _Grid.of(kept)
        outcome = _outcomes(table, file)
        likelihood = _likelihood(table, grid, outcome, file)
        logged = grid.spread(_flat(table, "probabilities", grid, file))
        try:
            posterior = action_posterior(logged, likelihood)
        except ValueError as error:
            raise BadInput(f"{file}: {error}") from None
        estimated = [b.feedback.estimated for b in kept if b.feedback.estimated is not None]
        model = np.concatenate(estimated) if estimated else _means(kept, grid.reward)
        predicted = left = None
        if "predicted_reward" in table.schema.names:
            predicted = _numbers(table, "predicted_reward", file)
            left = grid.spread(_means(kept, grid.reward - predicted))
        group = np.concatenate([b.feedback.group for b in kept])
        log = LongTermLog(
            grid.action,
            grid.reward,
            logged,
            posterior,
            grid.spread(model),
            group,
            at_level(grid.spread(_direct(kept, grid, outcome)), logged, grid.spread(model)),
        )
        target = grid.spread(np.concatenate([b.feedback.target for b in kept]))
        return cls(log, target, predicted, left, source.has("profile_id"), support)


@dataclass(frozen=True)
class _Grid:
    """Where each flat candidate stands among its decision's."""

    row: Int[np.ndarray, " flat"]
    place: Int[np.ndarray, " flat"]
    action: Int[np.ndarray, " decisions"]
    reward: Float[np.ndarray, " decisions"]
    code: Int[np.ndarray, " flat"]
    fold: Int[np.ndarray, " decisions"]

    @classmethod
    def of(cls, batches: list[Batch]) -> "_Grid":
        sizes = np.concatenate([np.diff(b.feedback.offsets) for b in batches])
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        row = np.repeat(np.arange(len(sizes)), sizes)
        action = np.concatenate([b.feedback.logged - b.feedback.offsets[:-1] for b in batches])
        names: dict[object, int] = {}
        codes = [
            np.array([names.setdefault(name, len(names)) for name in b.names])[b.codes]
            for b in batches
        ]
        return cls(
            row,
            np.arange(len(row)) - starts[row],
            action,
            np.concatenate([b.feedback.reward for b in batches]),
            np.concatenate(codes),
            np.concatenate([b.feedback.group for b in batches]) % FOLDS,
        )

    def spread(self, flat: Float[np.ndarray, " flat"]) -> Float[np.ndarray, "decisions actions"]:
        """Values by decision and place, 0 beyond its candidates."""
        values = np.zeros((len(self.action), int(self.place.max()) + 1))
        values[self.row, self.place] = flat
        return values

    @property
    def shown(self) -> Int[np.ndarray, " decisions"]:
        """Code of each decision's action."""
        return self.code[np.flatnonzero(self.place == 0) + self.action]


def _means(
    batches: list[Batch],
    reward: Float[np.ndarray, " decisions"],
    strength: float = PRIOR_IMPRESSIONS,
) -> np.ndarray:
    """Cross-fitted mean rewards of artworks, flat."""
    parts, at = [], 0
    for batch in batches:
        feedback = batch.feedback
        own = reward[at : at + len(feedback)]
        at += len(feedback)
        parts.append(_with_reward(batch, own))
    model = CrossFittedMeans(strength).learn(parts)
    return np.concatenate([model.predict(batch) for batch in parts])


def _direct(
    batches: list[Batch], grid: _Grid, outcome: Int[np.ndarray, " decisions"]
) -> Float[np.ndarray, " flat"]:
    """Of each candidate, what it adds where the same was seen: two ways of means, in turns."""
    kinds = np.bincount(outcome)
    first = np.flatnonzero(grid.place == 0)
    own = np.zeros(len(grid.row))
    for _ in range(TURNS):
        rest = grid.reward - own[first + grid.action]
        carried = np.bincount(outcome, rest) / np.maximum(kinds, 1)
        rest = grid.reward - carried[outcome]
        own = _means(batches, rest, _strength(grid.shown, rest))
    return own


def _strength(shown: Int[np.ndarray, " decisions"], rest: Float[np.ndarray, " decisions"]) -> float:
    """Decisions that "artworks do not differ" counts for: noise over what they do differ by.

    Source: DerSimonian and Laird (1986), "Meta-analysis in clinical trials", the moment estimate.
    """
    count = np.bincount(shown).astype(float)
    count, total = count[count > 0], np.bincount(shown, rest)[count > 0]
    mean = total / count
    noise = (rest @ rest - count @ mean**2) / max(len(rest) - len(count), 1)
    spread = count @ (mean - rest.mean()) ** 2 / max(noise, 1e-300) - (len(count) - 1)
    reach = len(rest) - count @ count / len(rest)
    return float(reach / spread) if spread > 0 else NO_DIFFERENCE


def _with_reward(batch: Batch, reward: Float[np.ndarray, " decisions"]) -> Batch:
    return replace(batch, feedback=replace(batch.feedback, reward=reward))


def _outcomes(table: pa.Table, file: Path) -> Int[np.ndarray, " decisions"]:
    """Codes of the short-term outcomes."""
    column = table["outcome"]
    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if not (pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_boolean(kind)):
        raise BadInput(f"{file}: outcome is {kind}; give text or whole numbers, a kind each")
    if column.null_count:
        raise BadInput(f"{file}: outcome is null in {column.null_count} rows; name it, say none")
    coded = pc.dictionary_encode(column.combine_chunks())
    count = len(coded.dictionary)
    if count > MOST_OUTCOMES:
        raise BadInput(
            f"{file}: outcome has {count} kinds, more than {MOST_OUTCOMES}; group them, such as"
            " none, early, late, take"
        )
    return coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _likelihood(
    table: pa.Table, grid: _Grid, outcome: Int[np.ndarray, " decisions"], file: Path
) -> Float[np.ndarray, "decisions actions"]:
    """p(s | x, b) of the outcome that was seen: the file's, or by artworks' own shares."""
    if "outcome_probabilities" in table.schema.names:
        return grid.spread(_flat(table, "outcome_probabilities", grid, file))
    kinds = int(outcome.max()) + 1
    artworks = int(grid.code.max()) + 1
    counts = np.zeros((FOLDS, artworks, kinds))
    np.add.at(counts, (grid.fold, grid.shown, outcome), 1.0)
    # A profile's own decisions have no part in what is believed of them.
    others = counts.sum(0) - counts
    overall = others.sum(1, keepdims=True) + 1.0
    overall /= overall.sum(2, keepdims=True)
    shares = (others + STRENGTH * overall) / (others.sum(2, keepdims=True) + STRENGTH)
    return grid.spread(shares[grid.fold[grid.row], grid.code, outcome[grid.row]])


def _flat(table: pa.Table, name: str, grid: _Grid, file: Path) -> Float[np.ndarray, " flat"]:
    """A list column with a number a candidate."""
    column = table[name].combine_chunks()
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        raise BadInput(f"{file}: {name} is {column.type}; give a list, a number a candidate")
    sizes = np.bincount(grid.row)
    own = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    if (own != sizes).any():
        row = int((own != sizes).argmax())
        raise BadInput(
            f"{file}: row {row} of those that were drawn has {own[row]} {name} for {sizes[row]}"
            " candidates; give one each"
        )
    values = pc.cast(column.flatten(), pa.float64()).to_numpy(zero_copy_only=False)
    if not (np.isfinite(values) & (values >= 0) & (values <= 1)).all():
        raise BadInput(f"{file}: {name} holds a value that is no probability; give 0 to 1")
    return values


def _numbers(table: pa.Table, name: str, file: Path) -> Float[np.ndarray, " decisions"]:
    values = pc.cast(table[name], pa.float64()).to_numpy()
    if not np.isfinite(values).all():
        raise BadInput(f"{file}: {name} holds no finite number in every row; fill it in")
    return values
