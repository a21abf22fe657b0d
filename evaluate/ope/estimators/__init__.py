"""Off-policy estimators: each a few per-decision terms, summed, and a value of the sums.

NumPy only. May import `evaluate.ope.feedback`; knows nothing of files or intervals.
"""

from collections.abc import Callable

from evaluate.ope.estimators.doubly_robust import dm, dr, dr_clipped, dros, sg_dr, sndr, switch_dr
from evaluate.ope.estimators.estimator import Estimator
from evaluate.ope.estimators.weighting import ips, ips_clipped, replay, sg_ips, snips

PLAIN: dict[str, Callable[[], Estimator]] = {
    "replay": replay,
    "ips": ips,
    "snips": snips,
    "dm": dm,
    "dr": dr,
    "sndr": sndr,
}
"""Estimators without a hyper-parameter."""

TUNED: dict[str, Callable[[float], Estimator]] = {
    "ips_clipped": ips_clipped,
    "dr_clipped": dr_clipped,
    "switch_dr": switch_dr,
    "dros": dros,
    "sg_ips": sg_ips,
    "sg_dr": sg_dr,
}
"""Estimators with one hyper-parameter λ that trades bias for variance."""

DEFAULTS = {
    "ips_clipped": 5.0,
    "dr_clipped": 5.0,
    "switch_dr": 3.0,
    "dros": 10.0,
    "sg_ips": 0.05,
    "sg_dr": 0.05,
}
"""λ where none is given."""

NAMES = (
    *("replay", "ips", "ips_clipped", "snips", "dm", "dr", "dr_clipped", "sndr"),
    *("switch_dr", "dros", "sg_ips", "sg_dr"),
)
"""Every estimator, in the order of reports."""

USUAL = tuple(name for name in NAMES if name != "dros")
"""Those that are shown if none is asked for: dros shrinks weights that need no shrinking."""

__all__ = ["DEFAULTS", "NAMES", "PLAIN", "TUNED", "USUAL", "Estimator"]
