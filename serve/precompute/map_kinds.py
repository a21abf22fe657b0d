"""What maps show beside artwork: assets that a run may choose, and what its bundle says of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt64

from bandit.head_policy import HeadPolicy
from bandit.kinds.many import steps_of
from data.assets.asset_rows import ARTWORK, is_kind
from data.assets.assets import Assets
from data.assets.templates import OF_BOTH, fill, slots_of
from data.bundle.asset_terms import AssetTerms
from data.command_line.names import names
from data.errors import BadInput
from data.log.kind_draws import MOST_LOGGED, KindsHeader
from data.reading.facts_json import FactsJson
from serve.maps.beside.kind_table import NO_ENTRY, Entry, KindTable
from serve.maps.layout import Layout
from serve.pictures.asked import KINDS_LIMIT, AskedKinds
from serve.scoring.asset_bank import NO_ASSET, AssetBank
from serve.scoring.offered_assets import OfferedAssets, asset_words, frames_of

MOST_OF_A_KIND, MOST_BESIDE = 64, 256
"""Assets of a title that a map chooses from: of a kind, and combinations of all kinds."""


class AlikeTitles(NamedTuple):
    """Titles that have as many candidates, and what heads say of these."""

    slots: Int[np.ndarray, " titles"]
    sizes: tuple[int, ...]
    """Of the artwork and each kind; 1 of a kind that the titles do not have."""
    own: tuple[Float[np.ndarray, "heads facts candidates_titles"], ...]
    """Of each kind by the member's facts; candidate c of title t at c·T + t."""
    pair: Mapping[tuple[int, int], Float[np.ndarray, "heads one other titles"]]

    @property
    def logged(self) -> int:
        """Codes that the log keeps of a draw: of all combinations, or 0."""
        few = int(np.prod(self.sizes)) <= MOST_LOGGED
        return steps_of(self.sizes) if few else 0


@dataclass(frozen=True)
class MapKinds:
    """Kinds that a run's maps show; the same on every engine, and travels to executors."""

    kinds: tuple[str, ...]
    table: KindTable
    offered: OfferedAssets
    words: UInt64[np.ndarray, " assets"]
    """Of all assets, for seeds."""
    terms: AssetTerms | None
    """Of the bundle; None: it has learnt nothing, and all is drawn evenly."""
    heads: int
    """That vote."""
    epsilon: float
    alike: tuple[AlikeTitles, ...]
    first_entry: tuple[Int[np.ndarray, "titles candidates"], ...]
    """Of each kind, the entry of each candidate, or the first of a personal template's."""
    header: KindsHeader
    """What the log says of all draws."""
    texts: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    """Row of a personal template → text → place among its entries."""

    @classmethod
    def of(
        cls,
        kinds: Sequence[str],
        bank: AssetBank,
        assets: Assets,
        layout: Layout,
        vectors: Float[np.ndarray, "artworks dimension"],
        day: date,
        policy: HeadPolicy,
    ) -> "MapKinds":
        """Those of a catalogue, as a bundle sees them.

        Args:
            kinds: beside the artwork, in the order in which the surface shows them.
            bank: of the bundle and the catalogue's assets.
            assets: of the catalogue.
            layout: of its titles.
            vectors: of the layout's artworks.
            day: that is decided for.
            policy: how the heads decide.

        Raises:
            BadInput: a kind is none, or there are more combinations than maps choose from.
        """
        kinds = _sound(kinds, assets)
        offered = OfferedAssets.of(assets, layout.title_ids.tolist(), bank.row_of, day)
        rows = [offered.kinds[kind] for kind in kinds]
        _refuse_many(kinds, rows, layout)
        listed = [_Listed.of(offered, of, layout) for of in rows]
        entries = [one.entries for one in listed]
        table = KindTable(kinds, layout.title_ids, entries)
        texts = {row: texts for one in listed for row, texts in one.texts.items()}
        seen, sized = bank.coordinates(vectors), np.stack([(of >= 0).sum(1) for of in rows])
        alike = []
        for sizes in np.unique(np.c_[layout.counts, sized.T], axis=0):
            same = (layout.counts == sizes[0]) & (sizes[1:] == sized.T).all(1)
            slots = np.flatnonzero(same)
            if sizes[1:].any():
                near = seen[layout.starts[slots][:, None] + np.arange(sizes[0])]
                own = [of[slots, : max(n, 1)] for of, n in zip(rows, sizes[1:], strict=True)]
                alike.append(_alike(slots, near, kinds, own, bank, policy))
        words = asset_words(bank.ids, offered.rows)
        terms = None if bank.terms is None else replace(bank.terms)  # without its encoder
        heads = alike[0].own[0].shape[0] if alike else 1
        epsilon = bank.epsilon(policy)
        header: KindsHeader = {
            "names": list(kinds),
            "assets": [[_ids(bank, own) for own in of] for of in rows],
            "words": table.words.tolist(),
            "heads": heads,
            "epsilon": epsilon,
        }
        firsts = tuple(one.first for one in listed)
        return cls(
            *(kinds, table, offered, words, terms, heads, epsilon, tuple(alike), firsts, header),
            texts,
        )

    def facts(
        self, functionals: Float[np.ndarray, "members heads dimension"]
    ) -> Float[np.ndarray, "members facts"]:
        """Of members, as the terms read them."""
        if self.terms is None:
            return np.ones((len(functionals), 1), np.float32)
        return self.terms.facts(functionals)

    def allowed(
        self, facts: FactsJson
    ) -> tuple[list[Int[np.ndarray, "titles candidates"]], dict[int, str]]:
        """Candidates of each kind for a member, rows of a bank; and texts of filled templates."""
        told, texts = facts.get("language"), dict[int, str]()
        asked = AskedKinds(self.kinds, [told] if isinstance(told, str) else [])
        slots = np.arange(len(self.table.title_ids))
        found = [self.offered.allowed(kind, asked, facts, slots, texts) for kind in self.kinds]
        return found, texts


