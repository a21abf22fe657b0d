"""`/docs`: what can be asked and what comes back, as `/openapi.json` says; no script in it."""

from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter, FastAPI, Response
from fastapi.exceptions import RequestValidationError
from jinja2 import Environment, FileSystemLoader

PAGES = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def documentation(app: FastAPI) -> APIRouter:
    """Show an application's end points."""
    router = APIRouter()

    @router.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        page = PAGES.get_template("documentation.html").render(**_described(app.openapi()))
        headers = {"Content-Security-Policy": POLICY}
        return Response(page, media_type="text/html; charset=utf-8", headers=headers)

    return router


def _described(document: Mapping) -> dict[str, object]:
    """End points and records of an OpenAPI document, as the page shows them."""
    ends = [
        {
            "method": method.upper(),
            "path": path,
            "what": end.get("description") or end.get("summary", ""),
            "given": [
                {"name": one["name"], "where": one["in"], "type": _type(one.get("schema", {}))}
                for one in end.get("parameters", [])
            ],
            "body": _content(end.get("requestBody", {})),
            "answer": _content(end["responses"].get("200", {})),
        }
        for path, methods in document["paths"].items()
        for method, end in methods.items()
    ]
    records = [
        {
            "name": name,
            "what": schema.get("description", ""),
            "fields": [
                {
                    "name": field,
                    "type": _type(of),
                    "needed": field in schema.get("required", []),
                    "what": of.get("description", ""),
                }
                for field, of in schema.get("properties", {}).items()
            ],
        }
        for name, schema in document.get("components", {}).get("schemas", {}).items()
    ]
    return {"title": document["info"]["title"], "ends": ends, "records": records}


def _content(part: Mapping) -> str:
    """What a body is made of, in a word."""
    kinds = part.get("content", {})
    return ", ".join(_type(kind.get("schema", {})) or name for name, kind in kinds.items())


def _type(schema: Mapping) -> str:
    """The type of a schema, as people say it."""
    if "$ref" in schema:
        return schema["$ref"].rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(filter(None, map(_type, schema["anyOf"])))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {})) or 'values'}"
    return str(schema.get("type", ""))


def wrong_fields(error: Exception) -> str:
    """What of a request is not as documented: where and why, the first three in words."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    told = [f"{'.'.join(map(str, one['loc'][1:])) or 'body'}: {one['msg']}" for one in found]
    more = f"; and {len(told) - 3} more" if len(told) > 3 else ""
    return "; ".join(told[:3])[:1000] + more
