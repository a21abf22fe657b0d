"""What the source says of its own shape: imports, sizes and habits, read with `ast` alone.

Each figure is a list of places (`file:line: what`), so that a limit that is missed says where.
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median

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
    "bench": {"bandit", "data", "simulate", "model", "export", "serve", "evaluate", "loop"},
    "train": {"bandit", "data", "simulate", "model", "export", "serve", "evaluate"},
}
"""Room → rooms that its files may import besides their own; docs/architecture.md says why."""

TORCH = {"torch", "torchvision", "lightning"}
MAY_IMPORT_TORCH = {"model", "export", "loop", "bench", "train"}

LONG_FILE, LONG_FUNCTION, MANY_PARAMETERS, MANY_FILES = 300, 60, 8, 18


EXCUSED_CLASSES = {
    "PageRequest": "the two ends of one request: what visits send is what the live service reads",
    "PageAnswer": "the two ends of its answer",
}
"""Class that two modules define → why it means the same in both."""


@dataclass(frozen=True)
class Import:
    """One imported name: by which module, of which, on which line, and whether it is hidden."""

    module: str
    target: str
    line: int
    hidden: bool
    """Inside a function or under TYPE_CHECKING."""
    explained: bool
    """A comment stands above it, or above the imports that it follows."""


@dataclass
class Source:
    """One file, read once."""

    path: Path
    root: Path = ROOT
    lines: list[str] = field(init=False)
    tree: ast.Module = field(init=False)

    def __post_init__(self) -> None:
        text = self.path.read_text()
        self.lines, self.tree = text.splitlines(), ast.parse(text)

    @property
    def name(self) -> str:
        """The file as seen from the root."""
        return self.path.relative_to(self.root).as_posix()

    @property
    def module(self) -> str:
        """The dotted name by which it is imported."""
        return self.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def room(self) -> str:
        """The top-level folder, or the file's own name where it lies at the root."""
        return self.module.split(".")[0]

    def at(self, line: int, what: str) -> str:
        """A place in it, as tools print them."""
        return f"{self.name}:{line}: {what}"

    def comment_above(self, line: int) -> bool:
        """Whether the line before this one is a comment and nothing else."""
        return line > 1 and self.lines[line - 2].lstrip().startswith("#")

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def imports(self) -> Iterator[Import]:
        """Every import, of any package, wherever it stands."""
        yield from self._imports(self.tree, hidden=False)

    def _imports(self, parent: ast.AST, hidden: bool) -> Iterator[Import]:
        explained = False
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, ast.Import | ast.ImportFrom):
                explained = explained or self.comment_above(node.lineno)
                for target in _targets(node):
                    yield Import(self.module, target, node.lineno, hidden, explained)
                continue
            explained = False
            inside = hidden or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                inside = True
            yield from self._imports(node, inside)


