"""Precompute's decisions as they were made: one row a profile, some 8 bytes a decision.

A run decides every title for every profile, of which a page will show a few. Written out as rows
of `data.records.DECISIONS` that is a hundred times the work of deciding. So a run logs each
profile's facts once, and for each draw the rank that was chosen and a code for each candidate's
probability. `data.log.expand_runs` makes rows again: of all for `data.log.roll`, of the few that
were rendered for the join (`data/join/rendered_draws.py`). Seeds and decision ids are not written:
they follow from the rest.

A file is Parquet of `SCHEMA`; its metadata holds a `RunHeader`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int, Int8, UInt

from bandit.draws import FIRST, DrawRules, Epochs
from data.atomic_write import sync, whole_file
from data.days import DAY_US, date_of, day_number
from data.log.kind_draws import COLUMNS, KindDraws, KindsHeader, binary
from data.log.ruled_draws import RuledEffect
from data.lossless_cast import fit
from data.records import FACTS, SCHEMA_VERSION

FOLDER = "runs"
RENDERED = "rendered"
UNREADABLE = (pa.ArrowException, OSError, ValueError, KeyError, TypeError, IndexError)
"""What a file that is no run, or not a whole one, makes its readers raise."""
HEADER = b"marquee_run"
SCHEMA = pa.schema(
    [
        pa.field("profile_id", pa.string(), nullable=False),
        pa.field("facts", FACTS, nullable=False),
        pa.field("slots", pa.binary()),  # uint32 each: titles decided; null: all of the header
        pa.field("ranks", pa.binary(), nullable=False),  # uint16 each: chosen candidate
        pa.field("codes", pa.binary(), nullable=False),  # uint8 or uint16, candidate by candidate
        pa.field("fingerprint", pa.int64()),  # of the facts; null: made before there were epochs
        pa.field("openings", pa.binary()),  # uint8 each: how the draw opens; null: all FIRST
    ]
)
EFFECTS = pa.field("effects", pa.binary())
"""uint32 each: what rules did, by its place in the header's `effects`, 0: nothing. In files of runs
that rules had to do with; others have no such column."""


@dataclass(frozen=True)
class RunHeader:
    """What the decisions of a run have in common."""

    time_us: int
    day: int
    """Day that was decided for, since 1970-01-01."""
    rules: DrawRules
    layout: str
    """Digest, in hex."""
    title_ids: Sequence[int] | Sequence[str]
    artwork_ids: Sequence[str]
    starts: Sequence[int]
    """Where each title's candidates begin in `artwork_ids`, and the end."""
    chances: Sequence[float]
    """Code → probability."""
    schema_version: int = SCHEMA_VERSION
    salts: Sequence[int] | None = None
    """Of draws by how they open (`bandit.draws.opening_salts`); None: all by the rules' salt."""
    nonce: int | None = None
    """Of a run that was made before there were epochs: schema 1."""
    effects: Sequence[RuledEffect] | None = None
    """Of rules; None: no rule changed a draw."""
    kinds: KindsHeader | None = None
    """Of what is drawn beside artwork; None: nothing is."""

    def to_json(self) -> bytes:
        """As a file's metadata has it."""
        told = asdict(self) | {"rules": self.rules.to_record()}
        for name in ("effects", "kinds"):  # as versions before them wrote it, which read it too
            if told[name] is None:
                del told[name]
        return orjson.dumps(told)

    @staticmethod
    def from_json(raw: bytes) -> "RunHeader":
        """Read a header of this version or an earlier one."""
        got = orjson.loads(raw)
        if "rules" in got:
            rules = got["rules"] | {"epochs": Epochs(**got["rules"]["epochs"])}
            return RunHeader(**got | {"rules": DrawRules(**rules)})
        rules = DrawRules(got.pop("bundle"), got.pop("policy"), 0.0, got.pop("salt"), 1)
        return RunHeader(**got, rules=rules, layout="")

    @property
    def most(self) -> int:
        """Candidates of the title that has most."""
        return int(np.diff(self.starts).max())


