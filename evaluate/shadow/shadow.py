"""`python -m evaluate shadow`: Marquee beside a caller that shows its own artwork."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from data.errors import BadInput
from evaluate.experiments.sequential import half_width_at_plan
from evaluate.shadow.earned import EarnedBeside, earned_beside, frequencies
from evaluate.shadow.rows import ShownRows

Varies = Literal["given", "by-title"]
LEAST = 30
"""Members, and takes, below which nothing is said."""
STEADY = half_width_at_plan(0.05)
"""Standard errors by which the difference must be off before it is called one."""


@dataclass(frozen=True)
class ShadowReport:
    """What shadow rows say.

    Attributes:
        rows: that the caller showed and that had several candidates.
        members: of them.
        agreement: Marquee's mean probability of what was shown.
        same_best: share of rows that show what Marquee likes best.
        at_random: what the agreement would be of a caller that draws at random.
        varied: rows where the present logic is known to vary, or taken to.
        beside: what both earned on those; None: too few.
        unseen: share of Marquee's doing that the present logic never shows.
        verdict: what to do.
        why: in a sentence.
        bundles: whose probabilities stand beside.
    """

    rows: int
    members: int
    agreement: float
    same_best: float
    at_random: float
    varied: int
    beside: EarnedBeside | None
    unseen: float
    verdict: Literal["switch", "wait", "stay", "unknown"]
    why: str
    bundles: list[str]


def shadow(
    decisions: Path = Path("artifacts/log/decisions"),
    examples: Path = Path("artifacts/examples"),
    varies: Varies = "given",
) -> ShadowReport:
    """Compare Marquee with a caller's own choice: agreement, earnings, and when to switch.

    DECISIONS are those of the log; EXAMPLES are joined from it. Rows are those that callers showed
    (`shown` of /v1/decide). Where the present logic draws, and says with what probability, what
    Marquee would have earned can be estimated without bias. Where it does not say, nothing can,
    unless it is known to vary in a way that has nothing to do with who looks.

    Args:
        decisions: folder or Parquet file, as `python -m data roll` writes it.
        examples: folder or Parquet file, as `python -m data join` writes it.
        varies: given: only rows whose propensity the caller sent. by-title: it draws, rotates or
            tests by title alone, whoever looks; propensities are then how often each artwork was
            shown. Where who looks has a say in it this is wrong by an unknown amount.
    """
    return shadow_report(ShownRows.read(decisions, examples), varies)


def shadow_report(rows: ShownRows, varies: Varies = "given") -> ShadowReport:
    """The same of rows.

    Raises:
        BadInput: there was never anything to choose.
    """
    at = np.flatnonzero(rows.candidates > 1)
    if not len(at):
        raise BadInput("no title has several candidates; there is nothing to compare")
    propensity = rows.propensity
    if varies == "by-title":
        propensity = frequencies(rows.title, rows.action)
    drawn = at[propensity[at] < 1]
    weight = rows.own[drawn] / propensity[drawn]
    beside, unseen = None, 0.0
    members = np.unique(rows.member[drawn])
    if len(members) >= LEAST and rows.reward[drawn].astype(bool).sum() >= LEAST and weight.sum():
        beside = earned_beside(
            rows.reward[drawn], weight, np.searchsorted(members, rows.member[drawn])
        )
        unseen = max(0.0, 1 - float(weight.mean()))
    verdict, why = _verdict(beside, len(drawn), unseen, varies)
    same = np.isclose(rows.own[at], rows.most[at])
    return ShadowReport(
        len(at),
        len(np.unique(rows.member[at])),
        float(rows.own[at].mean()),
        float(same.mean()),
        float((1 / rows.candidates[at]).mean()),
        len(drawn),
        beside,
        unseen,
        verdict,
        why,
        rows.bundles,
    )


def show(report: ShadowReport) -> None:
    """In words."""
    print(f"{report.rows:,} rows of {report.members:,} members, beside {', '.join(report.bundles)}")
    print(
        f"agreement {report.agreement:.3f} (a caller that draws at random: {report.at_random:.3f});"
        f" what Marquee likes best was shown in {report.same_best:.1%}"
    )
    if report.beside is not None:
        one = report.beside
        print(
            f"where it varies ({report.varied:,} rows): the present logic earned {one.present:.5f}"
            f" a row, Marquee {one.other:.5f}; difference {one.difference:+.5f}"
            f" ({one.low:+.5f} … {one.high:+.5f})"
        )
    print(f"{report.verdict}: {report.why}")


def _verdict(
    beside: EarnedBeside | None, varied: int, unseen: float, varies: Varies
) -> tuple[Literal["switch", "wait", "stay", "unknown"], str]:
    """What to do, and why."""
    if beside is None:
        more = (
            "; send the probabilities it draws with, or --varies by-title where it varies whoever"
            " looks"
        )
        more = more if varies == "given" else ""
        return "unknown", f"the present logic varies in {varied:,} rows, too few to compare{more}"
    if unseen > 0.5:
        return "unknown", (
            f"{unseen:.0%} of what Marquee would show is never shown now, so nothing is known of"
            " it; ask members, in a cell of 1%"
        )
    if varies == "by-title" and abs(beside.difference) > STEADY * beside.error:
        return "unknown", (
            "they differ if the present logic never looks at who looks, which these rows cannot"
            " show; let it send its probabilities, or ask members in a cell of 1%"
        )
    if beside.difference > STEADY * beside.error:
        return "switch", "Marquee earns more, beyond what nightly looks bring about; begin a ramp"
    if beside.difference < -STEADY * beside.error:
        return "stay", "Marquee earns less; train on these rows, and look again"
    if beside.difference <= 0:
        return "wait", "no gain is seen yet"
    needed = varied * (STEADY * beside.error / beside.difference) ** 2
    return "wait", f"a gain of this size would be sure at about {needed:,.0f} rows"
