"""What a block's members are shown beside their artwork: new draws where the artwork is drawn anew.

Kinds go on as long as their artwork's draw does, and are drawn again with it: when its epoch ends,
or when what may be shown of the title, artwork or beside it, is not what it was.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int, UInt8, UInt64

from bandit.choice import uniforms
from bandit.kinds.many import Leaning, ManyChosen, ManyKinds, decide_many
from data.log.kind_draws import NOT_SHOWN, KindDraws, logged_widths
from data.reading.facts_json import FactsJson
from serve.maps.artwork_map import beside_of
from serve.maps.beside.kind_table import NO_ENTRY, KindTable
from serve.maps.layout import Layout
from serve.precompute.map_kinds import AlikeTitles, MapKinds
from serve.precompute.previous_draws import Before
from serve.scoring.offered_assets import luck_seeds

ABOUT_MEMBER = ("language", "watched_genres", "watched_cast")
"""Facts that say which assets somebody may be shown."""
AT_ONCE = 1 << 13
"""Decisions of titles that are alike worked on at a time: their scores stay in the cache."""


def with_kinds_of_before(
    before: Before,
    old: Sequence[bytes | None],
    layout: Layout,
    kinds: MapKinds | None,
    tables: Mapping[bytes, KindTable],
) -> tuple[Before, UInt8[np.ndarray, "members kinds titles"] | None]:
    """What members had beside their artwork; a title that may now show other assets is drawn anew.

    Nothing is an answer too: of a title whose assets are all gone, and of one whose assets nobody
    knows any more, the draw was made among others, and is named by them.

    Args:
        before: what they had of artwork.
        old: their maps.
        layout: of today's titles.
        kinds: of today's maps; None: artwork alone.
        tables: of earlier maps, by digest.

    Returns:
        Entries of today's table; None where today's maps show artwork alone.
    """
    shape = before.choices.shape
    today = np.zeros(shape[1], np.uint64) if kinds is None else kinds.table.words
    digest, count = (None, 0) if kinds is None else (kinds.table.digest, len(kinds.kinds))
    same = np.zeros(shape, bool)
    codes = np.full((shape[0], count, shape[1]), NO_ENTRY, np.uint8)
    moves: dict[bytes, _Move | None] = {}
    for row, value in enumerate(old):
        if value is None or not before.layouts[row]:
            continue  # no map, or one that is forgotten
        beside = beside_of(value)
        if beside is None:
            same[row] = today == 0
        elif beside.table == digest:
            same[row], codes[row] = True, beside.codes
        else:
            if beside.table not in moves:
                older = tables.get(beside.table)
                moves[beside.table] = None if older is None else _Move.of(older, layout, today)
            move = moves[beside.table]
            if move is None or beside.codes.shape[1] != len(move.kept):
                continue
            slots, alike = move.slots[move.alike], np.flatnonzero(move.kept)[move.alike]
            same[row, slots] = True
            if len(beside.codes) == count:
                codes[row][:, slots] = beside.codes[:, alike]
    same &= before.same
    codes[np.broadcast_to(~same[:, None], codes.shape)] = NO_ENTRY
    return before._replace(same=same), None if kinds is None else codes


class _Move(NamedTuple):
    """From an older table to today's."""

    kept: Bool[np.ndarray, " older_titles"]  # titles that are still there
    slots: Int[np.ndarray, " kept"]  # today's slots of those
    alike: Bool[np.ndarray, " kept"]  # which show what they did

    @staticmethod
    def of(older: KindTable, layout: Layout, today: UInt64[np.ndarray, " titles"]) -> "_Move":
        slots, kept = layout.slots(older.title_ids)
        return _Move(kept, slots[kept], older.words[kept] == today[slots[kept]])


