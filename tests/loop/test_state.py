"""The machine of both loops: what was done is noted, and a death repeats at most one step."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from data.errors import BadInput
from loop.state import LoopState, Step
from tests.loop.deaths import DAYS, toy

ROOT = Path(__file__).parents[2]
STEPS = [["dig", "sow"]] + [["water", "weed", "look"]] * (DAYS - 1)


def die_everywhere(*words: object) -> list[str]:
    """Where the children of tests/loop/deaths.py died, in order."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.loop.deaths", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def outlived(tmp_path_factory):
    out = tmp_path_factory.mktemp("loop") / "died"
    return out, die_everywhere("toy", out)


def lines(out):
    return (out / "journal").read_text().splitlines()


def test_a_loop_can_die_before_in_and_after_every_step(outlived):
    moments = [
        f"{day} {step} {when}"
        for day, steps in enumerate(STEPS)
        for step in steps
        for when in ("begins", "half", "done")
    ]
    assert outlived[1] == moments


def test_after_every_death_the_loop_goes_on_with_the_step_that_was_under_way(outlived):
    expected = []
    for day, steps in enumerate(STEPS):
        for step in steps:
            # Died at half of it; died when it was done and not noted; done and noted.
            expected += [f"{day} {step} first"]
            expected += [f"{day} {step} first", f"{day} {step} second"] * 2
    assert lines(outlived[0]) == expected


def test_what_is_said_of_the_days_is_what_a_loop_says_that_nothing_stopped(outlived, tmp_path):
    toy(tmp_path / "whole", lambda moment: None)
    assert Counter(lines(tmp_path / "whole")).most_common(1)[0][1] == 1
    states = [
        json.loads((out / "state.json").read_text()) for out in (tmp_path / "whole", outlived[0])
    ]
    assert states[0] == states[1]
    assert [row["day"] for row in states[0]["rows"]] == list(range(DAYS))


def test_a_loop_that_is_asked_for_more_days_goes_on_from_the_last(tmp_path):
    done = []
    step = Step("count", done.append)
    LoopState.open(tmp_path, {}).run(lambda day: [step], 2)
    LoopState.open(tmp_path, {}).run(lambda day: [step], 2)
    LoopState.open(tmp_path, {}).run(lambda day: [step], 5)
    assert done == [0, 1, 2, 3, 4]


def test_progress_says_how_much_is_over(tmp_path):
    moments = []
    steps = [Step(name, lambda day: None) for name in ("one", "two")]
    LoopState.open(tmp_path, {}).run(lambda day: steps, 2, moments.append)
    assert [moment.days for moment in moments] == [0, 0.5, 0.5, 1, 1, 1.5, 1.5, 2]
    assert [moment.done for moment in moments] == [False, True] * 4


def test_a_loop_of_other_settings_is_not_gone_on_with(tmp_path):
    LoopState.open(tmp_path / "out", {"colour": "red", "train": ("--a",)})
    LoopState.open(tmp_path / "out", {"colour": "red", "train": ("--a",)})
    with pytest.raises(BadInput, match="begun with colour 'red', not 'blue'"):
        LoopState.open(tmp_path / "out", {"colour": "blue", "train": ("--a",)})


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("file", "mine", "holds something else"),
        ("state.json", "{", "is not the state of a loop"),
        ("state.json", '{"settings": {}, "mood": 3}', "is not the state of a loop"),
        ("state.json", '{"settings": {}, "step": "fly"}', "done 'fly', which is none of its steps"),
    ],
)
def test_a_folder_of_anything_else_is_refused(name, text, complaint, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(BadInput, match=complaint):
        LoopState.open(tmp_path, {}).run(lambda day: [Step("walk", print)], 1)
    assert (tmp_path / name).read_text() == text
