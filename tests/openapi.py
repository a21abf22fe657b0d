"""What the service promises over HTTP: `docs/openapi.json`, and whether it is still kept.

`python -m tests.openapi` writes the document anew where it only adds to what was promised.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from serve.live.app import routed_app
from serve.live.recorder import NoLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService

PROMISED = Path(__file__).parents[1] / "docs" / "openapi.json"
BOUNDS = {"maxLength": -1, "maxItems": -1, "maximum": -1, "minLength": 1, "minItems": 1}
"""Bound of what is sent → the direction in which it may not move."""


def document() -> dict[str, Any]:
    """The service's own, as /openapi.json gives it."""
    source = ModelSource(Path("none"), lambda _: (_ for _ in ()).throw(ValueError("no bundle")))
    app = routed_app(LiveService(source, NoLog()))
    return json.loads(json.dumps(app.openapi()))


def broken(promised: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Where callers of one document would not get along with another; more is no breach."""
    return [f"{where}: {what}" for where, what in _of_paths(promised, now)]


def _of_paths(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for path, methods in old["paths"].items():
        for method, was in methods.items():
            where, found = f"{method.upper()} {path}", new["paths"].get(path, {}).get(method)
            if found is None:
                yield where, "is gone"
                continue
            yield from _of_parameters(where, was, found)
            asked = [_body(end) for end in (was, found)]
            if asked[0] or asked[1].get("needed"):
                yield from _Sent(old, new).compare(f"{where} body", *_schemas(asked))
            for status, answer in was["responses"].items():
                if status not in found["responses"]:
                    yield where, f"no longer says {status}"
                    continue
                held = [_content(a) for a in (answer, found["responses"][status])]
                yield from _Given(old, new).compare(f"{where} {status}", *held)


def _of_parameters(where: str, was: Mapping, found: Mapping) -> Iterator[tuple[str, str]]:
    names = [{(p["name"], p["in"]): p for p in end.get("parameters", [])} for end in (was, found)]
    for name in names[0].keys() - names[1].keys():
        yield where, f"no longer takes {name[0]}"
    for name, one in names[1].items():
        if one.get("required") and not names[0].get(name, {}).get("required"):
            yield where, f"asks for {name[0]}"


def _body(end: Mapping[str, Any]) -> dict[str, Any]:
    body = end.get("requestBody", {})
    return {"schema": _content(body), "needed": body.get("required")} if body else {}


def _schemas(asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one.get("schema", {}) for one in asked]


def _content(part: Mapping[str, Any]) -> dict[str, Any]:
    kinds = list(part.get("content", {}).values())
    return kinds[0].get("schema", {}) if kinds else {}


class _Schemas:
    """Schemas of two documents, side by side."""

    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        self._documents, self._seen = (old, new), set[tuple[str, str]]()

    def compare(self, where: str, one: Mapping, other: Mapping) -> Iterator[tuple[str, str]]:
        names = (one.get("$ref", ""), other.get("$ref", ""))
        if any(names):
            if names in self._seen:
                return
            self._seen.add(names)
            where = f"{where} ({names[0].rpartition('/')[2]})"
        was, now = self._resolved(one, 0), self._resolved(other, 1)
        yield from self.types(where, kinds(was), kinds(now))
        parts = [schema.get("properties", {}) for schema in (was, now)]
        needs = [set(schema.get("required", [])) for schema in (was, now)]
        yield from self.fields(where, parts, needs)
        for name in parts[0].keys() & parts[1].keys():
            yield from self.compare(f"{where}.{name}", parts[0][name], parts[1][name])
        if was.get("items") and now.get("items"):
            yield from self.compare(f"{where}[]", was["items"], now["items"])
        yield from self.bounds(where, was, now)

    def types(self, where: str, was: set[str], now: set[str]) -> Iterator[tuple[str, str]]:
        raise NotImplementedError

    def fields(self, where: str, parts: list, needs: list) -> Iterator[tuple[str, str]]:
        for name in parts[0].keys() - parts[1].keys():
            yield f"{where}.{name}", "is gone"

    def bounds(self, where: str, was: Mapping, now: Mapping) -> Iterator[tuple[str, str]]:
        yield from ()

    def _resolved(self, schema: Mapping[str, Any], which: int) -> Mapping[str, Any]:
        while "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            schema = self._documents[which]["components"]["schemas"][name]
        return schema


class _Sent(_Schemas):
    """Of what callers send: what they may send may not become less."""

    def types(self, where: str, was: set[str], now: set[str]) -> Iterator[tuple[str, str]]:
        if was and now and (less := was - now):
            yield where, f"no longer may be {', '.join(sorted(less))}"

    def fields(self, where: str, parts: list, needs: list) -> Iterator[tuple[str, str]]:
        yield from super().fields(where, parts, needs)
        for name in needs[1] - needs[0]:
            yield f"{where}.{name}", "must be sent"

    def bounds(self, where: str, was: Mapping, now: Mapping) -> Iterator[tuple[str, str]]:
        for name, way in BOUNDS.items():
            before, after = was.get(name), now.get(name)
            if after is not None and (before is None or (after - before) * way > 0):
                yield where, f"{name} was {before}, is {after}"


class _Given(_Schemas):
    """Of what callers are given: what they may count on may not become less."""

    def types(self, where: str, was: set[str], now: set[str]) -> Iterator[tuple[str, str]]:
        if was and (more := now - was or was - now if not now else now - was):
            yield where, f"may be {', '.join(sorted(more))} now"

    def fields(self, where: str, parts: list, needs: list) -> Iterator[tuple[str, str]]:
        yield from super().fields(where, parts, needs)
        for name in (needs[0] - needs[1]) & parts[1].keys():
            yield f"{where}.{name}", "need not be there now"


def kinds(schema: Mapping[str, Any]) -> set[str]:
    """Types that a schema lets through; none: any."""
    if "anyOf" in schema:
        return {kind for one in schema["anyOf"] for kind in kinds(one)}
    if "$ref" in schema:
        return {"object"}
    if schema.get("type") == "array":
        of = kinds(schema.get("items", {}))
        return {f"array of {kind}" for kind in of} or {"array"}
    return {schema["type"]} if "type" in schema else set()


def main() -> None:
    """Write the document, where nothing that was promised is broken."""
    now = document()
    if PROMISED.is_file() and (found := broken(json.loads(PROMISED.read_text()), now)):
        sys.exit("callers would break:\n" + "\n".join(found))
    PROMISED.write_text(json.dumps(now, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
