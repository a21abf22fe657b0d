"""Members: tastes that nobody sees, and the facts in which they show."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Float32, Int

from data.errors import BadInput
from data.records import COUNTS, FACTS
from simulate.named_rng import named_generator, named_normal
from simulate.posters.subjects import Subjects
from simulate.world.declared_facts import DeclaredFacts
from simulate.world.population import (
    COUNTRIES,
    DAY_PARTS,
    DEVICES,
    MAIN_LANGUAGE,
    SHARES,
    drawn_kinds,
    leanings,
    theme_fame,
    theme_leanings,
)
from simulate.world.titles import LATENT

MOST_WATCHED = 8
"""Cast members that facts list."""


@dataclass(frozen=True)
class Members:
    """Members with latent tastes, each of variance 1, and noisy facts.

    Theme tastes are sparse: a member likes two themes in nine, dislikes one in ten, and is
    indifferent to the rest. So are tastes for single subjects: one in twelve is a favourite, one
    in thirty-three disliked. Style tastes are normal; facts explain about half of each (see
    `simulate/world/population.py`), by way of country, language, usual device, usual part of the
    day, tenure, and the themes that the member likes.
    """

    seed: int
    subjects: Subjects
    theme_tastes: Float32[np.ndarray, "members themes"]
    subject_tastes: Float32[np.ndarray, "members subjects"]
    style_tastes: Float32[np.ndarray, "members 3"]
    latent: Float32[np.ndarray, "members latent"]
    """What no fact tells: answers a title's own latent numbers."""
    activity: Float[np.ndarray, " members"]
    """How often the member visits, relative to others."""
    country: Int[np.ndarray, " members"]
    language: tuple[str, ...]
    device: Int[np.ndarray, " members"]
    """The usual one."""
    day_part: Int[np.ndarray, " members"]
    """The usual one."""
    tenure_days: Float[np.ndarray, " members"]
    genres: Int[np.ndarray, "members themes"]
    """Titles watched, by theme."""
    cast: Int[np.ndarray, "members subjects"]
    """Titles watched, by subject."""
    declared: DeclaredFacts | None = None
    """Facts of the user's own, by the catalogue's schema; None: it declares none."""

    @classmethod
    def draw(cls, count: int, seed: int, subjects: Subjects) -> "Members":
        """The first `count` members of a seed's population.

        A member's taste for a theme or subject depends on the seed and its name alone, so members
        of one seed are the same people in every catalogue.

        Args:
            count: how many; at least 1.
            seed: another seed, other members.
            subjects: the themes and single subjects that there are tastes for.

        Raises:
            BadInput: no members are asked for.
        """
        if count < 1:
            raise BadInput(f"--members {count}: there must be at least 1")

        def rng(*names: str) -> np.random.Generator:
            return named_generator("members", seed, *names)

        themes = np.stack(
            [_sparse(rng("theme", t), count, 0.22, 0.10) for t in subjects.themes], -1
        )
        singles = np.stack(
            [_sparse(rng("subject", s), count, 0.08, 0.03) for s in subjects.names], -1
        )
        country = drawn_kinds(rng("country"), {c: w for c, (_, w) in COUNTRIES.items()}, count)
        own = np.array([language for language, _ in COUNTRIES.values()])[country]
        language = np.where(rng("language").random(count) < MAIN_LANGUAGE, own, "en")
        device = drawn_kinds(rng("device"), DEVICES, count)
        day_part = drawn_kinds(rng("day part"), DAY_PARTS, count)
        long = rng("tenure").standard_normal(count)
        styles = _styles(
            rng("style"), themes, subjects.themes, country, language, device, day_part, long
        )
        busy = rng("activity").standard_normal(count)
        tenure = np.minimum(np.exp(6.2 + 0.9 * long), 7000)
        watched = np.exp(3.2 + 0.35 * long + 0.6 * busy)
        genres, cast = _watched(rng, watched, themes, singles, country, subjects)
        return cls(
            seed,
            subjects,
            themes.astype(np.float32),
            singles.astype(np.float32),
            styles.astype(np.float32),
            rng("latent").standard_normal((count, LATENT)).astype(np.float32),
            np.exp(0.5 * busy),
            country,
            tuple(language.tolist()),
            device,
            day_part,
            tenure,
            genres,
            cast,
        )

    def __len__(self) -> int:
        return len(self.country)

    @cached_property
    def profile_ids(self) -> list[str]:
        """One a member."""
        return [f"m{self.seed}-{i:06}" for i in range(len(self))]

    @cached_property
    def facts(self) -> pa.StructArray:
        """Each member's facts ahead of a page: usual device and part of the day, no place on it."""
        return self.facts_of(np.arange(len(self)))

    def facts_of(self, members: Int[np.ndarray, " visits"], **page: Any) -> pa.StructArray:
        """Facts of members at some moment.

        Args:
            members: their rows.
            page: fields of FACTS that differ from the usual: device and day_part as codes into
                DEVICES and DAY_PARTS; surface, row, column and tenure_days as arrays. And moment,
                in microseconds, by which facts that a page alone knows differ.
        """
        device = page.get("device", self.device[members])
        day_part = page.get("day_part", self.day_part[members])
        at, count = pa.array(members), len(members)
        fields: dict[str, pa.Array] = {
            "country": _coded(self.country[members], list(COUNTRIES)),
            "language": self._languages.take(at),
            "device": _coded(device, list(DEVICES)),
            "day_part": _coded(day_part, list(DAY_PARTS)),
            "tenure_days": pa.array(
                page.get("tenure_days", self.tenure_days[members]), pa.float32()
            ),
            "watched_genres": self._genre_counts.take(at),
            "watched_cast": self._cast_counts.take(at),
        }
        if self.declared is not None:
            fields["own"] = self.declared.own(members, page.get("moment"))
        for field in FACTS:
            if field.name not in fields:
                given = page.get(field.name)
                empty = pa.nulls(count, field.type)
                fields[field.name] = empty if given is None else pa.array(given, field.type)
        return pa.StructArray.from_arrays([fields[f.name] for f in FACTS], fields=list(FACTS))

    @cached_property
    def _languages(self) -> pa.Array:
        return pa.array(self.language)

    @cached_property
    def _genre_counts(self) -> pa.Array:
        return _counts(self.genres, self.subjects.themes, len(self.subjects.themes))

    @cached_property
    def _cast_counts(self) -> pa.Array:
        return _counts(self.cast, self.subjects.names, MOST_WATCHED)


