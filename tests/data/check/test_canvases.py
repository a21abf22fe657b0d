"""`data check` of pictures by canvas: each mistake by file, row and remedy, and exit code 2."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.check.path import check_path
from data.records import IMAGES
from tests.data.check.test_command import run
from tests.data.check.test_path import kinds
from tests.data.images.canvases import canvas_catalogue


def rewritten(root: Path, row: int, **changes) -> None:
    rows = pq.read_table(root / "images.parquet").to_pylist()
    rows[row] |= changes
    pq.write_table(pa.Table.from_pylist(rows, IMAGES), root / "images.parquet")


@pytest.mark.parametrize("said", [None, 2 / 3, 0.67])
def test_sound_pictures_pass(tmp_path: Path, said):
    canvas_catalogue(tmp_path)
    rewritten(tmp_path, 0, aspect=said, focal_x=0.0, focal_y=1.0, language="nb")
    assert check_path(tmp_path) == []
    assert check_path(tmp_path / "images.parquet") == []
    assert check_path(tmp_path / "artworks.parquet") == []


@pytest.mark.parametrize(
    ("changes", "kind", "column", "remedy"),
    [
        ({"path": "images/gone.png"}, "image", "path", "drop the row"),
        ({"aspect": 16 / 9}, "aspect", "aspect", "leave it null"),
        ({"aspect": -1.0}, "aspect", "aspect", "leave it null"),
        ({"focal_y": 0.5}, "focal point", "focal_x", "or neither"),
        ({"canvas": "tile"}, "repeated canvas", "canvas", "keep one"),
        ({"artwork_id": "zz"}, "unknown artwork", "artwork_id", "drop the picture"),
        ({"path": "/etc/passwd"}, "path", "path", "relative"),
    ],
)
def test_a_mistake_is_named_by_row_and_remedy(tmp_path: Path, changes, kind, column, remedy):
    canvas_catalogue(tmp_path)
    at = 2 if "canvas" in changes else 0
    rewritten(tmp_path, at, **changes)
    found = [one for one in check_path(tmp_path) if one.file.endswith("images.parquet")]
    assert (kind, column, at) in kinds(found)
    assert remedy in next(one for one in found if one.kind == kind).remedy


def test_torn_files_are_named_once_and_the_command_exits_2(tmp_path: Path):
    canvas_catalogue(tmp_path)
    (tmp_path / "images" / "a-portrait.png").write_bytes(b"torn")
    [problem] = check_path(tmp_path)
    assert kinds([problem]) == [("image", "path", 0)]
    assert check_path(tmp_path, images=False) == []
    done = run(tmp_path, "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["files"] == 3
    (tmp_path / "images.parquet").write_bytes(b"torn")
    assert ("unreadable", None, None) in kinds(check_path(tmp_path))
