"""What all the folders' `python -m` share: spelling, printing, exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from data.commands import spelt
from data.errors import BadInput

ROOT = Path(__file__).parents[2]


def example(
    log: str, out: str = "here", keep_days: int = 3, json: bool = False,
    names: list[str] | None = None,
) -> None:  # fmt: skip
    """Only its parameters matter."""


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["my_log"], ["--log=my_log"]),
        (["--log", "my_log"], ["--log=my_log"]),
        (["--out", "there", "my_log"], ["--out=there", "--log=my_log"]),
        (["--json", "my_log"], ["--json=true", "--log=my_log"]),
        (["--json", "false", "my_log"], ["--json=false", "--log=my_log"]),
        (["my_log", "--keep-days", "-5"], ["--keep_days=-5", "--log=my_log"]),
        (["--keep-days=5", "my_log", "--json"],
         ["--keep_days=5", "--json=true", "--log=my_log"]),
        (["my_log", "a b", "7"], ["--log=my_log", '--names=["a b",7]']),
        (["--help"], ["--help"]),
    ],
)  # fmt: skip
def test_arguments_may_be_written_in_several_ways(given, meant):
    assert spelt(example, given) == meant


def test_the_first_folder_needs_no_name_where_nothing_more_is_required():
    def join(log: Path = Path("artifacts/log"), engine: str = "duckdb") -> None: ...

    def features(since: str, log: Path = Path("artifacts/log"), out: Path = Path("x")) -> None: ...

    given = spelt(features, ["my_log", "--since", "2026-01-01"])
    assert given == ["--since=2026-01-01", "--log=my_log"]
    assert spelt(features, ["2026-01-01", "--log", "y"]) == ["--log=y", "--since=2026-01-01"]
    assert spelt(join, ["my_log", "--engine", "spark"]) == ["--engine=spark", "--log=my_log"]
    assert spelt(join, []) == []
    with pytest.raises(BadInput, match="'more' belongs to no option"):
        spelt(join, ["my_log", "more"])


def test_a_word_too_many_is_refused():
    with pytest.raises(BadInput, match="'more' belongs to no option"):
        spelt(example, ["my_log", "more", "--names=[x]"])


def ran(*arguments):
    return subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )


def test_an_unknown_command_lists_what_there_is():
    result = ran("data", "joyn")
    assert result.returncode == 2
    assert result.stdout == ""
    assert "data has no command joyn" in result.stderr
    assert "join" in result.stderr


@pytest.mark.parametrize("package", ["data", "simulate", "serve", "bench"])
def test_every_folder_says_its_commands(package):
    result = ran(package, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"usage: python -m {package} COMMAND" in result.stdout


def test_json_prints_one_object_and_problems_exit_with_2(tmp_path):
    (tmp_path / "titles.parquet").write_bytes(b"no Parquet")
    result = ran("data", "check", str(tmp_path / "titles.parquet"), "--json")
    assert result.returncode == 2
    assert json.loads(result.stdout)["problems"]
