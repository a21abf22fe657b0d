"""Facts of a user's own in a map: which there are, and what their values are read as."""

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import yaml

from data.errors import BadInput
from data.records import COUNTS, FACTS

KINDS: Mapping[str, pa.DataType] = {
    "number": pa.float64(),
    "category": pa.string(),
    "set": pa.list_(pa.string()),
    "counts": COUNTS,
    "vector": pa.list_(pa.float64()),
}
"""Kind of a fact → type that its values are read as; readers fold them into the column `own`."""
OWN = "own"
"""The field of FACTS that holds them."""
SHIPPED = tuple(field.name for field in FACTS if field.name != OWN)
"""Facts that every catalogue has."""


def declared_kinds(catalogue: Path) -> dict[str, str]:
    """Name → kind of the facts of members that a catalogue's `schema.yaml` declares.

    Raises:
        BadInput: the file is no schema.
    """
    file = catalogue / "schema.yaml"
    if not file.is_file():
        return {}
    try:
        said = yaml.load(file.read_bytes(), Loader=yaml.BaseLoader) or {}
        return {name: fact["kind"] for name, fact in (said.get("facts") or {}).items()}
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"{file} declares no facts ({reason:.120}); see docs/schema.md") from None
