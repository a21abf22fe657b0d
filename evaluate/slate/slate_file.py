"""A file of rows, one line a slot: read, checked, and turned to weights."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from bandit.choice import profile_keys
from data.errors import BadInput
from data.importers.mapping.row_files import read_rows
from data.schema_cast import conform
from evaluate.ope.feedback import GROUPS
from evaluate.slate.slot_grid import SlotGrid

PARTS = ("slate", "position", "prefix", "pair")
OWNERS = ("logged", "target")
BY_ACTION = re.compile(r"(estimated_reward|q_hat|target_given_prefix|target_position)_(\d+)")
"""Columns of one number an action; the actions are counted from 0."""

WHOLE = ("estimated_slate", "estimated_slate_target")
"""A prediction of the row's reward, and its mean over the target's rows."""
OF_A_MAP = {
    ", or give csv.delimiter or csv.encoding in the map": "",
    "give csv.encoding in the map, such as latin-1": "write it in UTF-8",
}
"""What importers say of CSV → what holds where there is no map."""


@dataclass(frozen=True)
class SlateFile:
    """The columns of a file of rows.

    Attributes:
        grid: where each line belongs: its row and its place in it.
        reward: of each line.
        chances: `logged_slate`, `target_pair` and so on → probabilities of each line; those that
            the file has.
        by_action: `q_hat` and so on → one number an action of each line; those that it has.
        action: of each line; None where the file names none.
        context: of each row, from 0.
        group: of each row, by profile, or each by itself.
        clustered: whether the file names profiles.
        whole: predicted reward of each row, and the mean of the same over the target's rows; None
            where the file has not both.
    """

    grid: SlotGrid
    reward: Float[np.ndarray, " lines"]
    chances: dict[str, Float[np.ndarray, " lines"]]
    by_action: dict[str, Float[np.ndarray, "lines actions"]]
    action: Int[np.ndarray, " lines"] | None
    context: Int[np.ndarray, " slates"]
    group: Int[np.ndarray, " slates"]
    clustered: bool
    whole: tuple[Float[np.ndarray, " slates"], Float[np.ndarray, " slates"]] | None = None

    def both(self, part: str) -> bool:
        """Whether it has both probabilities of a part."""
        return all(f"{owner}_{part}" in self.chances for owner in OWNERS)


def read_slate_file(file: Path) -> SlateFile:
    """A file of rows as docs/rows.md describes it.

    Args:
        file: Parquet, CSV or JSON lines; or a folder of Parquet.

    Raises:
        BadInput: it cannot be read, lacks a column, or a line is wrong: by file, line and remedy.
    """
    table = _table(file)
    grid = SlotGrid.of(table["slate_id"], table["position"].to_numpy(), file)
    reward = _numbers(table, "reward")
    grid.refuse(~np.isfinite(reward), "reward", reward, "give a finite number")
    names = [f"{owner}_{part}" for owner in OWNERS for part in PARTS]
    chances = {name: _numbers(table, name) for name in names if name in table.column_names}
    for name, values in chances.items():
        _refuse_chances(grid, name, values)
    by_action = _by_action(table, grid, _reached(grid, chances))
    action = None
    if "action" in table.column_names:
        action = table["action"].to_numpy()
    _refuse_actions(grid, action, by_action)
    _refuse_mixed(grid, chances)
    clustered = "profile_id" in table.column_names
    return SlateFile(
        grid=grid,
        reward=reward,
        chances=chances,
        by_action=by_action,
        action=action if by_action else None,
        context=_context(table, grid),
        group=_groups(table["profile_id"], grid) if clustered else _alone(grid),
        clustered=clustered,
        whole=_whole(table, grid),
    )


def schema_of(names: list[str]) -> pa.Schema:
    """The columns of a file of rows, of those names that mean something."""
    fields = [
        pa.field("slate_id", pa.string(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("reward", pa.float64(), nullable=False),
    ]
    optional = {"profile_id": pa.string(), "context": pa.string(), "action": pa.int64()}
    fields += [
        pa.field(n, kind, nullable=n == "context") for n, kind in optional.items() if n in names
    ]
    chances = [f"{owner}_{part}" for owner in OWNERS for part in PARTS]
    numbers = [n for n in names if n in (*chances, *WHOLE) or BY_ACTION.fullmatch(n)]
    # The pair of a row's last slot is missing, and so may be a prediction of no consequence.
    fields += [
        pa.field(n, pa.float64(), nullable=n.endswith("_pair") or bool(BY_ACTION.fullmatch(n)))
        for n in dict.fromkeys(numbers)
    ]
    return pa.schema(fields)


def _table(file: Path) -> pa.Table:
    try:
        parts = list(read_rows(file))
    except BadInput as error:
        words = str(error)
        for of_a_map, instead in OF_A_MAP.items():
            words = words.replace(of_a_map, instead)
        raise BadInput(words) from None
    for part in parts:
        for row in part.broken[:1]:
            raise BadInput(f"{file}: row {row.row}: {row.why}; mend the line")
    if not sum(len(part.table) for part in parts):
        raise BadInput(f"{file}: no rows; give one line a slot")
    whole = pa.concat_tables([part.table for part in parts], promote_options="permissive")
    for name in ("profile_id", "context"):
        if name in whole.column_names and whole[name].null_count == len(whole):
            whole = whole.drop_columns([name])
    table, problems = conform(whole, schema_of(whole.column_names), file)
    if problems:
        raise BadInput(str(problems[0]))
    return table


def _whole(
    table: pa.Table, grid: SlotGrid
) -> tuple[Float[np.ndarray, " slates"], Float[np.ndarray, " slates"]] | None:
    """The predictions of whole rows, equal in each line of one."""
    if not set(WHOLE) <= set(table.column_names):
        return None
    found = []
    for name in WHOLE:
        values = _numbers(table, name)
        remedy = "it is a finite prediction of the whole row, equal in each of its slots"
        wrong = ~np.isfinite(values) | (values != values[grid.first_line][grid.row])
        grid.refuse(wrong, name, values, remedy)
        found.append(values[grid.first_line])
    return found[0], found[1]


def _numbers(table: pa.Table, name: str) -> Float[np.ndarray, " lines"]:
    return table[name].to_numpy(zero_copy_only=False).astype(np.float64)


def _refuse_chances(grid: SlotGrid, name: str, values: Float[np.ndarray, " lines"]) -> None:
    """Refuse what is no probability; a pair may be missing at the last slot alone."""
    needed = ~grid.last if name.endswith("_pair") else np.ones(len(values), bool)
    low = values > 0 if name.startswith("logged") else values >= 0
    remedy = "give a probability, of what was shown: above 0 and at most 1"
    if name.startswith("target"):
        remedy = "give a probability: within 0 and 1"
    grid.refuse(needed & ~(low & (values <= 1 + 1e-9)), name, values, remedy)


def _reached(
    grid: SlotGrid, chances: dict[str, Float[np.ndarray, " lines"]]
) -> Bool[np.ndarray, " lines"]:
    """Which slots the target may come to after the logged ones before them; all if not known."""
    prefix = chances.get("target_prefix")
    if prefix is None:
        return np.ones(len(grid.row), bool)
    before = np.roll(grid.spread(prefix), 1, axis=1)
    return (grid.place == 0) | (before[grid.row, grid.place] > 0)


def _by_action(
    table: pa.Table, grid: SlotGrid, reached: Bool[np.ndarray, " lines"]
) -> dict[str, Float[np.ndarray, "lines actions"]]:
    """Columns of one number an action, side by side."""
    found: dict[str, dict[int, str]] = {}
    for name in table.column_names:
        if match := BY_ACTION.fullmatch(name):
            found.setdefault(match[1], {})[int(match[2])] = name
    stacked = {}
    for stem, columns in found.items():
        lacking = set(range(len(columns))) - columns.keys()
        if lacking:
            raise BadInput(
                f"{grid.source}: column {stem}_{min(lacking)} is missing; give one an action,"
                " counted from 0"
            )
        values = np.stack([_numbers(table, columns[at]) for at in range(len(columns))], axis=1)
        if stem.startswith("target"):
            values = np.nan_to_num(values)
            total = values.sum(1)
            wrong = (np.abs(total - 1) > 1e-5) | (values < 0).any(1)
            if stem == "target_given_prefix":  # after what it never does it has no choice
                wrong &= reached
            remedy = "give probabilities of all actions, whose sum is 1"
            grid.refuse(wrong, f"{stem}_0 … sum to", total, remedy)
        stacked[stem] = values
    sizes = {stem: values.shape[1] for stem, values in stacked.items()}
    if len(set(sizes.values())) > 1:
        words = ", ".join(f"{size} of {stem}" for stem, size in sizes.items())
        raise BadInput(f"{grid.source}: there are {words}; give as many, one an action")
    return stacked


def _refuse_actions(
    grid: SlotGrid,
    action: Int[np.ndarray, " lines"] | None,
    by_action: dict[str, Float[np.ndarray, "lines actions"]],
) -> None:
    """Refuse an action that the columns by action do not have, and a prediction that is needed."""
    if not by_action:
        return
    if action is None:
        raise BadInput(
            f"{grid.source}: column action is missing; it says which of {next(iter(by_action))}_0 …"
            " was shown"
        )
    count = next(iter(by_action.values())).shape[1]
    wrong = (action < 0) | (action >= count)
    grid.refuse(wrong, "action", action, f"actions are counted from 0, and there are {count}")
    for stem, by in (
        ("q_hat", "target_given_prefix"),
        ("estimated_reward", "target_given_prefix"),
        ("estimated_reward", "target_position"),
    ):
        if stem in by_action and by in by_action:
            used = by_action[by] > 0
            used[np.arange(len(action)), action] = True
            wrong = np.asarray((used & ~np.isfinite(by_action[stem])).any(1))
            grid.refuse(wrong, stem, "lacks a value", "predict each action that may be shown")


def _refuse_mixed(grid: SlotGrid, chances: dict[str, Float[np.ndarray, " lines"]]) -> None:
    """Refuse probabilities of one row that contradict each other, as swapped columns do."""
    for owner in OWNERS:
        slate, prefix = chances.get(f"{owner}_slate"), chances.get(f"{owner}_prefix")
        position = chances.get(f"{owner}_position")
        if slate is not None:
            first = slate[grid.first_line][grid.row]
            remedy = "it is the probability of the whole row, equal in each of its slots"
            grid.refuse(_differ(slate, first), f"{owner}_slate", slate, remedy)
        if slate is not None and prefix is not None:
            wrong = grid.last & _differ(slate, prefix)
            remedy = f"of the last slot it must be {owner}_slate"
            grid.refuse(wrong, f"{owner}_prefix", prefix, remedy)
        if position is not None and prefix is not None:
            wrong = (grid.place == 0) & _differ(position, prefix)
            remedy = f"of the first slot it must be {owner}_position"
            grid.refuse(wrong, f"{owner}_prefix", prefix, remedy)


def _differ(
    one: Float[np.ndarray, " lines"], other: Float[np.ndarray, " lines"]
) -> Bool[np.ndarray, " lines"]:
    """By more than a percent: a file may hold a few digits of each."""
    return ~np.isclose(one, other, rtol=0.01, atol=1e-12)


def _context(table: pa.Table, grid: SlotGrid) -> Int[np.ndarray, " slates"]:
    if "context" not in table.column_names:
        return np.zeros(grid.rows, np.int64)
    return _of_rows(table["context"].fill_null(""), grid, "context").astype(np.int64)


def _groups(profiles: pa.ChunkedArray, grid: SlotGrid) -> Int[np.ndarray, " slates"]:
    """Whole profiles fall by hash into groups."""
    codes = _of_rows(profiles, grid, "profile_id")
    names = profiles.combine_chunks().dictionary_encode().dictionary
    return (profile_keys(names.to_pylist()) % np.uint64(GROUPS)).astype(np.int64)[codes]


def _of_rows(texts: pa.ChunkedArray, grid: SlotGrid, name: str) -> Int[np.ndarray, " slates"]:
    """Codes of what each row has, which is equal in each of its lines."""
    codes = texts.combine_chunks().dictionary_encode().indices.to_numpy()
    wrong = codes != codes[grid.first_line][grid.row]
    shown = texts.to_numpy()
    grid.refuse(wrong, name, shown, "a row has one, equal in each of its slots")
    return codes[grid.first_line]


def _alone(grid: SlotGrid) -> Int[np.ndarray, " slates"]:
    return np.arange(grid.rows, dtype=np.int64) % GROUPS
