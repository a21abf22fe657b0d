"""What to do next, as far as the findings tell."""

from typing import NamedTuple

from evaluate.policies.policy_probabilities import TABLE
from evaluate.report.findings import Findings

WELL_CALIBRATED = 0.02


class Advice(NamedTuple):
    """One thing to do, why, and the command for it."""

    what: str
    why: str
    command: str


SERVE = Advice(
    "Serve it.",
    "The live service follows the published bundle and falls back to precomputed maps.",
    "python -m serve live --catalogue CATALOGUE",
)


def advice(findings: Findings) -> list[Advice]:
    """Steps in the order in which they are worth taking."""
    lift = findings.lift.get("thompson")
    better = lift is not None and lift.low > 0
    plain = findings.takes[TABLE]
    ready = better and findings.takes["thompson"].value > plain.value
    steps = [_test(findings) if ready else _train_longer(findings, better)]
    share = findings.share.get("greedy")
    if share and share.value < 0.5 and better:
        steps.append(
            Advice(
                "Train at full strength.",
                f"Greedy reaches {share.value:.0%} of what perfect knowledge would gain; more "
                "passes over more days raise it.",
                _longer(findings),
            )
        )
    if findings.calibration.gap.low > WELL_CALIBRATED:
        steps.append(
            Advice(
                "Mind the calibration.",
                f"Predicted takes are off by {findings.calibration.gap.error:.3f} on average. "
                "Choices do not depend on it, estimates by DM do.",
                "python -m evaluate monitor --help",
            )
        )
    if findings.cold_start is None:
        steps.append(
            Advice(
                "Judge artwork that nobody has seen.",
                "Every number here is on artwork that was in the training log.",
                "python -m evaluate cold-start --subjects sample/artwork "
                "--include-subjects sample/held_out.txt"
                if findings.exact
                else "python -m evaluate candidates IMAGES --title TITLE --catalogue CATALOGUE "
                "--log LOG",
            )
        )
    return [*steps, SERVE]


def _test(findings: Findings) -> Advice:
    thompson, plain = findings.takes["thompson"], findings.takes[TABLE]
    return Advice(
        "Plan an A/B test.",
        "Off-policy, the bandit beats random and the best artwork for everybody. Only "
        "members can confirm it: ask how many of them, for how long.",
        f"python -m evaluate power --base {plain.value:.3f} "
        f"--lift {max(0.01, thompson.value / plain.value - 1):.2f}",
    )


def _train_longer(findings: Findings, better: bool) -> Advice:
    names = ("thompson", "random", TABLE)
    thompson, random, plain = (findings.takes[name].value for name in names)
    compared = "showing everybody the same best artwork" if better else "random artwork"
    return Advice(
        "Train longer or on more days before anything else.",
        f"On these days the bandit is not better than {compared} "
        f"({thompson:.4f}, random {random:.4f}, {TABLE} {plain:.4f}).",
        _longer(findings),
    )


def _longer(findings: Findings) -> str:
    """A longer training: of the sample, or of a log of one's own."""
    if findings.exact:
        return "python train.py --config configs/full.yaml"
    where = "--data.examples EXAMPLES --data.catalogue CATALOGUE"
    return f"python train.py {where} --fit.epochs 28 --fit.visits 14"
