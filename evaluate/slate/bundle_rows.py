"""What a bundle would have put into the rows that a log showed, as weights of their parts."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from bandit.choice import profile_keys
from bandit.rows.orchestrate import orchestrate
from bandit.rows.row_chances import RowChances
from bandit.rows.take_values import take_values
from data.bundle.row_pairs import RowPairs
from data.catalogue import Catalogue
from data.errors import BadInput
from evaluate.ope.feedback import GROUPS
from evaluate.ope.reward_model import FOLDS
from evaluate.policies.bundle_scores import BundleScores
from evaluate.slate.candidate_rows import candidate_rows, shown_rows
from evaluate.slate.logged_rows import LoggedRows
from evaluate.slate.slates import Order, Slates
from evaluate.slate.slot_grid import ratio_of
from evaluate.slate.slot_model import Places

AT_ONCE = 1 << 22
"""Numbers of pairs worked on at a time."""


class _Target(NamedTuple):
    """A policy's probabilities of the logged choices, and what it is expected to earn."""

    position: Float[np.ndarray, "rows slots"]
    pair: Float[np.ndarray, "rows slots"]
    prefix: Float[np.ndarray, "rows slots"]
    own: Float[np.ndarray, "rows slots"]
    """Predicted take of what was shown, by itself."""
    mean: Float[np.ndarray, "rows slots"]
    """The same of what the policy would show."""


class _Offers(NamedTuple):
    """What each logged slot could show, to whom."""

    facts: pa.StructArray
    candidates: Int[np.ndarray, "examples ranks"]
    valid: Bool[np.ndarray, "examples ranks"]
    rank: Int[np.ndarray, " examples"]
    """Of what was shown."""


class _Lines(NamedTuple):
    """Where the logged slots of some rows lie, and how these rows are decided."""

    line: Int[np.ndarray, "rows slots"]
    """Among the examples; 0 beyond a row's end."""
    length: Int[np.ndarray, " rows"]
    pairs: RowPairs | None


def bundle_slates(
    rows: LoggedRows, scored: BundleScores, catalogue: Catalogue, pairs: RowPairs | None
) -> Slates:
    """Logged rows with the weights of a bundle's policy over the one that logged.

    The bundle decides what was seen of each row.

    Args:
        rows: of a log whose propensities are of drawn choices.
        scored: the bundle on the log's catalogue.
        catalogue: the log's.
        pairs: what neighbours do, by which rows are decided; None: each title by itself.

    Raises:
        BadInput: a propensity is none, or the catalogue lacks an artwork.
    """
    count = len(rows)
    length = np.bincount(rows.row, minlength=count)

    def spread(values: np.ndarray) -> np.ndarray:
        made = np.zeros((count, int(length.max())), values.dtype)
        made[rows.row, rows.place] = values
        return made

    logged, alone = rows.numbers("propensity"), rows.numbers("slot_propensity")
    # Where a limit on images alike was kept, nobody knows the chance of a slot by itself.
    known = not np.isnan(alone).any()
    for name, values in (("propensity", logged), ("slot_propensity", alone))[: 1 + known]:
        if not ((values > 0) & (values <= 1 + 1e-9)).all():
            raise BadInput(f"{name} of a row's example is outside (0, 1]; see `data check`")
    there = np.arange(int(length.max())) < length[:, None]
    given, single = np.where(there, spread(logged), 1.0), np.where(there, spread(alone), 1.0)
    prefix = np.cumprod(given, axis=1)
    following = np.concatenate([given[:, 1:], np.ones((count, 1))], axis=1)
    target = _target(rows, scored, catalogue, _Lines(spread(np.arange(len(logged))), length, pairs))
    last = there & (np.arange(there.shape[1]) == length[:, None] - 1)
    weights = ratio_of(target.prefix, prefix) * there
    pair = np.where(last, 0.0, ratio_of(target.pair, single * following))
    reward = spread(rows.numbers("reward"))
    owners = rows.examples["profile_id"].combine_chunks().dictionary_encode()
    groups = (profile_keys(owners.dictionary.to_pylist()) % np.uint64(GROUPS)).astype(np.int64)
    group = groups[owners.indices.to_numpy()][rows.place == 0]
    slates = Slates(
        length=length,
        reward=reward,
        group=group,
        slate=weights[np.arange(count), length - 1],
        position=ratio_of(target.position, single) * there if known else None,
        prefix=weights,
        pair=pair * there if known else None,
        logged=_reads(logged, alone) if known else "whole",
        target="alone" if pairs is None else "neighbour",
    )
    nobody = np.zeros(count, np.int64)
    places = Places(there, length, group % FOLDS, nobody, np.zeros_like(there, int), None, None)
    return replace(slates, model=places.model(reward, own=(target.own, target.mean)))


