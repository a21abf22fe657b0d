"""`python -m data check PATH`: what is wrong with a user's files, by file, column and row."""

import sys
from dataclasses import dataclass
from pathlib import Path

from data.check.path import check_path
from data.problem import SHOWN, Problem


@dataclass(frozen=True)
class CheckReport:
    """What is wrong with what lies at a path."""

    path: str
    count: int
    """Rows that are wrong, and files and columns that are wrong as a whole."""
    shown_of_each_kind: int
    problems: list[Problem]


def check(
    path: Path, catalogue: Path | None = None, images: bool = True, copies: bool = True
) -> CheckReport:
    """Say what is wrong with a catalogue, a log, examples, or one Parquet file; exit 2 if anything.

    Args:
        path: a folder or a Parquet file; its content shows what it is.
        catalogue: the catalogue that rows refer to; one found beside PATH if not given.
        images: decode every image of a catalogue.
        copies: let a decision be logged again, in the same words, as pages of one draw are; an
            event always may. `--copies=false` names each.
    """
    problems = check_path(path, catalogue, images=images, copies=copies)
    count = sum(problem.count for problem in problems)
    return CheckReport(str(path), count, SHOWN, problems)


def show(report: CheckReport) -> None:
    """Print the problems on stderr, a line a row, and on stdout how many there are."""
    for problem in report.problems:
        print("\n".join(problem.lines()), file=sys.stderr)
    print(f"path: {report.path}")
    print(f"count: {report.count}")
    print(f"shown_of_each_kind: {report.shown_of_each_kind}")


def status(report: CheckReport) -> int:
    """2 if anything is wrong."""
    return 2 if report.problems else 0
