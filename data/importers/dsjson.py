"""Vowpal Wabbit's dsjson, which Azure Personalizer's logs are: as Marquee's examples.

A line is a decision with what came of it: `c` holds features of who asked and, in `_multi`, of each
action; `a` ranks actions (from 1) and `p` has their probabilities in that order; `_label_cost` is
the reward with its sign turned.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson
import pyarrow as pa
from rich.console import Console

from data.atomic_write import replaced_folder
from data.errors import BadInput
from data.importers.dsjson_actions import action_features, action_name
from data.importers.dsjson_facts import FoldedValue, SharedFacts
from data.importers.mapping.json_rows import at_path
from data.importers.mapping.raw_rows import byte_stream
from data.importers.one_title import described, example, write_one_title
from data.importers.record_writer import SET_ASIDE, RecordWriter
from data.records import EXAMPLES, FACTS
from data.schema import write_schema
from data.schema.schema import MOST_FACTS
from data.sound import id_problem

BATCH = 10_000
TOLERANCE = 1e-3


@dataclass(frozen=True)
class DsjsonImport:
    """What was read, and what became of it."""

    out: str
    """Holds catalogue/ and examples/."""
    lines: int
    written: int
    drawn: int
    """Of them, drawn at random among several actions."""
    actions: int
    set_aside: Mapping[str, int]
    """Reason → lines."""
    reward: float
    """A line."""
    doubts: list[str]


class _Unusable(Exception):
    """Why a line makes no example."""


class _Line(NamedTuple):
    """A decision, and its actions with what describes them."""

    example: dict[str, object]
    time: datetime
    propensity: float
    reward: float
    actions: dict[str, Mapping[str, float]]
    shared: Mapping[str, object]
    """What is known of who asked."""
    dropped: bool
    """Others like it were dropped at random."""


# Each parameter is an option of the command.
def dsjson(
    files: list[str],
    out: Path = Path("artifacts/dsjson"),
    action: str | None = None,
    profile: str | None = None,
    force: bool = False,
) -> DsjsonImport:
    """Import dsjson logs: actions as artwork of one title, and an example a decision.

    Args:
        files: of a decision a line, also .gz.
        out: gets catalogue/ and examples/.
        action: path of an action's name in `_multi`, such as TAction.topic; its id or tag if not
            given, else a hash of what it holds.
        profile: path of who asked in `c`, such as GUser.id; each line its own if not given.
        force: write over what is there.
    """
    if not files:
        raise BadInput("name the files to import")
    if out.exists() and any(out.iterdir()) and not force:
        raise BadInput(f"{out} holds files already; give another --out, or --force")
    actions: dict[str, Mapping[str, float]] = {}
    dropped, drawn, rewards = 0, 0, 0.0
    facts = SharedFacts()
    first = datetime.max.replace(tzinfo=UTC)
    with replaced_folder(out) as part:
        for name in ("examples", "catalogue"):
            (part / name).mkdir()
        with (
            closing(RecordWriter(part / "examples", EXAMPLES, "decision_id")) as writer,
            Console(stderr=True).status("reading"),
        ):
            for lines in _batches(files, action, profile, writer):
                rows = [{**o.example, "facts": _own(facts.add(o.shared))} for o in lines]
                writer.write(pa.Table.from_pylist(rows, EXAMPLES))
                for line in lines:
                    for name, features in line.actions.items():
                        actions.setdefault(name, features)
                    dropped += line.dropped
                    drawn += line.propensity < 1
                    rewards += line.reward
                    first = min(first, line.time)
            copies = writer.finish()
        writer.refuse_nothing(files[0], "is it dsjson?")
        if len(copies):
            drawn -= int(np.sum(copies["propensity"].to_numpy() < 1))
            rewards -= float(np.sum(copies["reward"].to_numpy()))
        features = described(list(actions.values()))
        write_one_title(part / "catalogue", "actions", list(actions), features, first.date())
        schema, too_many = facts.schema()
        write_schema(part / "catalogue", schema)
    doubts = []
    if too_many:
        doubts.append(
            f"{len(too_many):,} features of who asked are not declared, since a schema has "
            f"{MOST_FACTS} facts at most: {', '.join(too_many[:3])} …"
        )
    if dropped:
        doubts.append(
            f"{dropped:,} lines say that others were dropped at random (pdrop): counts of "
            "decisions are too low by them, means are not"
        )
    return DsjsonImport(
        *(str(out), writer.rows, writer.written, drawn, len(actions)),
        *(dict(writer.reasons.most_common()), rewards / writer.written, doubts),
    )


def show(record: DsjsonImport) -> None:
    """What was read, what was set aside and why; doubts on stderr."""
    print(f"{record.out}: {record.written:,} of {record.lines:,} lines, {record.actions:,} actions")
    print(f"drawn at random among several: {record.drawn:,}; reward {record.reward:.4f} a line")
    for reason, count in record.set_aside.items():
        print(f"set aside: {count:,}: {reason}")
    if record.set_aside:
        print(f"set aside lines: {Path(record.out) / 'examples' / SET_ASIDE}")
    for doubt in record.doubts:
        print(f"note: {doubt}", file=sys.stderr)


def _batches(
    files: list[str], action: str | None, profile: str | None, writer: RecordWriter
) -> Iterator[list[_Line]]:
    """Lines that make examples, some at a time; the others are set aside."""
    held: list[_Line] = []
    for file in map(Path, files):
        if not file.is_file():
            raise BadInput(f"there is no file {file}; name files of dsjson")
        with byte_stream(file) as stream:
            for row, text in enumerate(stream):
                if not text.strip():
                    continue
                try:
                    held.append(_line(orjson.loads(text), action, profile))
                except (_Unusable, orjson.JSONDecodeError) as error:
                    why = str(error) if isinstance(error, _Unusable) else "it is no JSON"
                    writer.set_aside(file, row, why, text.decode(errors="replace").strip())
                if len(held) == BATCH:
                    yield held
                    held = []
    if held:
        yield held


def _line(said: object, action: str | None, profile: str | None) -> _Line:
    """A decision from a line's JSON.

    Raises:
        _Unusable: it makes no example.
    """
    if not isinstance(said, dict) or not isinstance(said.get("c"), dict):
        raise _Unusable("it holds no decision (no c), such as an outcome alone")
    context = said["c"]
    if "_slots" in context or "_outcomes" in said:
        raise _Unusable("it decides several slots (CCB or slates)")
    if said.get("_skipLearn") or said.get("skipLearn"):
        raise _Unusable("it was never shown (skipLearn)")
    multi, ranked, chances = (
        _list(one) for one in (context.get("_multi"), said.get("a"), said.get("p"))
    )
    whole = len(ranked) == len(chances) == len(multi)
    if not whole or any(at not in ranked for at in range(1, len(multi) + 1)):
        raise _Unusable("a and p do not rank the actions of _multi, each once")
    names = [action_name(one, action) for one in multi]
    if len(set(names)) < len(names) or any(id_problem(name) for name in names):
        raise _Unusable("two actions have one name, or one has none; see --action")
    chosen = said.get("_label_Action", ranked[0])
    if chosen not in ranked:
        raise _Unusable("_label_Action is no action")
    propensity, reward = _chance(said, ranked.index(chosen)), 0.0 - _cost(said)
    moment = _time(said.get("Timestamp"))
    who = None if profile is None else at_path(context, profile)
    event = str(said.get("EventId") or "")
    if id_problem(event):
        raise _Unusable("it has no EventId")
    shared = {name: value for name, value in context.items() if not name.startswith("_")}
    row = example(
        decision_id=event,
        time=moment,
        profile_id=event if who is None else str(who),
        facts={},
        candidates=names,
        action=names[chosen - 1],
        propensity=propensity,
        reward=reward,
    )
    features: dict[str, Mapping[str, float]] = {
        name: action_features(one) for name, one in zip(names, multi, strict=True)
    }
    return _Line(row, moment, propensity, reward, features, shared, bool(said.get("pdrop")))


def _own(facts: list[tuple[str, FoldedValue]]) -> dict[str, object]:
    """Facts of which only those of the log's own are known."""
    return {field.name: facts if field.name == "own" else None for field in FACTS}


