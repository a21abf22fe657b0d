"""`python -m evaluate report`: one HTML file that shows what a bundle does and what it earns."""

from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from data.atomic_write import write_text_whole
from data.command_line.commands import as_json_text
from evaluate.new_artwork.cold_start_result import ColdStartResult
from evaluate.ope.bootstrap import Bootstrap
from evaluate.policies.find_catalogue import find_catalogue
from evaluate.policies.read_examples import read_examples
from evaluate.report.curves import LearningCurves
from evaluate.report.findings import Findings, Summary, judge_bundle
from evaluate.report.kind_findings import judge_kinds_of
from evaluate.report.page import write_report
from evaluate.report.row_findings import judge_rows
from simulate.browsing.log import read_expected

LOG = "artifacts/demo/held_out"
LIVE, DEMO_BUNDLE = "artifacts/bundles/current", "artifacts/demo/bundles/current"


class ReportRecord(Summary):
    """A summary, and the page that it is of."""

    report: str


@dataclass(frozen=True)
class Sources:
    """What a report is made from; where None is said, what lies beside the log."""

    log: str
    """Joined examples, or a log folder."""
    bundle: str
    catalogue: str | None = None
    truth: str | None = None
    """Simulated log to read true values from."""
    run: str | None = None
    """Of training; the newest of artifacts/runs if None."""
    cold_start: str | None = None
    """What the command of that name printed."""
    since: str | None = None
    until: str | None = None
    where: str | None = None
    """SQL that examples must hold for."""
    cache: str | None = None
    """For decoded images; made anew if None."""


# Each parameter is an option of the command.
def report(
    out: str,
    log: str = LOG,
    bundle: str | None = None,
    catalogue: str | None = None,
    truth: str | None = None,
    run: str | None = None,
    cold_start: str | None = None,
    summary: str | None = None,
    since: str | None = None,
    until: str | None = None,
    where: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
    cache: str | None = None,
) -> ReportRecord:
    """Write what a bundle does and what it earns, as one HTML file that needs no network.

    Args:
        out: the HTML file; replaced whole.
        log: joined examples that the bundle was not trained on, or a log folder.
        bundle: to judge; artifacts/bundles/current if not given, of the demo's log the demo's.
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
        where: SQL over the columns of examples: only rows that it holds for, such as
            "facts.country = 'NO'".
        resamples: bootstrap draws of profiles.
        seed: of the bootstrap.
        cache: folder to keep decoded images in.
    """
    bundle = bundle or (DEMO_BUNDLE if log == LOG else LIVE)
    sources = Sources(log, bundle, catalogue, truth, run, cold_start, since, until, where, cache)
    findings = report_on(sources, out, summary, Bootstrap.of_options(resamples, seed))
    return {"report": out, **findings.summary()}


def show(record: ReportRecord) -> None:
    """Where the page is."""
    print(f"report: {record['report']}")


def report_on(sources: Sources, out: str, summary: str | None, bootstrap: Bootstrap) -> Findings:
    """Write the page, and the summary where it is wanted.

    Raises:
        BadInput: as `judge_bundle`, and for files that cannot be read.
    """
    where = find_catalogue(sources.log, sources.catalogue)
    curves, cold_start = LearningCurves.read(sources.run), _cold_start(sources)
    truth = _truth(sources)
    with Console(stderr=True).status("judging policies"):
        examples = read_examples(sources.log, where, sources.since, sources.until, sources.where)
        findings = judge_bundle(
            examples,
            where,
            sources.bundle,
            expected=None if truth is None else read_expected(truth),
            cache=sources.cache,
            curves=curves,
            cold_start=cold_start,
            bootstrap=bootstrap,
        )
        rows = judge_rows(examples, where, sources.bundle, sources.cache, bootstrap)
        kinds = judge_kinds_of(examples, where, sources.bundle, sources.cache, bootstrap)
        findings = replace(findings, rows=rows, kinds=kinds)
        write_report(findings, where, out, sources.where)
    if summary is not None:
        Path(summary).parent.mkdir(parents=True, exist_ok=True)
        write_text_whole(Path(summary), as_json_text(findings.summary()))
    return findings


def _truth(sources: Sources) -> Path | None:
    if sources.truth is not None:
        return Path(sources.truth)
    log = Path(sources.log)
    return next(
        (folder for folder in (log, log.parent / "log") if (folder / "truth").is_dir()), None
    )


def _cold_start(sources: Sources) -> ColdStartResult | None:
    if sources.cold_start is not None:
        return ColdStartResult.read(Path(sources.cold_start))
    file = Path(sources.log).parent / "cold_start.json"
    return ColdStartResult.read(file) if file.is_file() else None
