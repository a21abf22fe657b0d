"""Rules over HTTP: which there are, made and ended here, and who changed what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse

from data import clock
from data.errors import BadInput
from data.rules.as_json import rule_json
from data.schema.schema import read_schema
from web.pages_of import PagesOf
from web.render import page
from web.rule_form import RuleForm, facts_of
from web.session import needs

EFFECTS = ("deny", "allow", "pin", "floor", "cap")
MOST = 200
"""Changes that the audit page shows."""
Text = Annotated[str, Form(max_length=500)]


@dataclass(frozen=True)
class RuleRow:
    """One rule."""

    id: str
    effect: str
    share: float | None
    about: str
    where: str
    begins: str | None
    ends: str | None
    who: str
    why: str
    state: str
    """`holds`, `to come` or `ended`."""


@dataclass(frozen=True)
class RulesNow:
    """The rules of the file."""

    version: str
    rules: list[RuleRow]
    refused: str
    """Why the file's rules are not those that hold; empty where they are."""


@dataclass(frozen=True)
class ChangeRow:
    """One change of the rules."""

    number: int
    at: str
    what: str
    rules: list[str]
    """Their names; of a bundle that went live, that which was before, and its own; of a ramp its
    experiment."""
    who: str
    why: str
    by: str
    """Whose token it came with, or what else changed it."""


def rules_routes(pages: PagesOf) -> APIRouter:
    """Where rules are looked at and changed."""
    router = APIRouter()

    @router.get("/api/rules")
    def rules() -> RulesNow:
        """All rules of the file, and whether each is in its time."""
        return rules_now(pages)

    @router.get("/api/audit")
    def audit(most: Annotated[int, Query(ge=1, le=1000)] = MOST) -> list[ChangeRow]:
        """Who changed which rule, bundle or ramp, the newest first; those shown are checked."""
        return changes(pages, most)

    @router.get("/rules", include_in_schema=False)
    def rules_page(title: str = "", artwork: str = "") -> Response:
        return _rules_page(pages, RuleForm(title=title, artwork=artwork))

    @router.post("/rules", include_in_schema=False)
    def add(asked: Annotated[RuleForm, Form()]) -> Response:
        by = needs("rules").name
        try:
            made = pages.desk().add(asked.rule(pages.view().catalogue, by), by)
        except BadInput as error:
            return _rules_page(pages, asked, str(error))
        pages.followed.look()
        return RedirectResponse(f"/rules#{made.rule['id']}", 303)

    @router.post("/rules/end", include_in_schema=False)
    def end(rule: Text, why: Text, who: Text = "") -> Response:
        by = needs("rules").name
        try:
            pages.desk().end(rule, who or by, why, by)
        except BadInput as error:
            return _rules_page(pages, RuleForm(), str(error))
        pages.followed.look()
        return RedirectResponse("/rules", 303)

    @router.get("/audit", include_in_schema=False)
    def audit_page() -> Response:
        return page("audit.html", shape="", changes=changes(pages, MOST))

    return router


def rules_now(pages: PagesOf) -> RulesNow:
    """The rules of the file, those that hold first."""
    found, now = pages.desk().listed(), clock.now_us()
    order = ("holds", "to come", "ended")
    rows = [_row(rule_json(one), one.rule.when(now)) for one in found.rules]
    rows.sort(key=lambda row: order.index(row.state))
    return RulesNow(found.digest, rows, pages.followed.rules.refused)


def changes(pages: PagesOf, most: int) -> list[ChangeRow]:
    """What the audit logs say of rules, bundles and ramps, the newest first."""
    of_rules = [] if pages.followed.rules.desk is None else pages.desk().audit(most)
    of_operators = pages.operations.log.newest(most)
    both = sorted([*of_rules, *of_operators], key=lambda one: (one.at_us, one.number), reverse=True)
    return [
        ChangeRow(
            one.number,
            f"{datetime.fromtimestamp(one.at_us / 1e6, UTC):%Y-%m-%d %H:%M:%S} UTC",
            one.what,
            list(one.rules) or list(dict.fromkeys((one.before, one.after))),
            one.who,
            one.why,
            one.by,
        )
        for one in both[:most]
    ]


def _row(rule: Mapping[str, object], state: str) -> RuleRow:
    share = rule.get("share")
    return RuleRow(
        str(rule["id"]),
        str(rule["effect"]),
        share if isinstance(share, float) else None,
        _words(rule["about"]),
        _words(rule.get("where", {})),
        str(rule["from"]) if "from" in rule else None,
        str(rule["until"]) if "until" in rule else None,
        str(rule.get("who", "")),
        str(rule.get("why", "")),
        state,
    )


def _words(what: object) -> str:
    """`country DE or AT; maturity most 12`."""
    if not isinstance(what, Mapping):
        return " or ".join(map(str, what)) if isinstance(what, list) else str(what)
    return "; ".join(f"{name} {_words(value)}" for name, value in what.items())


def _rules_page(pages: PagesOf, asked: RuleForm, refused: str = "") -> Response:
    view, artworks = pages.view(), list[str]()
    if asked.title:
        ids, owners = view.catalogue.artwork_ids, view.artworks["title_id"].to_pylist()
        pairs = zip(ids, owners, strict=True)
        artworks = [artwork for artwork, owner in pairs if str(owner) == asked.title]
    return page(
        "rules.html",
        422 if refused else 200,
        shape=view.shape,
        found=rules_now(pages),
        effects=EFFECTS,
        facts=facts_of(read_schema(pages.followed.catalogue)),
        asked=asked,
        artworks=artworks,
        refused=refused,
    )