def _list(value: object) -> list:
    if not isinstance(value, list) or not value:
        raise _Unusable("it has no actions (_multi), ranking (a) or probabilities (p)")
    return value


def _chance(said: Mapping[str, object], at: int) -> float:
    """The probability of what was chosen: of p, since the label's also counts what was dropped."""
    p = said["p"][at]  # pyright: ignore[reportIndexIssue]
    label = said.get("_label_probability", said.get("_label_Probability"))
    kept = 1 - _number(said.get("pdrop", 0), "pdrop")
    chance = _number(p, "p")
    if not 0 < chance <= 1 + TOLERANCE:
        raise _Unusable("the probability of what was chosen is not above 0 and up to 1")
    if label is not None:
        told = _number(label, "_label_probability")
        if min(abs(told - chance), abs(told - chance * kept)) > TOLERANCE:
            raise _Unusable("_label_probability is not that of p")
    return min(chance, 1.0)


def _cost(said: Mapping[str, object]) -> float:
    return _number(said.get("_label_cost", said.get("_label_Cost")), "_label_cost")


def _number(value: object, name: str) -> float:
    try:
        number = float(value)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError):
        raise _Unusable(f"{name} is no number") from None
    if not np.isfinite(number):
        raise _Unusable(f"{name} is no number")
    return number


def _time(text: object) -> datetime:
    """A moment; digits beyond microseconds are cut."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise _Unusable("Timestamp is no time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