def _sparse(
    rng: np.random.Generator, count: int, liked: float, disliked: float
) -> Float[np.ndarray, " members"]:
    """A taste of mean 0 and variance 1 that is the same for all but a few members."""
    kind, spread = rng.random((count, 2)).T
    # Uniform strengths: 0.4 … 1.6 for what is liked, half of it for what is not.
    strength = 0.4 + 1.2 * spread
    taste = np.where(kind < liked, strength, np.where(kind > 1 - disliked, -0.5 * strength, 0.0))
    mean = liked - 0.5 * disliked
    square = (1 + 1.2**2 / 12) * (liked + 0.25 * disliked)
    return (taste - mean) / np.sqrt(square - mean**2)


def _styles(
    rng: np.random.Generator,
    themes: Float[np.ndarray, "members themes"],
    names: tuple[str, ...],
    country: Int[np.ndarray, " members"],
    language: np.ndarray,
    device: Int[np.ndarray, " members"],
    day_part: Int[np.ndarray, " members"],
    long: Float[np.ndarray, " members"],
) -> Float[np.ndarray, "members 3"]:
    """Tastes for warmth, brightness and closeness: leanings of the facts' truth, and the rest."""
    tongues = _language_shares()
    spoken = np.searchsorted(np.array(list(tongues)), language)
    loads = theme_leanings(names)
    loads = loads / np.sqrt((loads**2).sum(0))
    parts = {
        "country": leanings("country", {c: w for c, (_, w) in COUNTRIES.items()})[country],
        "language": leanings("language", tongues)[spoken],
        "device": leanings("device", DEVICES)[device],
        "day_part": leanings("day part", DAY_PARTS)[day_part],
        "tenure": long[:, None] * np.sign([named_normal("tenure", s) for s in "wbc"]),
        "genres": themes @ loads,
    }
    seen = sum(np.sqrt(SHARES[fact]) * part for fact, part in parts.items())
    return seen + np.sqrt(1 - sum(SHARES.values())) * rng.standard_normal((len(long), 3))


def _language_shares() -> dict[str, float]:
    """Share of members by language, in alphabetical order."""
    shares: dict[str, float] = {"en": 1 - MAIN_LANGUAGE}
    for language, share in COUNTRIES.values():
        shares[language] = shares.get(language, 0.0) + MAIN_LANGUAGE * share
    return dict(sorted(shares.items()))


def _watched(
    rng: Any,
    watched: Float[np.ndarray, " members"],
    themes: np.ndarray,
    singles: np.ndarray,
    country: np.ndarray,
    subjects: Subjects,
) -> tuple[np.ndarray, np.ndarray]:
    """Titles watched by theme and by subject: Poisson around a mix of taste and popularity."""
    mix = np.exp(theme_fame(subjects.themes)[country] + 0.7 * themes)
    mix /= mix.sum(-1, keepdims=True)
    fame = np.array([0.4 * named_normal("fame", name) for name in subjects.names])
    drawn = np.exp(fame + 0.5 * themes[:, subjects.theme_rows] + 0.5 * singles)
    drawn *= 2.5 * watched[:, None] / drawn.sum(-1, keepdims=True)
    rates = watched[:, None] * mix
    # A generator for each name, so that one theme more does not change the others' draws.
    genres = [rng("watched", t).poisson(rates[:, i]) for i, t in enumerate(subjects.themes)]
    cast = [rng("watched", s).poisson(drawn[:, i]) for i, s in enumerate(subjects.names)]
    return np.stack(genres, -1).astype(np.int32), np.stack(cast, -1).astype(np.int32)


def _coded(codes: np.ndarray, names: list[str]) -> pa.Array:
    return pa.array(names).take(pa.array(codes))


def _counts(counts: np.ndarray, names: tuple[str, ...], most: int) -> pa.Array:
    """A map array of the largest positive counts, in the order of `names` where equal."""
    most = min(most, counts.shape[1])
    top = np.argsort(-counts, axis=1, kind="stable")[:, :most]
    values = np.take_along_axis(counts, top, 1)
    kept = values > 0
    offsets = np.concatenate([[0], kept.sum(1).cumsum()]).astype(np.int32)
    keys = pa.array(list(names)).take(pa.array(top[kept]))
    return pa.MapArray.from_arrays(offsets, keys, pa.array(values[kept], pa.float32())).cast(COUNTS)
