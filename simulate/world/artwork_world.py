"""The artwork environment: what a member does with a title under an artwork, exactly.

    logit P(play)         = base + affinity + damping(title) · (personal + quality) + offset
    logit P(enjoy | play) = base' + slope · affinity − clickbait · mislead(artwork)
    P(take)               = P(play) · P(enjoy | play)

The artwork's personal part has three: tastes for the themes it shows, for the subjects it shows,
both relative to what the title truly is, and for its style. `docs/environment.md` tells more.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import expit

from data.errors import BadInput
from data.schema import read_schema
from simulate.world.catalogue_truth import CatalogueTruth
from simulate.world.declared_facts import DeclaredFacts
from simulate.world.effects import Effects
from simulate.world.members import Members

THEME_SPREAD = 0.644
"""RMS within a title of the raw theme part, Σ taste · (share shown − share of the title), on the
sample's 177 subjects, 400 titles, 6 artworks, seed 7. It makes the effect sizes mean what they
say; measured once, a constant ever since, so that a poster means the same in every catalogue."""
SUBJECT_SPREAD = 0.728
"""The same of the raw subject part."""
STYLE_SPREAD = 1.2
"""The same of the raw style part."""

Rows = Int[np.ndarray, "..."] | np.integer | int
Values = Float[np.ndarray, "..."] | np.floating


class Parts(NamedTuple):
    """The artwork's effect by where it comes from, before damping, in logits."""

    theme: Values
    subject: Values
    style: Values
    quality: Values


class Candidates(NamedTuple):
    """What may be shown for titles to members, and what is expected of it."""

    artworks: Int[np.ndarray, "decisions candidates"]  # rows; padding is row 0
    valid: Bool[np.ndarray, "decisions candidates"]
    takes: Float[np.ndarray, "decisions candidates"]  # expected; padding has 0


