"""Which assets a title may be shown with beside its artwork: by day, language and facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from jaxtyping import Bool, Int, UInt64

from bandit.choice import mix_words
from bandit.draws import text_word
from bandit.kinds.in_order import kind_seeds
from data.assets.assets import Assets
from data.assets.templates import fill
from data.lean.languages import reads
from data.reading.facts_json import FactsJson
from data.records import TitleId
from serve.pictures.asked import AskedKinds
from serve.scoring.asset_bank import NO_ASSET

MOST_LANGUAGES, MOST_READ = 1000, 20_000_000
"""Lists of languages that are remembered, and assets of all of them together."""


@dataclass(frozen=True)
class OfferedAssets:
    """Assets of a layout's titles on a day."""

    kinds: Mapping[str, Int[np.ndarray, "titles _"]]
    """By kind, rows of a bank; NO_ASSET is filling."""
    rows: Sequence[Mapping[str, object]]
    """Of assets.parquet, as the bank has them."""
    titles: Mapping[object, Mapping[str, object]]
    """Of titles.parquet, by id."""
    _templates: Bool[np.ndarray, " assets"] = field(init=False)
    _languages: dict[tuple[str, ...], Bool[np.ndarray, " assets"]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        templates = [row["content"] == "template" for row in self.rows]
        object.__setattr__(self, "_templates", np.array(templates, bool))

    @classmethod
    def of(
        cls, assets: Assets, titles: Sequence[TitleId], row_of: Mapping[str, int], day: date
    ) -> "OfferedAssets":
        """What a catalogue offers.

        Args:
            assets: of the catalogue.
            titles: of a layout, in its order.
            row_of: each asset's row.
            day: whose assets are shown.
        """
        kinds = {}
        for kind in assets.kinds[1:]:
            lists = [assets.candidates(title, kind, day) for title in titles]
            found = np.full((len(lists), max(map(len, lists))), NO_ASSET)
            for slot, names in enumerate(lists):
                found[slot, : len(names)] = [row_of[name] for name in names]
            kinds[kind] = found
        by_title = {row["title_id"]: row for row in assets.catalogue.titles.to_pylist()}
        return cls(kinds, list(assets.rows.values()), by_title)

    @property
    def paths(self) -> frozenset[str]:
        """Files of pictures and key frames, within the catalogue."""
        return frozenset(path for row in self.rows for path in frames_of(row))

    def allowed(
        self,
        kind: str,
        asked: AskedKinds,
        facts: FactsJson,
        slots: Int[np.ndarray, " titles"],
        texts: dict[int, str],
    ) -> Int[np.ndarray, "titles candidates"]:
        """Candidates of a kind for a member.

        Args:
            kind: one of `kinds`.
            asked: by the page.
            facts: of the member.
            slots: of titles.
            texts: of templates that could be filled, by row; the others are no candidates.
        """
        found = self.kinds[kind][slots]
        if asked.languages:
            found[~self._read_by(asked.languages)[found]] = NO_ASSET
        for title, rank in np.argwhere(self._templates[found] & (found >= 0)):
            row = int(found[title, rank])
            text = self._filled(row, facts)
            if text is None:
                found[title, rank] = NO_ASSET
            else:
                texts[row] = text
        return found

    def _read_by(self, languages: Sequence[str]) -> Bool[np.ndarray, " assets"]:
        """Which assets are in one of these languages, or in none; worked out once."""
        if (known := self._languages.get(tuple(languages))) is not None:
            return known
        if len(self._languages) >= min(MOST_LANGUAGES, 1 + MOST_READ // len(self.rows)):
            self._languages.clear()
        said = [row["language"] for row in self.rows]
        low = [language.lower() for language in languages]
        found = np.array([one is None or reads(str(one).lower(), low) for one in said], bool)
        self._languages[tuple(languages)] = found
        return found

    def _filled(self, row: int, facts: FactsJson) -> str | None:
        asset = self.rows[row]
        title = self.titles[asset["title_id"]]
        watched = {name: _counts(facts.get(f"watched_{of}")) for name, of in _WATCHED.items()}
        genres, cast = title["genres"], title["cast"]
        assert isinstance(genres, list)
        assert isinstance(cast, list)
        filled = fill(str(asset["text"]), str(title["name"]), genres, cast, watched)
        return None if filled is None else filled.text


_WATCHED = {"genre": "genres", "cast": "cast"}
"""Slot of a template → what members' facts call it."""


def frames_of(row: Mapping[str, object]) -> list[str]:
    """Paths of an asset's picture or key frames."""
    frames = row["frames"]
    return [str(path) for path in frames] if isinstance(frames, list) else []


def _counts(value: object) -> dict[str, float]:
    """Counts by name, of a fact as JSON has it; nothing of what makes no sense."""
    pairs = (
        value.items() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    )
    found = {}
    for pair in pairs:
        if isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[1], int | float):
            found[str(pair[0])] = float(pair[1])
    return {name: count for name, count in found.items() if count > 0}


def luck_seeds(
    seeds: UInt64[np.ndarray, " decisions"],
    kinds: Sequence[str],
    rows: Sequence[Int[np.ndarray, "decisions _"]],
    words: UInt64[np.ndarray, " assets"],
) -> UInt64[np.ndarray, "decisions kinds"]:
    """Seeds of each kind's choice: by which kinds there are, their order, and what each may show.

    Args:
        seeds: of the artwork's draws.
        kinds: beside it.
        rows: of each kind's candidates; NO_ASSET is none.
        words: of all assets: their ids and texts.
    """
    word = np.full(len(seeds), text_word("kinds", *kinds), np.uint64)
    for each in rows:
        for column in each.T:
            mixed = mix_words(word ^ words[column])
            word = np.where(column >= 0, mixed, word)  # whatever others beside it may show
    names = np.array([text_word("kind", kind) for kind in kinds], np.uint64)
    return kind_seeds(seeds ^ word, names)


def asset_words(
    ids: Sequence[str], rows: Sequence[Mapping[str, object]]
) -> UInt64[np.ndarray, " assets"]:
    """A hash of each asset, for `luck_seeds`: scores follow from texts.

    Args:
        ids: of a bank.
        rows: of assets.parquet, in the same order.
    """
    both = zip(ids, (row["text"] for row in rows), strict=True)
    return np.array([text_word(name, str(text)) for name, text in both], np.uint64)
