"""`python -m data check`: every mistake by file, column and row, with its remedy."""

import json
import subprocess
import sys
from pathlib import Path

from data.catalogue import Catalogue
from tests.data.check.check_rows import decision, log

ROOT = Path(__file__).parents[3]


def run(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "data", "check", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_the_command_exits_2_and_prints_one_json_object(tmp_path: Path, catalogue: Catalogue):
    good = run(catalogue.root, "--json")
    assert (good.returncode, json.loads(good.stdout)["count"]) == (0, 0)
    assert ": sound; read " in run(catalogue.root).stdout
    folder = log(tmp_path / "log", [decision(0), decision(1, propensity=0.0)], [])
    bad = run(folder)
    assert bad.returncode == 2
    assert "part-0.parquet, column propensity, row 1: 0.0" in bad.stderr
    assert "Traceback" not in bad.stderr
    said = run(folder, "--json")
    assert said.returncode == 2
    problems = json.loads(said.stdout)["problems"]
    assert problems[0]["rows"][0]["row"] == 1
    gone = run(tmp_path / "gone")
    assert gone.returncode == 2
    assert gone.stderr.startswith("error: there is no ")
