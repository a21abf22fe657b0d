"""`python -m serve loop`: the whole product on one machine, day after day, with real processes."""

from pathlib import Path
from typing import Literal

from rich.console import Console

from loop.carried.steering import Steering
from loop.product_loop import ProductLoop
from loop.product_steps import ProductLoopSettings
from loop.product_table import days_table, summary
from loop.state import Row
from simulate.browsing.habits import Habits
from simulate.kinds.catalogue_synopses import read_kinds


# Each parameter is an option of the command.
def product(
    days: int = 7,
    out: Path = Path("artifacts/loop/served"),
    titles: int = 40,
    members: int = 400,
    decisions: int = 4000,
    history: int = 4,
    map_share: float = 0.2,
    subjects: Path = Path("sample/artwork"),
    train: list[str] | None = None,
    train_first: list[str] | None = None,
    margin: float = 0.2,
    undecided: Literal["keep", "publish"] = "publish",
    deadline_ms: float = 1000.0,
    habits: Habits | None = None,
    increments: bool = False,
    rules: Path | None = None,
    experiments: Path | None = None,
    probation: bool = False,
    kinds: list[str] | None = None,
    seed: int = 1,
) -> Row:
    """Live through some days of the whole product: serve, log, join, train, publish, precompute.

    A loop that was killed goes on where it stopped when it is started again with the same options.

    Args:
        days: live days, after the history.
        out: folder of everything.
        titles: of the catalogue that is rendered.
        members: who browse.
        decisions: places on all pages of a day.
        history: days of evenly chosen artwork that the first model is trained on.
        map_share: share of members who are shown their precomputed map; the others' pages are
            decided live.
        subjects: folder of cut-outs to render a catalogue from.
        train: further options of train.py, such as '[--fit.epochs=6]'.
        train_first: still further options of its first run, which starts from nothing.
        margin: share of the live bundle's value that a new one may lose.
        undecided: what becomes of a bundle of which a night's log cannot tell whether it holds the
            margin. A loop goes on learning, so it publishes; a service with members keeps the live
            one. A few thousand decisions hardly tell any two bundles apart.
        deadline_ms: of a live page; generous, as training shares the machine.
        habits: what members meet again, skip, and come back for.
        increments: nights add their day to the live bundle, and train in full once a week; without,
            each night trains in full.
        rules: rules.yaml that service and precompute follow. It is copied into OUT, where it may be
            changed while the loop lives.
        experiments: experiments.yaml, likewise: members of its cells are decided by them, nights
            move its ramps a step, and training leaves out what its cells keep for themselves.
        probation: nights write rules that bound what new artwork may cost, into OUT/rules.yaml.
        kinds: what pages show beside artwork: synopsis. Three are written for every title; members
            make of each what the world says, maps and live pages choose one with every artwork, and
            nights learn them as soon as their examples are joined. Artwork alone if not given.
        seed: of catalogue, members, visits and outcomes.
    """
    read_kinds(kinds)
    settings = ProductLoopSettings(
        days=days,
        titles=titles,
        members=members,
        decisions=decisions,
        history=history,
        map_share=map_share,
        seed=seed,
        subjects=subjects,
        train=tuple(train or ()),
        train_first=tuple(train_first or ()),
        margin=margin,
        undecided=undecided,
        habits=habits or Habits(),
        increments=increments,
        steering=Steering(rules, experiments, probation),
        kinds=tuple(kinds or ()),
    )
    loop = ProductLoop(out, settings, deadline_ms)
    with Console(stderr=True).status("loop") as status:
        rows = loop.run(lambda moment: status.update(f"day {moment.day}: {moment.step}"))
    return {"out": str(out.resolve()), "undecided": undecided, **summary(rows), "days": rows}


def show(record: Row) -> None:
    """Print the days as a table, then what they say together."""
    Console(width=150).print(days_table(record["days"]))
    for name, value in record.items():
        if name != "days":
            print(f"{name}: {value}")
