"""Synopses beside the posters of a simulated catalogue, and what members make of both together.

    logit P(play) = that of the artwork world
                  + taste · (themes told − title's mean) + own + agreement · (shown meets told)

A synopsis tells of themes in the words of the catalogue's subjects; what it does is set, not
learnt, and known exactly. Artwork alone is as it was: 0 on average over a title's synopses.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int
from scipy.special import expit

from data.assets.assets import Assets
from data.records import ASSETS, titles_as
from simulate.kinds.kind_world import OWN_SD, TASTE_SD
from simulate.kinds.synopses import write_synopsis
from simulate.named_rng import named_generator
from simulate.world.artwork_world import ArtworkWorld

KIND = "synopsis"
EACH = 3
"""Synopses of a title."""
OF_TITLE = 0.5
"""Share of a synopsis' words that tell of the title's own themes, in their measure; the rest dwells
on a few themes of its own."""
DWELL = 0.3
"""Of the Dirichlet law of that rest: below 1, one or two themes have most."""
TASTE, OWN = TASTE_SD[1], OWN_SD[1]
"""Deviations of a logit, as of synopses in `kind_world`."""


@dataclass(frozen=True)
class ToldWorld:
    """Synopses of a catalogue's titles.

    Attributes:
        world: of the artwork.
        told: share of each theme in each synopsis; rows sum to 1.
        own: what each does to everybody, a logit; 0 on average over a title.
        agreement: deviation of the logit by how artwork and synopsis meet.
        texts: of each.
    """

    world: ArtworkWorld
    told: Float[np.ndarray, "titles each themes"]
    own: Float[np.ndarray, "titles each"]
    agreement: float
    texts: list[list[str]]

    @classmethod
    def make(cls, world: ArtworkWorld, agreement: float, seed: int) -> "ToldWorld":
        """Write synopses for every title; agreement changes nothing else of them."""
        rng = named_generator("synopses", seed)
        truth = world.truth
        titles, themes = truth.genre_mix.shape
        dwelt = rng.dirichlet(np.full(themes, DWELL), (titles, EACH))
        told = OF_TITLE * truth.genre_mix[:, None] + (1 - OF_TITLE) * dwelt
        own = OWN * rng.standard_normal((titles, EACH))
        words = defaultdict(list)
        for name, theme in zip(truth.subjects.names, truth.subjects.theme_rows, strict=True):
            words[int(theme)] += name.split("-")
        lists = [sorted(set(words[theme])) or ["something"] for theme in range(themes)]
        logs = np.log(np.maximum(told, 1e-12))
        texts = [[write_synopsis(each, rng, lists) for each in of] for of in logs]
        return cls(world, told, own - own.mean(1, keepdims=True), agreement, texts)

    def assets(self) -> Assets:
        """As a catalogue has them."""
        catalogue = self.world.truth.catalogue
        rows = [
            {
                "asset_id": f"{title}-{KIND}-{place}",
                "title_id": title,
                "kind": KIND,
                "content": "text",
                "text": text,
                "added_day": date(2000, 1, 1),
            }
            for title, texts in zip(catalogue.title_ids, self.texts, strict=True)
            for place, text in enumerate(texts)
        ]
        schema = titles_as(ASSETS, catalogue.title_kind)
        return Assets(catalogue, pa.Table.from_pylist(rows, schema))

    def takes(
        self,
        members: Int[np.ndarray, " visits"],
        titles: Int[np.ndarray, " visits"],
        artworks: Int[np.ndarray, "visits candidates"],
    ) -> Float[np.ndarray, "visits candidates each"]:
        """Probability of a take of every combination: exact.

        Args:
            members: rows of the world.
            titles: rows of the world.
            artworks: rows of each title's candidates.
        """
        who = members[:, None]
        logit = np.asarray(self.world.play_logit(who, artworks))[:, :, None]
        logit = logit + self.alone(members, titles)[:, None]
        if self.agreement:
            logit = logit + self.agreement * self._meeting(titles, artworks)
        return expit(logit) * np.asarray(self.world.enjoy_probability(who, artworks))[:, :, None]

    def alone(
        self, members: Int[np.ndarray, " visits"], titles: Int[np.ndarray, " visits"]
    ) -> Float[np.ndarray, "visits each"]:
        """What each synopsis adds to the logit of a play, whatever artwork stands beside it.

        Args:
            members: rows of the world.
            titles: rows of the world.
        """
        tastes = self._tastes[members]
        apart = self.told - self.told.mean(1, keepdims=True)
        liked = np.einsum("vt,vkt->vk", tastes, apart[titles]) / self._spread
        return TASTE * liked + self.own[titles]

    @property
    def _tastes(self) -> Float[np.ndarray, "members themes"]:
        known = {theme: at for at, theme in enumerate(self.world.members.subjects.themes)}
        columns = [known[theme] for theme in self.world.truth.subjects.themes]
        return self.world.members.theme_tastes[:, columns]

    @cached_property
    def _spread(self) -> float:
        """RMS of a taste for what a synopsis tells beside the others of its title."""
        apart = self.told - self.told.mean(1, keepdims=True)
        moment = self._tastes.T @ self._tastes / len(self._tastes)
        flat = apart.reshape(-1, apart.shape[2])
        return float(np.sqrt(((flat @ moment) * flat).sum(1).mean()))

    def _meeting(
        self, titles: Int[np.ndarray, " visits"], artworks: Int[np.ndarray, "visits candidates"]
    ) -> Float[np.ndarray, "visits candidates each"]:
        """How what is shown meets what is told: SD 1 over a catalogue, 0 on average of a title."""
        truth = self.world.truth
        shown = truth.themes_shown - truth.genre_mix[truth.title_of]
        apart = self.told - self.told.mean(1, keepdims=True)
        every = np.einsum("at,akt->ak", shown, apart[truth.title_of])
        return np.einsum("vct,vkt->vck", shown[artworks], apart[titles]) / every.std()