class BesideDraws:
    """Entries and log of a block, filled tile by tile.

    Args:
        kinds: of the run.
        facts: of the block's members.
        codes: entries that they had, where their draws are among today's assets.
        keep: share of a new draw that is what was shown before.
        logged: the log keeps them.
    """

    def __init__(
        self,
        kinds: MapKinds,
        facts: pa.StructArray,
        codes: UInt8[np.ndarray, "members kinds titles"],
        keep: float,
        logged: bool,
    ) -> None:
        self.kinds, self.codes = kinds, codes
        self.leaning = Leaning(kinds.heads, kinds.epsilon, keep)
        self._facts = _told(facts)
        self._allowed: dict[object, tuple[list[np.ndarray], dict[int, str]]] = {}
        members, count, titles = codes.shape
        self.log: KindDraws | None = None
        if logged:
            sizes = np.ones((titles, 1 + count), np.int64)
            for of in kinds.alike:
                sizes[of.slots] = of.sizes
            widths = logged_widths(sizes, kinds.table.words)
            shape = (members, titles, count)
            self.log = KindDraws(
                np.full(shape, NOT_SHOWN, np.uint8),
                np.zeros(shape, np.uint64),
                np.ones(shape),
                np.zeros((members, int(widths.sum())), np.uint16),
                widths,
            )
            self._begins = np.cumsum(widths) - widths

    @property
    def words(self) -> UInt64[np.ndarray, " titles"]:
        """What seeds of titles' draws mix in."""
        return self.kinds.table.words

    # What a tile's artwork was drawn from.
    def put(
        self,
        tile: Int[np.ndarray, " members"],
        functionals: Float[np.ndarray, "members heads dimension"],
        seeds: UInt64[np.ndarray, "members titles"],
        artwork: Int[np.ndarray, "members titles"],
        had: Int[np.ndarray, "members titles"],
        new: Bool[np.ndarray, "members titles"],
    ) -> None:
        """Choose beside new draws of artwork.

        Args:
            tile: places of the members in the block.
            functionals: of them.
            seeds: of the draws.
            artwork: candidate that is shown.
            had: candidate that was shown before; −1: none.
            new: draws that are made now.
        """
        facts = self.kinds.facts(functionals)
        offered = [self._offered(member) for member in tile.tolist()]
        rows = [np.stack([of[k] for of, _ in offered]) for k in range(len(self.kinds.kinds))]
        texts = [texts for _, texts in offered]
        before = self.codes[tile]
        self.codes[tile] = np.where(new[:, None], NO_ENTRY, before)
        for alike in self.kinds.alike:
            whom, which = np.nonzero(new[:, alike.slots])
            for start in range(0, len(whom), AT_ONCE):
                part = slice(start, start + AT_ONCE)
                member, title = whom[part], which[part]
                slot = alike.slots[title]
                sized = zip(rows, alike.sizes[1:], strict=True)
                own = [of[member, slot, :size] for of, size in sized]
                held = self._held(before[member, :, slot].T, slot, alike)
                words = self.kinds.words
                luck = luck_seeds(seeds[member, slot], self.kinds.kinds, own, words)
                chosen = decide_many(
                    self._of(alike, facts, member, title, own),
                    artwork[member, slot],
                    np.concatenate([had[member, slot][None], held]),
                    uniforms(luck).T,
                    self.leaning,
                    self.log is not None and bool(alike.logged),
                )
                self._show(tile[member], slot, chosen, own, [texts[one] for one in member.tolist()])

    def _of(
        self,
        alike: AlikeTitles,
        facts: Float[np.ndarray, "members facts"],
        member: Int[np.ndarray, " decisions"],
        title: Int[np.ndarray, " decisions"],
        rows: Sequence[Int[np.ndarray, "decisions candidates"]],
    ) -> ManyKinds:
        """What heads say of some decisions."""
        own, titles = [], len(alike.slots)
        for part, of in zip(alike.own, rows, strict=True):
            said = facts[:, : part.shape[1]] @ part  # heads, members, candidates × titles
            said = said.reshape(len(part), len(facts), -1, titles)
            own.append(said[:, member, :, title].transpose(1, 2, 0))
            assert own[-1].shape[1] == of.shape[1]
        allowed = [(of >= 0).T for of in rows]
        return ManyKinds(own, alike.pair, title, allowed, alike.sizes[0])

    def _offered(self, member: int) -> tuple[list[np.ndarray], dict[int, str]]:
        """Assets that a member may be shown; kept where it follows from the language alone."""
        facts = self._facts[member]
        key = facts.get("language") if not self.kinds.texts else member
        if key not in self._allowed:
            if len(self._allowed) >= 100:
                self._allowed.clear()
            self._allowed[key] = self.kinds.allowed(facts)
        return self._allowed[key]

    def _held(
        self,
        codes: UInt8[np.ndarray, "kinds decisions"],
        slot: Int[np.ndarray, " decisions"],
        alike: AlikeTitles,
    ) -> Int[np.ndarray, "kinds decisions"]:
        """Candidates that entries of before are of; −1: none."""
        held = np.full(codes.shape, -1)
        for at, (of, first) in enumerate(zip(codes, self.kinds.first_entry, strict=True)):
            starts = first[slot, : alike.sizes[1 + at]]
            rank = (starts <= of[:, None]).sum(1) - 1  # entries stand in their candidates' order
            held[at] = np.where(of < NO_ENTRY, rank, -1)
        return held

    def _show(
        self,
        members: Int[np.ndarray, " decisions"],
        slot: Int[np.ndarray, " decisions"],
        chosen: ManyChosen,
        rows: Sequence[Int[np.ndarray, "decisions candidates"]],
        texts: Sequence[Mapping[int, str]],
    ) -> None:
        """Write down the entries of what is chosen, and what the log says of it."""
        for at, (picked, of, first) in enumerate(
            zip(chosen.choice, rows, self.kinds.first_entry, strict=True)
        ):
            shown = np.flatnonzero(picked >= 0)
            entry = first[slot[shown], picked[shown]]
            if self.kinds.texts:
                for n, one in enumerate(of[shown, picked[shown]].tolist()):
                    if one in self.kinds.texts:
                        entry[n] += self.kinds.texts[one].get(texts[shown[n]].get(one, ""), 0)
            self.codes[members[shown], at, slot[shown]] = entry
        if self.log is None:
            return
        self.log.ranks[members, slot] = np.where(chosen.choice < 0, NOT_SHOWN, chosen.choice).T
        self.log.allowed[members, slot] = _bits(rows)
        self.log.chances[members, slot] = chosen.propensity.T
        if chosen.codes is not None:
            steps = self._begins[slot][:, None] + np.arange(chosen.codes.shape[1])
            self.log.codes[members[:, None], steps] = chosen.codes


def _told(facts: pa.StructArray) -> list[FactsJson]:
    """What of members' facts says which assets they may be shown."""
    names = [name for name in ABOUT_MEMBER if facts.type.get_field_index(name) >= 0]
    columns = [facts.field(name).to_pylist() for name in names]
    return [
        {name: value for name, value in zip(names, row, strict=True) if value is not None}
        for row in zip(*columns, strict=True)
    ]


def _bits(rows: Sequence[Int[np.ndarray, "decisions candidates"]]) -> np.ndarray:
    """Which candidates there are of each kind, a bit each."""
    found = []
    for of in rows:
        place = np.left_shift(np.uint64(1), np.arange(of.shape[1], dtype=np.uint64))
        found.append(np.where(of >= 0, place, np.uint64(0)).sum(1, dtype=np.uint64))
    return np.stack(found, 1)
