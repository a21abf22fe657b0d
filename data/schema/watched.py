"""The schema of a catalogue that is in use, as its file is now."""

from contextlib import suppress
from pathlib import Path

from data.errors import BadInput
from data.schema.schema import SCHEMA_FILE, Schema, read_schema


class WatchedSchema:
    """Reads the file again when it has changed; a broken one leaves what was there before.

    Args:
        folder: of the catalogue; None: nothing is declared.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = None if folder is None else folder / SCHEMA_FILE
        self._mark: tuple[int, int] | None = None
        self._schema = Schema()

    def __call__(self) -> Schema:
        """What is declared now."""
        if self._file is None:
            return self._schema
        try:
            status = self._file.stat()
        except OSError:  # as while another is put in its place
            return self._schema
        mark = (status.st_mtime_ns, status.st_size)
        if mark != self._mark:
            self._mark = mark
            with suppress(BadInput):  # which `python -m data check` names
                self._schema = read_schema(self._file)
        return self._schema
