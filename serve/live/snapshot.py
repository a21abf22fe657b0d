"""What the live service decides with: one bundle and one catalogue, loaded whole or not at all.

A snapshot never changes. A new bundle or catalogue is a new snapshot, swapped in between two
batches, so no request fails and every decision names the bundle that made it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
import orjson
import pyarrow as pa
from jaxtyping import Float, Int, UInt64

from bandit.choice import profile_keys
from bandit.draws import (
    DrawRules,
    Epochs,
    artwork_words,
    context_words,
    draw_ids,
    draw_seeds,
    epoch_numbers,
)
from serve.maps.layout import Layout
from serve.maps.lookup import PLACEHOLDER
from serve.maps.run_info import CatalogueWords
from serve.scoring.candidate_bank import decide_pages
from serve.scoring.member_model import MemberModel
from serve.scoring.served_policy import ServedPolicy


class Ask(NamedTuple):
    """One page's request to decide."""

    profile_id: str
    title_ids: Sequence[int]
    day: int
    nonce: int  # tells two requests apart; equal for a retry with the same request id
    fresh: bool = False  # draw anew, whatever the map says and other pages drew
    cell: str | None = None  # of the experiment


class ScoredImage(NamedTuple):
    """An image as a candidate of a title."""

    title_id: int
    vector: list[float]
    embedding: list[float]


class ImageModel(Protocol):
    """A model of images."""

    def score(self, raw: bytes, title_id: int) -> ScoredImage:
        """An image that the catalogue does not have, as a candidate of a title.

        Raises:
            ValueError: it cannot be decoded, there is no such title, or the model reads no images.
        """
        ...


class Choice(NamedTuple):
    """What a title shows by a fallback, to whoever asks."""

    title_id: int
    artwork_id: str
    path: str
    decision_id: str | None
    level: str
    candidates: orjson.Fragment  # JSON of the candidates' ids
    propensity: float = 1.0


class Chosen(NamedTuple):
    """A page's live decisions, a column each; titles outside the catalogue are left out."""

    title_ids: list[int]
    slots: list[int]
    ordinals: list[int]
    decision_ids: list[str]
    propensities: list[float]
    probabilities: Float[np.ndarray, "titles ranks"]
    seeds: list[int]
    epochs: list[int]
    fingerprint: int  # of the features that the page's facts became
    entropy: float  # mean of the titles' policies, nats


def piece(choice: Choice, base_url: str) -> str:
    """A fallback's choice as JSON, as an answer says it."""
    shown = {
        "title_id": choice.title_id,
        "artwork_id": choice.artwork_id,
        "url": base_url + choice.path if choice.path else PLACEHOLDER,
        "level": choice.level,
        "decision_id": choice.decision_id,
        "propensity": choice.propensity,
    }
    return orjson.dumps(shown).decode()


