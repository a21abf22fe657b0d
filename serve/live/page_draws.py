"""Draws of pages: the definitions of `bandit.draws`, arranged for the few titles of a page.

Its words are mixed side by side: one more in an array costs nothing there, and each call does.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import orjson
from jaxtyping import Float, Int, Int64, UInt64

from bandit.choice import MASK, mix_number, mix_words, profile_keys, title_words
from bandit.draws import DrawRules, artwork_words, draw_ids, text_word
from serve.live.fallback_choice import FallbackChoice
from serve.live.page_request import PageRequest


class PageWords(NamedTuple):
    """What all draws of a page have in common."""

    key: int
    """The profile's, from `bandit.choice.profile_keys`."""
    fingerprint: int
    """Of the features that the facts became."""
    record: int
    """`DrawRules.record_word`."""
    day: int
    """Since 1970-01-01."""
    own: int = 0
    """Sets its draws apart from others of the same profile, titles and facts."""


class OpenDraws(NamedTuple):
    """Draws of pages × titles before they fall."""

    epochs: Int64[np.ndarray, "pages titles"]
    seeds: UInt64[np.ndarray, "pages titles"]
    named: UInt64[np.ndarray, "pages titles"]
    """What the names follow from besides the seeds and what is shown."""

    def ids(
        self,
        actions: UInt64[np.ndarray, "pages titles"],
        propensities: Float[np.ndarray, "pages titles"],
    ) -> list[str]:
        """What `draw_ids` calls them, page by page and title by title.

        Args:
            actions: `text_word` of what is shown.
            propensities: as logged, to the last bit.
        """
        both = np.empty((2, *self.seeds.shape), np.uint64)
        np.add(self.named, actions, out=both[0])
        both[1] = self.seeds
        shown, mixed = mix_words(both)
        shown = mix_words(shown ^ np.ascontiguousarray(propensities, np.float64).view(np.uint64))
        halves = np.empty((*shown.shape, 2), np.uint64)
        np.bitwise_xor(shown, self.seeds, out=halves[..., 0])
        np.add(mixed, shown, out=halves[..., 1])
        digits = mix_words(halves).astype(">u8").tobytes().hex()
        return [digits[at : at + 32] for at in range(0, len(digits), 32)]


def opening_words(
    titles: UInt64[np.ndarray, " titles"], candidates: UInt64[np.ndarray, " titles"]
) -> UInt64[np.ndarray, "4 titles"]:
    """What `open_draws` asks of titles, made once.

    Args:
        titles: from `bandit.choice.title_words`.
        candidates: from `bandit.draws.candidate_words`.
    """
    return np.stack((mix_words(titles), titles, titles, candidates))


def open_draws(
    pages: Sequence[PageWords], titles: UInt64[np.ndarray, "4 pages titles"], rules: DrawRules
) -> OpenDraws:
    """What `epoch_numbers`, `context_words`, `draw_seeds` and the start of `draw_ids` give.

    Args:
        pages: what is known of each.
        titles: of each page, from `opening_words`.
        rules: of the bundle.
    """
    days, salt, word = rules.epochs.days, rules.salt & MASK, rules.word
    of_pages = [
        [
            page.key,
            mix_number((page.key + page.record) & MASK),
            mix_number(page.key ^ salt),
            mix_number(page.fingerprint & MASK ^ word),
            page.own,
        ]
        for page in pages
    ]
    keys = np.array(of_pages, np.uint64).T[:, :, None]
    words = np.empty(titles.shape, np.uint64)
    np.bitwise_xor(titles[:2], keys[:2], out=words[:2])
    np.add(titles[2:], keys[2:4], out=words[2:])
    staggers, named, seeds, contexts = mix_words(words)
    epochs = (staggers % np.uint64(days)).view(np.int64)
    epochs += np.array([[page.day] for page in pages])
    epochs //= days
    seeds ^= epochs.view(np.uint64)
    seeds = mix_words(seeds)
    seeds ^= contexts
    seeds ^= keys[4]
    return OpenDraws(epochs, mix_words(seeds), named)


def page_draws(
    pages: Sequence[PageRequest],
    titles: UInt64[np.ndarray, "4 pages titles"],
    fingerprints: Int[np.ndarray, " pages"],
    rules: DrawRules,
) -> OpenDraws:
    """Draws of pages, for titles by their `opening_words`."""
    keys = profile_keys([page.profile_id for page in pages]).tolist()
    words = [
        # A cell logs its draws apart, so they are draws apart.
        PageWords(key, fingerprint, _record_word(page, rules), page.day, _own_word(page))
        for page, key, fingerprint in zip(pages, keys, fingerprints.tolist(), strict=True)
    ]
    return open_draws(words, titles, rules)


_words_kept = lru_cache(4096)(text_word)
"""Cells are few, and each page of one asks again."""


def _record_word(page: PageRequest, rules: DrawRules) -> int:
    if page.cell is None:
        return rules.personalised_word
    return _words_kept(rules.policy, rules.bundle, "personalised", page.cell)


def _own_word(page: PageRequest) -> int:
    """What sets a page's draws apart from those of the same profile, titles and facts."""
    word = page.nonce if page.fresh else 0
    return word if page.cell is None else word ^ _words_kept("cell", page.cell)


def name_fallback(bundle: str, page: PageRequest, choice: FallbackChoice) -> FallbackChoice:
    """A fallback under the id of this request's showing of it, by these facts."""
    rules = DrawRules(bundle, "fallback", 0.0, 0, 1)
    facts = text_word(orjson.dumps(page.facts, option=orjson.OPT_SORT_KEYS))
    [name] = draw_ids(
        np.array([page.nonce ^ facts], np.uint64),
        np.asarray(profile_keys([page.profile_id])),
        title_words(np.array([choice.title_id])),
        artwork_words([choice.artwork_id]),
        np.array([1.0]),
        rules.record_word(choice.level, page.cell),
    )
    return choice._replace(decision_id=name)
