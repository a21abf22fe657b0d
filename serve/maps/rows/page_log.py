"""A page's draws as the log has them: where a page is opened is where it is logged."""

import math
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from data.lean.fast_json import dumps
from data.lean.ids import TitleId
from serve.maps.layout import Layout
from serve.maps.rows.row_table import RowRules

SCHEMA_VERSION = 2
"""Of records, as `data.records` has it, which page servers do not install; a test compares them."""
PINNED = "pinned"


class RowDraws(NamedTuple):
    """One page's."""

    slots: Int[np.ndarray, " titles"]
    ordinals: Int[np.ndarray, " titles"]
    decision_ids: list[str]
    propensities: Float[np.ndarray, " titles"]
    """Given what stands left of each."""
    alone: Float[np.ndarray, " titles"]
    probabilities: Float[np.ndarray, "titles candidates"]
    fixed: Sequence[bool]
    """The map's own draw is shown, under rules: no probabilities of others are known."""
    seeds: Sequence[int]
    epoch: int
    fingerprint: int

    @property
    def page_id(self) -> str:
        """Of the page, which the same draws shown again have again."""
        named = "".join(self.decision_ids).encode()
        return blake2b(named, digest_size=16).hexdigest()


def page_body(
    draws: RowDraws, layout: Layout, rules: RowRules, profile_id: str, facts: bytes, time_us: int
) -> bytes:
    """A page as a body of the log, which `data.log.records.decode` reads.

    Args:
        draws: of the page.
        layout: that they are in.
        rules: that all draws have in common.
        profile_id: as it is logged.
        facts: of the member, as JSON.
        time_us: when it is opened, microseconds since 1970-01-01.
    """
    names, starts, counts = layout.artwork_ids, layout.starts, layout.counts
    titles: list[TitleId] = layout.title_ids[draws.slots].tolist()
    shown = [names[at] for at in draws.ordinals.tolist()]
    chances = draws.probabilities.tolist()
    lists, kept, levels = [], [], []
    for place, slot in enumerate(draws.slots.tolist()):
        first, count = int(starts[slot]), int(counts[slot])
        lists.append(names[first : first + count])
        kept.append(None if draws.fixed[place] else chances[place][:count])
        sure = draws.fixed[place] and draws.propensities[place] == 1 and count > 1
        levels.append(PINNED if sure else "personalised")
    record = {
        "schema_version": SCHEMA_VERSION,
        "time": time_us,
        "profile_id": profile_id,
        "policy": rules.policy,
        "bundle": rules.bundle,
        "cell": rules.cell,
        "epoch": draws.epoch,
        "fingerprint": draws.fingerprint,
        "layout": rules.layout,
        "page_id": draws.page_id,
        "each": {
            "decision_id": draws.decision_ids,
            "title_id": titles,
            "candidates": lists,
            "action": shown,
            "propensity": draws.propensities.tolist(),
            "probabilities": kept,
            "seed": list(draws.seeds),
            "level": levels,
            "page_slot": list(range(len(shown))),
            "left_artwork": [None, *shown[:-1]],
            "right_artwork": [*shown[1:], None],
            "slot_propensity": [None if math.isnan(one) else one for one in draws.alone.tolist()],
        },
    }
    return b'{"facts":' + facts + b"," + dumps(record)[1:]
