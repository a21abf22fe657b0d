"""Random decisions: scores with many ties, candidates some of which are invalid."""

from typing import get_args

import numpy as np
from hypothesis import strategies as st

from bandit.head_policy import PolicyKind

KINDS = st.sampled_from(get_args(PolicyKind))


@st.composite
def head_scores(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(1, 6)), draw(st.integers(1, 8)), draw(st.integers(1, 7)))
    scores = rng.normal(size=shape)
    if draw(st.booleans()):
        scores = np.round(scores)
    if draw(st.booleans()):
        scores = scores.astype(np.float32)
    return scores, valid_candidates(rng, shape[0], shape[2])


def valid_candidates(rng, decisions, candidates):
    valid = rng.random((decisions, candidates)) < 0.7
    valid[np.arange(decisions), rng.integers(0, candidates, decisions)] = True
    return valid
