"""The pages say what is true: lines run, links lead where they say, commands exist as written."""

import ast
import importlib
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterable

import pytest
from PIL import Image

from data.catalogue import Catalogue
from data.command_line.commands import spelt, wants_json
from data.errors import BadInput
from tests import structure
from tests.pages import (
    ALWAYS,
    PAGES,
    ROOT,
    Call,
    Link,
    calls,
    calls_of_scripts,
    dotted_options,
    headings,
    line_trouble,
    links,
)
from tests.structure import MAY_IMPORT

README = (ROOT / "README.md").read_text()
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def test_its_lines_make_a_catalogue_of_a_folder_of_images(tmp_path):
    for name, colour in (("a.jpg", "crimson"), ("b.png", "navy"), ("c.webp", "olive")):
        for title in ("The Long Winter", "Two Rivers"):
            file = tmp_path / "my_images" / title / name
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (320, 180), colour).save(file)
    (tmp_path / "my_images" / ".DS_Store").write_bytes(b"\0")
    [command] = re.findall(r"^python (-m data catalogue .*)$", README, re.MULTILINE)
    done = subprocess.run(
        [sys.executable, *command.split()],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    catalogue = Catalogue.read(tmp_path / "my_catalogue")
    assert catalogue.titles["name"].to_pylist() == ["The Long Winter", "Two Rivers"]
    assert all(catalogue.image_path(name).is_file() for name in catalogue.artwork_ids)
    assert len(catalogue.artwork_ids) == 6


@pages
def test_a_page_names_commands_and_options_that_exist(page):
    assert wrong_names(calls(page)) == []


def test_the_makefile_and_deploy_name_commands_and_options_that_exist():
    called = list(calls_of_scripts())
    assert {call.program for call in called} >= {"data", "simulate", "train.py", "serve"}
    assert sum(len(call.options) for call in called) > 30
    assert wrong_names(called) == []


def wrong_names(called: Iterable[Call]) -> list[str]:
    """Commands that are not there, and options or words that their command does not take."""
    wrong = []
    for call in called:
        if call.program == "train.py":
            known = set(dotted_options(importlib.import_module("model.training.settings").Settings))
        else:
            commands = importlib.import_module(f"{call.program}.__main__").COMMANDS
            if call.command not in commands:
                wrong.append(f"python -m {call.program} {call.command}")
                continue
            command = commands[call.command]
            function = command.function or call.command.replace("-", "_")
            module = importlib.import_module(command.module)
            known = set(inspect.signature(getattr(module, function)).parameters)
            try:
                spelt(getattr(module, function), wants_json(call.words)[1])
            except BadInput as error:
                wrong.append(f"{call.program} {call.command}: {error}")
        for option in call.options:
            name = option.replace("-", "_")
            if name not in known | ALWAYS and name.split(".")[0] not in known:
                wrong.append(f"{call.program} {call.command} --{option}")
    return wrong


def test_the_readme_lists_commands_of_every_room():
    rows = re.findall(r"\| `python -m (\w+) ([a-z-]+)`((?:, `[a-z-]+`)*)", README)
    named = {
        (room, name)
        for room, first, more in rows
        for name in [first, *re.findall(r"`([a-z-]+)`", more)]
    }
    assert len(named) > 25
    for room, name in named:
        assert name in importlib.import_module(f"{room}.__main__").COMMANDS, f"{room} {name}"


SCRIPTS = [
    ROOT / "Makefile",
    *sorted(file for file in (ROOT / "deploy").rglob("*") if file.is_file()),
]


@pytest.mark.parametrize("page", [*PAGES, *SCRIPTS], ids=lambda page: page.name)
def test_a_page_writes_options_with_dashes(page):
    assert re.findall(r"--[a-z.]+_[\w.]*", page.read_text()) == []


def test_the_code_writes_options_with_dashes():
    theirs = re.compile("--(cb_|random_seed|gamma_scale)")  # Vowpal Wabbit's
    places = [
        file.at(node.lineno, option)
        for file in structure.sources()
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for option in re.findall(r"(?<![\w-])--[a-z.-]+_[\w.]*", node.value)
        if not theirs.match(option)
    ]
    assert places == []


@pages
def test_a_page_links_to_what_is_there(page):
    missing = [
        f"{link.file}#{link.anchor}"
        for link in links(page)
        if not link.file.exists()
        or (link.file.suffix == ".md" and link.anchor and link.anchor not in headings(link.file))
    ]
    assert missing == []


@pages
def test_a_link_to_a_line_leads_to_the_name_that_it_says(page):
    code = [link for link in links(page) if link.anchor and link.file.suffix != ".md"]
    assert [trouble for link in code if (trouble := line_trouble(link))] == []


def test_a_link_to_another_line_says_the_right_one():
    choice = ROOT / "bandit" / "choice.py"
    lines = choice.read_text().splitlines()
    line = next(n for n, text in enumerate(lines, start=1) if text.startswith("def uniforms("))
    assert line_trouble(Link("`uniforms`", choice, f"L{line}")) is None
    assert f"it stands on line {line}" in line_trouble(Link("`uniforms`", choice, f"L{line + 1}"))
    assert "nowhere" in line_trouble(Link("`no_such_name`", choice, "L1"))
    assert "name what stands" in line_trouble(Link("the draw", choice, f"L{line}"))


@pages
def test_a_page_imports_what_exists(page):
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", page.read_text(), re.M | re.S))
    for module, names in re.findall(r"^from ([\w.]+) import ([\w, ]+)$", code, re.MULTILINE):
        for name in names.split(", "):
            assert hasattr(importlib.import_module(module), name), f"from {module} import {name}"


@pages
def test_a_page_names_files_and_names_that_exist(page):
    wrong = [name for name in re.findall(r"`([\w./]+)`", page.read_text()) if not named(name)]
    assert wrong == []


def named(text: str) -> bool:
    """Whether a path of a room leads to a file or folder, and a dotted name to something in it."""
    room, separator, rest = re.match(r"(\w*)([./]?)(.*)", text).groups()
    if room not in MAY_IMPORT or not rest or text == "train.py":
        return True
    if separator == "/":
        return (ROOT / text).exists()
    module, _, name = text.rpartition(".")
    if (ROOT / text.replace(".", "/")).with_suffix(".py").exists():
        return True
    return hasattr(importlib.import_module(module), name)


def test_the_glossary_has_each_term_once_in_order():
    rows = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    terms = [term.lower() for term in rows[1:] if term.strip("-")]
    assert len(terms) > 50
    assert terms == sorted(set(terms))


def test_the_targets_that_the_readme_makes_exist():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE)
    assert {"demo", "test"} <= set(named) <= set(targets)


def test_the_configurations_that_the_readme_names_exist():
    named = re.findall(r"--config (\S+?\.yaml)", README)
    assert named
    assert all((ROOT / name).is_file() for name in named)
