"""What artwork and the kinds beside it earn together, where pages asked for kinds."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import pyarrow as pa

from data.assets.assets import Assets
from data.catalogue import Catalogue
from data.errors import BadInput
from evaluate.kinds.estimate import KindEstimate, KindReport, judge_kinds
from evaluate.kinds.of_examples import logged_kinds
from evaluate.ope.bootstrap import Bootstrap
from evaluate.policies.bundle_scores import open_bundle_scores
from evaluate.policies.cache_folder import cache_folder
from serve.scoring.asset_bank import AssetBank


class KindsRecord(TypedDict):
    """Findings about kinds as summaries have them."""

    decisions: int
    left_out: int
    learnt: bool
    why: str
    logged: dict[str, float]
    target: dict[str, dict[str, float]]
    adds: dict[str, dict[str, float]]


@dataclass(frozen=True)
class KindFindings:
    """What kinds earn by the log, and would earn by the bundle.

    Attributes:
        report: values, and what the bundle's choice of each kind adds; None: see `why`.
        left_out: decisions with kinds that do not say the probability of every combination.
        learnt: whether the bundle has learnt of kinds; else it draws them evenly.
        why: there is no report; empty where there is.
    """

    report: KindReport | None
    left_out: int
    learnt: bool
    why: str = ""

    def record(self) -> KindsRecord:
        """As plain numbers."""
        found = self.report
        return {
            "decisions": 0 if found is None else found.decisions,
            "left_out": self.left_out,
            "learnt": self.learnt,
            "why": self.why,
            "logged": {} if found is None else _numbers(found.logged),
            "target": {} if found is None else {n: _numbers(e) for n, e in found.target.items()},
            "adds": {} if found is None else {n: _numbers(e) for n, e in found.adds.items()},
        }


def judge_kinds_of(
    examples: pa.Table,
    catalogue: Catalogue,
    bundle: str,
    cache: Path | str | None,
    bootstrap: Bootstrap,
) -> KindFindings | None:
    """Judge a bundle by what it would choose of all kinds; None: no page asked for any.

    Args:
        examples: as EXAMPLES, with KIND_COLUMNS or without.
        catalogue: of these.
        bundle: its folder.
        cache: folder for decoded images; made anew if None.
        bootstrap: of the intervals.
    """
    if "kinds" not in examples.column_names or examples["kinds"].null_count == len(examples):
        return None
    with cache_folder(cache) as folder:
        scored = open_bundle_scores(bundle, catalogue, folder)
    terms = scored.scorer.asset_terms
    try:
        bank = AssetBank.of(terms, Assets.read(catalogue))
        found = logged_kinds(examples, scored, bank, catalogue, scored.policy())
        report = judge_kinds(found.decisions, bootstrap)
    except (BadInput, ValueError) as error:
        return KindFindings(None, 0, terms is not None, str(error))
    return KindFindings(report, found.left_out, terms is not None)


def _numbers(one: KindEstimate) -> dict[str, float]:
    return {"value": one.value, "low": one.low, "high": one.high}
