"""`python -m export rows`: a bundle that knows besides what neighbours do to each other."""

import shutil
from pathlib import Path

from data.bundle import Bundle
from data.bundle.row_pairs import ROW_PAIRS, RowPairs
from data.errors import BadInput
from export.graphs.with_part import with_part


def rows(
    pairs: Path,
    like: Path = Path("artifacts/bundles/current"),
    out: Path = Path("artifacts/bundles"),
) -> dict[str, object]:
    """Give a bundle a pair term, as a new bundle; it is not published by that.

    All else is that of --like, which becomes its parent. Pages are then decided jointly by
    `python -m serve live --rows true`, and by nothing else differently.

    Args:
        pairs: file that `python -m evaluate neighbours --out` wrote.
        like: Bundle that it was learnt for.
        out: Folder of bundles.
    """
    held = Bundle.open(like)
    folder = with_row_pairs(held, RowPairs.read(pairs), out, parent=held.bundle_id)
    return {"bundle_id": Bundle.open(folder).bundle_id, "folder": str(folder)}


def replaced_with_rows(bundle: Path, pairs: RowPairs) -> Path:
    """A bundle that nobody has seen yet, with a pair term: the one without goes.

    Raises:
        BadInput: as `with_row_pairs`.
    """
    folder = with_row_pairs(Bundle.open(bundle), pairs, bundle.parent)
    shutil.rmtree(bundle)
    return folder


def with_row_pairs(held: Bundle, pairs: RowPairs, root: Path, parent: str | None = None) -> Path:
    """A copy of a bundle with a pair term, in place of its own if it has one.

    Args:
        held: the bundle.
        pairs: learnt for it.
        root: folder of bundles.
        parent: of the copy; the bundle's own if None.

    Raises:
        BadInput: it was learnt for a bundle of other heads or vectors.
    """
    has, wants = len(pairs.heads), held.manifest.policy.heads
    if (has, len(pairs.centre)) != (wants, held.manifest.dimension):
        raise BadInput(
            f"the pair term is of {has} heads and vectors of {len(pairs.centre)} numbers, bundle"
            f" {held.bundle_id} of {wants} and {held.manifest.dimension}; learn it for this bundle:"
            " python -m evaluate neighbours"
        )
    return with_part(held, ROW_PAIRS, pairs.write, root, parent)
