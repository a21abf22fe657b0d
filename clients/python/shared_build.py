"""Builds the wheel of the client: setuptools, and the look-up copied out of the service's rooms.

There is one look-up. What it imports of `bandit`, `data` and `serve` is found by reading it, and
copied under `marquee_client.shared` with the names of its imports put there. Annotations of shapes
are not needed to run it: jaxtyping is replaced by a file that says nothing.
"""

import ast
import re
import shutil
import sys
from pathlib import Path

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
INTO = HERE / "src" / "marquee_client" / "shared"
BEGIN = ("serve.maps.rows.row_lookup", "serve.maps.open_store")
ROOMS = ("bandit", "data", "serve")
ALLOWED = {"numpy", "lmdb", "redis", "jaxtyping", "orjson"}
"""Packages that what is copied may name; orjson only where it is there."""
IMPORT = re.compile(rf"^(\s*)from ((?:{'|'.join(ROOMS)})\b[.\w]*) import ", re.MULTILINE)
SHAPES = '''"""Annotations of shapes, which nothing here looks at."""

from typing import Any


class _Shape:
    def __class_getitem__(cls, _: object) -> Any:
        return Any


Bool = Float = Int = Int64 = Integer = Shaped = UInt8 = UInt32 = UInt64 = _Shape
'''


def build_wheel(  # noqa: D103
    wheel_directory: str, config_settings: object = None, metadata_directory: str | None = None
) -> str:
    copy_shared()
    try:
        return build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)
    finally:
        shutil.rmtree(INTO, ignore_errors=True)
        shutil.rmtree(HERE / "build", ignore_errors=True)


def build_sdist(sdist_directory: str, config_settings: object = None) -> str:  # noqa: D103
    raise NotImplementedError("build a wheel: the look-up lies outside this folder")


def shared_modules(root: Path = ROOT) -> dict[str, Path]:
    """Modules that the look-up is made of, by name, each with its packages.

    Raises:
        ValueError: one of them imports a package that page servers do not install.
    """
    found, waiting = dict[str, Path](), list(BEGIN)
    while waiting:
        name = waiting.pop()
        file = _file(root, name)
        if file is None or name in found:
            continue
        found[name] = file
        waiting += [name.rpartition(".")[0]] if "." in name else []
        for module, names in _imports(ast.parse(file.read_text())):
            if module.partition(".")[0] in ROOMS:
                waiting += [module, *(f"{module}.{one}" for one in names)]
            elif _strange(module):
                raise ValueError(f"{name} imports {module}, which page servers do not install")
    return found


def copy_shared() -> None:
    """Put the modules where the wheel takes them from."""
    shutil.rmtree(INTO, ignore_errors=True)
    for name, file in shared_modules().items():
        target = INTO.joinpath(*name.split("."))
        target = target / "__init__.py" if file.name == "__init__.py" else target.with_suffix(".py")
        target.parent.mkdir(parents=True, exist_ok=True)
        text = IMPORT.sub(r"\1from marquee_client.shared.\2 import ", file.read_text())
        text = text.replace("from jaxtyping import", "from marquee_client.shared.shapes import")
        target.write_text(text)
    (INTO / "__init__.py").write_text('"""The service\'s own look-up, as it was built in."""\n')
    (INTO / "shapes.py").write_text(SHAPES)


def _file(root: Path, name: str) -> Path | None:
    place = root.joinpath(*name.split("."))
    files = (place.with_suffix(".py"), place / "__init__.py")
    return next((file for file in files if file.is_file()), None)


def _imports(tree: ast.AST) -> list[tuple[str, list[str]]]:
    """What a module imports when it runs: not what type checkers alone read."""
    found: list[tuple[str, list[str]]] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            found += [(one.name, []) for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((str(node.module), [one.name for one in node.names]))
        found += _imports(node)
    return found


def _strange(module: str) -> bool:
    first = module.partition(".")[0]
    return first not in sys.stdlib_module_names and first not in ALLOWED
