import pytest
from PIL import Image

from data.errors import BadInput
from simulate.posters.subjects import Subjects, named

GOOD = "file,theme\na.png,birds\nb.png,sea\n"


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "b.png"):
        Image.new("RGBA", (20, 30), (200, 10, 10, 255)).save(tmp_path / name)
    (tmp_path / "subjects.csv").write_text(GOOD)
    return tmp_path


def test_reads_any_folder_of_cut_outs(folder):
    subjects = Subjects.read(folder)
    assert subjects.names == ("a", "b")
    assert subjects.themes == ("birds", "sea")
    assert subjects.theme_rows.tolist() == [0, 1]


def test_more_columns_and_a_byte_order_mark_do_no_harm(folder):
    (folder / "subjects.csv").write_text("﻿source,file,theme\nx,a.png,birds\n")
    assert Subjects.read(folder).names == ("a",)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (None, "missing"),
        ("file,kind\na.png,birds\n", "no column 'theme'"),
        ("file,theme\nc.png,birds\n", r"line 2: there is no c\.png"),
        ("file,theme\na.png,\n", "line 2: theme is empty"),
        ("file,theme\n", "no subjects"),
        ("file,theme\na.png,birds\na.png,sea\n", "more than once"),
        ("file,theme\nsubjects.csv,birds\n", "no image"),
    ],
)
def test_bad_folders_are_refused_by_name(folder, table, says):
    (folder / "subjects.csv").unlink()
    if table is not None:
        (folder / "subjects.csv").write_text(table)
    with pytest.raises(BadInput, match=says):
        Subjects.read(folder)


def test_some_are_left_out_or_kept_alone(subjects, tmp_path):
    held_out = subjects.names[:30]
    listed = tmp_path / "held_out.csv"
    listed.write_text("\n".join(f"{name}.webp,theme" for name in held_out))
    without, alone = (
        subjects.only(named(str(listed)), ()),
        subjects.only((), named(",".join(held_out))),
    )
    assert set(alone.names) == set(held_out)
    assert set(without.names) | set(alone.names) == set(subjects.names)
    assert not set(without.names) & set(alone.names)


def test_an_unknown_name_is_refused(subjects):
    with pytest.raises(BadInput, match="no subject 'unicorn'"):
        subjects.only(["unicorn"], ())
