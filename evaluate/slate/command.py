"""`python -m evaluate slate`: what a target policy would have earned a row of a page."""

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from evaluate.ope.bootstrap import Bootstrap
from evaluate.policies.bundle_scores import open_bundle_scores
from evaluate.policies.find_catalogue import find_catalogue
from evaluate.policies.read_examples import read_examples
from evaluate.slate.bundle_rows import bundle_slates
from evaluate.slate.estimate import LOGGED, SLOPE, SlateEstimate, estimate_slates
from evaluate.slate.estimators import ESTIMATORS
from evaluate.slate.logged_rows import LoggedRows
from evaluate.slate.read_slates import read_slates
from evaluate.slate.slates import Slates


# Each parameter is an option of the command.
def slate(
    file: Path,
    independent: bool = False,
    resamples: int = 1000,
    seed: int = 0,
    bundle: Path | None = None,
    catalogue: Path | None = None,
    cache: Path = Path("artifacts/cache"),
) -> dict[str, SlateEstimate]:
    """Estimate what a target policy would have earned a row, from another policy's log of rows.

    FILE is Parquet, CSV or JSON lines, one line a slot: slate_id, position (from 0), reward, and
    logged_X and target_X for X of position, pair, prefix and slate, as many as are known; also
    profile_id, context, action, and for each action K target_position_K, target_given_prefix_K,
    estimated_reward_K, q_hat_K. docs/rows.md says what each is.

    With --bundle, FILE is a folder of joined examples, or a log, that say which page each decision
    is of (`python -m serve live --rows true`), and the target is that bundle's policy.

    Args:
        file: of rows.
        independent: both policies choose each slot by itself, so that logged_position and
            target_position are enough.
        resamples: bootstrap draws.
        seed: of the bootstrap.
        bundle: folder of the bundle that is judged, of examples.
        catalogue: folder of the catalogue that these are of; beside the log when left out.
        cache: folder of decoded images.
    """
    bootstrap = Bootstrap.of_options(resamples, seed)
    if bundle is not None:
        return estimate_slates(_of_bundle(file, bundle, catalogue, cache), bootstrap)
    slates, clustered = read_slates(file, independent)
    lacking: dict[str, list[str]] = {}
    for each in ESTIMATORS.values():
        parts = [part for part in each.needs if getattr(slates, part) is None]
        if parts:
            lacking.setdefault(" and of the ".join(parts), []).append(each.name)
    for parts, names in lacking.items():
        print(f"note: no {', '.join(names)}: {file} lacks weights of the {parts}", file=sys.stderr)
    if not clustered:
        print("note: no profile_id: rows are taken as independent", file=sys.stderr)
    return estimate_slates(slates, bootstrap)


def _of_bundle(log: Path, bundle: Path, catalogue: Path | None, cache: Path) -> Slates:
    """Logged rows, weighed by what a bundle would have put into them."""
    shown = find_catalogue(log, catalogue)
    examples = read_examples(log, shown)
    rows = LoggedRows.of(examples)
    if rows.left_out:
        words = "they name no page, were not drawn, or follow a slot that was not seen"
        print(f"note: {rows.left_out:,} examples are left out: {words}", file=sys.stderr)
    scored = open_bundle_scores(bundle, shown, cache)
    return bundle_slates(rows, scored, shown, scored.scorer.row_pairs)


def show(estimates: dict[str, SlateEstimate]) -> None:
    """A table led by the log's own reward, SLOPE's choice in bold, then each doubt once."""
    console = Console()
    rest = {name: e for name, e in estimates.items() if name != SLOPE}
    read = estimates.get(SLOPE)
    chosen = None if read is None else read.chosen
    table = Table("estimator", "a row", "95% interval", "worth rows", "verdict")
    for name, e in rest.items():
        style = "bold" if name == chosen else "" if name == LOGGED else "dim"
        ends = f"{e.low:.4f} … {e.high:.4f}"
        verdict = "" if name == LOGGED else e.verdict
        table.add_row(name, f"{e.value:.4f}", ends, f"{e.ess:,.0f}", verdict, style=style)
    console.print(table)
    if read is not None:
        console.print(f"read {chosen} ({read.verdict}). {read.reason}. It assumes {read.assumes}")
    for word in dict.fromkeys(w for e in rest.values() for w in e.warnings):
        about = [name for name, e in rest.items() if word in e.warnings]
        who = "all" if len(about) == len(rest) else ", ".join(about)
        console.print(f"[yellow]{who}[/yellow]: {word}")
