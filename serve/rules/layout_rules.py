"""The rules of a layout: what they do to each title, for members in blocks and for pages."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from jaxtyping import Int

from bandit.draws import text_word
from bandit.rules.book import RuleBook, RuledCase
from bandit.rules.contradictions import MOST_CASES, conflicts
from bandit.rules.decide import Ruled
from bandit.rules.effect import FREE, Effect
from bandit.rules.rule import Rule
from data.records import TitleId
from data.rules.compiled import rule_book
from data.rules.page_values import column_values, request_values
from data.rules.traits import ArtworkTraits
from data.rules.written import WrittenRules
from data.schema.page_facts import PAGE_FACTS
from serve.maps.layout import Layout
from serve.rules.asked import AskedArtwork

TAKEN = Rule("takedown", "deny", place="the store's takedown list")
"""What decisions name that were made without artwork that is taken down."""
NO_RULES = WrittenRules((), "")


@dataclass(frozen=True)
class LayoutRules:
    """Written rules about the titles of a layout, without contradictions."""

    written: WrittenRules
    book: RuleBook
    bare: frozenset[TitleId] = frozenset()
    """Titles of which pages have nothing left to show, since it is taken down: live shows none."""

    @classmethod
    def of(
        cls, written: WrittenRules, traits: ArtworkTraits, layout: Layout, strict: bool = True
    ) -> "LayoutRules":
        """Rules held against a layout.

        Args:
            written: as their file has them.
            traits: of the catalogue that the layout is of.
            layout: titles and candidates.
            strict: refuse what the catalogue does not have, see `data.rules.compiled.rule_book`.

        Raises:
            BadInput: they contradict each other.
        """
        ids = layout.title_ids.tolist()
        book = rule_book(
            written.rules, traits, ids, layout.artwork_ids, layout.starts, strict=strict
        )
        return cls(written, book)

    @classmethod
    def free(cls, layout: Layout) -> "LayoutRules":
        """No rules at all."""
        return cls(NO_RULES, RuleBook((), (), layout.artwork_ids, layout.starts))

    def without(self, taken: Collection[str], layout: Layout) -> "LayoutRules":
        """The same rules, and none of some artwork shown: as if a rule denied it to everybody.

        Caps that what is left cannot keep are taken off its title. A title of which pages would
        have nothing left is bare, and its rules stay as they are: maps, which cannot do without a
        draw, keep to its licences.

        Args:
            taken: artwork ids.
            layout: of these rules.
        """
        ordinals = [at for at, name in enumerate(layout.artwork_ids) if name in taken]
        if not ordinals:
            return self
        slots = set((np.searchsorted(layout.starts, ordinals, side="right") - 1).tolist())
        book = self._book(layout, ordinals)
        if tight := _contradicted(book, slots):
            book = self._book(layout, ordinals, tight)
        if bare := _contradicted(book, tight):
            book = self._book(layout, _outside(ordinals, bare, layout), tight - bare)
        told = self.written.digest + "-" + f"{text_word(*sorted(taken)):016x}"
        titles = frozenset(layout.title_ids.item(slot) for slot in bare)
        return LayoutRules(self.written._replace(digest=told), book, titles)

    def _book(
        self, layout: Layout, taken: Sequence[int], uncapped: Collection[int] = ()
    ) -> RuleBook:
        """The rules and a takedown of some ordinals, without the caps of some slots."""
        rules, about = [TAKEN], [list(taken)]
        for rule, its in self.book.about:
            rules.append(rule)
            about.append(_outside(its, uncapped, layout) if rule.effect == "cap" else list(its))
        return RuleBook(rules, about, layout.artwork_ids, layout.starts)

    def case(self, facts: Mapping[str, object], now_us: int) -> RuledCase:
        """The case that a page is, by its facts as JSON and the time, in microseconds."""
        return self.book.case(request_values(facts, self.book.asked), now_us)

    def page_codes(
        self,
        facts: Mapping[str, object],
        now_us: int,
        slots: Int[np.ndarray, " n"],
        titles: Sequence[TitleId] = (),
        asked: AskedArtwork | None = None,
    ) -> Int[np.ndarray, " n"]:
        """Places of what rules, and its request, do to a page's titles; 0: nothing.

        Args:
            facts: of the page, as JSON.
            now_us: microseconds since 1970-01-01 UTC.
            slots: of its titles.
            titles: their ids, where something is asked of them.
            asked: of its artwork; a title of which that leaves nothing has the place BARE.
        """
        case = self.case(facts, now_us)
        codes = self.book.codes(case, slots)
        if asked is None:
            return codes
        codes = codes.copy()
        for at, (slot, title) in enumerate(zip(slots.tolist(), titles, strict=True)):
            left = asked.left(title, self.book.names(slot))
            if left is not None:
                codes[at] = self.book.restricted(case, slot, left)
        return codes

    def of_slots(
        self,
        facts: Sequence[Mapping[str, object]],
        now_us: int,
        slots: Int[np.ndarray, "pages n"],
        lengths: Int[np.ndarray, " pages"],
    ) -> Ruled | None:
        """What rules do on pages of which nothing else is asked; None: nothing on any.

        Args:
            facts: of each page, as JSON.
            now_us: microseconds since 1970-01-01 UTC.
            slots: of its titles; what comes after them is filling.
            lengths: titles of each page.
        """
        cases = [self.case(its, now_us) for its in facts]
        codes = np.empty(slots.shape, np.int32)
        for row, case in enumerate(cases):
            codes[row] = case.codes[slots[row]]
        if codes.min() < 0:  # not worked out yet
            for row, case in enumerate(cases):
                codes[row] = self.book.codes(case, slots[row])
        if lengths.min() < slots.shape[1]:
            codes[np.arange(slots.shape[1]) >= lengths[:, None]] = 0
        return Ruled(codes, self.book.effects) if codes.any() else None

    def of_pages(self, rows: Sequence[Int[np.ndarray, " n"]], titles: int) -> Ruled | None:
        """What rules do on pages; None: nothing on any.

        Args:
            rows: of each page, by `page_codes`, none of them BARE.
            titles: of the page that has most; shorter ones are padded.
        """
        codes = np.zeros((len(rows), titles), np.int32)
        for row, its in enumerate(rows):
            codes[row, : len(its)] = its
        return Ruled(codes, self.book.effects) if codes.any() else None

    def of_members(self, facts: pa.StructArray, now_us: int) -> Ruled | None:
        """What rules do to all titles, for members of whom facts are known; None: nothing.

        Args:
            facts: as `data.records.FACTS`.
            now_us: microseconds since 1970-01-01 UTC.
        """
        self.book.make_room()
        every = np.arange(len(self.book.starts) - 1)
        codes = np.empty((len(facts), len(every)), np.int32)
        for row, values in enumerate(column_values(facts, self.book.asked)):
            codes[row] = self.book.codes(self.book.case(values, now_us), every)
        return Ruled(codes, self.book.effects) if codes.any() else None

    def of_nobody(
        self, best: Int[np.ndarray, " titles"] | None, layout: Layout, now_us: int
    ) -> Int[np.ndarray, " titles"] | None:
        """What all members without a map are shown, under rules: of them nothing is known.

        Args:
            best: ordinal of each title's unpersonalised best, −1: none; None: there is none at all.
            layout: of the titles.
            now_us: microseconds since 1970-01-01 UTC.
        """
        case = self.book.case({}, now_us)
        codes = self.book.codes(case, np.arange(len(layout.title_ids)))
        ruled = np.flatnonzero(codes)
        if best is None and not len(ruled):
            return None
        chosen = np.full(len(codes), -1, np.int64) if best is None else best.copy()
        for slot in ruled.tolist():
            effect = self.book.effect(int(codes[slot]))
            assert effect is not None  # code 0 alone has none
            start = int(layout.starts[slot])
            of_all = int(chosen[slot]) - start if chosen[slot] >= 0 else -1
            chosen[slot] = start + shown_rank(effect, of_all, int(layout.defaults[slot]) - start)
        return chosen

    def page_words(self, declared: Sequence[str] = ()) -> list[str]:
        """Rules that ask for what only a page knows, in words: maps hold them in doubt or not.

        Args:
            declared: facts of a user's own that only a page knows.
        """
        page = {*PAGE_FACTS, *declared}
        asks = [
            rule.id
            for rule in self.book.rules
            if rule.effect in ("pin", "floor") and page & {c.fact for c in rule.where}
        ]
        if not asks:
            return []
        return [
            f"{len(asks)} rules that pin or lift artwork ask for facts that only a page knows, such"
            f" as {asks[0]!r}: they hold on live pages, and not in maps"
        ]


def _contradicted(book: RuleBook, slots: Collection[int]) -> set[int]:
    """Those of some slots whose rules cannot hold together: rules that did, and one more."""
    return {conflict.slot for conflict in conflicts(book, slots, 2 * MOST_CASES)}


def _outside(ordinals: Sequence[int], slots: Collection[int], layout: Layout) -> list[int]:
    """Ordinals that are not of some slots' candidates."""
    gone = {at for slot in slots for at in range(*map(int, layout.starts[slot : slot + 2]))}
    return [at for at in ordinals if at not in gone]


def shown_rank(effect: Effect, best: int, default: int) -> int:
    """What a title shows to everybody under rules: what is pinned, its best, its default, another.

    What a cap bounds is shown last: shown to everybody, it would not keep its cap.

    Args:
        effect: of the rules.
        best: rank of the best over all members; −1: not known.
        default: rank of the title's default.
    """
    if effect.pinned != FREE:
        return effect.pinned
    order = [*([best] if best >= 0 else []), default, *range(len(effect.allowed))]
    may = [rank for rank in order if effect.allowed[rank]]
    return next((rank for rank in may if effect.caps[rank] >= 1), may[0])
