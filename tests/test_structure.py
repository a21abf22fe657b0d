"""The shape that the house keeps, as figures with limits: `make lint` prints them."""

import re

import pytest

from tests import structure
from tests.structure import FIGURES, MAY_IMPORT, ROOT, Source

LIMITS = {
    "circles of modules": 0,
    "circles of rooms and sub-rooms": 0,
    "upward imports": 0,
    "hidden imports of our own, with no comment above": 0,
    "folders of more than 18 files": 0,
    "files over 300 lines, not in docs/decisions.md": 0,
    "functions over 60 lines, with no comment above": 0,
    "parameter lists over 8, with no comment above": 0,
    "rooms that do not say in two lines what they are for": 0,
    "lines with `fmt: skip`": 0,
    "lines with `Any`": 30,
    "parameters `json: bool`": 0,
    "public classes that two modules define": 0,
    "threads that keep a failing process from its end": 0,
}
MEDIAN_LINES = 150


@pytest.fixture(scope="module")
def files() -> list[Source]:
    return structure.sources()


@pytest.mark.parametrize("what", LIMITS)
def test_the_house_keeps_its_limits(files, what):
    places, limit = FIGURES[what](files), LIMITS[what]
    print(f"\n{what}: {len(places)}, at most {limit}", end=" ")
    if len(places) > limit:
        pytest.fail("\n".join([f"{what}: {len(places)}, at most {limit}", *places]), pytrace=False)


def test_no_thread_of_a_test_keeps_it_from_its_end():
    every = sorted((ROOT / "tests").rglob("*.py"))
    files = [Source(path) for path in every if "Thread(" in path.read_text()]
    assert structure.threads_that_keep_a_process(files) == []


def test_files_are_short(files):
    lines = structure.median_lines(files)
    print(f"\nlines of the median file: {lines:g}, at most {MEDIAN_LINES}", end=" ")
    assert lines <= MEDIAN_LINES


def test_the_picture_of_the_rooms_draws_what_they_may_import():
    page = (ROOT / "docs" / "architecture.md").read_text()
    picture = page.partition("```mermaid")[2].partition("```")[0]
    arrows = re.findall(r"^ +(\w+) --> (\w+)$", picture, re.MULTILINE)

    def reached(room: str) -> set[str]:
        below = {other for one, other in arrows if one == room}
        return below.union(*map(reached, below))

    assert {room: reached(room) for room in MAY_IMPORT} == MAY_IMPORT


def test_the_table_of_the_rooms_names_every_sub_room():
    page = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| \[`(\w+)`\]\(\S+__init__.py\) \|.*\|(.*)\|$", page, re.MULTILINE)
    folders = {
        room: {file.parent.name for file in (ROOT / room).glob("*/__init__.py")}
        for room in MAY_IMPORT
        if (ROOT / room).is_dir()
    }
    assert {room: set(re.findall(r"`(\w+)`", names)) for room, names in rows} == folders


def pass_lines(count: int) -> str:
    return "    pass\n" * count


MESSY = {
    "docs/decisions.md": "`data/known.py` is a table of 290 lines.",
    "bandit/__init__.py": '"""One line."""\n',
    "bandit/rule.py": (
        "from typing import TYPE_CHECKING, Any\n"
        "import torch\n"
        "if TYPE_CHECKING:\n"
        "    from data.log.page import Page\n"
        "def choose(x: Any, json: bool = False) -> None:\n"
        "    from bandit.draw import draw\n"
        "\n"
        "    # Only when asked for: it is slow to start.\n"
        "    from bandit.slow import one\n"
        "    from bandit.slow import other\n"
    ),
    "bandit/draw.py": "import bandit.rule\nx = (1,  2)  # fmt: skip\n",
    "bandit/slow.py": "",
    "data/log/__init__.py": '"""What it is for.\n\nWhat may enter it.\n"""\n',
    "data/log/page.py": (
        "import data.join.engine\n"
        "class Page:\n"
        "    # Each is a column.\n"
        "    @staticmethod\n"
        "    def explained(a, b, c, d, e, f, g, h, i): ...\n"
        "    def eight(self, b, c, d, e, f, g, *h, i): ...\n"
        "    def nine(self, b, c, d, e, f, g, *h, i, **j): ...\n"
    ),
    "data/join/engine.py": (
        f"def sixty():\n{pass_lines(59)}def more():\n{pass_lines(60)}"
        f"# A table, row by row.\ndef explained():\n{pass_lines(60)}"
    ),
    "data/join/join.py": "from data.log import page\n",
    "serve/maps/0.py": "class Page: ...\nclass _Own: ...\nclass PageRequest: ...\n",
    "serve/live/0.py": "class Other: ...\nclass _Own: ...\nclass PageRequest: ...\n",
    "data/long.py": 301 * "\n",
    "data/known.py": 301 * "\n",
    "data/short.py": "Thread(target=run)\nThread(daemon=True)\n" + 298 * "\n",
    **{f"serve/maps/{number}.py": "" for number in range(1, 19)},
    **{f"serve/live/{number}.py": "" for number in range(1, 18)},
}
PLACES = {
    "circles of modules": ["bandit.draw → bandit.rule → bandit.draw"],
    "circles of rooms and sub-rooms": ["data/join → data/log → data/join"],
    "upward imports": [
        "bandit/rule.py:2: bandit may not import torch",
        "bandit/rule.py:4: bandit may not import data.log.page.Page",
    ],
    "hidden imports of our own, with no comment above": [
        "bandit/rule.py:4: imports data.log.page.Page out of sight",
        "bandit/rule.py:6: imports bandit.draw.draw out of sight",
    ],
    "folders of more than 18 files": ["serve/maps: 19 files"],
    "files over 300 lines, not in docs/decisions.md": ["data/long.py:1: 301 lines"],
    "functions over 60 lines, with no comment above": ["data/join/engine.py:61: more has 61 lines"],
    "parameter lists over 8, with no comment above": ["data/log/page.py:7: nine has 9 parameters"],
    "rooms that do not say in two lines what they are for": [
        "bandit/__init__.py:1: 1 lines say what the room is for"
    ],
    "lines with `fmt: skip`": ["bandit/draw.py:2: x = (1,  2)  # fmt: skip"],
    "lines with `Any`": ["bandit/rule.py:5: def choose(x: Any, json: bool = False) -> None:"],
    "parameters `json: bool`": [
        "bandit/rule.py:5: def choose(x: Any, json: bool = False) -> None:"
    ],
    "public classes that two modules define": [
        "data/log/page.py:2: class Page",
        "serve/maps/0.py:1: class Page",
    ],
    "threads that keep a failing process from its end": ["data/short.py:1: Thread(target=run)"],
}


@pytest.mark.parametrize("what", FIGURES)
def test_a_figure_counts_what_it_names_and_no_more(what, tmp_path):
    for name, text in MESSY.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert FIGURES[what](structure.sources(tmp_path)) == PLACES[what]
