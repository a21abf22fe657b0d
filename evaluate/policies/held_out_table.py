"""What a bundle and the baselines would have earned on held-out days, as `train.py` prints it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from data.catalogue import Catalogue
from evaluate.ope.estimate import Estimate
from evaluate.ope.support import NoSupport
from evaluate.ope.trust import to_read
from evaluate.policies.judge import policy_values
from evaluate.policies.log_only_policies import log_only_values
from evaluate.policies.policy_probabilities import TABLE
from evaluate.policies.table import estimator_columns, led_by, verdict_lines


def show_held_out_values(
    bundle: Path,
    later: pa.Table,
    catalogue: Catalogue,
    references: Mapping[str, pa.Table],
    cache: str,
    say: Callable[[str], None],
) -> None:
    """Print what the bundle and the baselines would have earned on the days that were held out.

    Args:
        bundle: its folder.
        later: examples of these days.
        catalogue: theirs.
        references: examples of other policies on the same catalogue, by name.
        cache: folder of decoded images.
        say: where all but the table goes.
    """
    names = ["random", f"{bundle}:{TABLE}", f"{bundle}:greedy", f"{bundle}:thompson"]
    try:
        values = policy_values(later, catalogue, names, cache=cache)
    except NoSupport as error:
        say(f"not judged: {error}")
        return
    logged = later["reward"].to_numpy().mean()
    others = {
        f"{name}, which earned {other['reward'].to_numpy().mean():.4f}": log_only_values(
            later, catalogue, other
        )
        for name, other in references.items()
    }
    values = {name.rpartition(":")[2]: of for name, of in values.items()} | others
    read = to_read(values.values())
    title = f"on {len(later):,} held-out examples; logged {logged:.4f}"
    table = Table("policy", *estimator_columns(values["random"], read), title=title)
    for name, estimates in values.items():
        table.add_row(name, *(_cell(estimates[e]) for e in led_by(read, estimates)))
    Console(stderr=True, width=140).print(table)
    for words in verdict_lines(values, read):
        say(words)
    for words in values["random"]["dr"].support.words():
        say(words)


def _cell(estimate: Estimate) -> str:
    ends = (
        "no interval"
        if estimate.interval == "none"
        else f"[{estimate.low:.4f}, {estimate.high:.4f}]"
    )
    return f"{estimate.value:.4f} {ends}\n{estimate.verdict}"
