"""The README says what is true: its lines run, its commands and links exist."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from data.catalogue import Catalogue

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = sorted((ROOT / "docs").glob("*.md"))


def test_its_lines_make_a_catalogue_of_a_folder_of_images(tmp_path):
    for name, colour in (("a.jpg", "crimson"), ("b.png", "navy"), ("c.webp", "olive")):
        for title in ("The Long Winter", "Two Rivers"):
            file = tmp_path / "my_images" / title / name
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (320, 180), colour).save(file)
    lines = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{lines}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    catalogue = Catalogue.read(tmp_path / "my_catalogue")
    assert catalogue.titles["name"].to_pylist() == ["The Long Winter", "Two Rivers"]
    assert all(catalogue.image_path(name).is_file() for name in catalogue.artwork_ids)
    assert len(catalogue.artwork_ids) == 6


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_its_commands_exist(page):
    named = re.findall(r"python -m (data|simulate|evaluate|serve|export|bench) ([a-z][a-z-]*)",
                       page.read_text())  # fmt: skip
    if page.name == "README.md":
        rows = re.findall(r"\| `python -m (\w+) ([a-z-]+)`((?:, `[a-z-]+`)*)", README)
        named += [(at, name) for at, _, more in rows for name in re.findall(r"`([a-z-]+)`", more)]
        assert len(named) > 25
    for package, command in named:
        commands = importlib.import_module(f"{package}.__main__").COMMANDS
        assert command in commands, f"{page.name}: python -m {package} {command}"


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_its_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{page.name} links {target}"


def test_the_configurations_that_it_names_exist():
    named = re.findall(r"--config (\S+?\.yaml)", README)
    assert named
    assert all((ROOT / name).is_file() for name in named)
