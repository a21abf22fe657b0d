"""The commands of `python -m export`."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TypedDict

from rich.console import Console
from rich.table import Table

from data.command_line.local_path import without_password
from data.errors import BadInput
from export.publish.anchor import anchor as anchored
from export.publish.gate_process import command_gate, verdict_of
from export.publish.judge_candidate import Undecided
from export.publish.publish import ListedBundle, Publication
from export.publish.publish import list_bundles as listed
from export.publish.publish import prune as pruned
from export.publish.publish import publish as published
from export.publish.publish import rollback as rolled_back
from export.publish.publish import verify as verified

STORE = "artifacts/bundles"


# Each parameter is an option of the command.
def publish(
    bundle: str,
    store: str = STORE,
    gate_log: Path | None = None,
    catalogue: Path | None = None,
    margin: float | None = None,
    since: str | None = None,
    verdict: Path | None = None,
    undecided: Undecided = "keep",
    force: bool = False,
) -> Publication:
    """Make a bundle the live one. Exit code 1 if it was refused, 3 if the log could not tell.

    With --gate-log, both bundles, and the anchor if there is one, are first judged on that log
    (python -m evaluate gate). With --verdict, that judgement was made before. With neither, the
    live bundle must be the parent of the new one. Services that follow `current` take the new
    bundle up without a restart. A bundle of which the log cannot tell can be tried as a cell of an
    experiment: publish it to a store of its own, and let a service of its own follow that.

    Examples:
      python -m export publish artifacts/bundles/20260110-120000-0db6bc588dd0
      python -m export publish BUNDLE --gate-log artifacts/examples --margin 0.02
      python -m export publish BUNDLE --store artifacts/bundles-challenger
      python -m export publish BUNDLE --store s3://models/marquee --force

    Args:
        bundle: Folder of the bundle, or its id if it is in the store.
        store: Folder or URL that fsspec knows (s3://…, gs://…), where bundles are published.
        gate_log: Log or examples, held out from training, to judge both bundles on.
        catalogue: The catalogue of that log; beside or in it when left out.
        margin: Share of the live bundle's value, and of the anchor's, that may be lost.
        since: Judge only on decisions from this day on.
        verdict: File with what `python -m evaluate gate --json` printed for these bundles.
        undecided: What becomes of it where the log cannot tell: keep the live bundle, or publish.
        force: Publish against the verdict; publication.json keeps what was overridden, and by whom.
    """
    if verdict is not None and gate_log is not None:
        raise BadInput("--verdict and --gate-log were both given; keep one of them")
    if gate_log is None and (catalogue, margin, since) != (None, None, None):
        raise BadInput("--catalogue, --margin and --since are for --gate-log; give the log")
    gate = None
    if verdict is not None:
        if not verdict.is_file():
            raise BadInput(f"no file {verdict}; python -m evaluate gate --json > {verdict}")
        gate = verdict_of(verdict.read_bytes()).on
    elif gate_log is not None:
        options = {"log": gate_log, "catalogue": catalogue, "margin": margin, "since": since}
        gate = command_gate(*(f"--{k}={v}" for k, v in options.items() if v is not None))
    return published(bundle, store, gate, force, undecided)


def anchor(store: str = STORE, bundle: str | None = None) -> Publication:
    """Make a bundle the anchor: that which nightly bundles may not fall behind, taken together.

    Do it when a bundle has won an experiment, or after a month of nights: the gate's promise is for
    so many. Rolling back and publishing leave the anchor where it is.

    Args:
        store: Folder or URL where bundles are published.
        bundle: Id of a bundle of the store; the live one when left out.
    """
    return anchored(store, bundle)


def show_anchor(publication: Publication) -> None:
    """Print which bundle is the anchor, and which was."""
    was = "" if publication.previous is None else f"; it was {publication.previous}"
    print(f"anchor: {publication.bundle_id}{was}")


def rollback(store: str = STORE, to: str | None = None) -> Publication:
    """Make an earlier bundle the live one: the one before, or the one that --to names.

    Repeated, it goes back further. The bundle is checked to the last byte first.

    Args:
        store: Folder or URL where bundles are published.
        to: Id of the bundle.
    """
    return rolled_back(store, to)


class BundleList(TypedDict):
    """The bundles of a store, oldest first."""

    store: str
    bundles: list[ListedBundle]


def list_bundles(store: str = STORE) -> BundleList:
    """Show the bundles of a store: which is live, when each was published and what it replaced.

    Args:
        store: Folder or URL where bundles are published.
    """
    return {"store": without_password(store), "bundles": listed(store)}


def show_bundles(record: BundleList) -> None:
    """Print a table of the bundles."""
    heads = ("bundle", "live", "anchor", "published", "replaced", "why")
    table = Table(*heads, title=record["store"])
    for row in record["bundles"]:
        why = ("forced: " if row["forced"] else "") + (row["reason"] or "")
        cells = [row["published"] or "never", row["previous"] or "", why]
        marks = ["●" if row[name] else "" for name in ("live", "anchor")]
        table.add_row(row["bundle_id"], *marks, *cells)
    Console().print(table)


class BundleProblem(TypedDict):
    """Why a bundle is not whole."""

    bundle_id: str
    problem: str


class Verification(TypedDict):
    """How many bundles were checked, and which are not whole."""

    checked: int
    whole: int
    problems: list[BundleProblem]


def verify(store: str = STORE, bundle: str | None = None) -> Verification:
    """Check every byte of every bundle against its manifest. Exit code 2 if one is not whole.

    Args:
        store: Folder or URL where bundles are published.
        bundle: Id of one bundle to check; all of them when left out.
    """
    checked = verified(store, bundle)
    if not checked:
        where = without_password(store)
        raise BadInput(f"{where} holds no bundle; python train.py writes one, or give --store")
    problems = [
        BundleProblem(bundle_id=name, problem=what) for name, what in checked.items() if what
    ]
    return Verification(checked=len(checked), whole=len(checked) - len(problems), problems=problems)


def show_problems(record: Verification) -> None:
    """Print how many bundles are whole; on stderr what is wrong with the others."""
    for problem in record["problems"]:
        print(f"{problem['bundle_id']}: {problem['problem']}", file=sys.stderr)
    print(f"checked: {record['checked']}")
    print(f"whole: {record['whole']}")


class Pruned(TypedDict):
    """Ids of the bundles that were removed, and how many are left."""

    removed: list[str]
    left: int


def prune(store: str = STORE, keep: int = 5) -> Pruned:
    """Remove old bundles; never the live one, the one that `rollback` returns to, nor the anchor.

    Args:
        store: Folder or URL where bundles are published.
        keep: How many of the newest stay.
    """
    removed = pruned(store, keep)
    return Pruned(removed=removed, left=len(listed(store)))


def show_publication(publication: Publication) -> None:
    """Print what came of publishing; on stderr why it stayed out."""
    if not publication.published:
        word = "not published" if _unknown(publication) else "refused"
        print(f"{word}: {publication.reason}", file=sys.stderr)
        return
    for name, value in asdict(publication).items():
        if name != "verdict" and value:
            print(f"{name}: {value}")


def status(publication: Publication) -> int:
    """0 if the bundle went live, 1 if it was refused, 3 if the log could not tell."""
    return 0 if publication.published else 3 if _unknown(publication) else 1


def _unknown(publication: Publication) -> bool:
    """Whether a gate was asked and could not tell."""
    return publication.verdict is not None and publication.verdict["verdict"] == "undecided"
