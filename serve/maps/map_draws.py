"""Draws of an artwork map, named again: what was shown, under which id, with what probability."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, UInt64

from bandit.choice import profile_keys
from bandit.draws import context_words, draw_ids, draw_seeds, epoch_numbers
from bandit.kinds.many import candidates_with_kinds
from bandit.rules.decide import candidates_under_rules
from serve.maps.artwork_map import ArtworkMap, Run
from serve.maps.run_info import CatalogueWords, RunInfo, propensity_table


class MapDraws(NamedTuple):
    """Draws of one map that are named again, a column each."""

    slots: Int[np.ndarray, " draws"]
    ordinals: Int[np.ndarray, " draws"]
    ids: list[str]
    propensities: Float[np.ndarray, " draws"]
    open: Bool[np.ndarray, " draws"]
    """The draw goes on today."""
    logged: Bool[np.ndarray, " draws"]
    ruled: UInt64[np.ndarray, " draws"]
    """Word of the effect of rules under which it was drawn; 0: there was none."""
    beside: Bool[np.ndarray, " draws"]
    """Other kinds were drawn with it: it is one decision with them."""

    @staticmethod
    def by_slot(parts: "list[MapDraws]") -> "MapDraws":
        """All of them, in the order of their slots."""
        if not parts:
            none = np.zeros(0, np.int64)
            no = none.astype(bool)
            return MapDraws(none, none, [], np.zeros(0), no, no, none.astype(np.uint64), no)
        order = np.argsort(np.concatenate([part.slots for part in parts]))
        ids = [name for part in parts for name in part.ids]
        return MapDraws(
            np.concatenate([part.slots for part in parts])[order],
            np.concatenate([part.ordinals for part in parts])[order],
            [ids[at] for at in order.tolist()],
            np.concatenate([part.propensities for part in parts])[order],
            np.concatenate([part.open for part in parts])[order],
            np.concatenate([part.logged for part in parts])[order],
            np.concatenate([part.ruled for part in parts])[order],
            np.concatenate([part.beside for part in parts])[order],
        )


def map_draws(
    member_map: ArtworkMap,
    profile_id: str,
    words: CatalogueWords,
    infos: Mapping[int, RunInfo],
    day: int,
    slots: Int[np.ndarray, " wanted"] | None = None,
    beside: UInt64[np.ndarray, " titles"] | None = None,
) -> MapDraws:
    """Name the draws of a map: those whose run and propensity are known.

    Args:
        member_map: in the layout of `words`.
        profile_id: whose it is.
        words: of the layout.
        infos: what runs have in common, by nonce.
        day: today: epochs that have ended are not open.
        slots: of the titles that are wanted; None: all.
        beside: words of what may be shown beside each title's artwork; None: nothing.
    """
    wanted = np.arange(len(member_map.choices)) if slots is None else slots
    wanted = wanted[member_map.choices[wanted] >= 0]
    ruled = np.zeros(len(member_map.choices), np.uint64)
    if member_map.ruled:
        for slot, word in member_map.ruled:
            ruled[slot] = word
        words = words._replace(candidates=candidates_under_rules(words.candidates, ruled))
    if beside is not None:
        words = words._replace(candidates=candidates_with_kinds(words.candidates, beside))
    parts: list[MapDraws] = []
    for index, run in enumerate(member_map.runs):
        info = infos.get(run.nonce)
        at = wanted[member_map.run_of[wanted] == index]
        if info is None or member_map.codes is None or not len(at):
            continue
        chances = _propensities(at, member_map.codes[at], dict(member_map.explicit), words, info)
        known = (chances > 0) & (chances <= 1)  # NaN is not
        ordinals = member_map.choices[at[known]]
        part = _named(at[known], ordinals, chances[known], profile_id, words, info, run, day)
        more = np.zeros(len(at), bool) if beside is None else beside[at] != 0
        parts.append(part._replace(ruled=ruled[at[known]], beside=more[known]))
    return MapDraws.by_slot(parts)


def _propensities(
    slots: Int[np.ndarray, " draws"],
    codes: Int[np.ndarray, " draws"],
    explicit: Mapping[int, float],
    words: CatalogueWords,
    info: RunInfo,
) -> Float[np.ndarray, " draws"]:
    """Of draws of one run, by their codes or as the map gives them; NaN where it does not."""
    table = propensity_table(info.rules, words.counts[slots])
    chances = []
    for row, (slot, code) in enumerate(zip(slots.tolist(), codes.tolist(), strict=True)):
        coded = code < table.shape[1] and slot not in explicit
        chances.append(table[row, code] if coded else explicit.get(slot, np.nan))
    return np.array(chances)


def _named(
    slots: Int[np.ndarray, " draws"],
    ordinals: Int[np.ndarray, " draws"],
    propensities: Float[np.ndarray, " draws"],
    profile_id: str,
    words: CatalogueWords,
    info: RunInfo,
    run: Run,
    day: int,
) -> MapDraws:
    """Draws of one run under their ids."""
    key, titles = profile_keys([profile_id]), words.titles[slots]
    epochs = epoch_numbers(key, titles, run.day, run.days)
    context = context_words(np.array([run.fingerprint]), words.candidates[slots], info.rules.word)
    seeds = draw_seeds(key, titles, epochs, context, run.salt)
    keys, record = np.broadcast_to(key, seeds.shape), info.rules.record_word()
    ids = draw_ids(seeds, keys, titles, words.artworks[ordinals], propensities, record)
    is_open = epochs == epoch_numbers(key, titles, max(day, run.day), run.days)
    logged, ruled = np.full(len(slots), info.logged), np.zeros(len(slots), np.uint64)
    return MapDraws(slots, ordinals, ids, propensities, is_open, logged, ruled, ruled != 0)
