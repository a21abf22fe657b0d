"""What titles show, log and fall back to where rules have to do with them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import compress
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import orjson
from jaxtyping import Int, UInt64

from bandit.rules.book import BARE, RuleBook
from bandit.rules.decide import Ruled
from bandit.rules.effect import FREE, Effect
from data.records import PINNED, TitleId
from serve.live.fallback_choice import PLACEHOLDER, FallbackChoice
from serve.live.page_request import PageRequest
from serve.maps.layout import Layout
from serve.rules.asked import AskedArtwork
from serve.rules.layout_rules import LayoutRules, shown_rank

DRAWN = '"level":"personalised"'
ALWAYS = f'"level":"{PINNED}"'
NO_DRAW = np.uint64(2**64 - 1)
"""The word of a title of which a page is left nothing: that of no draw."""


class ToldEffect(NamedTuple):
    """What the log says of a decision that rules changed."""

    candidates: orjson.Fragment  # JSON of those that are left
    rules: orjson.Fragment  # JSON of the rules' ids
    left: Callable[[Sequence[float]], object] | None  # of a row by rank; None: all of it
    pinned: bool


class _Told(dict[int, ToldEffect]):
    """By the effect's place in a book; each is worked out once."""

    def __init__(self, book: RuleBook) -> None:
        super().__init__()
        self._book = book

    def __missing__(self, code: int) -> ToldEffect:
        effect = self._book.effect(code)
        assert effect is not None  # code 0 alone has none, and is never asked for
        allowed = effect.allowed.tolist()
        names = [*compress(self._book.names(self._book.slot_of_effect(code)), allowed)]
        told = self[code] = ToldEffect(
            orjson.Fragment(orjson.dumps(names)),
            orjson.Fragment(orjson.dumps(effect.rules)),
            _left(np.flatnonzero(allowed).tolist(), len(allowed)),
            effect.pinned != FREE,
        )
        return told


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
        self._told = _Told(rules.book)
        self._choices: dict[int, FallbackChoice] = {}
        self._begun = rules.book.begun
        self._kept = False

    def fallbacks(
        self,
        title_ids: Sequence[TitleId],
        facts: Mapping[str, object],
        now_us: int,
        asked: AskedArtwork | None = None,
    ) -> dict[TitleId, FallbackChoice]:
        """What titles show to everybody of whom these facts are known, where rules change it.

        Args:
            title_ids: of a page.
            facts: as JSON.
            now_us: microseconds since 1970-01-01 UTC.
            asked: of its artwork; what that leaves nothing shows the placeholder.
        """
        self.make_room()
        slot_of = self.layout.slot_of
        bare = self.rules.bare
        known = [title for title in title_ids if title in slot_of and title not in bare]
        slots = np.array([slot_of[title] for title in known], np.int64)
        codes = self.rules.page_codes(facts, now_us, slots, known, asked).tolist()
        return {
            title: self._choice(title, code)
            for title, code in zip(known, codes, strict=True)
            if code
        }

    def words(
        self,
        slots: Int[np.ndarray, " some"],
        facts: Mapping[str, object],
        now_us: int,
        asked: AskedArtwork | None = None,
    ) -> tuple[UInt64[np.ndarray, " some"], list[bool]]:
        """Words of what rules do to titles now, as draws of a map have those of their time.

        Returns:
            Them, and whether each title is pinned.
        """
        self.make_room()
        titles = self.layout.title_ids[slots].tolist()
        codes = self.rules.page_codes(facts, now_us, slots, titles, asked)
        effects = self.rules.book.effects
        words = np.where(codes == BARE, NO_DRAW, effects.words[codes])
        return words, ((effects.pinned[codes] != FREE) & (codes != BARE)).tolist()

    def of_pages(
        self, pages: Sequence[PageRequest], wanted: list[list[TitleId]], now_us: int
    ) -> list[Int[np.ndarray, " n"]] | None:
        """Places of what rules and requests do to pages' titles; None: no request asks anything.

        Args:
            pages: requests.
            wanted: titles of each that are shown; those of which nothing is left are taken out.
            now_us: microseconds since 1970-01-01 UTC.
        """
        self.make_room()
        if all(page.asked is None for page in pages):
            return None
        slot_of, codes = self.layout.slot_of, []
        for row, page in enumerate(pages):
            slots = np.array([slot_of[title] for title in wanted[row]], np.int64)
            its = self.rules.page_codes(page.facts, now_us, slots, wanted[row], page.asked)
            if page.asked is not None and (its == BARE).any():
                both = zip(wanted[row], its.tolist(), strict=True)
                wanted[row] = [title for title, code in both if code != BARE]
                its = its[its != BARE]
            codes.append(its)
        return codes

    # What a batch of pages is.
    def on_pages(
        self,
        pages: Sequence[PageRequest],
        now_us: int,
        slots: Int[np.ndarray, "pages n"],
        lengths: Int[np.ndarray, " pages"],
        codes: Sequence[Int[np.ndarray, " n"]] | None,
    ) -> Ruled | None:
        """What rules and requests do to pages' decisions; None: nothing to any.

        Args:
            pages: requests.
            now_us: microseconds since 1970-01-01 UTC.
            slots: of the titles that are shown; what comes after them is filling.
            lengths: titles of each page that are shown.
            codes: from `of_pages`.
        """
        if codes is not None:
            return self.rules.of_pages(codes, slots.shape[1])
        return self.rules.of_slots([page.facts for page in pages], now_us, slots, lengths)

    def make_room(self) -> None:
        """Forget effects where there are too many, and what was told of them."""
        if self._kept:
            return
        book = self.rules.book
        book.make_room()
        if self._begun != book.begun:
            self._begun = book.begun
            self._told.clear()
            self._choices.clear()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Forget nothing meanwhile: pages that are decided one by one are logged together."""
        self._kept = True
        try:
            yield
        finally:
            self._kept = False

    def marked(self, pieces: list[str], codes: Sequence[int]) -> list[str]:
        """A page's decisions as JSON, pins among them said to be pins.

        Args:
            pieces: as of draws.
            codes: effect of rules on each title.
        """
        told = self._told
        for at, code in changed(codes):
            if told[code].pinned:
                pieces[at] = pieces[at].replace(DRAWN, ALWAYS, 1)
        return pieces

    def change(self, columns: dict[str, Sequence[object]], codes: Sequence[int]) -> None:
        """Write what rules changed of a page's decisions into its columns of the log.

        Args:
            columns: of the same decisions as if no rule held, see `logged_columns`; written to.
            codes: effect of rules on each title.
        """
        lists, rules = list(columns["candidates"]), list[object]([None]) * len(codes)
        chances = columns["probabilities"]
        rows = chances.tolist() if isinstance(chances, np.ndarray) else list(chances)
        levels = None
        for at, code in changed(codes):
            candidates, named, left, pinned = self._told[code]
            lists[at], rules[at] = candidates, named
            if left is not None:
                rows[at] = left(rows[at])
            if pinned:
                levels = levels or ["personalised"] * len(codes)
                levels[at] = PINNED
        columns |= {"candidates": lists, "probabilities": rows, "rules": rules}
        if levels is not None:
            columns["level"] = levels

    def _choice(self, title: TitleId, code: int) -> FallbackChoice:
        """What a title shows to everybody under an effect of rules."""
        made = self._choices.get(code)
        if code == BARE:
            return FallbackChoice(title, "", "", None, PLACEHOLDER, orjson.Fragment(b"[]"))
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
                candidates=self._told[code].candidates,
            )
        return made

    def _effect(self, code: int) -> Effect:
        effect = self.rules.book.effect(code)
        assert effect is not None  # code 0 alone has none
        return effect


def changed(codes: Sequence[int]) -> list[tuple[int, int]]:
    """Places of a page's titles that rules change, each with the effect."""
    return [one for one in enumerate(codes) if one[1]]


def _left(ranks: list[int], count: int) -> Callable[[Sequence[float]], object] | None:
    """What takes those of some ranks out of a row; None: it has no others."""
    if len(ranks) == count:
        return None
    return itemgetter(*ranks) if len(ranks) > 1 else itemgetter(slice(ranks[0], ranks[0] + 1))


def kept(shown: RuledShown | None) -> AbstractContextManager[None]:
    """`RuledShown.kept`, where there is one."""
    return nullcontext() if shown is None else shown.kept()
