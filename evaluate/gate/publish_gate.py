"""May a bundle take the live one's place? GatedPolicy on the same held-out log, profile by profile.

* **passed**: it is shown to earn more than (1 − margin) of what the live bundle earns;
* **refused**: it is shown to earn less than that;
* **undecided**: the log cannot tell. It says on how many rows an equal bundle would pass.

By `evaluate.gate.non_inferiority`: of bundles at the edge of the margin one in twenty passes,
however small the log. A lower bound against a lower bound, in its place, lets through a quarter of
random artwork on two thousand rows: what is hardly known has low bounds on both sides.

Two bundles that differ by less than the margin can replace each other night after night, each a
little worse. The anchor is the floor under such a chain: a bundle that stays put, the last that won
an experiment. A candidate must hold the margin against it too, at a level at which one in twenty
chains of `NIGHTS` nights ends below it (Bonferroni's inequality).

Where nothing is live, or what is live is of another catalogue, the candidate is judged against
random artwork and against its own table of takes, and only what is shown to be worse than random,
or than an anchor, is refused.

Metrics beside the reward are compared with the live bundle (or random artwork) as well:
`evaluate.gate.guards`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from data.bundle import resolve
from data.bundle.belonging import foreign
from data.catalogue import Catalogue
from data.errors import BadInput
from evaluate.gate.comparison import GateComparison, GatedPolicy, worst
from evaluate.gate.guards import GuardedMetric, guarded_metrics
from evaluate.gate.non_inferiority import ESTIMATOR, LEVEL, Verdict
from evaluate.ope.bootstrap import BOOTSTRAP, Bootstrap
from evaluate.ope.support import NoSupport
from evaluate.policies.cache_folder import cache_folder
from evaluate.policies.judge import target_estimates
from evaluate.policies.logged_examples import LoggedExamples
from evaluate.policies.policy_probabilities import TABLE, PolicyProbabilities
from evaluate.policies.read_examples import read_examples

MARGIN = 0.05
NIGHTS = 30
"""Candidates that one anchor judges, about a month of them, before a chain's error is spent."""


@dataclass(frozen=True)
class GateResult:
    """Whether a bundle may be published, in words and numbers."""

    verdict: Verdict
    reason: str
    numbers: Mapping[str, object]
    """candidate (value, low, high, ess), comparisons (live, anchor, random or bundle-table → its
    estimate, difference, lead over the margin, rows_to_tell), margin, decisions that were drawn,
    estimator, metrics (name → guard, verdict, estimates, difference), verdicts (how far each
    estimate can be trusted, and why), support of the log; empty where nothing was drawn.
    nothing_live says why a live bundle of another catalogue counts as none."""