@dataclass(frozen=True)
class LiveModel:
    """A bundle's scores for a catalogue."""

    policy: ServedPolicy
    layout: Layout
    vectors: Float[np.ndarray, "artworks dimension"]
    members: MemberModel
    best: Int[np.ndarray, " titles"] | None  # ordinals of the unpersonalised best, −1: none
    images: ImageModel | None = None
    """Scores images that the catalogue does not have."""
    base_url: str = ""
    """Put before each artwork's path."""
    epochs: Epochs = field(default_factory=Epochs)
    """How long draws last."""
    words: CatalogueWords = field(init=False)
    slot_of: dict[int, int] = field(init=False)
    path_of: dict[str, str] = field(init=False)  # by artwork id
    fallback: dict[int, Choice] = field(init=False)  # what a title shows to all members
    pieces: dict[int, str] = field(init=False)  # the same as JSON
    _openings: list[str] = field(init=False)  # of each artwork's JSON, up to the decision id
    _lists: list[orjson.Fragment] = field(init=False)  # each title's candidates as JSON
    _titles: Int[np.ndarray, " titles"] = field(init=False)
    _counts: Int[np.ndarray, " titles"] = field(init=False)
    _starts: Int[np.ndarray, " titles"] = field(init=False)
    _columns: Float[np.ndarray, "titles dimension ranks"] = field(init=False)

    def __post_init__(self) -> None:
        layout, put = self.layout, partial(object.__setattr__, self)
        titles = layout.title_ids.tolist()
        put("words", CatalogueWords.of(layout))
        put("slot_of", {title: slot for slot, title in enumerate(titles)})
        put("path_of", dict(zip(layout.artwork_ids, layout.paths, strict=True)))
        counts, starts = layout.counts, layout.starts[:-1]
        ranks = np.minimum(np.arange(counts.max()), counts[:, None] - 1)
        columns = self.vectors[starts[:, None] + ranks].astype(np.float32)
        put("_titles", layout.title_ids.astype(np.int64))
        put("_counts", counts)
        put("_starts", starts)
        put("_columns", np.ascontiguousarray(columns.swapaxes(1, 2)))
        lists = [
            orjson.Fragment(orjson.dumps(layout.candidates(slot))) for slot in range(len(titles))
        ]
        put("_lists", lists)
        openings = []
        for title, artwork, path in zip(
            np.repeat(layout.title_ids, counts).tolist(),
            layout.artwork_ids,
            layout.paths,
            strict=True,
        ):
            whole = piece(Choice(title, artwork, path, "", "personalised", lists[0]), self.base_url)
            openings.append(whole[: whole.index('"decision_id":"') + len('"decision_id":"')])
        put("_openings", openings)

        fallback = {}
        for title, slot in self.slot_of.items():
            ordinal, level = int(layout.defaults[slot]), "default"
            if self.best is not None and self.best[slot] >= 0:
                ordinal, level = int(self.best[slot]), "unpersonalised"
            artwork, path = layout.artwork_ids[ordinal], layout.paths[ordinal]
            fallback[title] = Choice(title, artwork, path, None, level, lists[slot])
        put("fallback", fallback)
        put("pieces", {title: piece(choice, self.base_url) for title, choice in fallback.items()})

    def decide(self, asks: Sequence[Ask], facts: pa.StructArray) -> list[Chosen]:
        """Decide pages together.

        Args:
            asks: pages; `facts` has one row for each.
            facts: as `data.records.FACTS`.
        """
        layout, slot_of = self.layout, self.slot_of
        wanted = [[title for title in ask.title_ids if title in slot_of] for ask in asks]
        longest = max(map(len, wanted))
        if not longest:
            return [Chosen([], [], [], [], [], np.empty((0, 1)), [], [], 0, 0.0) for _ in asks]
        padding = layout.title_ids.item(0)
        slots = np.array(
            [
                [*map(slot_of.__getitem__, titles), *[slot_of[padding]] * (longest - len(titles))]
                for titles in wanted
            ],
            np.int64,
        )
        described = self.members.functionals_of(facts)
        rules = self._rules(described.functionals.shape[1])
        page = _Drawing.of(asks, self.words, slots, described.fingerprints, rules)
        counts = self._counts[slots]
        decided = decide_pages(
            described.functionals,
            self._columns[slots].transpose(0, 2, 3, 1),
            counts,
            page.seeds,
            self.policy.head_policy,
        )
        choices = self._starts[slots] + decided.choice
        names = page.names(asks, self.words, choices, decided.propensity, rules)
        ordinals = choices.tolist()
        chances = decided.probabilities.swapaxes(1, 2)
        entropies = -(chances * np.log(np.maximum(chances, 1e-12))).sum(2)
        return [
            Chosen(
                titles,
                slots[row, : len(titles)].tolist(),
                ordinals[row][: len(titles)],
                names[row][: len(titles)],
                decided.propensity[row, : len(titles)].tolist(),
                chances[row, : len(titles)],
                page.seeds[row, : len(titles)].tolist(),
                page.epochs[row, : len(titles)].tolist(),
                int(described.fingerprints[row]),
                float(entropies[row, : len(titles)].sum()) / max(len(titles), 1),
            )
            for row, titles in enumerate(wanted)
        ]

    def _rules(self, heads: int) -> DrawRules:
        """What the draws of this model have in common."""
        how = self.policy.head_policy
        return DrawRules(
            self.policy.bundle,
            how.kind,
            how.exploration,
            self.policy.salt,
            how.voters(heads),
            self.epochs,
        )

    def name_fallback(self, ask: Ask, choice: Choice) -> Choice:
        """A fallback under the id of this request's showing of it."""
        key = np.asarray(profile_keys([ask.profile_id]))
        rules = DrawRules(self.policy.bundle, "fallback", 0.0, 0, 1)
        [name] = draw_ids(
            np.array([ask.nonce], np.uint64),
            key,
            np.array([choice.title_id]),
            artwork_words([choice.artwork_id]),
            np.array([1.0]),
            rules.record_word(choice.level, ask.cell),
        )
        return choice._replace(decision_id=name)

    def shown(self, chosen: Chosen) -> list[str]:
        """A page's decisions as JSON, one a title."""
        opening = self._openings
        return [
            f'{opening[ordinal]}{name}","propensity":{propensity!r}}}'
            for ordinal, name, propensity in zip(
                chosen.ordinals, chosen.decision_ids, chosen.propensities, strict=True
            )
        ]

    def logged(self, chosen: Chosen) -> dict[str, Any]:
        """The columns of a page's decisions in the log that differ from title to title."""
        names, lists = self.layout.artwork_ids, self._lists
        probabilities: Any = np.ascontiguousarray(chosen.probabilities)
        counts = self._counts[chosen.slots]
        if (counts < probabilities.shape[1]).any():
            rows = zip(probabilities.tolist(), counts.tolist(), strict=True)
            probabilities = [row[:count] for row, count in rows]
        return {
            "decision_id": chosen.decision_ids,
            "title_id": chosen.title_ids,
            "candidates": [lists[slot] for slot in chosen.slots],
            "action": [names[ordinal] for ordinal in chosen.ordinals],
            "propensity": chosen.propensities,
            "probabilities": probabilities,
            "seed": chosen.seeds,
            "epoch": chosen.epochs,
        }


