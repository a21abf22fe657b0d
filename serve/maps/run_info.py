"""What the draws of a run have in common, kept beside the maps that they lie in.

A map names runs by their nonce; with this, each of its draws has its propensity and its id again.
"""

from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
import orjson
from jaxtyping import Bool, Float, Int, UInt8, UInt64

from bandit.draws import (
    DrawRules,
    Epochs,
    artwork_words,
    candidate_words,
    text_word,
)
from serve.maps.artwork_map import UNKNOWN_CODE
from serve.maps.layout import Layout

PREFIX = "run:"


@dataclass(frozen=True)
class RunInfo:
    """A run's rules, and whether its draws were logged."""

    rules: DrawRules
    logged: bool

    @property
    def nonce(self) -> int:
        """What maps call the run."""
        return text_word(self.rules.word, self.logged)

    @property
    def key(self) -> str:
        """The shared value that holds it."""
        return run_key(self.nonce)

    def to_bytes(self) -> bytes:
        """As stored."""
        return orjson.dumps(asdict(self) | {"rules": self.rules.to_record()})

    @staticmethod
    def from_bytes(raw: bytes) -> "RunInfo":
        """Read `to_bytes` back.

        Raises:
            ValueError: it is nothing of the kind.
        """
        try:
            got = orjson.loads(raw)
            rules = got["rules"]
            epochs = Epochs(**rules["epochs"])
            info = RunInfo(DrawRules(**rules | {"epochs": epochs}), got["logged"])
            info._check()
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not what a run has in common: {error!r:.200}") from None
        return info

    def _check(self) -> None:
        """See to it that each part is of its kind, which JSON does not say.

        Raises:
            ValueError: one is not.
        """
        rules = self.rules
        whole = (rules.salt, rules.heads, rules.epochs.days)
        real = (rules.epsilon, rules.epochs.keep)
        if (
            not all(
                isinstance(text, str) for text in (rules.bundle, rules.policy, rules.cell or "")
            )
            or not all(type(number) is int for number in whole)
            or not all(type(number) in (int, float) for number in real)
            or type(self.logged) is not bool
        ):
            raise ValueError("a field is of another type")
        if not (0 <= rules.epsilon <= 1 and 0 <= rules.salt < 2**64 and 1 <= rules.heads < 2**16):
            raise ValueError(
                f"epsilon {rules.epsilon}, salt {rules.salt} or heads {rules.heads} cannot be"
            )


def run_key(nonce: int) -> str:
    """The shared value that holds what the draws of a run have in common."""
    return f"{PREFIX}{nonce:016x}"


class CatalogueWords(NamedTuple):
    """Hashes of what a layout shows, made once."""

    titles: UInt64[np.ndarray, " titles"]
    candidates: UInt64[np.ndarray, " titles"]
    artworks: UInt64[np.ndarray, " artworks"]
    starts: Int[np.ndarray, " titles"]
    counts: Int[np.ndarray, " titles"]

    @staticmethod
    def of(layout: Layout) -> "CatalogueWords":
        """Those of a layout."""
        return CatalogueWords(
            layout.title_words,
            candidate_words(layout.artwork_ids, layout.starts),
            artwork_words(layout.artwork_ids),
            layout.starts[:-1],
            layout.counts,
        )


def propensity_table(
    rules: DrawRules, counts: Int[np.ndarray, " some"]
) -> Float[np.ndarray, "some codes"]:
    """The propensity that each code stands for, among so many candidates.

    Codes go by the votes, and whether something was shown before: 0 … H where nothing was, then
    where it was another artwork, then where it was this one.
    """
    votes = np.arange(rules.heads + 1) / float(rules.heads)
    keep = rules.epochs.keep
    kinds = np.concatenate([votes, (1 - keep) * votes, (1 - keep) * votes + keep])
    return (1 - rules.epsilon) * kinds + rules.epsilon * np.ones(1, bool) / counts[:, None]


def propensity_codes(
    rules: DrawRules,
    won: Int[np.ndarray, "..."],
    had: Bool[np.ndarray, "..."],
    stayed: Bool[np.ndarray, "..."],
) -> UInt8[np.ndarray, "..."]:
    """Codes of choices by the votes they won; `UNKNOWN_CODE` where a byte has no room for them.

    Args:
        rules: of the run.
        won: heads whose best the choice is.
        had: something was shown before.
        stayed: it was this.
    """
    codes = won.astype(np.int64) + (had.astype(np.int64) + stayed) * (rules.heads + 1)
    return np.minimum(codes, UNKNOWN_CODE).astype(np.uint8)
