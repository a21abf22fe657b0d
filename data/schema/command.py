"""`python -m data schema FOLDER`: write a schema that files seem to ask for."""

import sys
from dataclasses import dataclass
from pathlib import Path

from data.atomic_write import write_text_whole
from data.errors import BadInput
from data.schema.propose import lines, propose
from data.schema.schema import SCHEMA_FILE, parse_schema


@dataclass(frozen=True)
class SchemaReport:
    """What was proposed."""

    file: str
    fingerprint: str
    facts: dict[str, str]
    """Section and name → kind, and why."""
    left_out: dict[str, str]
    """Section and name → why."""


def schema(folder: Path, log: Path | None = None, force: bool = False) -> SchemaReport:
    """Propose FOLDER/schema.yaml: every field that Marquee does not know, its kind, and why.

    Args:
        folder: of the catalogue.
        log: folder or file of decisions, examples or profiles, for the facts of members; those in
            FOLDER if not given.
        force: replace a schema that is there.

    Raises:
        BadInput: there is no such folder, nothing to look at, or a schema already.
    """
    if not folder.is_dir():
        raise BadInput(f"no catalogue folder {folder}; give one that holds titles.parquet")
    if log is not None and not log.exists():
        raise BadInput(f"--log {log} is not there; give a folder of decisions or examples")
    file = folder / SCHEMA_FILE
    if file.exists() and not force:
        raise BadInput(f"{file} is there already; --force replaces it, or take it away")
    proposed, left_out = propose(folder, log)
    if not proposed and not left_out:
        raise BadInput(
            f"{log or folder} has no field that Marquee does not know, so there is nothing to "
            "declare; give --log the folder of decisions, if members have facts of your own"
        )
    text = "\n".join(lines(proposed, left_out)) + "\n"
    found = parse_schema(text.encode(), str(file))
    write_text_whole(file, text)
    return SchemaReport(
        str(file),
        found.fingerprint,
        {f"{one.section}.{one.fact.name}": f"{one.fact.kind}: {one.why}" for one in proposed},
        {f"{one.section}.{one.name}": one.why for one in left_out},
    )


def show(report: SchemaReport) -> None:
    """Print each field, and where the schema is."""
    for name, why in report.facts.items():
        print(f"{name}: {why}")
    for name, why in report.left_out.items():
        print(f"left out: {name}: {why}", file=sys.stderr)
    print(f"{report.file}: {len(report.facts)} facts; read it before you train")
