"""Whatever lies where a command looks, or will not take what it writes: one sentence and exit 2."""

import importlib
import os
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.command_line.commands import run_command
from data.errors import main


def missing(place: Path) -> None:
    """Nothing is there."""


def empty_folder(place: Path) -> None:
    """A folder without files."""
    place.mkdir()


def text(place: Path) -> None:
    """A file of text, whatever its name says."""
    place.write_text("hello\n")


def text_in_a_folder(place: Path) -> None:
    """A folder with text in a file named as Parquet."""
    place.mkdir()
    text(place / "x.parquet")


def foreign(place: Path) -> None:
    """Parquet of other columns."""
    place.mkdir()
    pq.write_table(pa.table({"a": [1, 2]}), place / "x.parquet")


def cut(place: Path) -> None:
    """Parquet that lost its end."""
    foreign(place)
    os.truncate(place / "x.parquet", (place / "x.parquet").stat().st_size // 2)


FOUND = [missing, empty_folder, text, text_in_a_folder, foreign, cut]
READERS = [
    "data check AT",
    "data join AT --out OUT",
    "data features AT --out OUT",
    "data roll --log AT",
    "data profiles AT --out OUT",
    "data open-bandit --source AT --out OUT",
    "data creative-ranking AT --out OUT",
    "data catalogue AT --out OUT",
    "data import AT --map AT --catalogue AT --out OUT",
    "data dsjson AT --out OUT",
    "data obp-feedback AT --out OUT",
    "evaluate estimate AT",
    "evaluate slate AT",
    "evaluate bundle --log AT",
    "evaluate experiment AT",
    "evaluate monitor AT",
    "evaluate attribution --examples AT --catalogue AT",
    "evaluate gate --candidate AT --examples AT",
    "export publish AT",
    "export verify --bundles AT",
    "export quantise --bundle AT",
    "bench golden AT",
    "serve precompute --bundle AT",
    "serve lookup somebody --store AT",
    "serve decide AT --out OUT --bundle AT",
]


def refusal(command: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a command that exits with 2 says on stderr."""
    package, *words = command.split()
    commands = importlib.import_module(f"{package}.__main__").COMMANDS
    monkeypatch.setattr(sys, "argv", [package, *words])
    with pytest.raises(SystemExit) as end:
        main(lambda: run_command(package, commands))
    said = capsys.readouterr().err
    assert end.value.code == 2, said
    return said


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.__name__)
@pytest.mark.parametrize("command", READERS)
def test_what_cannot_be_read_is_refused_by_name(command, found, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found(tmp_path / "there")
    before = sorted(tmp_path.rglob("*"))
    said = refusal(
        command.replace("AT", str(tmp_path / "there")).replace("OUT", str(tmp_path / "out")),
        capsys,
        monkeypatch,
    )
    assert "there" in said
    assert "Traceback" not in said
    assert "again; write" not in said
    assert sorted(tmp_path.rglob("*")) == before, "a slip in a path makes nothing"


WRITERS = [
    "data join LOG --out AT",
    "data open-bandit --source SAMPLE --out AT",
    "data catalogue ARTWORK --out AT",
]


@pytest.mark.parametrize("under", ["", "/below"])
@pytest.mark.parametrize("command", WRITERS)
def test_a_place_that_takes_no_output_is_named(command, under, tmp_path, capsys, monkeypatch):
    from simulate.anomalies.forms import READ_ALIKE
    from tests.data.importers.worlds import pictures
    from tests.data.reading.tables import write

    file = tmp_path / "a_file"
    text(file)
    log = write(tmp_path / "log", READ_ALIKE["as written"])
    sample = Path("sample/open_bandit").resolve()
    pictures(tmp_path / "pictures", {"dune": "a"})
    words = command.replace("LOG", str(log)).replace("SAMPLE", str(sample))
    words = words.replace("ARTWORK", str(tmp_path / "pictures"))
    said = refusal(words.replace("AT", f"{file}{under}"), capsys, monkeypatch)
    assert "a_file" in said
    assert file.read_text() == "hello\n"