def publish_gate(
    candidate: Path | str,
    live: Path | str | None,
    log: Path | str | pa.Table,
    catalogue: Path | str | Catalogue,
    margin: float = MARGIN,
    *,
    anchor: Path | str | None = None,
    cache: Path | str | None = None,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> GateResult:
    """Judge a bundle against the live one on a log; this file's head says by which rule.

    Args:
        candidate: bundle to publish.
        live: bundle to replace; None: nothing is live.
        log: joined examples or a folder of them, best such that no bundle was trained on them.
        catalogue: of the log.
        margin: share of the live bundle's value, and of the anchor's, that may be lost.
        anchor: bundle that a chain of publications may not fall behind; None: there is none.
        cache: folder for decoded images; made anew if None.
        bootstrap: of the intervals that are shown beside the test.

    Raises:
        BadInput: the margin is out of range, the log is not sound, or a bundle does not fit it.
    """
    if not 0 <= margin < 1:
        raise BadInput(f"--margin {margin}: give a share of the live value, from 0 to below 1")
    catalogue = catalogue if isinstance(catalogue, Catalogue) else Catalogue.read(catalogue)
    examples = log if isinstance(log, pa.Table) else read_examples(log, catalogue)
    new = str(resolve(candidate))
    stranger = None if live is None else foreign(live, catalogue)
    if stranger is not None:
        live, anchor = None, None if anchor is None or foreign(anchor, catalogue) else anchor
    others = _others(new, live, anchor, margin)
    names = [new, *(policy for (_, policy), _, _ in others.values())]
    with cache_folder(cache) as folder:
        try:
            policies = PolicyProbabilities.of(examples, catalogue, names, folder)
        except NoSupport as error:
            numbers = {} if stranger is None else {"nothing_live": stranger}
            return GateResult("undecided", str(error), numbers)
        logged = policies.logged

        def judged(name: str, policy: str) -> GatedPolicy:
            target = policies(policy)
            estimate = target_estimates(logged, target, (ESTIMATOR,), bootstrap)[ESTIMATOR]
            return GatedPolicy(name, replace(logged.feedback, target=target), estimate)

        mine = judged("the candidate", new)
        comparisons = {
            key: GateComparison.of(mine, judged(*other), share, level, bootstrap=bootstrap)
            for key, (other, share, level) in others.items()
        }
        names = (("the candidate", new), next(iter(others.values()))[0])
        metrics = guarded_metrics(examples, policies, names, margin=margin, bootstrap=bootstrap)
    return _with_guards(_result(mine, comparisons, margin, logged, stranger), metrics)


def _with_guards(result: GateResult, metrics: Sequence[GuardedMetric]) -> GateResult:
    """A verdict on the reward, and what metrics say: a guard that is broken refuses."""
    if not metrics:
        return result
    broken = [one for one in metrics if one.verdict == "refused"]
    words = "; ".join(one.words() for one in [*broken, *(m for m in metrics if m not in broken)])
    numbers = {**result.numbers, "metrics": {one.name: one.record() for one in metrics}}
    verdict = "refused" if broken else result.verdict
    order = (words, result.reason) if broken else (result.reason, words)
    return GateResult(verdict, "; ".join(order), numbers)


Other = tuple[tuple[str, str], float, float]
"""A policy's name in sentences and its own, the margin, the level."""


def _others(
    candidate: str, live: Path | str | None, anchor: Path | str | None, margin: float
) -> dict[str, Other]:
    """Whom the candidate is compared with."""
    if live is None:
        table = f"{candidate}:{TABLE}"
        others: dict[str, Other] = {
            "random": (("random artwork", "random"), 0.0, LEVEL),
            TABLE: ((f"its own table for everybody ({TABLE})", table), margin, LEVEL),
        }
    else:
        others = {"live": (("the live bundle", str(resolve(live))), margin, LEVEL)}
    if anchor is not None:
        others["anchor"] = (("the anchor", str(resolve(anchor))), margin, LEVEL / NIGHTS)
    return others


def _result(
    candidate: GatedPolicy,
    comparisons: Mapping[str, GateComparison],
    margin: float,
    logged: LoggedExamples,
    stranger: str | None,
) -> GateResult:
    """The verdict of all comparisons, with what it was decided by and how far to trust that."""
    first = "random" in comparisons
    # What is live does not depend on a first bundle's table: that is said, and decides nothing.
    deciding = [one for name, one in comparisons.items() if name != TABLE]
    verdict = worst([one.verdict for one in deciding])
    everyone = [candidate, *(one.other for one in comparisons.values())]
    words = [one.words() for one in _in_order([*comparisons.values()], verdict)]
    if first:
        words.insert(0, "nothing is live" if stranger is None else f"nothing to lose: {stranger}")
    trust = ", ".join(f"{one.estimate.verdict} for {one.name}" for one in everyone)
    doubtful = next((one for one in everyone if one.estimate.verdict != "trust"), None)
    because = "" if doubtful is None else f" ({doubtful.estimate.reason})"
    estimate = candidate.estimate
    numbers = {
        "candidate": {name: getattr(estimate, name) for name in ("value", "low", "high", "ess")},
        "comparisons": {name: one.record() for name, one in comparisons.items()},
        "margin": margin,
        "decisions": len(logged),
        "estimator": ESTIMATOR,
        "verdicts": {
            name: {"verdict": one.estimate.verdict, "reason": one.estimate.reason}
            for name, one in zip(("candidate", *comparisons), everyone, strict=True)
        },
        "support": logged.support.record(),
    }
    if stranger is not None:
        numbers["nothing_live"] = stranger
    reason = f"{'; '.join(words)}; decided by {ESTIMATOR}: {trust}{because}"
    return GateResult(verdict, reason, numbers)


def _in_order(comparisons: Sequence[GateComparison], verdict: Verdict) -> list[GateComparison]:
    """Those that the verdict is from come first."""
    return sorted(comparisons, key=lambda one: one.verdict != verdict)
