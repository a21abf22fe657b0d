"""The catalogue that a log belongs to."""

from pathlib import Path

from data.catalogue import Catalogue
from data.errors import BadInput


def find_catalogue(log: Path | str, catalogue: Path | str | None) -> Catalogue:
    """The catalogue that is asked for, or that lies in or beside a log.

    Raises:
        BadInput: there is none.
    """
    if catalogue is not None:
        return Catalogue.read(catalogue)
    log = Path(log)
    for folder in (log, log / "catalogue", log.parent / "catalogue"):
        if (folder / "artworks.parquet").is_file():
            return Catalogue.read(folder)
    raise BadInput(
        f"no catalogue in or beside {log}; give --catalogue, the folder of titles.parquet and "
        "artworks.parquet"
    )
