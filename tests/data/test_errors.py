"""How a command ends that cannot go on: a sentence and a code, no trace."""

import errno

import duckdb
import pytest

from data.errors import BadInput, Unavailable, first_line, main
from data.reading.duckdb_session import of_the_disk, session
from serve.maps.store import StoreUnavailableError


def ended(error, capsys):
    def run():
        raise error

    with pytest.raises(SystemExit) as end:
        main(run)
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    return end.value.code, said


def test_of_a_librarys_error_a_line_is_said_however_little_or_much_it_says():
    assert first_line(ValueError("\n  not so\nat line 3")) == "not so"
    assert first_line(KeyError()) == "KeyError"
    assert first_line(ValueError(" \n")) == "ValueError"
    assert len(first_line(ValueError("x" * 10**6))) == 300


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadInput("--rate x: give a number"), 2),
        (Unavailable("the log cannot be rolled"), 1),
        (StoreUnavailableError("store_full", "the store has no room"), 1),
        (OSError(errno.ENOSPC, "No space left on device", "artifacts/log"), 1),
        (OSError(errno.EROFS, "Read-only file system"), 1),
    ],
)
def test_what_a_user_can_mend_is_a_sentence(error, code, capsys):
    got, said = ended(error, capsys)
    assert got == code
    assert str(error) in said


def test_a_place_that_cannot_be_used_is_bad_input(capsys):
    code, said = ended(FileNotFoundError(errno.ENOENT, "No such file", "x"), capsys)
    assert code == 2
    assert "x: no such file" in said


def test_duckdb_on_a_full_disk_is_a_full_disk_and_on_a_bad_file_is_not(tmp_path):
    words = 'IO Error: write failed: {"exception_type":"IO","errno":"28"}'
    full = of_the_disk(duckdb.IOException(words))
    assert full is not None
    assert full.errno == errno.ENOSPC
    (tmp_path / "x.parquet").write_bytes(b"no Parquet")
    with session() as engine, pytest.raises(duckdb.Error) as bad:
        engine.execute("SELECT * FROM read_parquet(?)", [str(tmp_path / "x.parquet")])
    assert of_the_disk(bad.value) is None
