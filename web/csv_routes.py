"""Every table as CSV, which spreadsheets open."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Response

from data.errors import BadInput
from evaluate.experiments.look import Look
from evaluate.insights.command import Insights
from web.lab_routes import answered
from web.pages_of import PagesOf
from web.rules_routes import changes, rules_now
from web.view.composed import asked_member, asked_members
from web.view.home_preview import home_preview
from web.view.title_record import TitleRecord, title_record
from web.view.why import Why, why
from web.watch_routes import bundles_of, live_of, seen_experiments

Row = Mapping[str, object]
Asked = Mapping[str, str]
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would run a text that begins so."""


def csv_routes(pages: PagesOf) -> APIRouter:
    """Tables of pages."""
    router = APIRouter()
    tables = _tables(pages)

    @router.get("/csv/{table}", response_class=Response)
    def table_as_csv(
        table: str,
        member: str = "",
        other: str = "",
        title: str = "",
        facts: Annotated[str, Query(max_length=8000)] = "",
        image: Annotated[list[str], Query(max_length=12)] = [],  # noqa: B006
    ) -> Response:
        """A table of a page, by the page's own words: member, other, facts, title, image."""
        if table not in tables:
            raise BadInput(f"there is no table {table!r:.60}; ask for one of {', '.join(tables)}")
        asked = {"member": member, "other": other, "title": title, "facts": facts}
        asked["image"] = ",".join(image)
        named = f'attachment; filename="{table}.csv"'
        text = as_csv(tables[table](asked))
        return Response(text, media_type="text/csv", headers={"Content-Disposition": named})

    return router


def as_csv(rows: Iterable[object]) -> str:
    """Rows under the names of the first; what a spreadsheet would run is quoted."""
    out = io.StringIO()
    write = None
    for row in rows:
        flat = _flat(asdict(row) if is_dataclass(row) and not isinstance(row, type) else row)
        if write is None:
            write = csv.DictWriter(out, list(flat), extrasaction="ignore")
            write.writeheader()
        write.writerow(flat)
    return out.getvalue()


def _flat(row: object, above: str = "") -> dict[str, object]:
    assert isinstance(row, Mapping)
    flat: dict[str, object] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{above}{name}_")
        elif isinstance(value, tuple) and hasattr(value, "_asdict"):
            flat |= _flat(value._asdict(), f"{above}{name}_")  # pyright: ignore
        elif isinstance(value, list):
            flat[f"{_plain(above + name)}"] = _plain("; ".join(map(str, value)))
        else:
            flat[f"{_plain(above + name)}"] = _plain(value)
    return flat


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _cells(pages: PagesOf) -> Iterable[Row]:
    """A row a cell and day."""
    for one in seen_experiments(pages).records:
        for cell in one.cells:
            about = {"experiment": one.name, "cell": cell.cell, "share": cell.share}
            about["members"] = cell.members
            looks = [] if cell.result is None else cell.result.looks
            for look in looks:
                yield {**about, **vars(look)}
            if not looks:
                yield {**about, **dict.fromkeys(field.name for field in fields(Look))}


def _insights(pages: PagesOf) -> Insights:
    seen = pages.insights.now(pages.view())
    if seen.insights is None:
        raise BadInput(seen.trouble or "the log is being read; ask again in a moment")
    return seen.insights


def _attributes(pages: PagesOf) -> Iterable[object]:
    effects = _insights(pages).effects
    return [*effects.everybody, *effects.audiences]


def _tables(pages: PagesOf) -> dict[str, Callable[[Asked], Iterable[object]]]:
    def record(asked: Asked) -> TitleRecord:
        view = pages.view()
        return title_record(view, view.title(asked["title"]), pages.examples, pages.audience())

    def audience(asked: Asked) -> Iterable[Row]:
        found = record(asked)
        for part in found.segments:
            shares = dict(zip(found.candidates, part.shares, strict=True))
            yield {"audience": part.segment, "members": part.members, **shares}

    def home(asked: Asked) -> Iterable[Row]:
        view = pages.view()
        found = home_preview(view, asked_members(view, pages.members(), asked))
        for row in found.rows:
            for member, tiles in zip(found.members, row.tiles, strict=True):
                for tile in tiles:
                    yield {"member": member.profile_id, "row": row.name, **asdict(tile)}

    def told(asked: Asked) -> Why:
        view = pages.view()
        member, title = asked_member(view, pages.members(), asked), view.title(asked["title"])
        return why(view, member, title.title_id, pages.examples)

    def reasons(asked: Asked) -> Iterable[object]:
        return told(asked).facts

    def lab(asked: Asked) -> Iterable[Row]:
        kept = [pages.uploads.of(one) for one in asked["image"].split(",") if one]
        answer = answered(pages, asked["title"], kept)
        names = {one.image: one.name for one in answer.about}
        for image in answer.value.images:
            # Audiences differ from title to title: they have rows of their own.
            told = {n: v for n, v in vars(image).items() if n not in ("audience", "beats")}
            yield {"file": names[image.image], "audience": "all", **told}
            for name, part in image.audience.items():
                adds = image.adds._replace(value=part.adds)
                yield {"file": names[image.image], "audience": name, **told, "adds": adds}

    return {
        "home": home,
        "why": reasons,
        "candidates": lambda asked: told(asked).candidates,
        "policies": lambda asked: told(asked).others,
        "title": lambda asked: record(asked).artworks,
        "audience": audience,
        "trend": lambda asked: record(asked).trend,
        "lab": lab,
        "insights": lambda _: _attributes(pages),
        "representation": lambda _: _insights(pages).represented,
        "rules": lambda _: rules_now(pages).rules,
        "audit": lambda _: changes(pages, 1000),
        "monitor": lambda _: pages.watcher.now().checks,
        "rewards": lambda _: pages.watcher.now().days,
        "bundles": lambda _: bundles_of(pages),
        "live": lambda _: live_of(pages).fell_back,
        "experiments": lambda _: _cells(pages),
        "troubles": lambda _: pages.watcher.now().troubles,
    }
