"""What all the folders' `python -m` share: spelling, printing, exit codes."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from data.command_line.commands import Command, run_command, spelt
from data.errors import BadInput

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Switches:
    """How the tiny command's world changes."""

    change_cost: float = 0.0
    """What a change costs."""
    drift_days: int | None = None
    """Until tastes come full circle."""


STEADY = Switches()


class Interval(NamedTuple):
    """An estimate."""

    value: float
    low: float


@dataclass(frozen=True)
class Weather:
    """What the tiny command returns."""

    place: Path
    wind: Interval
    rain: np.ndarray
    switches: Switches


def weather(
    place: Path, hours_ahead: int = 1, dry: bool = False, switches: Switches = STEADY
) -> Weather:
    """Say what the weather is.

    Args:
        place: where.
        hours_ahead: hours from now.
        dry: let no rain fall.
        switches: what changes.
    """
    rain = np.zeros(hours_ahead) if dry else np.arange(hours_ahead)
    return Weather(place, Interval(3.5, 2.0), rain, switches)


def in_words(record: Weather) -> None:
    """Print the weather for people."""
    print(f"{record.rain.sum():g} mm of rain in {record.place}")


def umbrella(record: Weather) -> int:
    """3 if it rains."""
    return 3 if record.rain.any() else 0


COMMANDS = {
    "weather": Command(__name__, "Say the weather.", renamed={"in-hours": "hours-ahead"}),
    "forecast": Command(
        __name__, "In words.", function="weather", show="in_words", status="umbrella"
    ),
}


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs a command of COMMANDS in this process: exit code, stdout, stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["tiny", *map(str, arguments)])
        code = 0
        try:
            run_command("tiny", COMMANDS)
        except SystemExit as end:
            code = end.code
        return code, *capsys.readouterr()

    return run


def test_what_a_command_returns_is_printed_line_by_line(run):
    code, out, err = run("weather", "Ghent", "--hours-ahead", 3)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "place: Ghent",
        "wind: {'value': 3.5, 'low': 2.0}",
        "rain: [0, 1, 2]",
        "switches: {'change_cost': 0.0, 'drift_days': None}",
    ]


@pytest.mark.parametrize("asked", [["--json"], ["--json=true"], ["--json", "true"]])
def test_with_json_it_is_one_object(run, asked):
    for arguments in (["Ghent", *asked], [*asked, "Ghent"]):
        code, out, err = run("forecast", *arguments, "--dry")
        assert (code, err) == (0, "")
        assert json.loads(out) == {
            "place": "Ghent",
            "wind": {"value": 3.5, "low": 2.0},
            "rain": [0.0],
            "switches": {"change_cost": 0.0, "drift_days": None},
        }


@pytest.mark.parametrize("declined", [[], ["--json=false"], ["--json", "false"], ["--json=False"]])
def test_without_it_is_as_people_read_it(run, declined):
    assert run("forecast", *declined, "Ghent") == (0, "0 mm of rain in Ghent\n", "")


def test_the_exit_code_is_the_commands_own_however_it_is_printed(run):
    assert run("forecast", "Ghent", "--hours-ahead=2")[:2] == (3, "1 mm of rain in Ghent\n")
    assert run("forecast", "Ghent", "--hours-ahead=2", "--json")[0] == 3
    assert run("weather", "Ghent", "--hours-ahead=2")[0] == 0


@pytest.mark.parametrize("separate", [True, False])
@pytest.mark.parametrize(
    "names",
    [
        ("--hours-ahead", "--switches.change-cost", "--switches.drift-days"),
        ("--hours_ahead", "--switches.change_cost", "--switches.drift_days"),
    ],
)
def test_options_are_taken_with_dashes_and_with_underscores(run, names, separate):
    values = ("2", "-0.5", "9")
    given = [
        word
        for name, value in zip(names, values, strict=True)
        for word in ([name, value] if separate else [f"{name}={value}"])
    ]
    _, out, _ = run("weather", "Ghent", *given, "--json")
    record = json.loads(out)
    assert len(record["rain"]) == 2
    assert record["switches"] == {"change_cost": -0.5, "drift_days": 9}


def test_an_old_name_is_taken_with_a_word(run):
    for spelling in (["--in-hours", 2], ["--in-hours=2"], ["--in_hours=2"]):
        code, out, err = run("weather", "Ghent", *spelling, "--json")
        assert (code, json.loads(out)["rain"]) == (0, [0, 1])
        assert err.endswith(" is called --hours-ahead now; the old name goes soon\n")
        assert err.startswith("note: --in")


@pytest.mark.parametrize("slip", ["--hours", "--hours-ahea", "--switches.change", "--js", "--rain"])
def test_a_name_cut_short_or_wrong_is_refused(run, slip):
    code, out, err = run("weather", "Ghent", f"{slip}=2")
    assert (code, out) == (2, "")
    assert slip in err


def test_a_value_that_does_not_fit_is_refused_by_the_options_name(run):
    code, out, err = run("weather", "Ghent", "--hours-ahead", "soon")
    assert (code, out) == (2, "")
    assert "--hours-ahead" in err
    assert "soon" in err


def test_help_spells_options_with_dashes(run):
    code, out, err = run("weather", "--help")
    assert (code, err) == (0, "")
    for option in ("--hours-ahead", "--switches.change-cost", "--switches.drift-days"):
        assert option in out
    assert "hours_ahead" not in out.replace("HOURS_AHEAD", "")
    assert "What a change costs." in " ".join(out.split())


def example(
    log: str,
    out: str = "here",
    keep_days: int = 3,
    dry: bool = False,
    names: list[str] | None = None,
) -> None:
    """Only its parameters matter."""


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["my_log"], ["--log=my_log"]),
        (["--log", "my_log"], ["--log=my_log"]),
        (["--out", "there", "my_log"], ["--out=there", "--log=my_log"]),
        (["--dry", "my_log"], ["--dry=true", "--log=my_log"]),
        (["--dry", "false", "my_log"], ["--dry=false", "--log=my_log"]),
        (["my_log", "--keep-days", "-5"], ["--keep_days=-5", "--log=my_log"]),
        (["--keep-days=5", "my_log", "--dry"], ["--keep_days=5", "--dry=true", "--log=my_log"]),
        (["my_log", "a b", "007"], ["--log=my_log", '--names=["a b","007"]']),
        (["my_log", "--names", "a", "--names", "b"], ['--names=["a","b"]', "--log=my_log"]),
        (["--help"], ["--help"]),
    ],
)
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

    def longterm(file: Path | None = None, cells: Path | None = None) -> None: ...

    assert spelt(longterm, ["a.parquet", "--cells", "b"]) == ["--cells=b", "--file=a.parquet"]
    assert spelt(longterm, ["--cells", "b"]) == ["--cells=b"]
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
