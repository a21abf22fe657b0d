"""How many small faults the tests notice: `python -m tests.mutate ROOM… [--sample N] [--seed S]`.

mutmut changes one thing at a time in a room (a sign, a bound, an argument, a word) and runs the
tests that reach it. Those killed are faults that a test would find. A random sample says how many
of all: its interval is Wilson's. What was run before is not run again; `--fresh` forgets it.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scipy.stats import binomtest

ROOT = Path(__file__).parents[1]
MUTANTS = ROOT / "mutants"
EQUIVALENT = ROOT / "tests" / "equivalent_mutants.json"
ROOMS = {"bandit": "bandit", "estimators": "evaluate.ope", "join": "data.join"}
"""Name → the package that is mutated, with its sub-rooms; pyproject.toml has the files."""
SURVIVED, UNTESTED = 0, 33
"""What mutmut notes of a mutant that no test noticed, and of one that no test reaches."""


def verdicts(room: str) -> dict[str, int | None]:
    """Mutant → exit code of its tests; None: not run yet."""
    folder = MUTANTS / ROOMS[room].replace(".", "/")
    return {
        name: code
        for file in sorted(folder.rglob("*.meta"))
        for name, code in json.loads(file.read_text())["exit_code_by_key"].items()
    }


def mutmut(*words: str) -> str:
    """What mutmut prints; its spinner is left out."""
    command = [str(Path(sys.executable).with_name("mutmut")), *words]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"mutmut {words[0]} failed:\n{ran.stdout[-3000:]}{ran.stderr[-3000:]}")
    return ran.stdout


def change(mutant: str) -> str:
    """The lines that a mutant takes and puts, as `function: - old + new`."""
    lines = mutmut("show", mutant).splitlines()
    changed = [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    function = mutant.rpartition("__mutmut_")[0].replace("x_", "", 1).replace("ǁ", ".")
    return f"{function}: " + " ".join(f"{line[0]} {line[1:].strip()}" for line in changed)


def mutate(room: str, sample: int | None, seed: int, processes: int, batch: int) -> dict:
    """Run a sample of a room's mutants, a batch at a time, and count."""
    names = sorted(verdicts(room))
    random.Random(seed).shuffle(names)
    chosen = names if sample is None else names[:sample]
    # Twice: where its settings have changed, mutmut forgets verdicts when it is first started.
    for start in 2 * list(range(0, len(chosen), batch)):
        known = verdicts(room)
        todo = [name for name in chosen[start : start + batch] if known.get(name) is None]
        if todo:
            mutmut("run", "--max-children", str(processes), *todo)
            print(f"{room}: {min(start + batch, len(chosen))} of {len(chosen)}", file=sys.stderr)
    return count(room, chosen, len(names))


def count(room: str, chosen: Sequence[str], among: int) -> dict:
    """Killed, survived and equivalent of the chosen mutants that were run."""
    known = verdicts(room)
    run = [name for name in chosen if known[name] is not None]
    alive = {name: change(name) for name in run if known[name] in (SURVIVED, UNTESTED)}
    same = json.loads(EQUIVALENT.read_text())
    equivalent = [name for name, text in alive.items() if text in same]
    counted, killed = len(run) - len(equivalent), len(run) - len(alive)
    interval = binomtest(killed, max(counted, 1)).proportion_ci(method="wilson")
    return {
        "room": room,
        "mutants": among,
        "run": len(run),
        "killed": killed,
        "survived": counted - killed,
        "equivalent": len(equivalent),
        "share": killed / max(counted, 1),
        "interval": [interval.low, interval.high],
        "survivors": {name: text for name, text in alive.items() if text not in same},
    }


def main() -> None:
    """Print a line a room, and each survivor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rooms", nargs="*", default=list(ROOMS), help=", ".join(ROOMS))
    parser.add_argument("--sample", type=int, help="mutants a room; all if not given")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--batch", type=int, default=150, help="mutants between two savings")
    parser.add_argument("--fresh", action="store_true", help="forget what was run before")
    given = parser.parse_args()
    if given.fresh:
        shutil.rmtree(MUTANTS, ignore_errors=True)
    if not MUTANTS.is_dir():  # any mutant: it makes them all, and learns which test reaches which
        mutmut("run", "--max-children", str(given.processes), "bandit.floor.x_mix_exploration*")
    for room in given.rooms:
        got = mutate(room, given.sample, given.seed, given.processes, given.batch)
        for name, text in got.pop("survivors").items():
            print(f"  survived  {name}\n            {text}")
        low, high = got["interval"]
        print(
            f"{room:11} {got['killed']} killed, {got['survived']} survived, "
            f"{got['equivalent']} equivalent, of {got['run']} of {got['mutants']}: "
            f"{got['share']:.1%} ({low:.1%} to {high:.1%})",
            flush=True,
        )


if __name__ == "__main__":
    main()