class _Drawing(NamedTuple):
    """The draws of some pages before they fall: their seeds, and what those follow from."""

    keys: UInt64[np.ndarray, "pages titles"]
    titles: Int[np.ndarray, "pages titles"]
    epochs: Int[np.ndarray, "pages titles"]
    seeds: UInt64[np.ndarray, "pages titles"]

    @staticmethod
    def of(
        asks: Sequence[Ask],
        words: CatalogueWords,
        slots: Int[np.ndarray, "pages titles"],
        fingerprints: Int[np.ndarray, " pages"],
        rules: DrawRules,
    ) -> "_Drawing":
        """Those of pages, for titles by slot."""
        keys = np.asarray(profile_keys([ask.profile_id for ask in asks]))[:, None]
        titles = words.titles[slots]
        days = np.array([[ask.day] for ask in asks])
        epochs = epoch_numbers(keys, titles, days, rules.epochs.days)
        context = context_words(fingerprints[:, None], words.candidates[slots], rules.word)
        nonces = [[ask.nonce if ask.fresh else 0] for ask in asks]
        seeds = draw_seeds(keys, titles, epochs, context ^ np.array(nonces, np.uint64), rules.salt)
        return _Drawing(np.broadcast_to(keys, titles.shape), titles, epochs, seeds)

    def names(
        self,
        asks: Sequence[Ask],
        words: CatalogueWords,
        ordinals: Int[np.ndarray, "pages titles"],
        propensities: Float[np.ndarray, "pages titles"],
        rules: DrawRules,
    ) -> list[list[str]]:
        """Decision ids, page by page."""
        shown = words.artworks[ordinals]
        return [
            draw_ids(
                self.seeds[row],
                self.keys[row],
                self.titles[row],
                shown[row],
                propensities[row],
                rules.record_word(cell=ask.cell),
            )
            for row, ask in enumerate(asks)
        ]


def request_nonce(bundle: str, request_id: str) -> int:
    """What sets this request's decisions apart from others of the profile, title and day."""
    raw = f"{bundle}/{request_id}".encode()
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little")