@dataclass(frozen=True)
class ArtworkWorld:
    """A catalogue's truth, members, and effect sizes. Arguments are rows and broadcast."""

    truth: CatalogueTruth
    members: Members
    effects: Effects = field(default_factory=Effects)
    shock: Float[np.ndarray, " artworks"] | None = None
    """Added to the logit of plays of each artwork; None: nothing."""
    neighbour: float = 0.0
    """Added to the logit of plays for each SD of alikeness with each image beside it."""

    def __post_init__(self) -> None:
        known = self.members.subjects
        for name in (*self.truth.subjects.names, *self.truth.subjects.themes):
            if name not in known.row and name not in known.themes:
                raise BadInput(
                    f"members have no taste for {name!r}, which the catalogue shows; draw them "
                    "with its subjects"
                )

    @classmethod
    def read(
        cls, catalogue: Path | str, members: int, seed: int, effects: Effects | None = None
    ) -> "ArtworkWorld":
        """The world of a rendered catalogue and newly drawn members.

        Raises:
            BadInput: the catalogue or its schema is not sound, or has no truth, or no members are
                asked for.
        """
        truth = CatalogueTruth.read(catalogue)
        people = Members.draw(members, seed, truth.subjects)
        drawn = people.profile_ids, people.style_tastes
        declared = DeclaredFacts.of(read_schema(catalogue), truth.catalogue, *drawn)
        return cls(truth, replace(people, declared=declared), effects or Effects())

    def with_members(self, members: Members) -> "ArtworkWorld":
        """The same world for other members."""
        return replace(self, members=members)

    def affinity(self, members: Rows, titles: Rows) -> Values:
        """How much members are drawn to titles, for all that artwork may say; SD 1."""
        effects, truth = self.effects, self.truth
        theme = (self._theme_tastes[members] * self._genre_direction[titles]).sum(-1)
        tastes = self._padded_tastes[np.asarray(members)[..., None], truth.cast[titles]]
        cast = (tastes * (truth.cast[titles] >= 0)).sum(-1) / np.sqrt(
            (truth.cast[titles] >= 0).sum(-1)
        )
        latent = (self.members.latent[members] * truth.latent[titles]).sum(-1)
        shares = (
            effects.affinity_theme_share,
            effects.affinity_cast_share,
            effects.affinity_fame_share,
        )
        rest = 1 - sum(shares)
        return effects.affinity_sd * (
            np.sqrt(shares[0]) * theme
            + np.sqrt(shares[1]) * cast
            + np.sqrt(shares[2]) * self._fame[titles]
            + np.sqrt(rest / truth.latent.shape[1]) * latent
        )

    def affinities(self, members: Int[np.ndarray, " some"]) -> Float[np.ndarray, "some titles"]:
        """Affinity of members to every title, as matrix products."""
        effects, truth, people = self.effects, self.truth, self.members
        shares = (effects.affinity_theme_share, effects.affinity_cast_share)
        rest = 1 - sum(shares) - effects.affinity_fame_share
        cast = np.zeros((len(truth.title_ids), self._subject_tastes.shape[1]), np.float32)
        named = truth.cast >= 0
        title, place = np.nonzero(named)
        cast[title, truth.cast[title, place]] = 1 / np.sqrt(named.sum(-1))[title]
        latent = truth.latent.astype(np.float32)
        return effects.affinity_sd * (
            np.sqrt(shares[0]) * self._theme_tastes[members] @ self._genre_direction.T
            + np.sqrt(shares[1]) * self._subject_tastes[members] @ cast.T
            + np.sqrt(effects.affinity_fame_share) * self._fame
            + np.sqrt(rest / latent.shape[1]) * people.latent[members] @ latent.T
        )

    def parts(self, members: Rows, artworks: Rows) -> Parts:
        """The effect of artworks on members, by where it comes from."""
        effects, truth, people = self.effects, self.truth, self.members
        members = np.asarray(members)
        theme = (self._theme_tastes[members] * self._theme_contrast[artworks]).sum(-1)
        rows, weights = self._subject_contrast
        tastes = self._padded_tastes[members[..., None], rows[artworks]]
        subject = (tastes * weights[artworks]).sum(-1)
        style = (people.style_tastes[members] * truth.style[artworks]).sum(-1)
        quality = np.broadcast_to(truth.quality[artworks], theme.shape)
        return Parts(
            effects.theme_sd / THEME_SPREAD * theme,
            effects.subject_sd / SUBJECT_SPREAD * subject,
            effects.style_sd / STYLE_SPREAD * style,
            effects.quality_sd * quality,
        )

    def artwork_effect(self, members: Rows, artworks: Rows) -> Values:
        """What artworks add to the logit of a play."""
        theme, subject, style, quality = self.parts(members, artworks)
        damping = self._damping[self.truth.title_of[artworks]]
        shock = 0.0 if self.shock is None else self.shock[artworks]
        return damping * (theme + subject + style + quality + shock)

    def play_logit(self, members: Rows, artworks: Rows, offset: Values | float = 0.0) -> Values:
        """Logit of a play of an artwork's title, by those who see it.

        Args:
            members: rows.
            artworks: rows.
            offset: of the place on the page; 0 is average.
        """
        titles = self.truth.title_of[artworks]
        affinity = self.affinity(members, titles)
        return self.effects.base_play + affinity + self.artwork_effect(members, artworks) + offset

    def enjoy_probability(self, members: Rows, artworks: Rows) -> Values:
        """Probability that who plays watches past the threshold."""
        return self._enjoy(self.affinity(members, self.truth.title_of[artworks]), artworks)

    def _enjoy(self, affinity: Values, artworks: Rows) -> Values:
        effects, mislead = self.effects, self.truth.mislead[artworks]
        drawn = effects.enjoy_affinity * affinity
        return expit(effects.base_enjoy + drawn - effects.clickbait * mislead)

    def play_probability(
        self, members: Rows, artworks: Rows, offset: Values | float = 0.0
    ) -> Values:
        """Probability of a play, see `play_logit`."""
        return expit(self.play_logit(members, artworks, offset))

    def expected_take(self, members: Rows, artworks: Rows, offset: Values | float = 0.0) -> Values:
        """Probability of a take: exact."""
        affinity = self.affinity(members, self.truth.title_of[artworks])
        effect = self.artwork_effect(members, artworks)
        play = expit(self.effects.base_play + affinity + effect + offset)
        return play * self._enjoy(affinity, artworks)

    def candidates(
        self,
        members: Int[np.ndarray, " decisions"],
        titles: Int[np.ndarray, " decisions"],
        day: int | None = None,
        offset: Values | float = 0.0,
    ) -> Candidates:
        """The candidates of each (member, title) and the exact expected take of each.

        Args:
            members: rows.
            titles: rows.
            day: its number; None: all artwork there ever is.
            offset: of the place on the page, for each decision or for each of its candidates.
        """
        artworks, valid = (array[titles] for array in self.truth.candidates(day))
        offset = np.asarray(offset)
        offset = offset[:, None] if offset.ndim == 1 else offset
        takes = self.expected_take(np.asarray(members)[:, None], artworks, offset)
        return Candidates(artworks, valid, np.where(valid, takes, 0.0))

    @cached_property
    def _genre_direction(self) -> Float[np.ndarray, "titles themes"]:
        mix = self.truth.genre_mix
        return (mix / np.sqrt((mix**2).sum(-1, keepdims=True))).astype(np.float32)

    @cached_property
    def _fame(self) -> Float[np.ndarray, " titles"]:
        fame = np.log(self.truth.popularity)
        return (fame - fame.mean()) / (fame.std() or 1.0)

    @cached_property
    def _damping(self) -> Float[np.ndarray, " titles"]:
        return self.effects.least_fame_damping * (1 + self.truth.obscurity)

    @cached_property
    def _theme_contrast(self) -> Float[np.ndarray, "artworks themes"]:
        truth = self.truth
        return (truth.themes_shown - truth.genre_mix[truth.title_of]).astype(np.float32)

    @cached_property
    def _subject_contrast(
        self,
    ) -> tuple[Int[np.ndarray, "artworks both"], Float[np.ndarray, "artworks both"]]:
        """Rows and weights of the subjects shown, and, negative, of the title's cast."""
        truth = self.truth
        cast = truth.cast[truth.title_of]
        share = np.where(cast >= 0, -1 / (cast >= 0).sum(-1, keepdims=True), 0.0)
        rows = np.concatenate([truth.subjects_shown, cast], -1)
        weights = np.concatenate([truth.subject_weights, share], -1)
        return rows, weights.astype(np.float32)

    @cached_property
    def _theme_tastes(self) -> Float[np.ndarray, "members themes"]:
        """Members' tastes for the catalogue's themes: they may know more."""
        known = {theme: i for i, theme in enumerate(self.members.subjects.themes)}
        return self.members.theme_tastes[:, [known[t] for t in self.truth.subjects.themes]]

    @cached_property
    def _subject_tastes(self) -> Float[np.ndarray, "members subjects"]:
        known = self.members.subjects.row
        return self.members.subject_tastes[:, [known[s] for s in self.truth.subjects.names]]

    @cached_property
    def _padded_tastes(self) -> Float[np.ndarray, "members subjects_and_nobody"]:
        """Tastes for subjects; the last column, which −1 picks, is of nobody."""
        tastes = self._subject_tastes
        return np.concatenate([tastes, np.zeros((len(tastes), 1), tastes.dtype)], 1)
