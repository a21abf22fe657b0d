"""What to do next, as far as the findings tell."""

from typing import NamedTuple

from evaluate.report.findings import Findings

WELL_CALIBRATED = 0.02


class Step(NamedTuple):
    """One thing to do, why, and the command for it."""

    what: str
    why: str
    command: str


def advice(found: Findings) -> list[Step]:
    """Steps in the order in which they are worth taking."""
    steps = []
    thompson, random = found.takes["thompson"], found.takes["random"]
    plain = found.takes["unpersonalised"]
    lift = found.lift.get("thompson")
    better = lift is not None and lift.low > 0
    if better and thompson.value > plain.value:
        steps.append(
            Step(
                "Plan an A/B test.",
                "Off-policy, the bandit beats random and the best artwork for everybody. Only "
                "members can confirm it: ask how many of them, for how long.",
                f"python -m evaluate power --base {plain.value:.3f} "
                f"--lift {max(0.01, thompson.value / plain.value - 1):.2f}",
            )
        )
    else:
        compared = "random artwork" if not better else "showing everybody the same best artwork"
        steps.append(
            Step(
                "Train longer or on more days before anything else.",
                f"On these days the bandit is not better than {compared} "
                f"({thompson.value:.4f}, random {random.value:.4f}, unpersonalised "
                f"{plain.value:.4f}).",
                "python train.py --config configs/full.yaml",
            )
        )
    if (share := found.share.get("greedy")) and share.value < 0.5 and len(steps) == 1 and better:
        steps.append(
            Step(
                "Train at full strength.",
                f"Greedy reaches {share.value:.0%} of what perfect knowledge would gain; more "
                "passes over more days raise it.",
                "python train.py --config configs/full.yaml",
            )
        )
    if found.calibration.error > WELL_CALIBRATED:
        steps.append(
            Step(
                "Mind the calibration.",
                f"Predicted takes are off by {found.calibration.error:.3f} on average. Choices do "
                "not depend on it, estimates by DM do.",
                "python -m evaluate monitor --help",
            )
        )
    if found.cold_start is None:
        steps.append(
            Step(
                "Judge artwork that nobody has seen.",
                "Every number here is on artwork that was in the training log.",
                "python -m evaluate cold-start --subjects sample/artwork "
                "--include_subjects sample/held_out.txt",
            )
        )
    steps.append(
        Step(
            "Serve it.",
            "The live service follows the published bundle and falls back to precomputed maps.",
            "python -m serve live --catalogue CATALOGUE",
        )
    )
    return steps
