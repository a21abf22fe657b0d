"""Whether a night has anything to learn of what pages show beside their artwork."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq


def kinds_to_learn(examples: Path, held_out: float) -> bool:
    """Whether an example before the held-out ones says what was chosen beside its artwork.

    Until the windows of the first day with kinds have closed, none does; a training that is asked
    to learn them would refuse.

    Args:
        examples: folder of joined examples.
        held_out: share of their time, the latest, that a training leaves to judge by.
    """
    files = sorted(examples.glob("day=*/*.parquet"))
    ends, first = [], []
    for file in files:
        with pq.ParquetFile(file) as source:
            kinds = "kinds" in source.schema_arrow.names
            rows = source.read(columns=["time", *(["kinds"] if kinds else [])])
        if not len(rows):
            continue
        ends += pc.min_max(rows["time"]).as_py().values()
        said = (
            rows.filter(pc.greater(pc.list_value_length(rows["kinds"]), 0)) if kinds else rows[:0]
        )
        if len(said):
            first.append(pc.min(said["time"]).as_py())
    if not first:
        return False
    return min(first) < min(ends) + (1 - held_out) * (max(ends) - min(ends))
