"""`python -m data profiles`: who is known, and what is known of them, from the examples.

A product has a table of its members; where there is only a log, the latest facts of each profile
in it stand in. Precompute reads the result.
"""

from pathlib import Path

import duckdb
import pyarrow as pa

from data.atomic_write import whole_file
from data.errors import BadInput, first_line
from data.reading.conformed_files import conformed_files
from data.reading.duckdb_session import by_name, of_the_disk, session
from data.records import EXAMPLES
from data.schema_cast import parquet_files

NEEDED = pa.schema([EXAMPLES.field(name) for name in ("profile_id", "time", "facts")])
SQL = """
COPY (
    SELECT profile_id, arg_max(facts, time) AS facts
    FROM read_parquet(?, union_by_name = true)
    GROUP BY profile_id ORDER BY profile_id
) TO '{}' (FORMAT parquet, COMPRESSION zstd)
"""


def profiles(examples: Path, out: Path) -> dict[str, int | str]:
    """Write each profile's latest facts, `profile_id` and `facts`, as one Parquet file.

    Args:
        examples: folder that `python -m data join` wrote.
        out: file to write; one that is there is replaced at once and whole, or left as it is.

    Raises:
        BadInput: there are no examples, or a file is not one of examples.
    """
    files = parquet_files(examples)
    if not files:
        raise BadInput(f"{examples} holds no *.parquet; run `python -m data join` to make examples")
    places = [str(place) for place in conformed_files(files, NEEDED)]
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with whole_file(out) as part, session() as engine:
            engine.execute(SQL.format(str(part).replace("'", "''")), [places])
            [count] = engine.execute(
                "SELECT count(*) FROM read_parquet(?)", [by_name(part)]
            ).fetchall()
    except duckdb.Error as error:
        if full := of_the_disk(error):
            raise full from None
        raise BadInput(
            f"{examples}: no profiles can be read from it ({first_line(error)}); run "
            "`python -m data check` on it"
        ) from None
    return {"profiles": count[0], "out": str(out)}