# Each is a column of the file.
def run_bytes(
    header: RunHeader,
    profile_ids: pa.Array,
    facts: pa.StructArray,
    fingerprints: Int[np.ndarray, " profiles"],
    openings: Int8[np.ndarray, "profiles titles"],
    ranks: Int[np.ndarray, "profiles titles"],
    codes: UInt[np.ndarray, "profiles candidates titles"],
    effects: Int[np.ndarray, "profiles titles"] | None = None,
    kinds: KindDraws | None = None,
) -> bytes:
    """The decisions that were made for a block of profiles, as a file of them is.

    Args:
        header: what they have in common.
        profile_ids: profiles.
        facts: what was known of them.
        fingerprints: of the features that the facts became.
        openings: how each draw opens, see `bandit.draws`; −1 where an earlier one was kept.
        ranks: chosen candidate, by its place among the title's.
        codes: position of each candidate's probability in `header.chances`.
        effects: place of each draw's effect of rules in `header.effects`, from 1; 0 or None: none.
        kinds: what was drawn beside artwork; None: nothing.
    """
    made = openings >= 0
    counts = made.sum(1)
    various = len(header.chances)
    small = np.uint8 if various <= 1 << 8 else np.uint16 if various <= 1 << 16 else np.uint32
    if made.all():
        slots: pa.Array = pa.nulls(len(made), pa.binary())
        flat_codes = codes.astype(small)
    else:
        slots = binary(np.nonzero(made)[1].astype("<u4"), counts)
        flat_codes = codes[np.broadcast_to(made[:, None], codes.shape)].astype(small)
    schema = SCHEMA if effects is None else SCHEMA.append(EFFECTS)
    more = [] if effects is None else [binary(effects[made].astype("<u4"), counts)]
    if kinds is not None:
        schema, more = pa.schema([*schema, *COLUMNS]), [*more, *kinds.columns(made)]
    table = pa.table(
        [
            profile_ids,
            facts,
            slots,
            binary(ranks[made].astype("<u2"), counts),
            binary(flat_codes, counts * codes.shape[1]),
            pa.array(fingerprints, pa.int64()),
            binary(openings[made].astype("u1"), counts)
            if (openings > FIRST).any()
            else pa.nulls(len(made), pa.binary()),
            *more,
        ],
        schema=schema.with_metadata({HEADER: header.to_json()}),
    ).filter(pa.array(counts > 0))
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression="zstd",
        compression_level=1,
        use_dictionary=False,
        write_statistics=False,
    )
    return sink.getvalue().to_pybytes()


class FolderRuns:
    """Runs as files of a log's folder."""

    def __init__(self, log_dir: Path) -> None:
        self.folder = log_dir / FOLDER

    def write_run(self, name: str, body: bytes) -> None:
        """Write a file that readers see whole or not at all."""
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True, exist_ok=True)
            sync(self.folder.parent)
        with whole_file(self.folder / name) as part:
            part.write_bytes(body)

    def close(self) -> None:
        """Nothing is held."""


def run_files(log_dir: Path) -> list[Path]:
    """Files of runs that were not expanded yet."""
    return sorted((log_dir / FOLDER).glob("*.parquet"))


def rendered_name(run: Path, content: int) -> str:
    """What a file of some of a run's draws, as rows, is called."""
    return f"{RENDERED}-{run.stem}-{content:016x}"


def filed_ids(log_dir: Path, run: Path) -> pa.Array:
    """Ids of a run's draws that are rows of the log already, since they were rendered."""
    # All of a run's draws were made at one time, so their rows lie in the folder of one day.
    day = log_dir / "decisions" / f"day={date_of(run_time(run) // DAY_US)}"
    files = sorted(day.glob(f"{RENDERED}-{run.stem}-*.parquet"))
    parts = [pq.ParquetFile(file).read(columns=["decision_id"]) for file in files]
    ids = [chunk for part in parts for chunk in part["decision_id"].cast(pa.string()).chunks]
    return pa.chunked_array(ids, pa.string()).combine_chunks()


def retire_runs(log_dir: Path, keep_days: int, today: date) -> list[str]:
    """Remove runs that decided for a day `keep_days` or more before `today`; their names."""
    last = day_number(today) - keep_days
    gone = [path for path in run_files(log_dir) if _header(path).day <= last]
    for path in gone:
        path.unlink()
    return [f"{FOLDER}/{path.name}" for path in gone]


def run_time(path: Path) -> int:
    """When a run decided, in microseconds since 1970-01-01."""
    return _header(path).time_us


def _header(path: Path) -> RunHeader:
    return RunHeader.from_json(pq.read_schema(path).metadata[HEADER])


class RunFile(NamedTuple):
    """A run's draws as they lie on disk."""

    header: RunHeader
    table: pa.Table

    @staticmethod
    def read(path: Path) -> "RunFile":
        """Read a file of `run_bytes`, in this version or an earlier one."""
        table = pq.ParquetFile(path).read()
        for name in ("fingerprint", "openings"):  # which earlier versions did not write
            if name not in table.schema.names:
                field = SCHEMA.field(name)
                table = table.append_column(field, pa.nulls(len(table), field.type))
        if table.schema.field("facts").type != FACTS:  # of a version that had fewer
            at = table.schema.get_field_index("facts")
            table = table.set_column(at, SCHEMA.field("facts"), fit(table["facts"], FACTS))
        return RunFile(RunHeader.from_json(table.schema.metadata[HEADER]), table)
