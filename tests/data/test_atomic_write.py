"""What is written is there whole, or as it was before."""

import ast

import pytest

from data.atomic_write import (
    move_into_place,
    replaced_folder,
    whole_file,
    whole_folder,
    write_text_whole,
)
from tests import structure


def test_a_file_gets_its_name_when_it_is_whole(tmp_path):
    file = tmp_path / "maps.json"
    file.write_text("old")
    with whole_file(file) as part:
        part.write_text("half of the new")
        assert file.read_text() == "old"
        assert part.name.startswith("."), "readers of a folder pass over what is hidden"
        assert part.parent == tmp_path, "a rename is one step on one disk only"
        part.write_text("new")
    assert file.read_text() == "new"
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_could_not_be_written_is_as_it_was(tmp_path):
    file = tmp_path / "maps.json"
    file.write_text("old")
    with pytest.raises(TypeError), whole_file(file) as part, part.open("w") as opened:
        opened.writelines(["half of", 1])  # the second is no text
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_the_hidden_name_may_stand_elsewhere(tmp_path):
    (tmp_path / "bundle").mkdir()
    aside, file = tmp_path / ".part-1", tmp_path / "bundle" / "publication.json"
    with whole_file(file, aside) as part:
        part.write_bytes(b"{}")
        assert part == aside
        assert list((tmp_path / "bundle").iterdir()) == []
    assert file.read_bytes() == b"{}"
    assert not aside.exists()


def test_text_is_utf_8(tmp_path):
    write_text_whole(tmp_path / "page.html", "25 % · Ødegård")
    assert (tmp_path / "page.html").read_bytes().decode() == "25 % · Ødegård"


def test_a_folder_gets_its_name_when_it_is_whole(tmp_path):
    folder = tmp_path / "made" / "on" / "the" / "way"
    with whole_folder(folder) as part:
        (part / "a.txt").write_text("a")
        assert not folder.exists()
    assert [file.name for file in folder.iterdir()] == ["a.txt"]
    assert list(folder.parent.iterdir()) == [folder]


def test_a_folder_that_could_not_be_filled_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError), whole_folder(tmp_path / "log") as part:
        (part / "a.txt").write_text((tmp_path / "gone").read_text())
    assert list(tmp_path.iterdir()) == []


def test_folders_that_were_made_for_one_that_failed_are_not_there_either(tmp_path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(KeyError), whole_folder(tmp_path / "mine" / "log" / "examples"):
        raise KeyError
    assert list((tmp_path / "mine").iterdir()) == []
    with pytest.raises(KeyError), whole_folder(tmp_path / "a" / "b"):
        raise KeyError((tmp_path / "a" / "of somebody else").touch())
    assert [file.name for file in (tmp_path / "a").iterdir()] == ["of somebody else"]


def test_a_folder_does_not_take_the_place_of_a_full_one(tmp_path):
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "mine.txt").write_text("mine")
    with pytest.raises(OSError, match="not empty"), whole_folder(tmp_path / "log") as part:
        (part / "a.txt").write_text("a")
    assert [file.name for file in (tmp_path / "log").iterdir()] == ["mine.txt"]


def test_what_is_moved_into_place_takes_the_place_of_what_was_there(tmp_path):
    for name in ("next", "current"):
        (tmp_path / name).write_text(name)
    move_into_place(tmp_path / "next", tmp_path / "current")
    assert (tmp_path / "current").read_text() == "next"
    assert list(tmp_path.iterdir()) == [tmp_path / "current"]


def test_nothing_else_replaces_files():
    """`Path.replace` takes one argument, `str.replace` two, `datetime.replace` named ones."""
    callers = {
        file.name
        for file in structure.sources()
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "replace"
        and (len(node.args), node.keywords) == (1, [])
    }
    assert callers == {"data/atomic_write.py"}


def test_a_folder_is_replaced_whole_or_stays(tmp_path):
    folder = tmp_path / "there"
    for word in ("first", "second"):
        with replaced_folder(folder) as part:
            (part / word).write_text(word)
    assert [file.name for file in folder.iterdir()] == ["second"]
    with pytest.raises(FileNotFoundError), replaced_folder(folder) as part:
        (part / "below" / "third").write_text("half")
    assert [file.name for file in folder.iterdir()] == ["second"]
    assert [file.name for file in tmp_path.iterdir()] == ["there"]
