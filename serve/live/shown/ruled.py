"""What titles show, log and fall back to where rules have to do with them."""

from collections.abc import Mapping, Sequence
from itertools import compress

import numpy as np
import orjson
from jaxtyping import Float, Int, UInt64

from bandit.rules.effect import FREE, Effect
from data.records import PINNED, TitleId
from serve.live.fallback_choice import FallbackChoice
from serve.maps.layout import Layout
from serve.rules.layout_rules import LayoutRules, shown_rank

DRAWN = '"level":"personalised"'
ALWAYS = f'"level":"{PINNED}"'


class RuledShown:
    """Of a layout's titles under its rules; what was worked out once is kept.

    Args:
        rules: that hold.
        layout: of the titles.
        fallback: what each title shows to everybody without rules.
    """

    def __init__(
        self, rules: LayoutRules, layout: Layout, fallback: Mapping[TitleId, FallbackChoice]
    ) -> None:
        self.rules, self.layout, self._fallback = rules, layout, fallback
        self._lists: dict[int, orjson.Fragment] = {}
        self._choices: dict[int, FallbackChoice] = {}

    def fallbacks(
        self, title_ids: Sequence[TitleId], facts: Mapping[str, object], now_us: int
    ) -> dict[TitleId, FallbackChoice]:
        """What titles show to everybody of whom these facts are known, where rules change it.

        Args:
            title_ids: of a page.
            facts: as JSON.
            now_us: microseconds since 1970-01-01 UTC.
        """
        slot_of = self.layout.slot_of
        known = [title for title in title_ids if title in slot_of]
        slots = np.array([slot_of[title] for title in known], np.int64)
        case = self.rules.case(facts, now_us)
        codes = self.rules.book.codes(case, slots).tolist()
        return {
            title: self._choice(title, code)
            for title, code in zip(known, codes, strict=True)
            if code
        }

    def words(
        self, slots: Int[np.ndarray, " some"], facts: Mapping[str, object], now_us: int
    ) -> UInt64[np.ndarray, " some"]:
        """Words of what rules do to titles now, as draws of a map have those of their time."""
        book = self.rules.book
        return book.effects.words[book.codes(self.rules.case(facts, now_us), slots)]

    def pins(
        self, slots: Int[np.ndarray, " some"], facts: Mapping[str, object], now_us: int
    ) -> list[bool]:
        """Whether rules pin an artwork of each title."""
        book = self.rules.book
        codes = book.codes(self.rules.case(facts, now_us), slots)
        return (book.effects.pinned[codes] != FREE).tolist()

    def openings(
        self, openings: Sequence[str], ordinals: Sequence[int], codes: Sequence[int]
    ) -> dict[int, str]:
        """Of a page's artworks, the beginnings of their decisions as JSON; pins say that they are.

        Args:
            openings: of all artworks, as of draws.
            ordinals: of what the page shows.
            codes: effect of rules on each title.
        """
        return {
            ordinal: openings[ordinal].replace(DRAWN, ALWAYS)
            if self._pinned(code)
            else openings[ordinal]
            for ordinal, code in zip(ordinals, codes, strict=True)
        }

    def columns(
        self,
        codes: Sequence[int],
        candidates: Sequence[object],
        chances: Float[np.ndarray, "titles ranks"],
        counts: Int[np.ndarray, " titles"],
    ) -> dict[str, Sequence[object]]:
        """Columns of the log in which a page's decisions differ by rules.

        Args:
            codes: effect of rules on each title.
            candidates: as JSON, without rules.
            chances: probabilities by rank; 0 where there is no candidate.
            counts: candidates of each title without rules.
        """
        effects = [self.rules.book.effect(code) for code in codes]
        rows = zip(chances.tolist(), counts.tolist(), effects, strict=True)
        columns: dict[str, Sequence[object]] = {
            "candidates": [
                self._list(code) if code else own
                for code, own in zip(codes, candidates, strict=True)
            ],
            "probabilities": [
                row[:count] if effect is None else [*compress(row, effect.allowed.tolist())]
                for row, count, effect in rows
            ],
            "rules": [None if effect is None else list(effect.rules) for effect in effects],
        }
        if any(map(self._pinned, codes)):
            columns["level"] = [PINNED if self._pinned(c) else "personalised" for c in codes]
        return columns

    def _pinned(self, code: int) -> bool:
        effect = self.rules.book.effect(code)
        return effect is not None and effect.pinned != FREE

    def _list(self, code: int) -> orjson.Fragment:
        """A title's candidates after rules, as JSON."""
        made = self._lists.get(code)
        if made is None:
            effect = self._effect(code)
            ranks = np.flatnonzero(effect.allowed).tolist()
            names = [self.rules.book.names(self._slot(code))[rank] for rank in ranks]
            made = self._lists[code] = orjson.Fragment(orjson.dumps(names))
        return made

    def _choice(self, title: TitleId, code: int) -> FallbackChoice:
        """What a title shows to everybody under an effect of rules."""
        made = self._choices.get(code)
        if made is None:
            free, effect = self._fallback[title], self._effect(code)
            slot = self.layout.slot_of[title]
            start, names = int(self.layout.starts[slot]), self.layout.candidates(slot)
            best = names.index(free.artwork_id) if free.level == "unpersonalised" else -1
            rank = shown_rank(effect, best, int(self.layout.defaults[slot]) - start)
            level = PINNED if rank == effect.pinned else free.level if rank == best else "default"
            made = self._choices[code] = free._replace(
                artwork_id=names[rank],
                path=self.layout.paths[start + rank],
                level=level,
                candidates=self._list(code),
            )
        return made

    def _slot(self, code: int) -> int:
        return self.rules.book.slot_of_effect(code)

    def _effect(self, code: int) -> Effect:
        effect = self.rules.book.effect(code)
        assert effect is not None  # code 0 alone has none
        return effect
