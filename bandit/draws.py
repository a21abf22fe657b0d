"""Draws: one random choice for a profile and a title, at a time that no earlier draw decides.

A draw lasts an epoch of days. Epochs are staggered over profiles and titles by a hash, so a share
of all artwork is drawn anew each day, whichever artwork that is. What a new draw is likely to show
may depend on what was shown before; whether and when it is made may not. `docs/propensities.md`
has the definition, and why each part of it is needed.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int, Int64, Integer, UInt64

from bandit.choice import MASK, mix_words

EPOCH_DAYS_MAX = 366


@dataclass(frozen=True)
class Epochs:
    """How long a draw lasts, and how much of the next one is what was shown before.

    Raises:
        ValueError: days outside 1 … 366, or keep outside [0, 1).
    """

    days: int = 14
    """Days of an epoch; with 1 everything is drawn anew every day."""
    keep: float = 0.5
    """Probability, before exploration is mixed in, that a new draw is what was shown before."""

    def __post_init__(self) -> None:
        if not 1 <= self.days <= EPOCH_DAYS_MAX:
            raise ValueError(
                f"an epoch of {self.days} days: give whole days, 1 to {EPOCH_DAYS_MAX}"
            )
        if not 0 <= self.keep < 1:
            raise ValueError(f"keep is {self.keep}: a probability below 1, or nothing ever changes")


def epoch_numbers(
    profile_keys: UInt64[np.ndarray, "..."],
    title_ids: Integer[np.ndarray, "..."],
    day: int | Int[np.ndarray, "..."],
    days: int,
) -> Int64[np.ndarray, "..."]:
    """The epoch that a day lies in; keys and titles broadcast against each other.

    Args:
        profile_keys: from `bandit.choice.profile_keys`.
        title_ids: from `bandit.choice.title_words`.
        day: days since 1970-01-01.
        days: length of an epoch.
    """
    return (day + epoch_stagger(profile_keys, title_ids, days)) // days


def epoch_stagger(
    profile_keys: UInt64[np.ndarray, "..."], title_ids: Integer[np.ndarray, "..."], days: int
) -> Int64[np.ndarray, "..."]:
    """How many days before day 0 of all epochs this profile's and title's begins: 0 … days − 1."""
    titles = mix_words(np.atleast_1d(title_ids).astype(np.uint64))
    mixed = mix_words(np.asarray(profile_keys, np.uint64) ^ titles)
    return (mixed % np.uint64(days)).astype(np.int64)


def draw_seeds(
    profile_keys: UInt64[np.ndarray, "..."],
    title_ids: Integer[np.ndarray, "..."],
    epochs: Int[np.ndarray, "..."],
    contexts: UInt64[np.ndarray, "..."],
    salt: int | UInt64[np.ndarray, "..."],
) -> UInt64[np.ndarray, "..."]:
    """A seed for each draw; all broadcast against each other.

    Everything that the probabilities follow from goes in, so two draws of unequal probabilities
    never share a uniform number: the second would not be random, given the first. What was shown
    before goes in by the salt, see `opening_salts`.

    Args:
        profile_keys: from `bandit.choice.profile_keys`.
        title_ids: from `bandit.choice.title_words`.
        epochs: from `epoch_numbers`.
        contexts: from `context_words`.
        salt: of the policy, or from `opening_salts`; another salt draws anew.
    """
    salts = np.uint64(salt & MASK) if isinstance(salt, int) else salt
    keys = mix_words(np.asarray(profile_keys, np.uint64) ^ salts)
    titles = mix_words(keys + np.asarray(title_ids).astype(np.uint64))
    return mix_words(mix_words(titles ^ np.asarray(epochs).astype(np.uint64)) ^ contexts)


FIRST, RENEWED, REDRAWN = 0, 1, 2
"""How a draw opens: where nothing was shown before; in place of a draw of an earlier day; in place
of one of the same day or a later one, or when draws of that day had been renewed before."""


def opening_salts(
    salt: int, day: int, version: int, history: int = 0
) -> UInt64[np.ndarray, " openings"]:
    """Salts of draws by how they open: FIRST, RENEWED, REDRAWN.

    A draw in place of another has probabilities that follow from what that one fell on, and may
    come twice in an epoch with all else equal: candidates that go and come back. So it has a number
    of its own, by the day it opens on and the runs that led there (a day that is decided again on
    restored maps follows from another past) and, where the maps know that day already, by the
    run. A first draw follows from nothing before it, and is the same wherever it is asked for.

    Args:
        salt: of the policy.
        day: on which the draws open, since 1970-01-01.
        version: of the run.
        history: a hash of the runs that made what was shown before; 0: of a store of before.
    """
    past = (history,) if history else ()
    renewed = text_word("renewed", salt, day, *past)
    own = (salt & MASK, renewed, text_word("redrawn", salt, day, version))
    return np.array(own, np.uint64)


def context_words(
    fingerprints: Int[np.ndarray, "..."],
    candidates: UInt64[np.ndarray, "..."],
    bundle: int,
) -> UInt64[np.ndarray, "..."]:
    """What a draw's probabilities follow from, in a word: facts, candidates, bundle.

    Args:
        fingerprints: of the features that the facts became.
        candidates: from `set_word`, of the candidates after rules.
        bundle: from `text_word`, of the bundle and its policy's settings.
    """
    facts = mix_words(np.atleast_1d(fingerprints).astype(np.uint64) ^ np.uint64(bundle))
    return mix_words(facts + np.atleast_1d(candidates).astype(np.uint64))


def draw_ids(
    seeds: UInt64[np.ndarray, " draws"],
    profile_keys: UInt64[np.ndarray, " draws"],
    title_ids: Integer[np.ndarray, " draws"],
    actions: UInt64[np.ndarray, " draws"],
    propensities: Float[np.ndarray, " draws"],
    record: int,
) -> list[str]:
    """Names of decisions, 32 hex digits each, that hash the whole record.

    Different records have different names; the same draw, asked for again, has the same.

    Args:
        seeds: from `draw_seeds`, which hash profile, title, epoch, facts, candidates and bundle.
        profile_keys: from `bandit.choice.profile_keys`.
        title_ids: from `bandit.choice.title_words`.
        actions: `text_word` of what is shown.
        propensities: as logged, to the last bit.
        record: from `text_word`, of level, policy and cell.
    """
    bits = np.ascontiguousarray(propensities, np.float64).view(np.uint64)
    whom = mix_words(np.asarray(profile_keys, np.uint64) + np.uint64(record))
    what = mix_words(whom ^ np.asarray(title_ids).astype(np.uint64))
    shown = mix_words(mix_words(what + np.asarray(actions, np.uint64)) ^ bits)
    halves = np.stack([mix_words(shown ^ seeds), mix_words(mix_words(seeds) + shown)], -1)
    digits = halves.astype(">u8").tobytes().hex()
    return [digits[at : at + 32] for at in range(0, len(digits), 32)]


def text_word(*parts: object) -> int:
    """A 64-bit hash of some texts and numbers, in order: the same on every machine."""
    hashed = hashlib.blake2b(digest_size=8)
    for part in parts:
        raw = repr(part).encode()
        hashed.update(len(raw).to_bytes(4, "little") + raw)
    return int.from_bytes(hashed.digest(), "little")


@dataclass(frozen=True)
class DrawRules:
    """What all draws of a bundle have in common; their probabilities follow from it."""

    bundle: str
    policy: str
    epsilon: float
    salt: int
    heads: int
    epochs: Epochs = field(default_factory=Epochs)
    cell: str | None = None
    """Of an experiment, whose draws are draws apart; None: of none."""

    @cached_property
    def word(self) -> int:
        """A hash of all of it, for `context_words`."""
        decides = (self.bundle, self.policy, float(self.epsilon), self.salt, self.heads)
        apart = () if self.cell is None else ("cell", self.cell)
        return text_word(*decides, self.epochs.days, float(self.epochs.keep), *apart)

    @cached_property
    def personalised_word(self) -> int:
        """`record_word` of most decisions."""
        return self.record_word()

    def record_word(self, level: str = "personalised", cell: str | None = None) -> int:
        """A hash of what a decision's record says besides, for `draw_ids`."""
        return text_word(self.policy, self.bundle, level, self.cell if cell is None else cell)

    def to_record(self) -> dict[str, object]:
        """As JSON has it; without a cell as before there were cells."""
        told = asdict(self)
        if self.cell is None:
            del told["cell"]
        return told


def artwork_words(artwork_ids: Sequence[str]) -> UInt64[np.ndarray, " artworks"]:
    """A hash of each artwork's id."""
    return np.array([text_word(artwork) for artwork in artwork_ids], np.uint64)


def candidate_words(
    artwork_ids: Sequence[str], starts: Sequence[int] | Int[np.ndarray, " titles_and_one"]
) -> UInt64[np.ndarray, " titles"]:
    """A hash of each title's candidates, in their order.

    Args:
        artwork_ids: of all titles, one after another.
        starts: where each title's candidates begin, and the end.
    """
    edges = [int(edge) for edge in starts]
    return np.array([text_word(*artwork_ids[a:b]) for a, b in pairwise(edges)], np.uint64)
