"""`python -m evaluate gate`: may a bundle take the live one's place?

Both are judged on the same held-out log, by the doubly robust estimator with intervals from one
bootstrap over profiles. The candidate is refused when

* its lower bound falls under the live bundle's lower bound by more than the margin: at worst it
  would earn less than what is live at worst; or
* the whole interval of their paired difference lies below minus the margin: it is worse, however
  narrow its own interval is.

A log too small to tell gives the candidate a wide interval, so it is the first rule that asks for
evidence. A bundle that no reward of the log speaks for is refused, unless the two do the same; the
reason says how far the estimates can be trusted. The margin is a share of what the live bundle is
estimated to earn: two trainings on the same data differ by a few percent on a log of ten thousand
decisions, and that is no reason to refuse one of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from rich.console import Console

from data.bundle import Bundle, resolve
from data.catalogue import Catalogue
from data.errors import BadInput
from evaluate.ope.bootstrap import BOOTSTRAP, Bootstrap
from evaluate.ope.estimate import Estimate, estimate_feedback
from evaluate.ope.estimators import PLAIN
from evaluate.ope.paired_bootstrap import PairedGain, paired_gains
from evaluate.ope.support import NoSupport, Support
from evaluate.policies.cache_folder import cache_folder
from evaluate.policies.find_catalogue import find_catalogue
from evaluate.policies.logged_examples import LoggedExamples
from evaluate.policies.policy_probabilities import PolicyProbabilities
from evaluate.policies.read_examples import read_examples

MARGIN = 0.05
ESTIMATOR = "dr"
"""That both are judged by."""


@dataclass(frozen=True)
class GateResult:
    """Whether a bundle may be published, in words and numbers."""

    passed: bool
    reason: str
    numbers: Mapping[str, object]
    """candidate and live (value, low, high, ess), difference (value, low, high), margin, allowed
    (what the margin is in rewards), decisions that were drawn, estimator, verdicts of candidate and
    live (verdict, reason), support of the log; empty where nothing was live or nothing was drawn.
    Ends are not cut at 0 and 1: the rule is on how far they fall."""


def publish_gate(
    candidate: Path | str,
    live: Path | str | None,
    log: Path | str | pa.Table,
    catalogue: Path | str | Catalogue,
    margin: float = MARGIN,
    *,
    cache: Path | str | None = None,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> GateResult:
    """Judge a bundle against the live one on a log; this file's head says by which rule.

    Args:
        candidate: bundle to publish.
        live: bundle to replace; None: nothing is live, and anything passes.
        log: joined examples or a folder of them, best such that neither was trained on.
        catalogue: of the log.
        margin: share of the live bundle's estimate.
        cache: folder for decoded images; made anew if None.
        bootstrap: of the intervals.

    Raises:
        BadInput: the margin is out of range, the log is not sound, or a bundle does not fit it.
    """
    if not 0 <= margin < 1:
        raise BadInput(f"--margin {margin}: give a share of the live value, from 0 to below 1")
    if live is None:
        return GateResult(True, "no bundle is live, so there is nothing to fall behind", {})
    catalogue = catalogue if isinstance(catalogue, Catalogue) else Catalogue.read(catalogue)
    examples = log if isinstance(log, pa.Table) else read_examples(log, catalogue)
    try:
        logged = LoggedExamples.of(examples, catalogue)
    except NoSupport as error:
        return GateResult(False, str(error), {})
    with cache_folder(cache) as folder:
        policies = PolicyProbabilities(logged, folder)
        new, old = (
            replace(logged.feedback, target=policies(str(resolve(path))))
            for path in (candidate, live)
        )
    gain = paired_gains(PLAIN[ESTIMATOR](), new, old, bootstrap=bootstrap)[0]
    estimates = {
        name: estimate_feedback(
            [feedback], [PLAIN[ESTIMATOR]()], bootstrap=bootstrap, support=logged.support
        )[ESTIMATOR]
        for name, feedback in (("candidate", new), ("live", old))
    }
    sizes = estimates["candidate"].ess, estimates["live"].ess
    result = gate_result(gain, margin, len(logged), sizes)
    same = np.array_equal(new.target, old.target)
    return _with_verdicts(result, same, estimates, logged.support)


def _with_verdicts(
    result: GateResult, same: bool, estimates: Mapping[str, Estimate], support: Support
) -> GateResult:
    """The result, with what it was decided by and how far that can be trusted.

    What the log has not one take of is not passed on what its model says, unless the two bundles
    do the same.
    """
    numbers = {
        **result.numbers,
        "estimator": ESTIMATOR,
        "verdicts": {
            name: {"verdict": e.verdict, "reason": e.reason} for name, e in estimates.items()
        },
        "support": support.record(),
    }
    unseen = [name for name, e in estimates.items() if not e.matched_takes > 0]
    if result.passed and unseen and not same:
        words = (
            f"no reward of the log is of what the {' or the '.join(unseen)} bundle would show, so"
            " nothing is known of its worth; judge on a larger log"
        )
        return GateResult(False, words, numbers)
    verdicts = ", ".join(f"{e.verdict} for the {name}" for name, e in estimates.items())
    doubtful = next((e for e in estimates.values() if e.verdict != "trust"), None)
    because = "" if doubtful is None else f" ({doubtful.reason})"
    return GateResult(
        result.passed, f"{result.reason}; decided by {ESTIMATOR}: {verdicts}{because}", numbers
    )


def gate_result(
    gain: PairedGain, margin: float, decisions: int, ess: tuple[float, float]
) -> GateResult:
    """What the rule says of the gain of the candidate over the live bundle."""
    candidate, live, difference = gain.value, gain.over, gain.difference
    allowed = margin * abs(live.value)
    numbers = {
        "candidate": {**candidate._asdict(), "ess": ess[0]},
        "live": {**live._asdict(), "ess": ess[1]},
        "difference": difference._asdict(),
        "margin": margin,
        "allowed": allowed,
        "decisions": decisions,
    }
    bounds = f"lower bound {candidate.low:.4f} against the live {live.low:.4f}"
    if not np.isfinite([*candidate, *live]).all():
        return GateResult(
            False,
            "the log tells nothing of one of the two: too few profiles, or nothing in common; "
            "judge on a larger log",
            numbers,
        )
    if difference.high < -allowed:
        words = (
            f"it is worse: {difference.value:+.4f} a decision against the live bundle, at best "
            f"{difference.high:+.4f}, with {allowed:.4f} allowed"
        )
        return GateResult(False, words, numbers)
    if candidate.low < live.low - allowed:
        words = (
            f"{bounds}: that is {live.low - candidate.low:.4f} under it, with {allowed:.4f} "
            "allowed; train longer, or judge on a larger log"
        )
        return GateResult(False, words, numbers)
    return GateResult(True, f"{bounds}, with {allowed:.4f} allowed", numbers)


# Each parameter is an option of the command.
def gate(
    candidate: str,
    log: str,
    live: str = "artifacts/bundles/current",
    catalogue: str | None = None,
    margin: float = MARGIN,
    since: str | None = None,
    cache: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, object]:
    """Say whether a bundle may be published; exit code 1 if it is refused.

    It is refused when its lower bound falls under the live bundle's by more than the margin, or
    when their paired difference is surely below minus the margin.

    Args:
        candidate: folder of the bundle to publish.
        log: joined examples, or a log folder, which is joined for this one time.
        live: bundle to replace.
        catalogue: folder of titles.parquet and artworks.parquet; a folder catalogue beside or in
            the log if not given.
        margin: how far it may fall behind, as a share of the live bundle's estimate.
        since: only decisions from this date or time on, such as those after training.
        cache: folder to keep decoded images in.
        resamples: bootstrap draws of profiles.
        seed: of the bootstrap.
    """
    bootstrap = Bootstrap.of_options(resamples, seed)
    where = find_catalogue(log, catalogue)
    examples = read_examples(log, where, since)
    result = publish_gate(
        candidate, live, examples, where, margin, cache=cache, bootstrap=bootstrap
    )
    return {
        "passed": result.passed,
        "reason": result.reason,
        **result.numbers,
        "candidate_bundle": Bundle.open(candidate).bundle_id,
        "live_bundle": Bundle.open(live).bundle_id,
    }


def show(record: Mapping[str, object]) -> None:
    """Passed or refused, and why."""
    colour, word = ("green", "passed") if record["passed"] else ("red", "refused")
    Console().print(f"[{colour}]{word}[/{colour}]: {record['reason']}")


def status(record: Mapping[str, object]) -> int:
    """1 where the bundle is refused."""
    return 0 if record["passed"] else 1
