"""`python -m evaluate kinds`: what choosing several kinds of assets together would have earned."""

import math
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from data.assets.assets import Assets
from data.errors import BadInput
from evaluate.kinds.estimate import KindReport, judge_kinds
from evaluate.kinds.kind_file import KindDecisions, read_kind_file
from evaluate.kinds.of_examples import logged_kinds
from evaluate.ope.bootstrap import Bootstrap
from evaluate.policies.bundle_scores import open_bundle_scores
from evaluate.policies.find_catalogue import find_catalogue
from evaluate.policies.read_examples import read_examples
from serve.scoring.asset_bank import AssetBank

FEW = 100
"""Decisions that weights must be worth, below which an estimate is not to be read."""


def kinds(
    file: Path,
    bundle: Path | None = None,
    catalogue: Path | None = None,
    policy: str = "served",
    resamples: int = 1000,
    cache: Path = Path("artifacts/cache"),
    seed: int = 0,
) -> KindReport:
    """Estimate what a policy that chooses several kinds would have earned, and what each adds.

    FILE is a folder of joined examples whose pages asked for `kinds`, and --bundle is judged on
    it: a bundle that has learnt nothing of kinds draws them evenly. Or FILE is Parquet, one row a
    decision: profile_id, reward, and the lists kinds (those shown, in their order), sizes
    (candidates of each), action (place of what was shown, from 0), logged and target (probability
    of every combination, the last kind innermost); `python -m simulate kinds --log FILE` writes
    one. docs/dimensions.md has more.

    Args:
        file: of decisions, or folder of examples or of a log.
        bundle: to be judged on examples, such as artifacts/bundles/current.
        catalogue: of the examples; beside the log when left out.
        policy: how the bundle's heads decide: served, greedy, thompson.
        resamples: bootstrap draws of profiles.
        cache: folder of decoded images.
        seed: of the bootstrap.
    """
    bootstrap = Bootstrap.of_options(resamples, seed)
    if file.is_dir():
        decisions = _of_log(file, bundle, catalogue, policy, cache)
    elif bundle is not None:
        raise BadInput(f"{file}: --bundle is judged on a folder of joined examples; give that")
    else:
        decisions = read_kind_file(file)
    try:
        return judge_kinds(decisions, bootstrap)
    except ValueError as error:
        raise BadInput(f"{file}: {error}") from None


def _of_log(
    log: Path, bundle: Path | None, catalogue: Path | None, policy: str, cache: Path
) -> list[KindDecisions]:
    """Decisions of joined examples, with a bundle's choices as the target."""
    if bundle is None:
        raise BadInput(f"{log} holds examples; say which bundle to judge on them: --bundle BUNDLE")
    shown = find_catalogue(log, catalogue)
    scored = open_bundle_scores(bundle, shown, cache)
    bank = AssetBank.of(scored.scorer.asset_terms, Assets.read(shown))
    try:
        heads = scored.policy(policy)
    except ValueError as error:
        raise BadInput(f"--policy {policy}: {error}") from None
    found = logged_kinds(read_examples(log, shown), scored, bank, shown, heads)
    if found.left_out:
        said = (
            f"left out: {found.left_out:,} examples without the probabilities of all combinations"
        )
        print(said, file=sys.stderr)
    return found.decisions


def show(report: KindReport) -> None:
    """Print values, then what each kind adds."""
    console = Console()
    table = Table("policy", "a decision", "95% interval", "worth decisions", "right if")
    one = report.logged
    table.add_row("as logged", f"{one.value:.4f}", f"{one.low:.4f} … {one.high:.4f}", "", "")
    assumes = {
        "ips": "probabilities are right",
        "pi": "kinds do not meet",
        "pi2": "at most two kinds meet",
    }
    for name, one in report.target.items():
        if math.isnan(one.value):
            words = "the log never shows some of it"
            table.add_row(f"target, {name}", "not known", words, "", assumes[name])
            continue
        worth = f"{one.ess:,.0f}" + (" (too few)" if (one.ess or 0) < FEW else "")
        ends = f"{one.low:.4f} … {one.high:.4f}"
        table.add_row(f"target, {name}", f"{one.value:.4f}", ends, worth, assumes[name])
    console.print(table)
    table = Table("kind", "decisions", "its choice adds", "95% interval")
    for kind, one in report.adds.items():
        ends = f"{one.low:+.4f} … {one.high:+.4f}"
        table.add_row(kind, f"{report.shown[kind]:,}", f"{one.value:+.4f}", ends)
    console.print(table)
