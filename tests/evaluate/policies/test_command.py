"""`python -m evaluate bundle`: one object under --json, and what it refuses."""

import json
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from data.errors import BadInput
from evaluate.policies.command import bundle as command


def test_the_command_prints_one_object(story, good):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "evaluate",
            "bundle",
            "--log",
            str(story.root / "examples"),
            "--bundles",
            f"{good},random",
            "--json",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    said = told["policies"][good]
    assert set(said) == {"replay", "ips", "snips", "dm", "dr"}
    assert said["dr"]["low"] < said["dr"]["value"] < said["dr"]["high"]
    assert told["lift_over_random"][good]["relative"]["value"] > 0


def test_bad_input_is_named(story, good, tmp_path):
    examples, where = story.root / "examples", str(story.root / "catalogue")
    with pytest.raises(BadInput, match="nowhere"):
        command(str(examples), "nowhere", where, resamples=100)
    with pytest.raises(BadInput, match="2031"):
        command(str(examples), "random", where, since="January 2031")
    with pytest.raises(BadInput, match="no example in the time"):
        command(str(examples), "random", where, since="2031-01-01")
    (tmp_path / "alone").mkdir()
    with pytest.raises(BadInput, match="no catalogue in or beside"):
        command(str(tmp_path / "alone"), "random")
    with pytest.raises(BadInput, match="no Parquet files of joined examples"):
        command(str(tmp_path / "alone"), "random", where)
    with pytest.raises(BadInput, match="estimator 'best'"):
        command(str(examples), "random", where, estimator="best")
    pq.write_table(story.examples.drop_columns(["reward"]), tmp_path / "alone" / "x.parquet")
    with pytest.raises(BadInput, match="no column reward"):
        command(str(tmp_path / "alone"), "random", where)
