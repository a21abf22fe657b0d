"""`python -m evaluate report`: one HTML file that shows what a bundle does and what it earns."""

import json as json_module
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from data.atomic_write import write_text_whole
from data.errors import BadInput
from evaluate.ope.bootstrap import Bootstrap
from evaluate.policies.find_catalogue import find_catalogue
from evaluate.policies.read_examples import read_examples
from evaluate.report.curves import Curves
from evaluate.report.findings import Findings, find
from evaluate.report.page import write_report
from simulate.browsing.log import read_expected

LOG = "artifacts/demo/held_out"
COLD_START = {
    "random",
    "greedy",
    "thompson",
    "oracle",
    "intervals",
    "titles",
    "artworks",
    "members",
}


def report(
    out: str, log: str = LOG, bundle: str = "artifacts/bundles/current",
    catalogue: str | None = None, truth: str | None = None, run: str | None = None,
    cold_start: str | None = None, summary: str | None = None, since: str | None = None,
    until: str | None = None, resamples: int = 1000, seed: int = 0, cache: str | None = None,
    json: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Write what a bundle does and what it earns, as one HTML file that needs no network.

    Args:
        out: the HTML file; replaced whole.
        log: joined examples that the bundle was not trained on, or a log folder.
        bundle: to judge.
        catalogue: folder of titles.parquet and artworks.parquet; the folder catalogue in or beside
            the log if not given.
        truth: simulated log to read true values from; the log, or the folder log beside it, if
            they have any.
        run: folder of the training run, for its curves; the newest of artifacts/runs if not given.
        cold_start: what `python -m evaluate cold-start --json` printed; cold_start.json beside the
            log if not given.
        summary: JSON file to write the numbers to.
        since: only decisions from this date or time on.
        until: only decisions before this date or time.
        resamples: bootstrap draws of profiles.
        seed: of the bootstrap.
        cache: folder to keep decoded images in.
        json: print one JSON object.
    """
    found = made_report(
        out, log, bundle, catalogue, truth, run, cold_start, summary, since, until, resamples,
        seed, cache,
    )  # fmt: skip
    return {"report": out, **found.summary()} if json else {"report": out}


def made_report(
    out: str, log: str, bundle: str, catalogue: str | None = None, truth: str | None = None,
    run: str | None = None, cold_start: str | None = None, summary: str | None = None,
    since: str | None = None, until: str | None = None, resamples: int = 1000, seed: int = 0,
    cache: str | None = None,
) -> Findings:  # fmt: skip
    """As `report`; gives the findings.

    Raises:
        BadInput: as `find`, and for files that cannot be read.
    """
    bootstrap = Bootstrap.of_options(resamples, seed)
    where = find_catalogue(log, catalogue)
    curves, told = Curves.read(run), _cold_start(log, cold_start)
    simulated = _truth(log, truth)
    with Console(stderr=True).status("judging policies"):
        examples = read_examples(log, where, since, until)
        found = find(
            examples, where, bundle, cache=cache, curves=curves, cold_start=told,
            expected=None if simulated is None else read_expected(simulated),
            bootstrap=bootstrap,
        )  # fmt: skip
        write_report(found, where, out)
    if summary is not None:
        _write_json(found.summary(), Path(summary))
    return found


def _truth(log: str, given: str | None) -> Path | None:
    if given is not None:
        return Path(given)
    beside = (Path(log), Path(log).parent / "log")
    return next((folder for folder in beside if (folder / "truth").is_dir()), None)


def _cold_start(log: str, given: str | None) -> Mapping[str, Any] | None:
    file = Path(log).parent / "cold_start.json" if given is None else Path(given)
    if given is None and not file.is_file():
        return None
    try:
        told = json_module.loads(file.read_text())
    except (OSError, ValueError):
        told = None
    if not isinstance(told, dict) or COLD_START - set(told):
        raise BadInput(f"{file} is not what `python -m evaluate cold-start --json` prints; redo it")
    return told


def _write_json(what: Mapping[str, Any], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text_whole(file, json_module.dumps(what, indent=1))
