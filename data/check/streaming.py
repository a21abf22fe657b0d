"""Examples checked while they are read, a part at a time."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from data.check.examples import read_examples
from data.check.known import Known
from data.check.repeated_ids import repeated
from data.check.rows import check_rewards
from data.duplicate_ids import DuplicateIds, hashes
from data.reading.conformed_files import conformed_table
from data.records import EXAMPLES, TitleId
from data.schema_cast import conform, refuse


def checked_examples(
    rows: Iterable[tuple[Path, pa.Table]],
    artwork_ids: Iterable[str] | None = None,
    *,
    title_ids: Iterable[TitleId] | None = None,
    schema: pa.Schema = EXAMPLES,
) -> Iterator[pa.Table]:
    """Examples a part at a time, checked, in one schema; memory as of one part.

    Args:
        rows: some rows of a file and that file, as `ExampleStream.rows` gives them.
        artwork_ids: the catalogue's artworks; None: not checked.
        title_ids: the catalogue's titles; None: not checked.
        schema: EXAMPLES, or WITH_METRICS.

    Raises:
        BadInput: one is wrong, by file, column and row; a repeated id is told after the last part.
    """
    known = Known.of(artwork_ids, title_ids)
    files: dict[Path, None] = {}
    with DuplicateIds() as seen:
        for file, part in rows:
            files[file] = None
            table, problems = conform(part, schema, file)
            if problems or any(True for _ in check_rewards(table, file, known)):
                read_examples(file, artwork_ids, title_ids=title_ids)  # which row of the file it is
            seen.add(hashes(table["decision_id"]))
            yield table
        if seen.repeated():
            tables = ((file, conformed_table(file, EXAMPLES)) for file in sorted(files))
            parts = [(str(file), table["decision_id"]) for file, table in tables]
            refuse(list(repeated(parts, "decision_id")))
