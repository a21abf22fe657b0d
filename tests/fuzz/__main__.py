"""`python -m tests.fuzz`: every kind, each in a process of its own, and a table of what came of it.

Exit code 1 where anything was found; its first input lies in `--out`, and goes through once more by
`python -m tests.fuzz.one_kind KIND --again FILE`.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from tests.fuzz.one_kind import KINDS
from tests.structure import ROOT


def main() -> None:
    """Fuzz."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kinds", nargs="*", default=list(KINDS))
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=0, help="of each kind at most; 0: no end")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("artifacts/fuzz"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    found = False
    print("kind | cases | values | refused | seconds | slowest | grown MB | found")
    for kind in asked.kinds:
        report = asked.out / f"{kind}.json"
        report.unlink(missing_ok=True)
        options = ("--cases", asked.cases, "--seconds", asked.seconds)
        options += ("--seed", asked.seed, "--out", asked.out)
        command = [sys.executable, "-m", "tests.fuzz.one_kind", kind, *map(str, options)]
        with (asked.out / f"{kind}.log").open("w") as log:
            code = subprocess.run(command, cwd=ROOT, stdout=log, stderr=log).returncode
        told = json.loads(report.read_text()) if report.is_file() else {"cases": 0, "findings": {}}
        short = told["cases"] < asked.cases and not asked.seconds
        if code or short:
            told["findings"][f"ended with {code} after {told['cases']} cases"] = f"{kind}.log"
        numbers = (told.get(name, 0) for name in ("values", "refused"))
        times = (f"{told.get(name, 0):.2f}" for name in ("seconds", "slowest", "grown_mb"))
        row = [kind, f"{told['cases']:,}", *map("{:,}".format, numbers), *times]
        print(" | ".join([*row, str(len(told["findings"]))]), flush=True)
        for what, words in told["findings"].items():
            found = True
            print(f"    {what}: {words}", flush=True)
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
