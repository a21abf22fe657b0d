"""What rules did to the draws of a run of precompute: once an effect, and a number a draw."""

from collections.abc import Sequence
from typing import NamedTuple, TypedDict

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Int, UInt64

from bandit.rules.book import RuleBook
from bandit.rules.effect import FREE


class RuledEffect(TypedDict):
    """What rules made of one title's candidates."""

    word: int
    """That the draws' seeds have mixed in (`bandit.rules.effect.Effect.word`)."""
    allowed: list[int]
    """Ranks that could be shown."""
    pinned: bool
    """Whether one was shown always."""
    rules: list[str]
    """Ids of those that held."""


class RuledDraws(NamedTuple):
    """Effects, and which of them each draw was made under."""

    effects: list[RuledEffect]
    places: Int[np.ndarray, "members titles"]
    """1 and more: of the first effect and the others; 0: none."""

    @classmethod
    def of(
        cls,
        codes: Int[np.ndarray, "members titles"],
        made: Bool[np.ndarray, "members titles"],
        book: RuleBook,
    ) -> "RuledDraws | None":
        """Those of a block; None: no rule changed any of its draws.

        Args:
            codes: of effects, in the book.
            made: the draws.
            book: of rules.
        """
        used = np.unique(codes[made])
        used = used[used > 0]
        if not len(used):
            return None
        # By their words, so that every engine writes the same bytes.
        used = used[np.argsort(book.effects.words[used])]
        places = np.zeros(int(used.max()) + 1, np.int64)
        places[used] = np.arange(1, len(used) + 1)
        within = np.where(made, codes, 0)
        return cls([_effect(book, code) for code in used.tolist()], places[within])


def _effect(book: RuleBook, code: int) -> RuledEffect:
    effect = book.effect(code)
    assert effect is not None  # code 0 alone has none
    allowed = np.flatnonzero(effect.allowed).tolist()
    pinned = effect.pinned != FREE
    return {
        "word": effect.word,
        "allowed": allowed,
        "pinned": pinned,
        "rules": list(effect.rules),
    }


class EffectColumns(NamedTuple):
    """Effects of a run's file side by side; the first stands for none."""

    words: UInt64[np.ndarray, " effects"]
    allowed: Bool[np.ndarray, "effects ranks"]
    pinned: Bool[np.ndarray, " effects"]
    rules: pa.ListArray

    @staticmethod
    def of(effects: Sequence[RuledEffect], most: int) -> "EffectColumns":
        """Those of a header, of titles with so many candidates at most."""
        allowed = np.zeros((len(effects) + 1, most), bool)
        allowed[0] = True
        for at, effect in enumerate(effects, start=1):
            allowed[at, effect["allowed"]] = True
        return EffectColumns(
            np.array([0, *(effect["word"] for effect in effects)], np.uint64),
            allowed,
            np.array([False, *(effect["pinned"] for effect in effects)], bool),
            pa.array([None, *(effect["rules"] for effect in effects)], pa.list_(pa.string())),
        )
