"""What a bundle would choose of several kinds, as probabilities of every combination."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from bandit.head_policy import HeadPolicy
from bandit.kinds.after_first import chances_after_first
from evaluate.policies.bundle_scores import BundleScores
from serve.scoring.asset_bank import AssetBank, AssetRows


# Decisions, what may be shown of them, and who decides.
def bundle_combinations(
    scored: BundleScores,
    bank: AssetBank,
    facts: pa.StructArray,
    artworks: Int[np.ndarray, "decisions candidates"],
    valid: Bool[np.ndarray, "decisions candidates"],
    kinds: Sequence[str],
    rows: AssetRows,
    policy: HeadPolicy,
) -> Float[np.ndarray, " decisions *combinations"]:
    """Artwork as the bundle serves it, then each kind given what was chosen before: exact.

    Args:
        scored: the bundle on the catalogue of the artworks.
        bank: its terms on the catalogue's assets.
        facts: of each decision.
        artworks: candidates, as rows of the catalogue.
        valid: which there are.
        kinds: beside the artwork, in their order.
        rows: of each kind's candidates; every decision has one of some kind.
        policy: how the heads decide.
    """
    combinations = int(np.prod([artworks.shape[1], *(r.shape[1] for r in rows)]))
    seen, step = bank.coordinates(scored.artworks.vectors), scored.block(combinations)
    found = []
    for begin in range(0, len(artworks), step):
        part = slice(begin, begin + step)
        members, of = scored.members(facts[part]), tuple(each[part] for each in rows)
        chances = scored.probabilities(members, artworks[part], valid[part], policy)
        near = seen[artworks[part]]
        scores = bank.scores(bank.facts(members.functionals), near, kinds, of, policy)
        there = tuple(each >= 0 for each in of)
        found.append(chances_after_first(scores, there, chances, bank.epsilon(policy)))
    return np.concatenate(found)
