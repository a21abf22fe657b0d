"""`python -m evaluate gate`: may a bundle take the live one's place?"""

from collections.abc import Mapping

from rich.console import Console

from data.bundle import ANCHOR, Bundle, resolve
from evaluate.gate.publish_gate import MARGIN, publish_gate
from evaluate.ope.bootstrap import Bootstrap
from evaluate.policies.find_catalogue import find_catalogue
from evaluate.policies.read_examples import read_examples

NONE = "none"
"""In place of a bundle where there is none."""
EXIT_CODES = {"passed": 0, "refused": 1, "undecided": 3}
"""2 is bad input."""
SHOWN = {
    "passed": "[green]passed[/green]",
    "refused": "[red]refused[/red]",
    "undecided": "[yellow]not enough log[/yellow]",
}


# Each parameter is an option of the command.
def gate(
    candidate: str,
    log: str,
    live: str = "artifacts/bundles/current",
    anchor: str | None = None,
    catalogue: str | None = None,
    margin: float = MARGIN,
    since: str | None = None,
    cache: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, object]:
    """Say whether a bundle may be published: passed, refused, or not enough log to tell.

    Exit code 0 where it is shown to earn more than (1 − margin) of what the live bundle earns, 1
    where it is shown to earn less, 3 where the log cannot tell (`undecided` under --json). An
    anchor beside the live bundle must be held as well.

    Args:
        candidate: folder of the bundle to publish.
        log: joined examples, or a log folder, which is joined for this one time.
        live: bundle to replace; none: nothing is live, so it is judged against random artwork.
        anchor: bundle that a chain of nights may not fall behind; the store's own, beside the live
            one, if not given; none: no anchor.
        catalogue: folder of titles.parquet and artworks.parquet; a folder catalogue beside or in
            the log if not given.
        margin: how far it may fall behind, as a share of what they earn.
        since: only decisions from this date or time on, such as those after training.
        cache: folder to keep decoded images in.
        resamples: bootstrap draws of profiles, for the intervals beside the test.
        seed: of the bootstrap.
    """
    bootstrap = Bootstrap.of_options(resamples, seed)
    where = find_catalogue(log, catalogue)
    examples = read_examples(log, where, since)
    others = {"live": None if live == NONE else live, "anchor": _anchor(live, anchor)}
    result = publish_gate(
        candidate,
        log=examples,
        catalogue=where,
        margin=margin,
        cache=cache,
        bootstrap=bootstrap,
        **others,
    )
    named = {"candidate": candidate, **others}
    return {
        "verdict": result.verdict,
        "reason": result.reason,
        **result.numbers,
        **{
            f"{role}_bundle": None if path is None else Bundle.open(path).bundle_id
            for role, path in named.items()
        },
    }


def _anchor(live: str, asked: str | None) -> str | None:
    """The anchor that was asked for, or that of the live bundle's store; a broken link as well."""
    if asked is not None or live == NONE:
        return None if asked == NONE else asked
    beside = resolve(live).parent / ANCHOR
    return str(beside) if beside.is_symlink() or beside.exists() else None


def show(record: Mapping[str, object]) -> None:
    """The verdict, and why; then what of the log could not be weighed."""
    console, support = Console(), record.get("support", {})
    console.print(f"{SHOWN[str(record['verdict'])]}: {record['reason']}")
    for words in support.get("words", []) if isinstance(support, Mapping) else []:
        console.print(f"[yellow]log[/yellow]: {words}")


def status(record: Mapping[str, object]) -> int:
    """0 passed, 1 refused, 3 not enough log."""
    return EXIT_CODES[str(record["verdict"])]
