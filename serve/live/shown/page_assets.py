"""Assets beside the artwork of live pages: which there are for a title, and which is chosen.

Artwork is decided first, as on every page; then each kind in the order in which the page shows
them, given what was chosen before. A kind's random number is its own, mixed from the decision's
seed and from all that its probabilities follow from besides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import orjson
from jaxtyping import Bool, Float, Int, UInt64

from bandit.choice import uniforms
from bandit.head_policy import HeadPolicy
from bandit.kinds.after_first import decide_after_first
from bandit.kinds.kind_scores import MOST_COMBINATIONS
from data.assets.assets import Assets
from data.log.kind_draws import MOST_LOGGED
from data.records import TitleId
from serve.live.page_request import PageRequest
from serve.live.shown.page_decisions import PageDecisions
from serve.live.shown.told_assets import (
    BESIDE,
    ShownAsset,
    TitleAssets,
    name_with,
    spelt_beside,
)
from serve.maps.layout import Layout
from serve.pictures.asked import AskedKinds
from serve.pictures.url import artwork_url
from serve.scoring.asset_bank import AssetBank
from serve.scoring.offered_assets import OfferedAssets, asset_words, frames_of, luck_seeds

MOST_WORK = 1 << 22
"""Heads × titles × combinations of a page, beyond which the last kinds show their defaults: a page
holds up all others while it is decided."""


@dataclass(frozen=True)
class PageAssets:
    """Assets of a layout's titles on a day."""

    bank: AssetBank
    layout: Layout
    seen: Float[np.ndarray, "artworks rank"]
    """Coordinates of the layout's artworks."""
    offered: OfferedAssets
    base_url: str
    _words: UInt64[np.ndarray, " assets"] = field(init=False)
    _counts: Int[np.ndarray, " titles"] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_words", asset_words(self.bank.ids, self.offered.rows))
        object.__setattr__(self, "_counts", self.layout.counts)

    # What a catalogue and a bundle say.
    @classmethod
    def of(
        cls,
        bank: AssetBank,
        assets: Assets,
        layout: Layout,
        vectors: Float[np.ndarray, "artworks dimension"],
        day: date,
        base_url: str = "",
    ) -> "PageAssets":
        """What a catalogue offers beside its artwork on a day.

        Args:
            bank: of the bundle and the catalogue's assets.
            assets: of the catalogue.
            layout: titles and candidates.
            vectors: of its artworks.
            day: whose assets are shown.
            base_url: put before each path.
        """
        offered = OfferedAssets.of(assets, layout.title_ids.tolist(), bank.row_of, day)
        return cls(bank, layout, bank.coordinates(vectors), offered, base_url)

    @property
    def paths(self) -> frozenset[str]:
        """Files of pictures and key frames, within the catalogue."""
        return self.offered.paths

    def beside(
        self,
        pages: Sequence[PageRequest],
        decided: Sequence[PageDecisions],
        functionals: Float[np.ndarray, "pages heads dimension"],
        policy: HeadPolicy,
    ) -> list[PageDecisions]:
        """Choose what pages show beside their artwork, where they ask for it.

        Args:
            pages: requests.
            decided: their artwork.
            functionals: of their members.
            policy: how the heads decide.
        """
        both = enumerate(zip(pages, decided, strict=True))
        return [
            made
            if page.beside is None or not made.title_ids
            else self._of_page(page, page.beside, made, functionals[row : row + 1], policy)
            for row, (page, made) in both
        ]

    def _of_page(
        self,
        page: PageRequest,
        asked: AskedKinds,
        made: PageDecisions,
        functionals: Float[np.ndarray, "1 heads dimension"],
        policy: HeadPolicy,
    ) -> PageDecisions:
        texts: dict[int, str] = {}
        kinds = [kind for kind in asked.kinds if kind in self.offered.kinds]
        slots = np.array(made.slots)
        rows = [self.offered.allowed(kind, asked, page.facts, slots, texts) for kind in kinds]
        there = np.concatenate([each >= 0 for each in rows] or [slots[:, None] < 0], 1).any(1)
        if not there.any():
            return made
        at, rows = np.flatnonzero(there), [_close(each[there]) for each in rows]
        slots, chances = slots[at], made.probabilities[at]
        choice = np.array(made.ordinals)[at] - self.layout.starts[slots]
        self._bounded(rows, functionals.shape[1], chances.shape[1])
        valid = tuple(each >= 0 for each in rows)
        facts = np.repeat(self.bank.facts(functionals), len(at), axis=0)
        seen = self._seen_by(slots, chances.shape[1])
        scores = self.bank.scores(facts, seen, kinds, tuple(rows), policy)
        luck = uniforms(luck_seeds(np.array(made.seeds, np.uint64)[at], kinds, rows, self._words))
        told = valid, choice, chances, self.bank.epsilon(policy), luck
        found = decide_after_first(scores, *told)
        joint = (np.array(made.propensities)[at] * found.made.joint).tolist()
        kept = self._kept(found.combinations, valid, slots)
        beside, names = list[TitleAssets | None]([None] * len(made.slots)), list(made.decision_ids)
        for n, place in enumerate(at.tolist()):
            shown, lists = [], []
            for k, kind in enumerate(kinds):
                if (one := int(found.made.choice[n, k])) >= 0:
                    chance = float(found.made.propensity[n, k])
                    shown.append(self._shown(kind, int(rows[k][n, one]), chance, texts))
                    lists.append([self.bank.ids[row] for row in rows[k][n] if row >= 0])
            beside[place] = title = TitleAssets(shown, lists, joint[n], kept[n])
            names[place] = name_with(names[place], title)
        return made._replace(decision_ids=names, beside=beside)

    def with_defaults(self, pieces: Sequence[str], asked: AskedKinds) -> list[str]:
        """Decisions as JSON; those that nobody chose assets for have the first of each kind.

        What the member watches fills no template there: who opted out, or is held out, is shown
        what everybody is.

        Args:
            pieces: one a title.
            asked: by their page.
        """
        told = []
        for piece in pieces:
            decision = None if BESIDE in piece else orjson.loads(piece)
            shown = [] if decision is None else self._defaults(decision["title_id"], asked)
            told.append(spelt_beside(piece, shown, None))
        return told

    def _defaults(self, title_id: TitleId, asked: AskedKinds) -> list[ShownAsset]:
        slot, shown = self.layout.slot_of.get(title_id), list[ShownAsset]()
        if slot is None:
            return shown
        texts: dict[int, str] = {}
        for kind in (kind for kind in asked.kinds if kind in self.offered.kinds):
            rows = self.offered.allowed(kind, asked, {}, np.array([slot]), texts)[0]
            if (rows >= 0).any():
                shown.append(self._shown(kind, int(rows[rows >= 0][0]), 1.0, texts))
        return shown

    def _bounded(self, rows: list[Int[np.ndarray, "titles _"]], heads: int, ranks: int) -> None:
        """Leave the last kinds their first candidates alone, until a page is no more work."""
        for last in range(len(rows) - 1, -1, -1):
            combinations = int(np.prod([max(each.shape[1], 1) for each in rows]))
            work = heads * len(rows[0]) * ranks * combinations
            if work <= MOST_WORK and combinations <= MOST_COMBINATIONS:
                return
            rows[last] = rows[last][:, :1]

    def _seen_by(
        self, slots: Int[np.ndarray, " titles"], ranks: int
    ) -> Float[np.ndarray, "titles ranks rank"]:
        layout = self.layout
        most = self._counts[slots][:, None] - 1
        return self.seen[layout.starts[slots][:, None] + np.minimum(np.arange(ranks), most)]

    def _kept(
        self,
        chances: Float[np.ndarray, " titles ranks *others"],
        valid: Sequence[Bool[np.ndarray, "titles _"]],
        slots: Int[np.ndarray, " titles"],
    ) -> Sequence[Float[np.ndarray, "artworks _"] | None]:
        """Of the candidates that there are, in their order; None of titles that have too many."""
        counts = self._counts[slots]
        if all(each.all() for each in valid) and (counts == chances.shape[1]).all():
            few = chances[0].size <= MOST_LOGGED
            return list(chances.reshape(*chances.shape[:2], -1)) if few else [None] * len(counts)
        kept = list[Float[np.ndarray, "artworks _"] | None]()
        for n, count in enumerate(counts.tolist()):
            found = chances[n, :count]
            for axis, there in enumerate(valid, 1):
                some = np.flatnonzero(there[n]) if there[n].any() else np.array([0])
                found = np.take(found, some, axis=axis)
            kept.append(found.reshape(count, -1) if found.size <= MOST_LOGGED else None)
        return kept

    def _shown(self, kind: str, row: int, chance: float, texts: Mapping[int, str]) -> ShownAsset:
        text = texts.get(row, self.offered.rows[row]["text"])
        urls = [artwork_url(self.base_url, path) for path in frames_of(self.offered.rows[row])]
        told = None if text is None else str(text)
        return ShownAsset(kind, self.bank.ids[row], told, urls, chance)


def _close(rows: Int[np.ndarray, "titles _"]) -> Int[np.ndarray, "titles _"]:
    """Candidates in their order with all filling behind them, and no more of it than one needs."""
    order = np.argsort(rows < 0, axis=1, kind="stable")
    most = int((rows >= 0).sum(1).max(initial=0))
    return np.take_along_axis(rows, order, axis=1)[:, :most]
