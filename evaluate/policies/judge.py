"""`python -m evaluate bundle`: what bundles and baselines would have earned on a log."""

from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa

from data.catalogue import Catalogue
from data.errors import BadInput
from evaluate.ope.estimate import Estimate, estimate_feedback
from evaluate.ope.estimators import NAMES, PLAIN, Estimator
from evaluate.ope.feedback import Feedback
from evaluate.ope.paired_bootstrap import Quantity, Range, group_sums, paired_gains, ranges
from evaluate.policies.logged_examples import LoggedExamples, flattened, places
from evaluate.policies.policy_probabilities import PolicyProbabilities
from evaluate.policies.segments import segments

ESTIMATORS = ("replay", "ips", "snips", "dm", "dr")


@dataclass(frozen=True)
class Judgement:
    """What policies would have earned on one log."""

    logged: Range
    """What the logging policy did earn."""
    values: Mapping[str, Mapping[str, Estimate]]
    """Policy → estimator → estimate."""
    lift: Mapping[str, Mapping[str, Range]]
    """Policy → value, over (random), difference and relative, of one estimator."""
    segments: Mapping[str, Mapping[str, Any]]
    """Division → part → decisions, and policy → as `lift`."""
    truth: Mapping[str, float]
    """Policy → exact value, where the log is simulated and it was asked for."""


def policy_values(
    examples: pa.Table,
    catalogue: Catalogue,
    bundles: Sequence[str],
    *,
    cache: Path | str | None = None,
    estimators: Sequence[str] = ESTIMATORS,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, dict[str, Estimate]]:
    """What policies would have earned a decision of a log, by policy and estimator.

    Args:
        examples: as EXAMPLES; for an honest judgement, none that a bundle was trained on.
        catalogue: that has every candidate of the examples.
        bundles: of random, unpersonalised, and bundles, see `PolicyProbabilities`.
        cache: folder for decoded images; made anew if None.
        estimators: of `evaluate.ope.estimators.NAMES`.
        resamples: bootstrap draws of profiles.
        seed: of the bootstrap.

    Raises:
        BadInput: an example is wrong, or a bundle does not fit.
    """
    logged = LoggedExamples.of(examples, catalogue)
    chosen = [_estimator(name) for name in estimators]
    with _cache(cache) as folder:
        made = PolicyProbabilities(logged, folder)
        return {
            name: estimate_feedback(
                [replace(logged.feedback, target=made(name))], chosen, resamples=resamples,
                seed=seed,
            )
            for name in bundles
        }  # fmt: skip


def judge(
    examples: pa.Table,
    catalogue: Catalogue,
    bundles: Sequence[str],
    *,
    cache: Path | str | None = None,
    estimator: str = "dr",
    expected: pa.Table | None = None,
    by_segment: bool = True,
    resamples: int = 1000,
    seed: int = 0,
) -> Judgement:
    """As `policy_values`, and lift over random, by segment as well, with intervals.

    Args:
        examples: as for `policy_values`.
        catalogue: as for `policy_values`.
        bundles: as for `policy_values`.
        cache: as for `policy_values`.
        estimator: that lift and segments are judged by.
        expected: decision_id and the expected take of each candidate, of a simulated log.
        by_segment: whether to divide the log at all.
        resamples: bootstrap draws of profiles.
        seed: of the bootstrap.
    """
    logged = LoggedExamples.of(examples, catalogue)
    feedback, one = logged.feedback, _estimator(estimator)
    chosen = [_estimator(name) for name in dict.fromkeys((*ESTIMATORS, estimator))]
    divided = segments(logged) if by_segment else {}
    places = [(way, part) for way, parts in divided.items() for part in parts]
    kept = [None, *(divided[way][part] for way, part in places)]
    true_takes = None if expected is None else _aligned(expected, logged)
    values, lift, truth = {}, {}, {}
    table: dict[str, dict[str, Any]] = {
        way: {part: {"decisions": int(rows.sum()), "policies": {}} for part, rows in parts.items()}
        for way, parts in divided.items()
    }
    with _cache(cache) as folder:
        made = PolicyProbabilities(logged, folder)
        for name in bundles:
            of = replace(feedback, target=made(name))
            values[name] = estimate_feedback([of], chosen, resamples=resamples, seed=seed)
            everywhere, *somewhere = paired_gains(one, of, feedback, kept, resamples, seed)
            lift[name] = everywhere
            for (way, part), found in zip(places, somewhere, strict=True):
                table[way][part]["policies"][name] = found
            if true_takes is not None:
                truth[name] = float((of.target * true_takes).sum() / len(logged))
    return Judgement(_on_policy(feedback, resamples, seed), values, lift, table, truth)


def _estimator(name: str) -> Estimator:
    if name not in PLAIN:
        raise BadInput(
            f"estimator {name!r}: choose among {', '.join(n for n in NAMES if n in PLAIN)}"
        )
    return PLAIN[name]()


def _on_policy(feedback: Feedback, resamples: int, seed: int) -> Range:
    terms = np.stack([feedback.reward, np.ones(len(feedback))], axis=-1)
    mean = Quantity([0, 1], lambda sums: sums[..., 0] / sums[..., 1])
    return ranges(group_sums(terms, feedback.group), [mean], resamples, seed)[0]


def _aligned(expected: pa.Table, logged: LoggedExamples) -> np.ndarray:
    """Expected takes of the candidates of each example, flat."""
    ids = logged.examples["decision_id"]
    found = places(ids.combine_chunks(), expected["decision_id"].combine_chunks())
    if (found < 0).any():
        row = int((found < 0).argmax())
        raise BadInput(
            f"--truth knows no decision {ids[row].as_py()}; give the simulated log that the "
            "examples come from"
        )
    takes = flattened(expected["expected"].take(pa.array(found))).to_numpy()
    if len(takes) != len(logged.feedback.target):
        raise BadInput("--truth has other numbers of candidates than the examples; give their log")
    return takes


@contextmanager
def _cache(folder: Path | str | None):  # noqa: ANN202
    if folder is not None:
        yield folder
        return
    with TemporaryDirectory(prefix="images.") as made:
        yield made
