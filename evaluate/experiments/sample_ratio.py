"""Are cells as large as planned? A test that may be looked at every day."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from scipy.special import gammaln, logsumexp

MISMATCH = 0.001
"""p-value below which nothing else is believed."""
CONCENTRATIONS = 10.0 ** np.arange(1, 6)
"""Of the shares that cells may have instead: about ±16 points of share to ±.2."""


def sample_ratio_p(counts: Sequence[Mapping[str, int]], shares: Mapping[str, float]) -> float:
    """p-value of cell sizes against their planned shares, however often they were looked at.

    Below 0.001 members are lost or gained in one cell, and no other number of the experiment can
    be believed (Fabijan et al. 2019, "Diagnosing Sample Ratio Mismatch", KDD).

    Args:
        counts: members of each cell by the end of each day.
        shares: planned.

    Source: Lindon and Malek (2022), "Anytime-Valid Inference for Multinomial Count Data", NeurIPS,
    theorem 1: the likelihood of the members' order of arrival under shares drawn from a Dirichlet
    law about the planned ones, over that under the planned; here the mean over several such laws,
    so that small experiments see large mismatches and large ones small ones.
    """
    planned = np.array(list(shares.values()))
    sizes = np.array([[day.get(cell, 0) for cell in shares] for day in counts], dtype=float)
    if not sizes.sum():
        return 1.0
    evidence = [_log_odds(sizes, planned, c) for c in CONCENTRATIONS]
    log = logsumexp(np.stack(evidence), 0) - np.log(len(CONCENTRATIONS))
    return float(np.exp(-max(log.max(), 0.0)))


def _log_odds(
    sizes: Float[np.ndarray, "days cells"],
    planned: Float[np.ndarray, " cells"],
    concentration: float,
) -> Float[np.ndarray, " days"]:
    """Log of the sizes' likelihood under drawn shares over that under the planned ones."""
    prior = concentration * planned
    mixed = gammaln(concentration) - gammaln(concentration + sizes.sum(1))
    mixed += (gammaln(prior + sizes) - gammaln(prior)).sum(1)
    return mixed - (sizes * np.log(planned)).sum(1)
