"""What members make of the synopses that pages show beside their artwork."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int
from scipy.special import expit

from simulate.browsing.offers import Offers
from simulate.browsing.pages import Slots
from simulate.kinds.told_world import EACH, KIND, ToldWorld
from simulate.visits.client import Choice
from simulate.world.artwork_world import ArtworkWorld


class ToldWorth(NamedTuple):
    """Sums over rendered places that show a synopsis, of expected takes with the same artwork."""

    impressions: int
    expected: float
    """With the synopsis that is shown."""
    even: float
    """With one drawn evenly: what artwork alone would have had."""
    best: float


@dataclass(frozen=True)
class SynopsesRead:
    """Synopses of a catalogue as members read them; how they meet the artwork does nothing here.

    So what a synopsis adds is the same beside every artwork, and the truth of a draw stays exact.
    """

    told: ToldWorld

    def on(self, world: ArtworkWorld) -> "SynopsesRead":
        """The same synopses before the members of a day."""
        return SynopsesRead(replace(self.told, world=world))

    def places(
        self, choices: Mapping[int, Choice], title_ids: Sequence[int]
    ) -> Int[np.ndarray, " places"]:
        """Which synopsis each title is shown with; −1: none."""
        found = np.full(len(title_ids), -1)
        for at, title in enumerate(title_ids):
            choice = choices.get(title)
            shown = None if choice is None else choice.get("assets", {}).get(KIND)
            if shown is not None:
                found[at] = int(shown["asset_id"].removeprefix(f"{title}-{KIND}-"))
        return found

    def felt(
        self, page: Slots, offers: Offers, shown: Int[np.ndarray, " places"]
    ) -> tuple[Slots, Offers]:
        """A page and its offers, with what synopses add to the logits of plays.

        Args:
            page: its places.
            offers: what may be shown there.
            shown: synopsis of each place; −1: none.
        """
        at = np.arange(len(shown))
        added = self.told.alone(page.member, page.title)[at, np.maximum(shown, 0)]
        added = np.where(shown >= 0, added, 0.0)
        world, asked = self.told.world, offers.requests
        offset = offers.offset + added[:, None]
        takes = world.expected_take(page.member[:, None], asked.candidates, offset)
        takes = np.where(asked.valid, takes, 0.0)
        return page._replace(offset=page.offset + added), Offers(asked, takes, offset)

    def worth(
        self,
        page: Slots,
        offers: Offers,
        choice: Int[np.ndarray, " places"],
        rendered: Bool[np.ndarray, " places"],
        shown: Int[np.ndarray, " places"],
    ) -> ToldWorth:
        """What the choice of synopses is worth beside the artwork that is shown.

        Args:
            page: its places, without what synopses add.
            offers: likewise.
            choice: place of the artwork among its candidates.
            rendered: which places the member looks at.
            shown: synopsis of each place; −1: none.
        """
        rows = np.flatnonzero(rendered & (shown >= 0))
        at, valid = choice[rows], offers.requests.valid
        members, artworks = page.member[rows], offers.requests.candidates[rows, at]
        offset = np.broadcast_to(offers.offset, valid.shape)[rows, at]
        logits = self.told.world.play_logit(members, artworks, offset)
        added = self.told.alone(members, page.title[rows])
        enjoy = self.told.world.enjoy_probability(members, artworks)
        takes = expit(np.asarray(logits)[:, None] + added) * np.asarray(enjoy)[:, None]
        mine = takes[np.arange(len(rows)), shown[rows]]
        sums = mine.sum(), takes.sum() / EACH, takes.max(1, initial=0.0).sum()
        return ToldWorth(len(rows), *map(float, sums))
