"""A file of rules in either form: `rules.yaml` for people, `rules.parquet` from a database."""

from pathlib import Path

from data.errors import BadInput
from data.rules.table import parse_table
from data.rules.written import LARGEST, WrittenRules, parse_rules
from data.schema.schema import Schema


def read_rules(file: Path, schema: Schema | None = None) -> WrittenRules:
    """The rules of a file, in its order; `.parquet` is a table.

    Args:
        file: of rules.
        schema: of the catalogue, whose facts conditions may ask for; None: Marquee's alone.

    Raises:
        BadInput: it is not what docs/rules.md says: by file and line, or row.
    """
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise BadInput(f"rules {file} cannot be read ({error.strerror}); give a file") from None
    if len(raw) > LARGEST:
        raise BadInput(f"rules {file} has {len(raw):,} bytes; {LARGEST:,} at most are read")
    parse = parse_table if file.suffix == ".parquet" else parse_rules
    return parse(raw, str(file), schema)