def _targets(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (name.name for name in node.names)
    elif node.module and not node.level:
        yield from (f"{node.module}.{name.name}" for name in node.names)


def sources(root: Path = ROOT) -> list[Source]:
    """The product's files: those of every room, and `train.py`."""
    paths = [root / f"{room}.py" for room in MAY_IMPORT]
    paths += [path for room in MAY_IMPORT for path in (root / room).rglob("*.py")]
    return [Source(path, root) for path in sorted(paths) if path.is_file()]


def own_imports(files: list[Source]) -> list[tuple[Source, Import, str]]:
    """Imports of the product's own modules: the file, the import, and the module that it means."""
    modules = {file.module for file in files}
    edges = []
    for file in files:
        for item in file.imports():
            module = item.target
            while module not in modules and "." in module:
                module = module.rpartition(".")[0]
            if module in modules and module != file.module:
                edges.append((file, item, module))
    return edges


def circles(files: list[Source]) -> list[str]:
    """Modules that import each other, directly or through others; hidden imports count too.

    One circle at a time: once it is broken, the next shows.
    """
    return _circle((file.module, module) for file, _, module in own_imports(files))


def circles_of_folders(files: list[Source]) -> list[str]:
    """The same of rooms and sub-rooms: each can be read after those that it imports.

    A room's `__main__` opens what stands in it, and nothing imports it: it is left out.
    """
    folder = {file.module: "/".join(file.name.split("/")[:-1][:2]) or file.name for file in files}
    return _circle(
        (folder[file.module], folder[module])
        for file, _, module in own_imports(files)
        if not file.name.endswith("__main__.py")
    )


def _circle(edges: Iterable[tuple[str, str]]) -> list[str]:
    graph: dict[str, set[str]] = {}
    for one, other in edges:
        if one != other:
            graph.setdefault(one, set()).add(other)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        names = error.args[1][:0:-1]
        first = names.index(min(names))
        return [" → ".join([*names[first:], *names[:first], names[first]])]
    return []


def upward_imports(files: list[Source]) -> list[str]:
    """Imports of a room that stands above, and torch where it may not be."""
    places = []
    for file in files:
        for item in file.imports():
            room = item.target.split(".")[0]
            above = room in MAY_IMPORT and room not in MAY_IMPORT[file.room] | {file.room}
            if above or (room in TORCH and file.room not in MAY_IMPORT_TORCH):
                places.append(file.at(item.line, f"{file.room} may not import {item.target}"))
    return places


def hidden_imports(files: list[Source]) -> list[str]:
    """Own modules imported in a function or under TYPE_CHECKING, with no comment above."""
    return [
        file.at(item.line, f"imports {item.target} out of sight")
        for file, item, _ in own_imports(files)
        if item.hidden and not item.explained
    ]


def crowded_folders(files: list[Source]) -> list[str]:
    """Folders in which more than 18 files lie."""
    counts = Counter(file.name.rpartition("/")[0] for file in files)
    return [f"{name}: {count} files" for name, count in counts.items() if count > MANY_FILES]


def median_lines(files: list[Source]) -> float:
    """Lines of the middle file; a room's front page does not count as one."""
    return median(len(file.lines) for file in files if file.path.name != "__init__.py")


def long_files(files: list[Source]) -> list[str]:
    """Files of over 300 lines that docs/decisions.md does not name."""
    long = [file for file in files if len(file.lines) > LONG_FILE]
    documented = (long[0].root / "docs" / "decisions.md").read_text() if long else ""
    return [file.at(1, f"{len(file.lines)} lines") for file in long if file.name not in documented]


def long_functions(files: list[Source]) -> list[str]:
    """Functions of over 60 lines with no comment directly above."""
    places = []
    for file in files:
        for function in file.functions():
            lines = (function.end_lineno or function.lineno) - function.lineno + 1
            if lines > LONG_FUNCTION and not _explained(file, function):
                places.append(file.at(function.lineno, f"{function.name} has {lines} lines"))
    return places


def long_parameter_lists(files: list[Source]) -> list[str]:
    """Functions of over 8 parameters with no comment directly above; self and cls do not count."""
    places = []
    for file in files:
        for function in file.functions():
            args = function.args
            names = [arg.arg for arg in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
            names += [arg.arg for arg in (args.vararg, args.kwarg) if arg is not None]
            count = len(names) - (names[:1] in (["self"], ["cls"]))
            if count > MANY_PARAMETERS and not _explained(file, function):
                places.append(file.at(function.lineno, f"{function.name} has {count} parameters"))
    return places


def _explained(file: Source, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    first = min([function.lineno, *(node.lineno for node in function.decorator_list)])
    return file.comment_above(first)


def formatter_skips(files: list[Source]) -> list[str]:
    """Lines that the formatter is told to leave."""
    return _lines_with(files, "# fmt: skip")


def json_switches(files: list[Source]) -> list[str]:
    """Parameters by which a command prints what its dispatcher should."""
    return _lines_with(files, "json: bool")


def _lines_with(files: list[Source], text: str) -> list[str]:
    return [
        file.at(number, line.strip())
        for file in files
        for number, line in enumerate(file.lines, start=1)
        if text in line
    ]


def lines_with_any(files: list[Source]) -> list[str]:
    """Lines on which something is typed `Any`; the line that imports it does not count."""
    places = []
    for file in files:
        nodes = ast.walk(file.tree)
        lines = {n.lineno for n in nodes if isinstance(n, ast.Name) and n.id == "Any"}
        places += [file.at(line, file.lines[line - 1].strip()) for line in sorted(lines)]
    return places


def threads_that_keep_a_process(files: list[Source]) -> list[str]:
    """Threads that a process waits for when it fails, and whoever waits for the process."""
    return [
        file.at(node.lineno, file.lines[node.lineno - 1].strip())
        for file in files
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Call)
        and "Thread" in (getattr(node.func, "attr", ""), getattr(node.func, "id", ""))
        and "daemon" not in {given.arg for given in node.keywords}
    ]


def classes_named_twice(files: list[Source]) -> list[str]:
    """Public classes that two modules of the product define: one meaning a word."""
    defined: dict[str, list[str]] = {}
    for file in files:
        for node in file.tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                defined.setdefault(node.name, []).append(file.at(node.lineno, f"class {node.name}"))
    return [
        place
        for name, places in defined.items()
        if len(places) > 1 and name not in EXCUSED_CLASSES
        for place in places
    ]


def rooms_without_two_lines(files: list[Source]) -> list[str]:
    """Front pages that do not say in two lines what a room is for and what may enter it."""
    places = []
    for file in files:
        if file.path.name == "__init__.py":
            lines = [line for line in (ast.get_docstring(file.tree) or "").splitlines() if line]
            if len(lines) < 2:
                places.append(file.at(1, f"{len(lines)} lines say what the room is for"))
    return places


FIGURES: dict[str, Callable[[list[Source]], list[str]]] = {
    "circles of modules": circles,
    "circles of rooms and sub-rooms": circles_of_folders,
    "upward imports": upward_imports,
    "hidden imports of our own, with no comment above": hidden_imports,
    "folders of more than 18 files": crowded_folders,
    "files over 300 lines, not in docs/decisions.md": long_files,
    "functions over 60 lines, with no comment above": long_functions,
    "parameter lists over 8, with no comment above": long_parameter_lists,
    "rooms that do not say in two lines what they are for": rooms_without_two_lines,
    "lines with `fmt: skip`": formatter_skips,
    "lines with `Any`": lines_with_any,
    "parameters `json: bool`": json_switches,
    "public classes that two modules define": classes_named_twice,
    "threads that keep a failing process from its end": threads_that_keep_a_process,
}
"""What is counted → where it stands."""
