"""`python -m data check PATH`: what is wrong with a user's files, by file, column and row."""

import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from data.check.notes import undeclared, without_propensity
from data.check.path import check_path, files_of, is_catalogue, known_beside
from data.errors import BadInput
from data.problem import SHOWN, Problem
from data.schema import Schema, read_schema
from data.schema_cast import UnreadableFile, opened


@dataclass(frozen=True)
class CheckReport:
    """What is wrong with what lies at a path."""

    path: str
    files: int
    """Parquet files that were read."""
    rows: int
    """Rows of them all."""
    count: int
    """Rows that are wrong, and files and columns that are wrong as a whole."""
    shown_of_each_kind: int
    problems: list[Problem]
    undeclared: list[str]
    """Files with fields that no schema declares, a sentence each: nothing is wrong with them."""
    ruled: list[str]
    """Files with rows that have no propensity, a sentence each: nothing is wrong with them."""


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
    strange = undeclared(files_of(path), _schema(path, catalogue))
    files, rows = 0, 0
    for file in files_of(path):
        with suppress(UnreadableFile), opened(file) as read:  # which problems name
            files, rows = files + 1, rows + read.metadata.num_rows
    ruled = without_propensity(files_of(path))
    return CheckReport(str(path), files, rows, count, SHOWN, problems, strange, ruled)


def _schema(path: Path, catalogue: Path | None) -> Schema:
    """Of a catalogue, or of the one that rows refer to."""
    with suppress(BadInput):  # which problems name
        return read_schema(path) if is_catalogue(path) else known_beside(path, catalogue).schema
    return Schema()


def show(report: CheckReport) -> None:
    """Print the problems on stderr, a line a row, and on stdout what was read and found."""
    for problem in report.problems:
        print("\n".join(problem.lines()), file=sys.stderr)
    for words in (*report.undeclared, *report.ruled):
        print(f"note: {words}", file=sys.stderr)
    found = f"{report.count:,} wrong" if report.problems else "sound"
    print(f"{report.path}: {found}; read {report.rows:,} rows in {report.files:,} files")


def status(report: CheckReport) -> int:
    """2 if anything is wrong."""
    return 2 if report.problems else 0
