"""A stranger's path: pictures, a CSV and the README's commands, to a bundle and a report."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from bench.strangers.covers import draw_posters
from bench.strangers.files import of_days, write_csv
from bench.strangers.world import Theatre, TheatreSize
from tests.test_train import policy_table

ROOT = Path(__file__).parents[1]
SIZE = TheatreSize(plays=6, posters=4, visitors=150, rows=3000, days=12, base=0.3)
ROWS = Theatre(SIZE, 3).rows()


def readme_commands() -> list[str]:
    """The lines of the README's section for one's own data, without comments."""
    page = (ROOT / "README.md").read_text()
    section = page.split("## Your own artwork and logs")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("python ")]


class Folder:
    """Where the stranger works; what each command said."""

    def __init__(self, at: Path) -> None:
        self.at = at
        self.said: dict[str, subprocess.CompletedProcess[str]] = {}

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        words = line.replace("train.py", str(ROOT / "train.py")).split()[1:]
        done = subprocess.run(
            [sys.executable, *words],
            cwd=self.at,
            env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "2"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        self.said[line] = done
        return done

    def of(self, start: str) -> subprocess.CompletedProcess[str]:
        [found] = [done for line, done in self.said.items() if line.startswith(start)]
        return found


def answered(text: str) -> str:
    """The proposed map, as its reader mends it."""
    lines = []
    for line in text.splitlines():
        if line.startswith("# zone: SAY"):
            line = "zone: Europe/Oslo"
        elif line.startswith("# propensity: {random: picked_by"):
            line = line.removeprefix("# ")
        elif line.startswith("#  ") and "picked_by" not in line:
            line = line.removeprefix("#")
        lines.append(line)
    return "\n".join(lines)


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """The whole path but for the second day; about 40 s, most of it training."""
    folder = Folder(tmp_path_factory.mktemp("stranger"))
    theatre = Theatre(SIZE, 3)
    draw_posters(theatre, folder.at / "my_images")
    (folder.at / "my_images" / ".DS_Store").write_bytes(b"\0")
    write_csv(theatre, of_days(ROWS, 0, 11), folder.at / "log.csv")
    write_csv(theatre, of_days(ROWS, 11, 12), folder.at / "second.csv")
    for line in readme_commands():
        line = line.replace("PROFILE", "v-1")
        if "MOMENT" in line:
            trained = folder.of("python train.py").stderr
            moment = re.search(r"see it: python .* --since (\S+)", trained)
            assert moment is not None
            line = line.replace("MOMENT", moment[1]) + " --json"
        folder.run(line)
        if "--propose" in line:
            map = folder.at / "MAP.yaml"
            map.write_text(answered(map.read_text()))
    return folder


def test_the_map_is_proposed_by_what_columns_hold(walked):
    map = yaml.safe_load((walked.at / "MAP.yaml").read_text())
    assert (map["title_id"], map["action"], map["reward"]) == ("play", "poster", "outcome")
    assert map["csv"] == {"decimal": ","}
    assert map["time"] == {"column": "shown_at", "format": "%d.%m.%Y %H:%M:%S"}
    kinds = {name: fact["kind"] for name, fact in map["facts"].items()}
    assert kinds == {
        **{"born": "number", "quarter": "category", "seat": "category"},
        **{"likes": "set", "taste": "vector"},
    }
    schema = yaml.safe_load((walked.at / "my_catalogue" / "schema.yaml").read_text())
    assert {name: fact["kind"] for name, fact in schema["facts"].items()} == kinds


def test_every_row_of_the_file_is_learnt_from_or_judged_by(walked):
    rows = of_days(ROWS, 0, 11)
    examples = pq.read_table(walked.at / "my_log" / "examples")
    assert len(examples) == len(rows.second)
    assert examples["reward"].to_pylist() == rows.reward.tolist()
    assert [p < 1 for p in examples["propensity"].to_pylist()] == rows.drawn.tolist()
    moments = [moment.timestamp() for moment in examples["time"].to_pylist()]
    hours = {
        round((moment - moments[0] - (second - rows.second[0])) / 3600)
        for moment, second in zip(moments, rows.second.tolist(), strict=True)
    }
    assert hours == {0, -1}  # the clocks were turned between
    assert "nothing is learnt from" not in walked.of("python train.py").stderr
    assert "inf" not in re.findall(r"catalogue_loss=(\w+)", walked.of("python train.py").stderr)


def test_training_says_what_became_of_the_first_bundle(walked):
    said = walked.of("python train.py").stderr
    assert re.search(r"^published: nothing is live; .* random artwork", said, re.MULTILINE)
    assert re.search(r"of the log \(.* rows\) is left out \(.*unpersonalised\)", said)
    assert "reading whole pictures as 160 × 240 pixels" in said


def test_every_page_gives_the_same_policies_the_same_numbers(walked):
    trained = policy_table(walked.of("python train.py").stderr)
    told = json.loads(walked.of("python -m evaluate report").stdout)
    assert list(trained) == list(told["take_fractions"]) == [*told["estimates"]]
    for policy, estimates in trained.items():
        for name, numbers in estimates.items():
            one = told["estimates"][policy][name]
            assert numbers == pytest.approx([one["value"], one["low"], one["high"]], abs=6e-5)
    moment = re.search(r"--since (\S+)", walked.of("python train.py").stderr)
    assert moment is not None
    table = walked.run(
        f"python -m evaluate bundle my_log --catalogue my_catalogue --since {moment[1]} --json"
    )
    judged = json.loads(table.stdout)
    for name, label in judged["labels"].items():
        if label in trained:
            [value, *_] = trained[label]["dr"]
            assert judged["policies"][name]["dr"]["value"] == pytest.approx(value, abs=6e-5)
    assert set(trained) - {"greedy"} <= set(judged["labels"].values())
    assert {"quarter", "seat", "born"} <= judged["segments"].keys()


def test_a_member_is_shown_a_picture_of_every_play(walked):
    lines = walked.of("python -m serve lookup").stdout.splitlines()
    assert len(lines) == SIZE.plays
    assert all("/poster%20" in line and "personalised" in line for line in lines)


def test_a_second_day_joins_the_log_once(walked):
    line = "python -m data import --map MAP.yaml second.csv --catalogue my_catalogue --out my_log"
    for new in (len(of_days(ROWS, 11, 12).second), 0):
        said = json.loads(walked.run(f"{line} --append --json").stdout)
        assert said["written"] == new
        files = sorted((walked.at / "my_log" / "examples").glob("*.parquet"))
        assert sum(pq.read_metadata(file).num_rows for file in files) == len(ROWS.second)
    refused = subprocess.run(
        [sys.executable, *line.split()[1:]],
        cwd=walked.at,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "--append" in refused.stderr
