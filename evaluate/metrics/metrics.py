"""Metrics of examples by name, and the guards that a catalogue's schema declares on them."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float

from data.schema import SCHEMA_FILE, read_schema
from data.schema_cast import opened

COLUMN = "metrics"


def metric_names(examples: pa.Table) -> list[str]:
    """Metrics that some example has, sorted."""
    if COLUMN not in examples.schema.names:
        return []
    keys = [chunk.keys for chunk in examples[COLUMN].chunks if len(chunk)]
    return sorted({name for part in keys for name in pc.unique(part).to_pylist()})


def metric_values(examples: pa.Table, name: str) -> Float[np.ndarray, " rows"]:
    """A metric of every example; NaN where an example lacks it."""
    found = [pc.map_lookup(chunk, pa.scalar(name), "first") for chunk in examples[COLUMN].chunks]
    values = pa.chunked_array(found, pa.float64())
    return values.combine_chunks().to_numpy(zero_copy_only=False).astype(np.float64)


def guards_beside(log: Path | str, catalogue: Path | str | None = None) -> Mapping[str, float]:
    """Metric → guard, as the schema of the catalogue that is given says, or of one beside a log.

    Raises:
        BadInput: the schema is wrong.
    """
    log = Path(log)
    beside = (log, log / "catalogue", log.parent / "catalogue")
    places: Sequence[Path] = beside if catalogue is None else (Path(catalogue),)
    found = next((place for place in places if (place / SCHEMA_FILE).is_file()), None)
    return {} if found is None else read_schema(found).outcomes.guarded


def has_metrics(files: Sequence[Path]) -> bool:
    """Whether any of some files of examples has metrics."""
    for file in files:
        with opened(file) as source:
            if COLUMN in source.schema_arrow.names:
                return True
    return False


def guard_words(guard: float) -> str:
    """What a guard allows."""
    return f"no more than {100 * abs(guard):.3g}% {'above' if guard > 0 else 'below'}"
