"""Imports point one way, so that a part can be read and run without those above it."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "bandit": set(),
    "data": {"bandit"},
    "simulate": {"bandit", "data"},
    "model": {"bandit", "data"},
    "export": {"bandit", "data", "model"},
    "serve": {"bandit", "data"},
    "evaluate": {"bandit", "data", "simulate", "serve"},
    "web": {"bandit", "data", "simulate", "serve", "evaluate"},
    "loop": {"bandit", "data", "simulate", "model", "export", "serve", "evaluate"},
}


def imported(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_only_what_stands_below_it(folder):
    files = list((ROOT / folder).rglob("*.py"))
    assert files
    forbidden = (set(MAY_IMPORT) | {"bench", "train"}) - MAY_IMPORT[folder] - {folder}
    if folder not in ("model", "export", "loop"):
        forbidden |= {"torch", "torchvision", "lightning"}
    wrong = [(str(f.relative_to(ROOT)), m) for f in files for m in imported(f) if m in forbidden]
    assert wrong == []
