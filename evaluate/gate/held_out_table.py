"""What a bundle and the baselines would have earned on held-out days, as `train.py` prints it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
from rich.console import Console

from data.catalogue import Catalogue
from evaluate.ope.support import NoSupport
from evaluate.ope.trust import to_read
from evaluate.policies.judge import policy_values
from evaluate.policies.log_only_policies import log_only_values
from evaluate.policies.policy_probabilities import TABLE, labels
from evaluate.policies.read_examples import first_moment
from evaluate.policies.table import value_table, verdict_lines


def show_held_out_values(
    bundle: Path,
    later: pa.Table,
    catalogue: Catalogue,
    references: Mapping[str, pa.Table],
    cache: str,
    served: str,
    say: Callable[[str], None],
) -> None:
    """Print what the bundle and the baselines would have earned on the days that were held out.

    Args:
        bundle: its folder.
        later: examples of these days.
        catalogue: theirs.
        references: examples of other policies on the same catalogue, by name.
        cache: folder of decoded images.
        served: kind of the policy that the bundle is served by.
        say: where all but the table goes.
    """
    names = ["random", f"{bundle}:{TABLE}", f"{bundle}:greedy", str(bundle)]
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
    shown = labels(names, served)
    values = {shown[name]: of for name, of in values.items()} | others
    read = to_read(values.values())
    title = f"on {len(later):,} held-out examples, from {first_moment(later)} on"
    title += f"; as shown they earned {logged:.4f}"
    Console(stderr=True, width=140).print(value_table(values, read, title))
    for words in verdict_lines(values, read):
        say(words)
    for words in values["random"]["dr"].support.words():
        say(words)
