"""The members that precompute decides for, out of a file or folder of profiles."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from data.errors import BadInput
from data.privacy.pseudonym import Pseudonyms
from data.reading.conformed_files import conformed_table
from data.records import PROFILES
from data.schema_cast import opened, parquet_files
from data.sound import id_problem


class Profiles(NamedTuple):
    """Whom a table of profiles names."""

    members: pa.Table
    """`profile_id` and `facts` of those to decide for, in a stable order."""
    opted_out: list[str]
    """Ids of those who opted out."""
    skipped: list[tuple[str, str]]
    """Those that no store has a key for, and why."""


def readable_profiles(path: Path, names: Pseudonyms | None = None) -> Profiles:
    """Profiles with their facts, those who opted out, and those whose ids are none.

    Args:
        path: Parquet file or folder.
        names: that members are kept under; their own if None.

    Raises:
        BadInput: no file, columns of another kind, or a profile that is there twice.
    """
    files = parquet_files(path)
    if not files:
        raise BadInput(f"no profiles at {path}; give a Parquet file with profile_id and facts")
    for file in files:
        with opened(file) as source:
            if "facts" not in source.schema_arrow.names:
                raise BadInput(f"profiles {file}: no column facts; docs/data.md says what it holds")
    table = pa.concat_tables([conformed_table(file, PROFILES) for file in files]).combine_chunks()
    ids = table["profile_id"].to_pylist()
    if len(set(ids)) != len(ids):
        raise BadInput(f"profiles {path}: profile_id must be different on every row")
    wrong = {row: why for row, name in enumerate(ids) if (why := id_problem(name))}
    keys = [name if row in wrong or not names else names.of(name) for row, name in enumerate(ids)]
    good = np.ones(len(ids), bool)
    good[list(wrong)] = False
    out = good & (table["profiling"].fill_null(fill_value=True).to_numpy() == np.False_)
    members = pa.table({"profile_id": pa.array(keys, pa.string()), "facts": table["facts"]})
    return Profiles(
        members.filter(pa.array(good & ~out)).combine_chunks(),
        [keys[row] for row in np.flatnonzero(out)],
        [(repr(ids[row][:40]), why) for row, why in wrong.items()],
    )
