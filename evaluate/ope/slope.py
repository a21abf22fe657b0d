"""SLOPE: choosing an estimator's hyper-parameter from the log alone."""

import numpy as np
from jaxtyping import Float

GRIDS: dict[str, tuple[float, ...]] = {
    "ips_clipped": (1, 2, 5, 10, 20, 50, 100, 1e3, 1e4),
    "dr_clipped": (1, 2, 5, 10, 20, 50, 100, 1e3, 1e4),
    "switch_dr": (0, 1, 2, 5, 10, 20, 50, 100, 1e3, 1e4),
    "dros": (0.1, 1, 10, 100, 1e3, 1e4, 1e6, 1e8),
    "sg_ips": (0.9, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001, 0.0),
    "sg_dr": (0.9, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001, 0.0),
}
"""Values to choose among, from most bias and least variance to least bias and most variance."""


def slope(values: Float[np.ndarray, " grid"], half_widths: Float[np.ndarray, " grid"]) -> int:
    """Index of the candidate that balances bias and variance without knowing the bias.

    Candidates come in order of falling bias and growing width. Walking from the widest to the
    narrowest, each is compared with all before it; the walk stops at the first that disagrees by
    more than their widths explain, for there its bias shows, and the one before it wins.

    Source: Su, Srinath and Krishnamurthy (2020), "Adaptive Estimator Selection for Off-Policy
    Evaluation", ICML, Algorithm 1 (Lepski's principle, with its constant √6 − 1).
    """
    widths = np.maximum.accumulate(half_widths)
    chosen = len(values) - 1
    for at in range(len(values) - 1, -1, -1):
        gaps = np.abs(values[at] - values[at:])
        if (gaps > widths[at] + (np.sqrt(6) - 1) * widths[at:] + 1e-12).any():
            break
        chosen = at
    return chosen
