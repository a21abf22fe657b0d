"""An image of the lab as a candidate of its title: a row and a file in the catalogue, and rules.

The picture is on disk before the table names it, and the table is replaced whole. Services that
follow the catalogue take it up within seconds, and draw it by the floor that its rule says. Where
the rules are refused the catalogue is as it was.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from data import clock
from data.atomic_write import whole_file
from data.catalogue import EMBEDDINGS, Catalogue
from data.errors import BadInput
from data.images.row_store import locked
from data.pictures import IMAGES_FILE, conform_artworks
from data.records import TitleId
from data.rules.desk import RulesDesk
from data.schema_cast import read_table, refuse
from web.lab.uploads import Upload
from web.watch.operations import Asking

ADDED = "added"
"""Folder of such pictures, in the catalogue."""
LONGEST_DAYS = 90


class CandidateTrial(NamedTuple):
    """How a candidate is tried."""

    artwork_id: str
    floor: float
    """Of the draws, at least."""
    cap: float
    """At most; 1: as the policy likes."""
    days: int
    """Until the rules end, and the policy alone decides."""

    def refuse_odd(self) -> None:
        """Refuse what cannot be a trial.

        Raises:
            BadInput: it cannot.
        """
        if not 0 < self.floor <= self.cap <= 1 or self.floor > 0.5:
            raise BadInput(
                f"floor {self.floor:g} and cap {self.cap:g}: give shares above 0, the floor at most"
                " 0.5 and not above the cap"
            )
        if not 1 <= self.days <= LONGEST_DAYS:
            raise BadInput(f"{self.days} days: give 1 to {LONGEST_DAYS}")


def add_candidate(
    catalogue: Path,
    desk: RulesDesk,
    title: TitleId,
    picture: Upload,
    trial: CandidateTrial,
    asking: Asking,
) -> None:
    """Make an image a candidate from today on, with a floor and a cap while it is tried.

    Args:
        catalogue: folder.
        desk: of the rules.
        title: whose candidate it is to be.
        picture: that was sent.
        trial: its id, and how it is tried.
        asking: who, and why.

    Raises:
        BadInput: the catalogue takes no single image, the id is taken, or the rules cannot hold.
    """
    trial.refuse_odd()
    desk.refuse_table()
    today = clock.today()
    with locked(catalogue, "artworks"):
        take_back = _added(catalogue, title, picture, trial.artwork_id, today)
        made: list[str] = []
        try:
            for rule in _rules(trial, asking, today):
                desk.add(rule, asking.by)
                made.append(str(rule["id"]))
        except BaseException:
            for rule in made:
                with suppress(BadInput):
                    desk.take_out(rule, asking.who, "the others were refused", asking.by)
            take_back()
            raise


def _rules(trial: CandidateTrial, asking: Asking, today: date) -> list[dict[str, object]]:
    end = datetime(today.year, today.month, today.day, tzinfo=UTC) + timedelta(days=trial.days)
    both = {
        "about": {"artwork": trial.artwork_id},
        "until": f"{end:%Y-%m-%dT%H:%M}Z",
        "who": asking.who,
        "why": asking.why,
    }
    rules = [{"id": f"try-{trial.artwork_id}", "effect": "floor", "share": trial.floor, **both}]
    if trial.cap < 1:
        cap = {"id": f"bound-{trial.artwork_id}", "effect": "cap", "share": trial.cap, **both}
        rules.append(cap)
    return rules


def _added(
    catalogue: Path, title: TitleId, picture: Upload, artwork_id: str, today: date
) -> Callable[[], None]:
    """Write the row and the picture; what takes them back."""
    for name, instead in (
        (EMBEDDINGS, "a row there for each artwork"),
        (IMAGES_FILE, "the artwork's pictures there, by canvas"),
    ):
        if (catalogue / name).exists():
            raise BadInput(
                f"the catalogue has {name}, and an image alone is no artwork of it: add {instead}, "
                "where the catalogue is made"
            )
    file = catalogue / "artworks.parquet"
    before = read_table(file)
    path = f"{ADDED}/{picture.digest}.webp"
    said = {"artwork_id": artwork_id, "title_id": title, "path": path, "added_day": today}
    table = pa.concat_tables([before, _row(before.schema, said)])
    artworks, problems = conform_artworks(table, None, file)
    refuse(problems)
    Catalogue(catalogue, Catalogue.read(catalogue).titles, artworks)  # refuses what cannot be
    (catalogue / ADDED).mkdir(exist_ok=True)
    shared = (catalogue / path).exists()  # with an artwork that has the same pixels
    with whole_file(catalogue / path) as part:
        part.write_bytes(picture.file.read_bytes())
    _write(table, file)

    def take_back() -> None:
        _write(before, file)
        if not shared:
            (catalogue / path).unlink(missing_ok=True)

    return take_back


def _row(schema: pa.Schema, said: dict[str, object]) -> pa.Table:
    """One row in the user's own schema; of columns that nothing is said of, null."""
    columns = []
    for field in schema:
        value = said.get(field.name)
        if value is None and not field.nullable:
            raise BadInput(
                f"artworks.parquet has a column {field.name!r} that every artwork must say; add the"
                " artwork where the catalogue is made"
            )
        try:
            columns.append(pa.array([value]).cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise BadInput(
                f"artworks.parquet has {field.name!r} as {field.type}, which {value!r} cannot be "
                "written as; add the artwork where the catalogue is made"
            ) from None
    return pa.table(columns, schema=schema)


def _write(table: pa.Table, file: Path) -> None:
    with whole_file(file) as part:
        pq.write_table(table, part)
