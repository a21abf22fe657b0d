"""What whole rows earn, where the log says which page each decision is of."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
import pyarrow as pa

from data.catalogue import Catalogue
from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.paired_bootstrap import Quantity, Range, group_sums, ranges
from evaluate.policies.bundle_scores import open_bundle_scores
from evaluate.policies.cache_folder import cache_folder
from evaluate.slate.bundle_rows import bundle_slates
from evaluate.slate.estimate import LOGGED, SlateEstimate, estimate_slates
from evaluate.slate.estimators import ESTIMATORS
from evaluate.slate.logged_rows import LoggedRows

ALONE, JOINT = "title by title", "as rows"
"""A bundle's two ways of deciding a page; the second where it knows what neighbours do."""


class RowsRecord(TypedDict):
    """Findings about rows as summaries have them."""

    rows: int
    read: str
    estimates: dict[str, dict[str, float | str]]
    gains: dict[str, dict[str, float]]


@dataclass(frozen=True)
class RowFindings:
    """What rows earn by the log, and would earn by the bundle.

    Attributes:
        rows: of the log, as far as they were seen.
        read: the estimator: of windows of two, or of whole rows where the log allows no other.
        estimates: policy → what a row earns; `logged` is what was earned.
        gains: policy → what it adds to a row, as logged, by the same pages; off-line.
    """

    rows: int
    read: str
    estimates: Mapping[str, SlateEstimate]
    gains: Mapping[str, Range]

    def record(self) -> RowsRecord:
        """As plain numbers."""
        said = {
            name: {"value": e.value, "low": e.low, "high": e.high, "verdict": e.verdict}
            for name, e in self.estimates.items()
        }
        gains = {name: gain._asdict() for name, gain in self.gains.items()}
        return {"rows": self.rows, "read": self.read, "estimates": said, "gains": gains}


def judge_rows(
    examples: pa.Table,
    catalogue: Catalogue,
    bundle: str,
    cache: Path | str | None,
    bootstrap: Bootstrap,
) -> RowFindings | None:
    """Judge a bundle by whole rows; None: the log does not say which page decisions are of.

    Args:
        examples: as EXAMPLES, with PAGE_COLUMNS or without.
        catalogue: of these.
        bundle: its folder.
        cache: folder for decoded images; made anew if None.
        bootstrap: of the intervals.
    """
    if "page_id" not in examples.column_names or examples["page_id"].null_count == len(examples):
        return None
    with cache_folder(cache) as folder:
        scored = open_bundle_scores(bundle, catalogue, folder)
    rows, pairs = LoggedRows.of(examples), scored.scorer.row_pairs
    ways = {ALONE: None} if pairs is None else {ALONE: None, JOINT: pairs}
    slates = {name: bundle_slates(rows, scored, catalogue, way) for name, way in ways.items()}
    first = slates[ALONE]
    read = "sips_dr" if first.position is None else "pi2_dr"
    estimates, gains = dict[str, SlateEstimate](), dict[str, Range]()
    for name, each in slates.items():
        found = estimate_slates(each, bootstrap)
        estimates |= {LOGGED: found[LOGGED], name: found[read]}
        terms = ESTIMATORS[read].terms(each)[:, 0] - each.reward.sum(1)
        sums = group_sums(np.stack([terms, np.ones(len(terms))], axis=-1), each.group)
        mean = Quantity([0, 1], lambda s: s[..., 0] / s[..., 1])
        gains[name] = ranges(sums, [mean], bootstrap)[0]
    return RowFindings(len(first), read, estimates, gains)
