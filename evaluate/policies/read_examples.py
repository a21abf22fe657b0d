"""Joined examples of a file, a folder, or a log that is joined for this one time."""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from data.catalogue import Catalogue
from data.errors import BadInput
from data.join.join import join
from data.records import EXAMPLES
from evaluate.policies.logged_examples import NEEDED, SUPPORT


def read_examples(
    log: Path | str, catalogue: Catalogue, since: str | None = None, until: str | None = None
) -> pa.Table:
    """Examples of a folder, or of a log that is joined now.

    Args:
        log: a folder or file of joined examples; or a log folder, which holds them in `examples/`
            or is joined for this one time.
        catalogue: whose runtimes a join needs.
        since: date or time from which on decisions count.
        until: date or time from which on they count no longer.

    Raises:
        BadInput: no examples there, or not of the public format.
    """
    log = Path(log)
    start, end = _moment(since, "--since"), _moment(until, "--until")
    if (log / "examples").is_dir():
        return _read(log / "examples", start, end)
    if not (log / "decisions").is_dir():
        return _read(log, start, end)
    with TemporaryDirectory(prefix="examples.") as folder:
        join(log, catalogue.root, folder)
        return _read(Path(folder), start, end)


def _read(path: Path, start: datetime | None, end: datetime | None) -> pa.Table:
    files = [path] if path.is_file() else sorted(path.rglob("*.parquet"))
    files = [f for f in files if not any(p.startswith(("_", ".")) for p in f.parts[-2:])]
    if not files:
        raise BadInput(
            f"{path}: no Parquet files of joined examples there; give a folder that "
            "`python -m data join` wrote, or a log with decisions/ and events/"
        )
    try:
        data = ds.dataset([str(f) for f in files], format="parquet")
        if missing := [name for name in NEEDED if name not in data.schema.names]:
            raise BadInput(
                f"{path}: no column {missing[0]}, so these are no joined examples; give a folder "
                "that `python -m data join` wrote"
            )
        wanted: pc.Expression | None = None
        for moment, later in ((start, True), (end, False)):
            if moment is not None:
                one = ds.field("time") >= moment if later else ds.field("time") < moment
                wanted = one if wanted is None else wanted & one
        names = dict.fromkeys((*EXAMPLES.names, *SUPPORT))
        columns = [name for name in names if name in data.schema.names]
        table = data.to_table(columns=columns, filter=wanted)
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{path}: cannot be read as Parquet ({error}); write it again") from None
    if not table.num_rows:
        raise BadInput(f"{path}: no example in the time that was asked for; widen it")
    return table


def _moment(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option} {text!r} is no date; write it as 2026-01-31") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
