"""Whether a bundle is of a catalogue: by the artworks that it was trained among.

`unpersonalised.parquet` of a bundle has every artwork of the catalogue of that day, with its title.
A catalogue grows and sheds, so not all of them need be there: a bundle belongs to a catalogue that
has at least one in fifty of them (`SHARED`), under the same title. Of two catalogues that have
nothing to do with each other no pair of ids is the same.
"""

from pathlib import Path

import pyarrow as pa

from data.bundle.folder import resolve
from data.catalogue import Catalogue
from data.errors import BadInput
from data.reading.conformed_files import conformed_table
from data.records import ARTWORKS

TABLE = "unpersonalised.parquet"
SHARED = 0.02
"""Share of a bundle's artworks that a catalogue has at least, if the bundle is of it."""
PAIRS = pa.schema([ARTWORKS.field("title_id"), ARTWORKS.field("artwork_id")])


def foreign(bundle: Path | str, catalogue: Catalogue) -> str | None:
    """Why a bundle is of another catalogue; None: it is of this one, or does not say.

    Args:
        bundle: as `resolve` takes it.
        catalogue: that it shall decide for.

    Raises:
        BadInput: there is no bundle, or its table cannot be read.
    """
    folder = resolve(bundle)
    if not (folder / TABLE).is_file():
        return None
    own = _pairs(conformed_table(folder / TABLE, PAIRS))
    there = len(own & _pairs(catalogue.artworks))
    if not own or there >= SHARED * len(own):
        return None
    return (
        f"bundle {folder.name} is of another catalogue: of the {len(own):,} artworks that it was "
        f"trained among {there:,} are in {catalogue.root}"
    )


def refuse_foreign(bundle: Path | str, catalogue: Catalogue, allowed: bool) -> None:
    """Refuse to serve a bundle to another catalogue than it was trained on.

    Args:
        bundle: as `resolve` takes it.
        catalogue: that it shall decide for.
        allowed: serve it all the same.

    Raises:
        BadInput: it is of another, and that is not allowed.
    """
    if not allowed and (why := foreign(bundle, catalogue)) is not None:
        raise BadInput(f"{why}; train one on this catalogue, or serve it all the same by --foreign")


def _pairs(rows: pa.Table) -> set[tuple[int, str]]:
    columns = (rows[name].to_pylist() for name in PAIRS.names)
    return set(zip(*columns, strict=True))
