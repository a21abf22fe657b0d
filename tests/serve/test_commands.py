import json
import subprocess
import sys

import numpy as np
import pytest

from serve.maps.lmdb_store import LmdbStore
from tests.serve.maps.test_lookup import publish, put


def serve(*given):
    return subprocess.run(
        [sys.executable, "-m", "serve", *map(str, given)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path, layout):
    store = LmdbStore(tmp_path / "maps", size=1 << 24)
    publish(store, layout)
    put(store, layout, "someone", layout.starts[1:] - 1)
    store.close()
    return tmp_path / "maps"


def test_lookup_prints_title_and_image(folder, layout):
    titles = layout.title_ids[[3, 1]].tolist()
    done = serve("lookup", "someone", *titles, "--store", folder)
    assert done.returncode == 0, done.stderr
    last = [layout.paths[end - 1] for end in layout.starts[np.array([4, 2])]]
    assert done.stdout == "".join(
        f"{title}\t{path}\tpersonalised\n" for title, path in zip(titles, last, strict=True)
    )


def test_lookup_of_all_titles_as_one_json_object(folder, layout):
    done = serve("lookup", "nobody", "--store", folder, "--json")
    shown = json.loads(done.stdout)
    assert shown["reasons"] == {"no_map": 1}
    assert list(shown["titles"]) == list(map(str, layout.title_ids.tolist()))
    assert {entry["level"] for entry in shown["titles"].values()} == {"default"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("lookup", "someone", "--store", "nowhere/at/all"), "no store at"),
        (("live", "--host", "0.0.0.0"), "MARQUEE_TOKEN"),
        (("precompute", "--bundle", "nowhere"), "no bundle at nowhere"),
        (("precompute", "--day", "tomorrow"), "'tomorrow' is not a day"),
        (("precompute", "--threshold", "2"), "threshold"),
    ],
)
def test_bad_input_is_one_paragraph_and_exit_code_2(given, message):
    done = serve(*given)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout
