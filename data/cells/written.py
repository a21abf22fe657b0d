"""`experiments.yaml` as it is written, each mistake refused in a sentence with file and line."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast, get_args

import yaml

from bandit.head_policy import PolicyKind
from data.cells.experiment import NO_DRAW, Arm, Cell, Experiment, Experiments, Loop, Ramp, Train
from data.cells.ramp_state import read_states
from data.errors import BadInput
from data.schema.schema import SHIPPED, Schema
from data.schema.yaml_nodes import fields_of

LARGEST = 1 << 20
"""Bytes of the file."""
MOST = 200
"""Experiments, and loops, and cells of an experiment."""
ID = re.compile(r"[\w.-]{1,80}", re.ASCII)
POLICIES = (*get_args(PolicyKind), *NO_DRAW)
ARM = ("bundle", "policy", "epsilon", "store", "rules")
CELL = ("share", *ARM, "train")
EXPERIMENT = ("layer", "share", "loop", "control", "cells", "ramp", "who", "why")
RAMP = ("cell", "steps", "days", "margin")


def read_experiments(file: Path, schema: Schema | None = None) -> Experiments:
    """The experiments of a file, as far as their ramps have come.

    Args:
        file: `experiments.yaml`.
        schema: of the catalogue, whose categories loops may ask for; None: Marquee's alone.

    Raises:
        BadInput: it is not what docs/experiments.md says: by file and line.
    """
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise BadInput(
            f"experiments {file} cannot be read ({error.strerror}); give a file"
        ) from None
    found = parse_experiments(raw, str(file), schema)
    states, steps = read_states(file), {}
    for one in found.experiments:
        state = states.get(one.name)
        if one.ramp is None or state is None:
            continue
        if state.cell != one.ramp.cell:
            raise BadInput(
                f"{file}, experiment {one.name!r}: its ramp is of cell {one.ramp.cell!r}, and the"
                f" state beside it of {state.cell!r}; give the experiment another name"
            )
        steps[one.name] = float(state.share)
    return replace(found, steps=steps)


def parse_experiments(raw: bytes, where: str, schema: Schema | None = None) -> Experiments:
    """Experiments from the bytes of their file, ramps at their first step.

    Raises:
        BadInput: as `read_experiments`.
    """
    if len(raw) > LARGEST:
        raise BadInput(f"experiments {where} has {len(raw):,} bytes; {LARGEST:,} at most are read")
    try:
        root = yaml.compose(raw, yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BadInput(f"{where} is not YAML ({reason}); mend the line") from None
    salt, experiments, loops = "", list[Experiment](), list[Loop]()
    for section, line, node in () if root is None else fields_of(root, where, "the file"):
        place = f"{where}, line {line}"
        if section == "salt":
            salt = _text(node, place)
        elif section == "experiments":
            experiments = [
                _experiment(one, name, f"{where}, line {at}, experiment {name!r}", where)
                for name, at, one in _named(node, where, section)
            ]
        elif section == "loops":
            loops = [
                _loop(one, name, f"{where}, line {at}, loop {name!r}", where, schema)
                for name, at, one in _named(node, where, section)
            ]
        else:
            raise BadInput(f"{place}: {section!r} is no section; write salt, experiments, loops")
    if experiments and not salt:
        raise BadInput(
            f"{where}: salt is missing; write salt: and a text that stays: members are put into"
            " cells by it, and another text deals them anew"
        )
    _refuse_clashes(experiments, loops, where)
    return Experiments(salt, tuple(experiments), tuple(loops))


def _named(node: yaml.Node, where: str, section: str) -> list[tuple[str, int, yaml.Node]]:
    found = list(fields_of(node, where, section))
    if len(found) > MOST:
        raise BadInput(f"{where} has {len(found):,} {section}; {MOST} at most are read")
    for name, line, _ in found:
        if not ID.fullmatch(name):
            raise BadInput(
                f"{where}, line {line}: {name!r:.90} is no name; write letters from a to z, digits,"
                " _ . or -, 80 at most"
            )
    return found


def _options(
    node: yaml.Node, place: str, file: str, known: Sequence[str]
) -> Iterator[tuple[str, str, yaml.Node]]:
    """Option, its place and value."""
    what = place.rpartition(", ")[2]
    for option, line, value in fields_of(node, file, what):
        at = f"{file}, line {line}, {what}"
        if option not in known:
            raise BadInput(f"{at}: {option!r} is no part of it; write {', '.join(known)}")
        yield option, f"{at}, {option}", value


def _experiment(node: yaml.Node, name: str, place: str, file: str) -> Experiment:
    got: dict[str, str] = {}
    cells, share, ramp = list[Cell](), 1.0, None
    for option, at, value in _options(node, place, file, EXPERIMENT):
        if option == "cells":
            cells = [
                _cell(one, cell, f"{file}, line {line}, cell {cell!r}", file)
                for cell, line, one in _named(value, file, f"cells of {name}")
            ]
        elif option == "ramp":
            ramp = _ramp(value, at, file)
        elif option == "share":
            share = _share(value, at)
        else:
            got[option] = _text(value, at)
    for option in ("control", "who", "why"):
        if option not in got:
            raise BadInput(
                f"{place}: {option} is missing; every experiment says its control cell, who wants"
                " it and why"
            )
    names = [cell.name for cell in cells]
    total = sum(cell.share for cell in cells)
    if len(cells) < 2 or abs(total - 1) > 1e-6:
        raise BadInput(
            f"{place}: its {len(cells)} cells have shares that sum to {total:.6g}; write two or"
            " more that sum to 1 (share of the experiment says how many members are in it)"
        )
    of_ramp = [] if ramp is None else [ramp.cell]
    for wanted in (got["control"], *of_ramp):
        if wanted not in names:
            raise BadInput(f"{place}: {wanted!r} is none of its cells {names}; name one of them")
    if of_ramp == [got["control"]]:
        raise BadInput(f"{place}: its ramp is of the control cell; name the one that is to grow")
    layer = got.get("layer", "main")
    more = layer, share, got.get("loop"), ramp, got["who"], got["why"]
    return Experiment(name, tuple(cells), got["control"], *more)


def _cell(node: yaml.Node, name: str, place: str, file: str) -> Cell:
    got, share = dict[str, tuple[str, str]](), None
    for option, at, value in _options(node, place, file, CELL):
        if option == "share":
            share = _share(value, at)
        else:
            got[option] = (_text(value, at), at)
    if share is None:
        raise BadInput(f"{place}: share is missing; write its share of the experiment's members")
    train, at = got.pop("train", ("yes", place))
    if train not in get_args(Train):
        raise BadInput(f"{at}: {train!r} is not yes, no or own")
    return Cell(name, share, _arm(got, place), cast("Train", train))


def _arm(got: dict[str, tuple[str, str]], place: str) -> Arm:
    policy, at = got.get("policy", (None, place))
    if policy is not None and policy not in POLICIES:
        raise BadInput(f"{at}: {policy!r} is no policy; write {', '.join(POLICIES)}")
    epsilon = None
    if "epsilon" in got:
        epsilon = _number(*got["epsilon"])
        if not 0 <= epsilon <= 1:
            raise BadInput(f"{got['epsilon'][1]}: {epsilon:g} is no probability, from 0 to 1")
    for option in ("bundle", "epsilon", "store", "rules") if policy in NO_DRAW else ():
        if option in got:
            raise BadInput(
                f"{place}: {option} says nothing beside policy {policy}, which asks no model; take"
                " it out"
            )
    text = {name: got[name][0] for name in ("bundle", "store", "rules") if name in got}
    return Arm(policy=policy, epsilon=epsilon, **text)


def _ramp(node: yaml.Node, place: str, file: str) -> Ramp:
    ramp = Ramp("")
    for option, at, value in _options(node, place, file, RAMP):
        if option == "steps":
            nodes = value.value if isinstance(value, yaml.SequenceNode) else [value]
            steps = tuple(_share(one, at) for one in nodes)
            if not 1 <= len(steps) <= 20 or sorted(set(steps)) != list(steps):
                raise BadInput(f"{at}: write shares that grow, 1 to 20, as [0.01, 0.1, 0.5, 1]")
            ramp = replace(ramp, steps=steps)
        elif option == "days":
            days = _number(_text(value, at), at)
            if days != int(days) or not 1 <= days <= 365:
                raise BadInput(f"{at}: {days:g}: write whole days, 1 to 365")
            ramp = replace(ramp, days=int(days))
        elif option == "margin":
            ramp = replace(ramp, margin=_share(value, at))
        else:
            ramp = replace(ramp, cell=_text(value, at))
    if not ramp.cell:
        raise BadInput(f"{place}: cell is missing; name the cell that is to grow")
    return ramp


def _loop(node: yaml.Node, name: str, place: str, file: str, schema: Schema | None) -> Loop:
    facts = {fact.name: fact for fact in (*SHIPPED.facts, *(schema.facts if schema else ()))}
    categories = [fact.name for fact in facts.values() if fact.kind == "category"]
    got, where = dict[str, tuple[str, str]](), dict[str, frozenset[str]]()
    for option, at, value in _options(node, place, file, ("where", *ARM)):
        if option != "where":
            got[option] = (_text(value, at), at)
            continue
        for fact, line, values in fields_of(value, file, at):
            if fact not in categories:
                raise BadInput(
                    f"{file}, line {line}, loop {name!r}: {fact!r} is no category; there are"
                    f" {', '.join(categories)}: declare others in schema.yaml"
                )
            nodes = values.value if isinstance(values, yaml.SequenceNode) else [values]
            where[fact] = frozenset(_text(one, at) for one in nodes)
    if not where or not all(where.values()):
        raise BadInput(f"{place}: where is missing; write whose pages are its own")
    return Loop(name, where, _arm(got, place))


def _refuse_clashes(experiments: Sequence[Experiment], loops: Sequence[Loop], file: str) -> None:
    """Refuse a layer of more members than there are, layers of one subject, loops unheard of."""
    names = {loop.name for loop in loops}
    total: dict[str, float] = {}
    said: dict[tuple[str | None, str], Experiment] = {}
    for one in experiments:
        total[one.layer] = total.get(one.layer, 0.0) + one.share
        if total[one.layer] > 1 + 1e-9:
            raise BadInput(
                f"{file}, experiment {one.name!r}: experiments of layer {one.layer!r} have"
                f" {total[one.layer]:.4g} of its members; make their shares sum to 1 at most, or"
                " write another layer"
            )
        if one.loop is not None and one.loop not in names:
            raise BadInput(
                f"{file}, experiment {one.name!r}: loop {one.loop!r} is not under loops; write it"
            )
        for option in ARM:
            if all(getattr(cell.arm, option) in (None, *NO_DRAW) for cell in one.cells):
                continue
            other = said.setdefault((one.loop, option), one)
            if other.layer != one.layer:
                raise BadInput(
                    f"{file}: experiments {other.name!r} and {one.name!r} both say {option}, and a"
                    " member may be in both; put them into one layer"
                )


def _text(node: yaml.Node, where: str) -> str:
    """One value as it is written."""
    if not isinstance(node, yaml.ScalarNode) or not node.value.strip() or len(node.value) > 500:
        raise BadInput(f"{where}: write one value, of 500 letters at most")
    return node.value.strip()


def _number(text: str, where: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadInput(f"{where}: {text!r:.40} is no number; write one")
    return number


def _share(node: yaml.Node, where: str) -> float:
    share = _number(_text(node, where), where)
    if not 0 < share <= 1:
        raise BadInput(f"{where}: {share:g} is no share; write one above 0, up to 1")
    return share
