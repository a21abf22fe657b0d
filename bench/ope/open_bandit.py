"""Relative errors on the Open Bandit Dataset, beside those obp published."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from data.errors import BadInput
from evaluate.ope.bootstrap import Bootstrap
from evaluate.ope.estimate import Estimate, estimate_feedback
from evaluate.ope.estimators import DEFAULTS, NAMES, PLAIN, TUNED
from evaluate.ope.feedback import dense_feedback
from evaluate.ope.feedback_batch import Batch
from evaluate.ope.reward_model import CrossFittedMeans

PUBLISHED = {
    "dm": 0.157,
    "ips": 0.311,
    "snips": 0.312,
    "dr": 0.292,
    "sndr": 0.302,
    "switch_dr": 0.258,
    "dros": 0.160,
}
"""obp's own table: small version, campaign `all`, 30 bootstraps."""
CAMPAIGNS = ("all", "men")
RUNS = 30
"""Bootstraps, as many as obp's."""


def relative_errors(
    folder: Path, campaigns: Sequence[str] = CAMPAIGNS, runs: int = RUNS
) -> dict[str, object]:
    """For each campaign and direction: estimates, on-policy rate, mean relative error."""
    result: dict[str, object] = {"obp_published_all": PUBLISHED}
    for campaign in campaigns:
        logs = {policy: _read(folder, policy, campaign) for policy in ("random", "bts")}
        for behaviour, target in (("random", "bts"), ("bts", "random")):
            result[f"{campaign}: {target} from {behaviour}"] = _compare(
                logs[behaviour], logs[target], target, runs
            )
    return result


def _read(folder: Path, policy: str, campaign: str) -> dict[str, np.ndarray]:
    path = folder / policy / campaign / f"{campaign}.csv.gz"
    if not path.is_file():
        raise BadInput(f"{path}: not there; give the folder that holds random/ and bts/")
    wanted = ["item_id", "position", "click", "propensity_score", "user_feature_0"]
    wanted += ["user_feature_1", "user_feature_2", "user_feature_3"]
    options = csv.ConvertOptions(include_columns=wanted)
    table = csv.read_csv(path, convert_options=options)
    people = pc.call_function(
        "binary_join_element_wise", [*(table[c].cast(pa.string()) for c in wanted[4:]), "/"]
    )
    return {
        "action": table["item_id"].to_numpy().astype(np.int64),
        "position": table["position"].to_numpy().astype(np.int64) - 1,
        "reward": table["click"].to_numpy().astype(float),
        "propensity": table["propensity_score"].to_numpy().astype(float),
        "people": np.unique(np.array(people.to_pylist()), return_inverse=True)[1],
    }


def _distribution(log: dict[str, np.ndarray], policy: str, items: int) -> np.ndarray:
    """Action probabilities by position: known for random, for bts the share of each item shown.

    BTS learnt while it logged, so its propensities move within a cell of item and position. The
    share of rows is an unbiased mean of them over time; the mean of the logged propensities is
    not, since an item is logged more often while its propensity is high. obp draws the policy anew
    from the production prior instead, which is the policy of another time: its probabilities lie
    .33 to .46 from the shares in total variation.
    """
    if policy == "random":
        return np.full((3, items), 1 / items)
    cell = log["position"] * items + log["action"]
    count = np.bincount(cell, minlength=3 * items).reshape(3, items)
    return count / count.sum(1, keepdims=True)


def _compare(
    log: dict[str, np.ndarray], other: dict[str, np.ndarray], policy: str, runs: int
) -> dict[str, object]:
    items = int(max(log["action"].max(), other["action"].max())) + 1
    target = _distribution(other, policy, items)[log["position"]]
    truth = float(other["reward"].mean())
    rows = len(log["action"])
    whole = _estimates(log, target, np.arange(rows), resamples=1000)
    g = np.random.default_rng(12345)
    errors: dict[str, list[float]] = {name: [] for name in NAMES}
    for _ in range(runs):
        estimates = _estimates(log, target, g.integers(0, rows, rows), resamples=2)
        for name, e in estimates.items():
            errors[name].append(abs(e.value - truth) / truth)
    return {
        "on_policy": truth,
        "estimates": {
            name: {
                "value": e.value,
                "low": e.low,
                "high": e.high,
                "holds_on_policy": bool(e.low <= truth <= e.high),
                "relative_error": float(np.mean(errors[name])),
            }
            for name, e in whole.items()
        },
        "ess": whole["snips"].ess,
        "largest_weight": whole["snips"].largest_weight,
    }


def _estimates(
    log: dict[str, np.ndarray], target: np.ndarray, pick: np.ndarray, resamples: int
) -> dict[str, Estimate]:
    part = {name: values[pick] for name, values in log.items()}
    items = target.shape[1]
    fold = part["people"].astype(np.int64)
    plain = dense_feedback(
        part["action"], part["reward"], part["propensity"], target[pick], None, fold
    )
    codes = np.tile(np.arange(items), len(pick))
    batch = Batch(plain, 0, np.zeros(0), list(range(items)), codes)
    modelled = CrossFittedMeans(strength=200).learn([batch]).predict(batch)
    feedback = dense_feedback(
        *(part["action"], part["reward"], part["propensity"], target[pick]),
        modelled.reshape(len(pick), items),
        fold,
    )
    estimators = [PLAIN[n]() if n in PLAIN else TUNED[n](DEFAULTS[n]) for n in NAMES]
    return estimate_feedback([feedback], estimators, bootstrap=Bootstrap(resamples))