def _sound(kinds: Sequence[str], assets: Assets) -> tuple[str, ...]:
    kinds = tuple(dict.fromkeys(names(kinds)))
    there = assets.kinds[1:]
    if not kinds or len(kinds) > KINDS_LIMIT:
        raise BadInput(f"--kinds names {len(kinds)} kinds; give one to {KINDS_LIMIT}")
    for kind in kinds:
        if kind == ARTWORK or not is_kind(kind) or kind not in there:
            known = f"has {', '.join(there)}" if there else "has no assets.parquet"
            raise BadInput(
                f"--kinds {kind}: the catalogue {known}; name what is shown beside artwork"
            )
    return kinds


def _refuse_many(kinds: Sequence[str], rows: Sequence[np.ndarray], layout: Layout) -> None:
    sized = np.stack([(of >= 0).sum(1) for of in rows])
    for most, counts, what in (
        *((MOST_OF_A_KIND, of, kind) for kind, of in zip(kinds, sized, strict=True)),
        (MOST_BESIDE, np.maximum(sized, 1).prod(0), f"combinations of {', '.join(kinds)}"),
    ):
        if (counts > most).any():
            at = int(counts.argmax())
            raise BadInput(
                f"title {layout.title_ids[at]!r:.60} has {counts[at]:,} {what}; maps choose from"
                f" {most} at most: withdraw some, or leave a kind out of --kinds"
            )


class _Listed(NamedTuple):
    """Entries of a kind."""

    entries: list[list[Entry]]
    first: Int[np.ndarray, "titles candidates"]
    texts: dict[int, dict[str, int]]

    @classmethod
    def of(
        cls, offered: OfferedAssets, rows: Int[np.ndarray, "titles candidates"], layout: Layout
    ) -> "_Listed":
        found, first, texts = [], np.full(rows.shape, NO_ENTRY), dict[int, dict[str, int]]()
        for slot, own in enumerate(rows.tolist()):
            entries: list[Entry] = []
            for rank, row in enumerate(own):
                if row == NO_ASSET:
                    continue
                asset = offered.rows[row]
                said, personal = _texts(asset, offered.titles[asset["title_id"]])
                first[slot, rank] = len(entries)
                if personal:
                    texts[row] = {str(text): at for at, text in enumerate(said)}
                frames, told = tuple(frames_of(asset)), asset["language"]
                language = None if told is None else str(told)
                name = str(asset["asset_id"])
                entries += [Entry(name, text, frames, language, personal) for text in said]
            if len(entries) > NO_ENTRY:
                raise BadInput(
                    f"title {layout.title_ids[slot]!r:.60} can say {len(entries)} things of one"
                    f" kind, and a map tells {NO_ENTRY} apart; withdraw a template that names both"
                    " genre and cast"
                )
            found.append(entries)
        return cls(found, first, texts)


def _texts(
    asset: Mapping[str, object], title: Mapping[str, object]
) -> tuple[list[str | None], bool]:
    """All that an asset may say, and whether that depends on who is told."""
    text = None if asset["text"] is None else str(asset["text"])
    if asset["content"] != "template" or text is None:
        return [text], False
    genres, cast = title["genres"], title["cast"]
    assert isinstance(genres, list)
    assert isinstance(cast, list)
    ways: list[dict[str, dict[str, float]]] = [
        {"genre": {genre: 1.0} if genre else {}, "cast": {person: 1.0} if person else {}}
        for genre in (genres or [""])
        for person in (cast or [""])
    ]
    filled = [fill(text, str(title["name"]), genres, cast, way) for way in ways]
    said = dict.fromkeys(one.text for one in filled if one is not None)
    return list(said) or [text], not set(slots_of(text)).isdisjoint(OF_BOTH)


def _ids(bank: AssetBank, rows: Int[np.ndarray, " candidates"]) -> list[str]:
    return [bank.ids[row] for row in rows.tolist() if row >= 0]


def _alike(
    slots: Int[np.ndarray, " titles"],
    near: Float[np.ndarray, "titles artworks rank"],
    kinds: Sequence[str],
    rows: list[Int[np.ndarray, "titles _"]],
    bank: AssetBank,
    policy: HeadPolicy,
) -> AlikeTitles:
    """What heads say of titles' candidates: linear in a member's facts, and of pairs whoever it is.

    Asked of the bank once a fact: of members who are nothing else.
    """
    count, terms = len(slots), bank.terms
    width = 0 if terms is None else 1 + terms.projection.shape[1]
    nobody = np.zeros((count, width), np.float32)
    base = bank.scores(nobody, near, kinds, tuple(rows), policy)
    by_fact = []
    for fact in range(width):
        one = nobody.copy()
        one[:, fact] = 1.0
        by_fact.append(bank.scores(one, near, kinds, tuple(rows), policy).own)
    own = []
    for kind in range(1, 1 + len(kinds)):
        parts = [of[kind] - base.own[kind] for of in by_fact] or [base.own[kind]]
        parts[0] = parts[0] + base.own[kind]  # the first fact is a constant 1
        # From (facts, titles, heads, candidates) to (heads, facts, candidates, titles).
        turned = np.stack(parts).transpose(2, 0, 3, 1)
        own.append(np.ascontiguousarray(turned.reshape(*turned.shape[:2], -1), np.float32))
    pair = {
        of: np.ascontiguousarray(part.transpose(1, 2, 3, 0), np.float32)
        for of, part in base.pair.items()
    }
    sizes = (near.shape[1], *(of.shape[1] for of in rows))
    return AlikeTitles(slots, sizes, tuple(own), pair)
