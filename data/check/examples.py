"""Examples, refused if nothing can be learnt from them."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from data.check.kinds import table_problems
from data.check.known import Known
from data.check.repeated_ids import repeated
from data.check.rows import check_rewards
from data.errors import BadInput
from data.records import EXAMPLES, TitleId
from data.schema_cast import conform, one_kind, parquet_files, read_table, refuse


def check_examples(
    table: pa.Table,
    artwork_ids: Iterable[str] | None = None,
    *,
    title_ids: Iterable[TitleId] | None = None,
    file: Path | str = "examples",
) -> None:
    """Refuse examples that nothing can be learnt from; about a second a million rows.

    Args:
        table: in the schema EXAMPLES, or in types that become it.
        artwork_ids: the catalogue's artworks; None: not checked.
        title_ids: the catalogue's titles; None: not checked.
        file: what a message calls the table.

    Raises:
        BadInput: by file, column and row; `python -m data check` lists every problem.
    """
    refuse(table_problems(table, "examples", file, Known.of(artwork_ids, title_ids)))


def read_examples(
    folder: Path | str,
    artwork_ids: Iterable[str] | None = None,
    *,
    title_ids: Iterable[TitleId] | None = None,
) -> pa.Table:
    """Every example of a folder (or of one file), checked, in the schema EXAMPLES.

    Raises:
        BadInput: there are none, or one is wrong: by file, column and row.
    """
    folder = Path(folder)
    files = parquet_files(folder) if folder.is_dir() else [folder]
    if not files:
        raise BadInput(f"{folder} holds no *.parquet; run `python -m data join` to make examples")
    known = Known.of(artwork_ids, title_ids)
    tables = []
    for file in files:
        table, problems = conform(read_table(file), EXAMPLES, file)
        refuse(problems + list(check_rewards(table, file, known)))
        tables.append(table)
    one_kind((file, table.schema) for file, table in zip(files, tables, strict=True))
    ids = [(str(file), table["decision_id"]) for file, table in zip(files, tables, strict=True)]
    refuse(list(repeated(ids, "decision_id")))
    return pa.concat_tables(tables)
