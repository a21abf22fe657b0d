"""`python -m bench eyes`: each eye and each part of the recipe, its cost beside what it earns.

Trainings take minutes each; what is measured is written at once, and a run that was cut off goes on
with what is missing.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.eyes.cost import cost_of
from bench.eyes.parts import PARTS
from bench.eyes.table import show_eyes, table_of
from bench.eyes.worlds import (
    KINDS,
    QUICK,
    STAGE_TOLD,
    TOLD,
    Budget,
    Demo,
    Variant,
    new_posters,
    theatre_values,
    trained_on_demo,
)
from bench.seed_statistics import seeds_of
from data.errors import BadInput
from model.eyes.efficientnet_lite import PUBLISHED

__all__ = ["eyes", "show_eyes"]
WORK = ("cost", "posters", "theatre", "recipe")
ROUNDS = 20


def eyes(
    catalogue: str = "artifacts/demo/catalogue",
    examples: str = "artifacts/demo/examples",
    work: str = ",".join(WORK),
    encoders: str = "auto",
    seeds: str = "1,2,3,4,5",
    theatres: str = "1,2,3",
    keep: str = "artifacts/eyes",
    quick: bool = False,
) -> dict[str, object]:
    """What each encoder and each part of what is read of pictures costs, and earns.

    Shares are of what the same learner gains over random that is told what pictures show: on new
    posters (of cut-outs that training never saw, and of those it saw) one training each, and their
    intervals are over the posters' seeds; in the theatre a training a seed.

    Args:
        catalogue: That the demo was trained on.
        examples: Of its log.
        work: cost, posters, theatre, recipe, with commas between.
        encoders: As --model.encoder, with commas between; @HEIGHTxWIDTH behind one for pictures of
            another size; lite0~labels or lite0~self for one whose last blocks are tuned on the
            catalogue's pictures; auto: those that are installed. The recipe is that of the last.
        seeds: Of new posters and members.
        theatres: Seeds of theatres.
        keep: Folder of results.jsonl and rendered posters.
        quick: Everything at its smallest, to see that it works.
    """
    parts = [name.strip() for name in work.split(",")]
    if unknown := set(parts) - set(WORK):
        raise BadInput(f"--work {sorted(unknown)[0]}: choose among {', '.join(WORK)}")
    names = _installed() if encoders == "auto" else [one.strip() for one in encoders.split(",")]
    tried, stages = seeds_of(seeds), seeds_of(theatres)
    if quick:
        names, tried, stages = ["simple"], tried[:2], stages[:2]
    demo = Demo(Path(catalogue), Path(examples))
    with TemporaryDirectory(prefix="marquee-eyes-") as scratch:
        at = Path(scratch if quick else keep)
        at.mkdir(parents=True, exist_ok=True)
        bench = Bench(Kept(at / "results.jsonl"), demo, QUICK if quick else Budget(), at)
        variants = [Variant(name) for name in names]
        if "cost" in parts:
            for of in variants:
                bench.cost(of, 1 if quick else ROUNDS)
        if "posters" in parts:
            for of in (Variant(TOLD), *variants):
                bench.posters(of, tried)
        if "theatre" in parts:
            for seed in stages:
                for of in (*STAGE_TOLD, *variants):
                    bench.theatre(of, seed)
        if "recipe" in parts:
            for part in PARTS[:1] if quick else PARTS:
                bench.posters(Variant(names[-1], part), tried)
        rows = [row for row in bench.kept.rows if row["seed"] in {0, *tried, *stages}]
        return {"seeds": tried, "theatres": stages, "table": table_of(rows)}


def _installed() -> list[str]:
    sizes = [name for name, of in PUBLISHED.items() if of.on_disk is not None]
    return ["cnn", "simple", "cnn+simple", *sizes, *(f"{name}+simple" for name in sizes[::-1])]


class Kept:
    """What was measured, a line each; nothing is measured twice.

    Args:
        file: of the lines.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.rows: list[dict] = []
        if file.exists():
            self.rows = [json.loads(line) for line in file.read_text().splitlines()]

    def has(self, what: str, of: Variant, seed: int = 0) -> bool:
        """Whether it was measured."""
        wanted = {"what": what, **of._asdict(), "seed": seed}
        return any(wanted.items() <= row.items() for row in self.rows)

    def add(self, what: str, of: Variant, found: Mapping[str, object], seed: int = 0) -> None:
        """Write down what was found, and say so."""
        row = {"what": what, **of._asdict(), "seed": seed, **found}
        self.rows.append(row)
        with self.file.open("a") as out:
            out.write(json.dumps(row) + "\n")
        print(json.dumps(row), file=sys.stderr, flush=True)


class Bench(NamedTuple):
    """What measures, and where that is kept."""

    kept: Kept
    demo: Demo
    budget: Budget
    at: Path
    """Folder of rendered posters."""

    def cost(self, of: Variant, rounds: int) -> None:
        """Of a picture."""
        if not self.kept.has("cost", of):
            self.kept.add("cost", of, cost_of(of.name, rounds, of.size))

    def posters(self, of: Variant, seeds: list[int]) -> None:
        """A training on the demo's log, and takes on new posters of each kind and seed."""
        missing = [(k, s) for s in seeds for k in KINDS if not self.kept.has(k, of, s)]
        if not missing:
            return
        with TemporaryDirectory(prefix="marquee-eyes-") as scratch:
            bundle, seconds = trained_on_demo(self.demo, of, self.budget, Path(scratch))
            for kind, seed in missing:
                takes = new_posters(bundle, of, kind, seed, self.at, self.budget.world)
                self.kept.add(kind, of, {**takes, "seconds": seconds}, seed)

    def theatre(self, of: Variant, seed: int) -> None:
        """A training in a theatre, and takes on its posters."""
        if not self.kept.has("theatre", of, seed):
            takes, seconds = theatre_values(of, seed, self.budget)
            self.kept.add("theatre", of, {**takes, "seconds": seconds}, seed)