def _reads(given: Float[np.ndarray, " slots"], alone: Float[np.ndarray, " slots"]) -> Order:
    """What the log's choices read: nothing, where a slot's chance is the same by itself."""
    return "alone" if np.allclose(given, alone, rtol=1e-9, atol=0) else "neighbour"


def _target(
    rows: LoggedRows,
    scored: BundleScores,
    catalogue: Catalogue,
    lines: _Lines,
) -> _Target:
    """Block by block: memory does not grow with the log."""
    line, length, pairs = lines
    candidates, valid = candidate_rows(rows.examples, catalogue)
    shown = shown_rows(rows.examples, catalogue)
    offers = _Offers(
        rows.examples["facts"].combine_chunks(),
        candidates,
        valid,
        (candidates == shown[:, None]).argmax(1),
    )
    heads, ranks = scored.scorer.manifest.policy.heads, candidates.shape[1]
    step = max(1, AT_ONCE // (heads * line.shape[1] * ranks * ranks))
    blocks = [slice(at, at + step) for at in range(0, len(line), step)]
    parts = [_of_block(scored, offers, _Lines(line[b], length[b], pairs)) for b in blocks]
    return _Target(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _of_block(
    scored: BundleScores,
    offers: _Offers,
    lines: _Lines,
) -> _Target:
    line, length, pairs = lines
    at, row = line.ravel(), np.arange(len(line))
    facts = offers.facts.take(pa.array(at))
    shape = (*line.shape, -1)
    candidates, valid = offers.candidates[at].reshape(shape), offers.valid[at].reshape(shape)
    chances = bundle_chances(scored, facts, candidates, valid, length, pairs)
    rank = offers.rank[at].reshape(line.shape)
    parts = chances.parts(row, rank)
    takes = scored.takes(scored.members(facts), offers.candidates[at]).reshape(shape)
    own = takes[row[:, None], np.arange(line.shape[1]), rank]
    mean = (chances.alone * takes).sum(2)
    return _Target(parts.position, np.nan_to_num(parts.pair), parts.prefix, own, mean)


# All are of the same slots; who calls has them apart.
def bundle_chances(
    scored: BundleScores,
    facts: pa.StructArray,
    candidates: Int[np.ndarray, "rows slots ranks"],
    valid: Bool[np.ndarray, "rows slots ranks"],
    length: Int[np.ndarray, " rows"],
    pairs: RowPairs | None,
) -> RowChances:
    """How likely a bundle's policy makes each row.

    Args:
        scored: the bundle on a catalogue.
        facts: of each slot of each row, one after another.
        candidates: rows of the catalogue.
        valid: candidates that there are; one at least in each slot, also beyond a row's end.
        length: slots of each row.
        pairs: what neighbours do; None: each title by itself.
    """
    count, slots, ranks = candidates.shape
    flat = candidates.reshape(-1, ranks)
    members, artworks = scored.members(facts), scored.artworks.at(flat)
    calibration = scored.scorer.manifest.calibration
    there = valid.reshape(-1, ranks)
    own = (members.appeals[:, None] * artworks.appeals).sum(2)
    # One of a title, as live has it: which artwork is chosen depends on their scores alone.
    title = np.where(there, own, 0.0).sum(1) / there.sum(1)
    logits = members.scores(artworks) + (title + calibration.bias)[:, None, None]
    logits = logits.astype(np.float64).reshape(count, slots, -1, ranks) / calibration.temperature
    coordinates, forms = np.zeros((*candidates.shape, 1)), np.zeros((logits.shape[2], 1, 1))
    if pairs is not None:
        coordinates, forms = pairs.coordinates(scored.artworks.vectors)[candidates], pairs.heads
    logits = logits.transpose(1, 0, 3, 2)
    values = take_values(logits, coordinates.swapaxes(0, 1), forms, length)
    policy = scored.policy()
    single = policy.considered(values.own, 3).transpose(1, 3, 0, 2)
    pair = policy.considered(values.beside[1:], 4).transpose(1, 4, 0, 3, 2)
    return orchestrate(single, pair, valid, policy.exploration)
