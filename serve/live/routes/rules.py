"""`/v1/rules`: the rules that hold, changed by those who may, and who changed what."""

import asyncio
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, Header, HTTPException, Query, Request, Response

from data import clock
from data.errors import BadInput
from data.rules.as_json import rule_json
from data.rules.desk import NoSuchRule, RuleDone, RulesDesk, RulesMoved, RuleTaken
from data.rules.written import WrittenRules
from serve.live.door.door import HOLDER
from serve.live.routes.rule_schema import (
    AuditAnswer,
    AuditEntry,
    ChangedRule,
    EndedRule,
    ListedRule,
    ListedRules,
    SentRule,
)
from serve.live.service import LiveService

Found = TypeVar("Found")
STATUS: tuple[tuple[type[BadInput], int], ...] = (
    (NoSuchRule, 404),
    (RuleTaken, 409),
    (RulesMoved, 412),
    (BadInput, 422),
)
"""What a refusal is answered with."""
Match = Annotated[str | None, Header()]
Asked = Annotated[str, Query(min_length=1)]


def rule_routes(service: LiveService) -> APIRouter:
    """List and change rules."""
    router = APIRouter()

    @router.get("/v1/rules")
    async def rules(response: Response) -> ListedRules:
        """All rules of the file, and whether each is in its time; `ETag` is their version."""
        desk = _desk(service)
        found = await _done(desk.listed)
        response.headers["ETag"] = f'"{found.digest}"'
        return _listed(found, service)

    @router.post("/v1/rules", status_code=201)
    async def add(
        rule: SentRule, request: Request, if_match: Match = None, dry: bool = False
    ) -> ChangedRule:
        """Add a rule; it holds within a second. `dry=true` says what would be refused."""
        desk, said = _desk(service), rule.model_dump(by_alias=True, exclude_none=True)
        by, version = _holder(request), _version(if_match)
        return _changed(await _done(lambda: desk.add(said, by, version, dry)))

    @router.post("/v1/rules/{rule_id}/end")
    async def end(
        rule_id: str, ended: EndedRule, request: Request, if_match: Match = None
    ) -> ChangedRule:
        """Let a rule end, now or at a minute; it stays in the list."""
        desk, by, version = _desk(service), _holder(request), _version(if_match)
        who, why, at = ended.who, ended.why, ended.at
        return _changed(await _done(lambda: desk.end(rule_id, who, why, by, at, version)))

    @router.delete("/v1/rules/{rule_id}")
    async def take_out(
        rule_id: str, who: Asked, why: Asked, request: Request, if_match: Match = None
    ) -> ChangedRule:
        """Take a rule out; the audit log keeps it."""
        desk, by, version = _desk(service), _holder(request), _version(if_match)
        return _changed(await _done(lambda: desk.take_out(rule_id, who, why, by, version)))

    @router.get("/v1/rules/audit")
    async def audit(
        most: Annotated[int, Query(ge=1, le=1000)] = 50, before: int | None = None
    ) -> AuditAnswer:
        """Who changed which rule, the newest first; `python -m data audit` checks all of it."""
        desk = _desk(service)
        entries = await _done(lambda: desk.audit(most, before))
        return AuditAnswer(changes=[AuditEntry.of(entry) for entry in entries])

    return router


def _desk(service: LiveService) -> RulesDesk:
    if service.rules_desk is None:
        raise HTTPException(404, "this service follows no rules; start it with --rules FILE")
    return service.rules_desk


async def _done(work: Callable[[], Found]) -> Found:
    """What a desk says, asked beside the pages; refusals as HTTP has them."""
    try:
        return await asyncio.to_thread(work)
    except BadInput as error:
        status = next(code for kind, code in STATUS if isinstance(error, kind))
        raise HTTPException(status, str(error)) from None
    except OSError as error:
        words = f"the rules cannot be written ({error.strerror}); nothing was changed"
        raise HTTPException(503, words, {"Retry-After": "1"}) from None


def _listed(found: WrittenRules, service: LiveService) -> ListedRules:
    now, model = clock.now_us(), service.source.model
    held = None if model is None or model.rules is None else model.rules.written.digest
    return ListedRules(
        version=found.digest,
        in_use=None if held is None else held[: len(found.digest)],
        rules=[
            ListedRule.model_validate(
                rule_json(one) | {"state": one.rule.when(now), "place": one.rule.place}
            )
            for one in found.rules
        ],
    )


def _changed(done: RuleDone) -> ChangedRule:
    entry = None if done.entry is None else AuditEntry.of(done.entry)
    return ChangedRule(version=done.version, rule=SentRule.model_validate(done.rule), change=entry)


def _holder(request: Request) -> str:
    return request.scope.get(HOLDER, "")


def _version(if_match: str | None) -> str | None:
    """The version that `If-Match` names; None: any."""
    if if_match is None or if_match.strip() == "*":
        return None
    return if_match.strip().removeprefix("W/").strip('"')
