"""Bandit feedback of the Open Bandit Pipeline (obp): as Marquee's examples.

obp's feedback is a dictionary of arrays: n_rounds, n_actions, action, reward, pscore, context, and
perhaps position and action_context. It is read from an .npz of them, or from a CSV of action,
reward, pscore, perhaps position, and context_0, context_1 …, a row a round.
"""

import zipfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float, Int

from data.atomic_write import replaced_folder
from data.days import DAY_US, midnight_us
from data.errors import BadInput
from data.importers.mapping.row_files import read_rows
from data.importers.one_title import example, write_one_title
from data.records import EXAMPLES
from data.schema import Fact, Schema, write_schema
from data.schema.request_facts import WIDEST

CONTEXT = "context"
"""The fact that a round's context is."""


@dataclass(frozen=True)
class ObpImport:
    """What was imported."""

    out: str
    """Holds catalogue/ and examples/."""
    rounds: int
    actions: int
    reward: float
    """A round."""


@dataclass(frozen=True)
class _Feedback:
    """Feedback, checked."""

    action: Int[np.ndarray, " rounds"]
    reward: Float[np.ndarray, " rounds"]
    pscore: Float[np.ndarray, " rounds"]
    context: Float[np.ndarray, "rounds features"]
    position: Int[np.ndarray, " rounds"] | None
    actions: int
    action_context: Float[np.ndarray, "actions features"] | None


def obp_feedback(
    source: Path,
    out: Path = Path("artifacts/obp"),
    first_day: str = "2026-01-01",
    days: int = 10,
    force: bool = False,
) -> ObpImport:
    """Import obp's bandit feedback: actions as artwork of one title, and an example a round.

    Args:
        source: .npz or .csv.
        out: gets catalogue/ and examples/.
        first_day: rounds have no time: they are spread over days from this one on, in their order.
        days: so many.
        force: write over what is there.
    """
    try:
        first = date.fromisoformat(first_day)
    except ValueError:
        raise BadInput(f"--first-day {first_day!r} is no date; write it as 2026-01-31") from None
    if days < 1:
        raise BadInput(f"--days {days}: there must be at least 1")
    if out.exists() and any(out.iterdir()) and not force:
        raise BadInput(f"{out} holds files already; give another --out, or --force")
    read = _read_csv(source) if source.suffix == ".csv" else _read_npz(source)
    names = [f"action-{at}" for at in range(read.actions)]
    described = read.action_context
    if described is None:
        described = np.eye(read.actions, dtype=np.float32)
    with replaced_folder(out) as part:
        for name in ("examples", "catalogue"):
            (part / name).mkdir()
        write_one_title(part / "catalogue", "actions", names, described, first)
        if read.context.shape[1]:
            write_schema(part / "catalogue", Schema((Fact(CONTEXT, "vector"),)))
        rows = _examples(read, names, midnight_us(first), days)
        pq.write_table(rows, part / "examples" / "part-0.parquet")
    return ObpImport(str(out), len(rows), read.actions, float(read.reward.mean()))


def _examples(read: _Feedback, names: list[str], start: int, days: int) -> pa.Table:
    count = len(read.action)
    begin = datetime.fromtimestamp(start / 1e6, UTC)
    step = days * DAY_US / count
    rows = [
        example(
            decision_id=f"obp-{at}",
            time=begin + timedelta(microseconds=int(at * step)),
            profile_id=f"round-{at}",
            facts={
                "own": [(CONTEXT, {"names": [], "numbers": row})] if row else [],
                "column": None if read.position is None else int(read.position[at]),
            },
            candidates=names,
            action=names[read.action[at]],
            propensity=float(read.pscore[at]),
            reward=float(read.reward[at]),
        )
        for at, row in enumerate(read.context.tolist())
    ]
    return pa.Table.from_pylist(rows, EXAMPLES)


def _read_npz(source: Path) -> _Feedback:
    if not source.is_file():
        raise BadInput(
            f"there is no file {source}; save obp's feedback with numpy.savez, or as CSV"
        )
    try:
        with np.load(source, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        words = f"{source} is no .npz of plain arrays ({error!s:.200})"
        raise BadInput(f"{words}; save action, reward, pscore and context by numpy.savez") from None
    return _checked(arrays, source)


def _read_csv(source: Path) -> _Feedback:
    tables = [raw.table for raw in read_rows(source)]
    if not tables:
        raise BadInput(f"{source} has no rows")
    table = pa.concat_tables(tables)
    arrays: dict[str, np.ndarray] = {}
    for name in table.column_names:
        try:
            arrays[name] = table[name].cast(pa.float64()).to_numpy()
        except pa.ArrowException as error:
            raise BadInput(f"{source}, column {name}: {error!s:.120}; give numbers") from None
    context = [arrays[n] for n in arrays if n.startswith("context_")]
    arrays["context"] = np.stack(context, 1) if context else np.zeros((len(table), 0))
    return _checked(arrays, source)


def _checked(arrays: dict[str, np.ndarray], source: Path) -> _Feedback:
    """Feedback of arrays.

    Raises:
        BadInput: one lacks, has another shape, or a value that cannot be: by file, name and row.
    """
    for name in ("action", "reward", "pscore"):
        if name not in arrays:
            raise BadInput(f"{source} has no {name}; it has {', '.join(arrays)}")
        if arrays[name].ndim != 1 or len(arrays[name]) != len(arrays["action"]):
            shape = list(arrays[name].shape)
            raise BadInput(f"{source}: {name} is {shape}; give one number a round, no slates")
    count = len(arrays["action"])
    context = np.asarray(arrays.get("context", np.zeros((count, 0))), np.float64)
    if context.ndim != 2 or len(context) != count or context.shape[1] > WIDEST:
        raise BadInput(
            f"{source}: context is {list(context.shape)}; give a row a round, "
            f"of {WIDEST:,} numbers at most"
        )
    action, pscore = arrays["action"], arrays["pscore"].astype(np.float64)
    reward = arrays["reward"].astype(np.float64)
    finite = np.isfinite(reward) & np.isfinite(context).all(1)
    most = np.nanmax(action, initial=0)
    actions = int(arrays["n_actions"]) if "n_actions" in arrays else int(most) + 1
    for name, wrong, remedy in (
        ("action", ~((action >= 0) & (action < actions) & (action % 1 == 0)), f"0 … {actions - 1}"),
        ("pscore", ~((pscore > 0) & (pscore <= 1)), "above 0 and up to 1"),
        ("reward", ~finite, "finite, as its context"),
    ):
        if wrong.any():
            row = int(wrong.argmax())
            raise BadInput(
                f"{source}: {name}, row {row} is {arrays[name][row]}; it must be {remedy}"
            )
    position = arrays.get("position")
    known = position is not None and position.ndim == 1 and position.dtype.kind in "iuf"
    described = arrays.get("action_context")
    if described is not None and (described.ndim != 2 or len(described) != actions):
        raise BadInput(f"{source}: action_context is {list(described.shape)}; give a row an action")
    return _Feedback(
        action.astype(np.int64),
        reward,
        pscore,
        context,
        position.astype(np.int64) if known and position is not None else None,
        actions,
        described,
    )
