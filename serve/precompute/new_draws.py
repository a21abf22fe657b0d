"""New draws of a block's members where they are due; what was drawn before goes on elsewhere."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, Int8, UInt8, UInt64

from bandit.draws import context_words, draw_seeds, epoch_numbers
from bandit.kinds.many import candidates_with_kinds
from bandit.rules.decide import Ruled, candidates_under_rules
from bandit.thompson_batch import Workspace
from serve.maps.artwork_map import UNKNOWN_CODE
from serve.maps.run_info import CatalogueWords, propensity_codes
from serve.precompute.beside_draws import BesideDraws
from serve.precompute.previous_draws import Before
from serve.precompute.probability_codebook import Codes
from serve.precompute.work import Work
from serve.scoring.candidate_bank import decide_members
from serve.scoring.member_model import MemberFunctionals

TILE = 32
"""Members decided at once: 16 heads × 1,800 artworks × 4 bytes each, which stay in cache."""


class Due(NamedTuple):
    """Which draws of a block's members are made now, and from what."""

    keys: UInt64[np.ndarray, " members"]
    before: Before
    draws: Bool[np.ndarray, "members titles"]
    opening: Int8[np.ndarray, "members titles"]  # how each would open, see `bandit.draws`
    salts: UInt64[np.ndarray, " openings"]
    ruled: Ruled | None  # what rules change; None: nothing
    beside: BesideDraws | None = None  # what is drawn beside artwork; None: nothing


class Drawn(NamedTuple):
    """What a block's members are shown, and how likely that was."""

    choices: Int[np.ndarray, "members titles"]  # ordinals
    codes: UInt8[np.ndarray, "members titles"]  # of the propensities
    explicit: list[dict[int, float]]  # those that no code stands for, by slot
    log: Codes | None  # of all candidates' probabilities; None: nothing is logged


# One pass over each tile: each part follows from those before.
def new_draws(work: Work, words: CatalogueWords, described: MemberFunctionals, due: Due) -> Drawn:
    """What members are shown: new draws where they are due, what was drawn before elsewhere.

    Raises:
        ValueError: the bundle has other heads than it says.
    """
    bank, rules, before = work.bank, work.rules, due.before
    if described.functionals.shape[1] != work.heads:
        raise ValueError(
            f"bundle {rules.bundle} has {described.functionals.shape[1]} heads, its "
            f"manifest says {work.heads}"
        )
    slots = np.arange(len(words.titles))
    drawn = Drawn(
        before.choices.copy(),
        before.codes.copy(),
        [dict(explicit) for explicit in before.explicit],
        Codes(work.layout, rules, len(due.keys), due.ruled is not None) if work.logged else None,
    )
    room = Workspace()
    rows = np.flatnonzero(due.draws.any(1))
    for start in range(0, len(rows), TILE):
        tile = rows[start : start + TILE]
        key, mine = due.keys[tile][:, None], described.at(tile)
        ruled, candidates = None, words.candidates
        if due.ruled is not None:
            ruled = due.ruled._replace(codes=np.where(due.draws[tile], due.ruled.codes[tile], 0))
            candidates = candidates_under_rules(words.candidates, ruled.words)
        if due.beside is not None:
            candidates = candidates_with_kinds(candidates, due.beside.words)
        context = context_words(mine.fingerprints[:, None], candidates, rules.word)
        epochs = epoch_numbers(key, words.titles, work.day, work.epochs.days)
        seeds = draw_seeds(key, words.titles, epochs, context, due.salts[due.opening[tile]])
        had = np.where(before.choices[tile] >= 0, before.choices[tile] - words.starts, -1)
        decided = decide_members(
            mine.functionals,
            bank,
            seeds,
            work.policy.head_policy,
            room,
            had,
            work.epochs.keep,
            mine.names,
            ruled,
        )
        new = due.draws[tile]
        if due.beside is not None:
            due.beside.put(tile, mine.functionals, seeds, decided.choice, had, new)
        drawn.choices[tile] = np.where(new, words.starts + decided.choice, before.choices[tile])
        won = np.take_along_axis(decided.votes.won, decided.choice[:, None], 1)[:, 0]
        codes = propensity_codes(rules, won, had >= 0, had == decided.choice)
        for member, title in decided.votes.tied.tolist():
            codes[member, title] = UNKNOWN_CODE
        if ruled is not None:
            codes[ruled.codes > 0] = UNKNOWN_CODE
        drawn.codes[tile] = np.where(new, codes, before.codes[tile])
        for row, member in enumerate(tile.tolist()):
            for title in [at for at in drawn.explicit[member] if new[row, at]]:
                del drawn.explicit[member][title]
        for row, title in np.argwhere(new & (codes == UNKNOWN_CODE)).tolist():
            drawn.explicit[tile[row]][title] = float(decided.propensity[row, title])
        if drawn.log is not None:
            drawn.log.put(tile, slots, decided, had, ruled)
    return drawn
