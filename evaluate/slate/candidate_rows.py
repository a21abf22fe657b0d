"""Candidates of logged examples as rows of a catalogue, and what a bundle says of them."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float, Int

from data.catalogue import Catalogue
from data.errors import BadInput
from evaluate.policies.bundle_scores import BundleScores


def shown_rows(examples: pa.Table, catalogue: Catalogue) -> Int[np.ndarray, " examples"]:
    """Rows of what was shown.

    Raises:
        BadInput: the catalogue lacks an artwork.
    """
    return _found(examples["action"].combine_chunks(), catalogue)


def candidate_rows(
    examples: pa.Table, catalogue: Catalogue
) -> tuple[Int[np.ndarray, "examples ranks"], Bool[np.ndarray, "examples ranks"]]:
    """Rows of the candidates, and which there are; where there is none, the first once more.

    Raises:
        BadInput: the catalogue lacks an artwork.
    """
    lists = examples["candidates"].combine_chunks()
    counts = pc.list_value_length(lists).to_numpy().astype(np.int64)
    flat = _found(lists.flatten(), catalogue)
    starts = np.cumsum(counts) - counts
    valid = np.arange(counts.max(initial=1)) < counts[:, None]
    at = np.where(valid, starts[:, None] + np.arange(valid.shape[1]), starts[:, None])
    return flat[at], valid


def take_logits(
    scored: BundleScores, facts: pa.StructArray, rows: Int[np.ndarray, "examples ranks"]
) -> Float[np.ndarray, "examples ranks"]:
    """Logits of the bundle's probability of a take."""
    step, parts = scored.block(rows.shape[1]), []
    for at in range(0, len(rows), step):
        members = scored.members(facts.slice(at, step))
        chance = np.clip(scored.takes(members, rows[at : at + step]), 1e-9, 1 - 1e-9)
        parts.append(np.log(chance) - np.log1p(-chance))
    return np.concatenate(parts).astype(np.float64)


def _found(names: pa.Array, catalogue: Catalogue) -> Int[np.ndarray, " names"]:
    at = pc.index_in(names, value_set=pa.array(catalogue.artwork_ids, pa.string()))
    if at.null_count:
        name = names.filter(pc.is_null(at))[0].as_py()
        raise BadInput(
            f"the log shows artwork {name!r}, which is not in {catalogue.root}; give the catalogue"
            " that the log was made with"
        )
    return at.to_numpy().astype(np.int64)
