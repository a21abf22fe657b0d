"""Facts of a member in plain words."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float

FIELDS = ("watched_genres", "watched_cast", "tenure_days", "country", "language")


class MemberFacts(NamedTuple):
    """What words are made of."""

    genres: dict[str, float]
    """How much of each was watched."""
    cast: dict[str, float]
    """How often each was seen."""
    tenure_days: float | None
    country: str | None
    language: str | None


class FactWords:
    """Words for each of some members; genres by how much more of them one watches than others do.

    Args:
        facts: of all the members.
    """

    def __init__(self, facts: pa.StructArray) -> None:
        columns = (facts.field(name).to_pylist() for name in FIELDS)
        self._members = [
            MemberFacts(dict(genres or ()), dict(cast or ()), *rest)
            for genres, cast, *rest in zip(*columns, strict=True)
        ]
        self._genres = sorted({genre for member in self._members for genre in member.genres})
        counts = np.array([self._counts(member) for member in self._members])
        counts = counts.reshape(len(self._members), -1)
        self._usual = counts.sum(0) / max(1.0, counts.sum())

    def __call__(self, at: int) -> list[str]:
        """The words of one member."""
        member = self._members[at]
        counts, words = self._counts(member), []
        if counts.sum():
            more = counts / counts.sum() - self._usual
            best = np.argsort(-more)[:3].tolist()
            liked = [self._genres[i] for i in best if more[i] > 0.03] or [self._genres[best[0]]]
            words.append(f"watches more {_listed(liked)} than most")
        cast = member.cast
        if often := [self._name(n) for n in sorted(cast, key=lambda n: -cast[n]) if cast[n] > 1]:
            words.append(f"has often seen {_listed(often[:2])}")
        if member.tenure_days is not None:
            words.append(_tenure(member.tenure_days))
        if where := [part for part in (member.country, member.language) if part]:
            words.append(" · ".join(where))
        return words

    def _counts(self, member: MemberFacts) -> Float[np.ndarray, " genres"]:
        return np.array([float(member.genres.get(genre, 0.0)) for genre in self._genres])

    def _name(self, cast: str) -> str:
        """A cast member as people write it; catalogues may prefix names with a genre."""
        head, dash, rest = cast.partition("-")
        return (rest if dash and head in self._genres else cast).replace("-", " ")


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _tenure(days: float) -> str:
    if days < 60:
        return f"a member for {days:.0f} days"
    if days < 730:
        return f"a member for {days / 30.4:.0f} months"
    return f"a member for {days / 365:.0f} years"
