"""Draws of pages before they fall: their seeds, what those follow from, and their names."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import orjson
from jaxtyping import Float, Int, UInt64

from bandit.choice import profile_keys, title_words
from bandit.draws import (
    DrawRules,
    artwork_words,
    context_words,
    draw_ids,
    draw_seeds,
    epoch_numbers,
    text_word,
)
from serve.live.fallback_choice import FallbackChoice
from serve.live.page_request import PageRequest
from serve.maps.run_info import CatalogueWords


class PageDraws(NamedTuple):
    """Draws of pages × titles."""

    keys: UInt64[np.ndarray, "pages titles"]
    titles: UInt64[np.ndarray, "pages titles"]
    epochs: Int[np.ndarray, "pages titles"]
    seeds: UInt64[np.ndarray, "pages titles"]

    @staticmethod
    def of(
        pages: Sequence[PageRequest],
        words: CatalogueWords,
        slots: Int[np.ndarray, "pages titles"],
        fingerprints: Int[np.ndarray, " pages"],
        rules: DrawRules,
    ) -> "PageDraws":
        """Those of pages, for titles by slot."""
        keys = np.asarray(profile_keys([page.profile_id for page in pages]))[:, None]
        titles = words.titles[slots]
        days = np.array([[page.day] for page in pages])
        epochs = epoch_numbers(keys, titles, days, rules.epochs.days)
        context = context_words(fingerprints[:, None], words.candidates[slots], rules.word)
        # A cell logs its draws apart, so they are draws apart.
        nonces = [[_own_word(page)] for page in pages]
        seeds = draw_seeds(keys, titles, epochs, context ^ np.array(nonces, np.uint64), rules.salt)
        return PageDraws(np.broadcast_to(keys, titles.shape), titles, epochs, seeds)

    def names(
        self,
        pages: Sequence[PageRequest],
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
                rules.record_word(cell=page.cell),
            )
            for row, page in enumerate(pages)
        ]


def _own_word(page: PageRequest) -> int:
    """What sets a page's draws apart from those of the same profile, titles and facts."""
    word = page.nonce if page.fresh else 0
    return word if page.cell is None else word ^ text_word("cell", page.cell)


def name_fallback(bundle: str, page: PageRequest, choice: FallbackChoice) -> FallbackChoice:
    """A fallback under the id of this request's showing of it, by these facts."""
    rules = DrawRules(bundle, "fallback", 0.0, 0, 1)
    facts = text_word(orjson.dumps(page.facts, option=orjson.OPT_SORT_KEYS))
    [name] = draw_ids(
        np.array([page.nonce ^ facts], np.uint64),
        np.asarray(profile_keys([page.profile_id])),
        title_words([choice.title_id]),
        artwork_words([choice.artwork_id]),
        np.array([1.0]),
        rules.record_word(choice.level, page.cell),
    )
    return choice._replace(decision_id=name)
