"""What the written pages claim: links and the lines they lead to, commands and their options."""

import json
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import yaml

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ALWAYS = {"help", "json", "config", "print_config"}
"""Options that every parser has."""


class Link(NamedTuple):
    """A link of a page to a place in this repository."""

    text: str
    file: Path
    anchor: str


class Call(NamedTuple):
    """A command as a page writes it."""

    program: str
    """A room, or `train.py`."""
    command: str
    options: list[str]
    words: list[str]
    """All that follows the command."""


def links(page: Path) -> Iterator[Link]:
    """Links to files of the repository, and to headings and lines in them."""
    for text, target in re.findall(r"\[([^\]]*)\]\(([^)\s]+)\)", page.read_text()):
        if not target.startswith(("http://", "https://")):
            path, _, anchor = target.partition("#")
            yield Link(text, (page.parent / path).resolve() if path else page, anchor)


def headings(page: Path) -> set[str]:
    """Anchors of a page, as a forge makes them of its headings."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def line_trouble(link: Link) -> str | None:
    """Why a link to a line is wrong: the name in its text must stand on that line."""
    name = _name_of(link)
    number = re.fullmatch(r"L([1-9]\d*)", link.anchor)
    if name is None or number is None:
        return f"[{link.text}] leads to #{link.anchor}: name what stands on line N, #LN"
    lines = link.file.read_text().splitlines()
    at = int(number[1])
    if at <= len(lines) and re.search(rf"\b{name}\b", lines[at - 1]):
        return None
    there = line_of(name, lines)
    where = "it is nowhere in that file" if there is None else f"it stands on line {there}"
    return f"`{name}` is not on line {at} of {link.file.relative_to(ROOT)}: {where}"


def line_of(name: str, lines: list[str]) -> int | None:
    """The line that makes a name, or the first that says it; None where there is neither."""
    word = re.compile(rf"\b{name}\b")
    makes = re.compile(rf"\s*((async )?def |class )?{name}\b(\(|:| = )|\s*{name} AS\b")
    numbered = [(line, text) for line, text in enumerate(lines, start=1) if word.search(text)]
    there = [line for line, text in numbered if makes.match(text)] or [line for line, _ in numbered]
    return there[0] if there else None


def renumber(page: Path) -> None:
    """Let each link to a line lead to where its name stands now."""
    text = page.read_text()
    for link in links(page):
        if link.anchor and link.file.suffix != ".md" and line_trouble(link) is not None:
            at = line_of(_name_of(link) or "", link.file.read_text().splitlines())
            if at is not None:
                stem = f"[{link.text}]({os.path.relpath(link.file, page.parent)}#L"
                text = re.sub(re.escape(stem) + r"\d+\)", f"{stem}{at})", text)
    page.write_text(text)


def _name_of(link: Link) -> str | None:
    name = re.search(r"`(?:\w+\.)*(\w+)`", link.text)
    return None if name is None else name[1]


def calls(page: Path) -> Iterator[Call]:
    """Every `python -m ROOM COMMAND` and `python train.py` of a page, with its options."""
    text = page.read_text().replace("\\\n", " ")
    fenced = re.findall(r"^```(?:sh)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    for line in [*(line for block in fenced for line in block.splitlines()), *inline]:
        yield from _calls_in(line)


def calls_of_scripts() -> Iterator[Call]:
    """The same of the Makefile, with its variables filled in, and of deploy/."""
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    values: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+) [?:]?= ?(.*)$", makefile, re.MULTILINE):
        values.setdefault(name, []).append(value)
    values["PY"] = ["python"]
    for line in makefile.splitlines():
        filled = re.sub(r"\$\((\w+)\)", lambda name: " ".join(values.get(name[1], [])), line)
        for call in _calls_in(filled):
            yield call._replace(words=[])  # a variable has all of its values at once
    deploy = ROOT / "deploy"
    for line in (deploy / "marquee-live.service").read_text().splitlines():
        yield from _calls_in(line)
    [by_default] = re.findall(r"^CMD (.*)$", (deploy / "Dockerfile").read_text(), re.MULTILINE)
    services = yaml.safe_load((deploy / "compose.yaml").read_text())["services"].values()
    serve = ["python", "-m", "serve"]
    yield from _calls_in(" ".join([*serve, *json.loads(by_default)]))
    for service in services:
        if {"build", "command"} <= service.keys():
            yield from _calls_in(" ".join([*service.get("entrypoint", serve), *service["command"]]))
    for file in sorted((deploy / "kubernetes" / "base").glob("*.yaml")):
        for container in _containers(list(yaml.safe_load_all(file.read_text()))):
            if container["image"] == "marquee":
                words = [*container.get("command", serve), *container["args"]]
                yield from _calls_in(" ".join(words))


def _containers(value: object) -> Iterator[dict[str, Any]]:
    """What pods run, wherever in a file they are."""
    if isinstance(value, list):
        for one in value:
            yield from _containers(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name in ("containers", "initContainers"):
                yield from one
            else:
                yield from _containers(one)


def _calls_in(line: str) -> Iterator[Call]:
    found = re.search(r"python (?:-m (\w+) ([a-z][a-z-]*)|(train\.py))\b(.*)", line)
    if found:
        rest = re.split(r" [#|>;]|\s&&|`", found[4])[0]
        options = re.findall(r"(?<= )--([\w.-]+)", found[4].partition(" #")[0])
        try:
            words = [word for word in shlex.split(rest) if word != "…"]
        except ValueError:  # a text in quotes goes on in the next line
            words = []
        yield Call(found[1] or found[3], found[2] or "", options, words)


def dotted_options(settings: type, prefix: str = "") -> Iterator[str]:
    """Options of nested dataclasses: `fit.epochs`."""
    types = get_type_hints(settings)
    for field in fields(settings):
        yield prefix + field.name
        if isinstance(types[field.name], type) and is_dataclass(types[field.name]):
            yield from dotted_options(types[field.name], f"{prefix}{field.name}.")


if __name__ == "__main__":
    for page in PAGES:
        renumber(page)
