"""`python -m export`: what it prints, and how it ends."""

import json
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from data.bundle import Bundle
from tests.export.small import small_bundle

ROOT = Path(__file__).parents[3]


def run(*arguments):
    command = [sys.executable, "-m", "export", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def said(*arguments):
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def store(tmp_path):
    """Two bundles, the second of which is not the child of the first."""
    root = tmp_path / "store"
    small_bundle(root, 1)
    small_bundle(root, 2, parent="another")
    return root


def test_from_publishing_to_rolling_back(store):
    first, second = (row["bundle_id"] for row in said("list", "--store", store)["bundles"])
    assert said("publish", first, "--store", store)["published"] is True
    refused = run("publish", second, "--store", store, "--json")
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["published"] is False
    assert said("publish", second, "--store", store, "--force")["forced"] is True
    assert json.loads((store / second / "publication.json").read_text())["previous"] == first
    assert said("verify", "--store", store) == {"checked": 2, "whole": 2, "problems": []}
    assert said("rollback", "--store", store)["bundle_id"] == first
    assert Bundle.open(store / "current").bundle_id == first


def test_a_verdict_decides_and_is_held_to_its_bundles(store, tmp_path):
    first, second = (row["bundle_id"] for row in said("list", "--store", store)["bundles"])
    said("publish", first, "--store", store)
    verdict, asked = tmp_path / "verdict.json", ("publish", second, "--store", store, "--verdict")
    better = {"verdict": "passed", "reason": "better"}

    def printed(record):
        verdict.write_bytes(orjson.dumps(record))
        return verdict

    done = run(*asked, printed(better | {"live_bundle": "other"}))
    assert done.returncode == 2
    assert f"the verdict is on live other, not {first}" in done.stderr
    done = run(*asked, printed({"verdict": "undecided", "reason": "few"}))
    assert done.returncode == 3
    assert done.stderr.startswith("not published: few; the live bundle stays: --undecided publish ")
    done = run(*asked, printed({"verdict": "fine", "reason": ""}))
    assert "must be one of passed, refused, undecided" in done.stderr
    assert said(*asked, printed(better | {"live_bundle": first}))["reason"] == "better"


def test_a_gate_that_cannot_be_asked_stops_it_and_says_why(store, tmp_path):
    first, second = (row["bundle_id"] for row in said("list", "--store", store)["bundles"])
    said("publish", first, "--store", store)
    done = run("publish", second, "--store", store, "--gate-log", tmp_path / "nothing")
    assert done.returncode == 2
    assert "the gate gave no verdict" in done.stderr
    assert "nothing" in done.stderr
    assert Bundle.open(store).bundle_id == first


def test_a_broken_bundle_is_told_and_ends_with_2(store):
    broken = next(store.glob("2026*"))
    (broken / "features.json").write_text("{")
    done = run("verify", "--store", store, "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["problems"][0]["bundle_id"] == broken.name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["publish", "nowhere"], "no bundle at nowhere"),
        (["publish", "nowhere", "--margin", "0.1"], "are for --gate-log"),
        (["bundle", "--like", "nowhere"], "no bundle at nowhere"),
        (["quantise", "--bundle", "nowhere"], "no bundle at nowhere"),
        (["unpublish"], "no command unpublish"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(arguments, message):
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rollback"], "nothing was live before"),
        (["rollback", "--to", "20260101T000000-0123456789ab"], "nothing was live before"),
        (["verify"], "holds no bundle"),
        (["prune", "--keep", "0"], "at least one bundle stays"),
    ],
)
def test_a_store_that_is_not_there_is_refused_and_not_made(arguments, message, tmp_path):
    done = run(*arguments, "--store", tmp_path / "empty")
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_pruning_a_store_that_is_not_there_makes_nothing(tmp_path):
    assert said("prune", "--store", tmp_path / "empty")["removed"] == []
    assert list(tmp_path.iterdir()) == []
