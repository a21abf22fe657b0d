"""`python -m data audit FILE`: who changed which rule, and is the log whole."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from data.errors import BadInput
from data.rules.as_json import RuleJson
from data.rules.audit import AuditLog, RuleChange


@dataclass(frozen=True)
class AuditReport:
    """A whole chain, and its latest changes."""

    file: str
    changes: int
    head: str
    """Hash of the last entry: kept elsewhere, it tells later that none was changed since."""
    latest: list[RuleChange]
    """The newest first."""
    held: dict[str, RuleJson] | None = None
    """All rules as they were at the moment asked for, by name."""


def audit(file: Path, most: int = 20, at: str | None = None) -> AuditReport:
    """Print who changed which rule; refuse a log that was altered, and say where.

    Args:
        file: rules.yaml, or its audit log rules.audit.jsonl.
        most: changes to print, the newest first.
        at: moment, ISO 8601 with a zone: also say which rules there were then.
    """
    log = AuditLog(file if file.suffix == ".jsonl" else file.with_name(f"{file.stem}.audit.jsonl"))
    if not log.file.is_file():
        raise BadInput(f"there is no audit log {log.file}; the first change of a rule begins it")
    until = None if at is None else _moment(at)
    entries, held = [], dict[str, RuleJson]()
    count, head = 0, ""
    for entry in log.entries():
        count, head = count + 1, entry.hash
        entries = [*entries, entry][-most:] if most > 0 else []
        if until is not None and entry.at_us <= until:
            after = {**held, **entry.rules}
            held = {name: rule for name, rule in after.items() if rule is not None}
    return AuditReport(
        os.fspath(log.file), count, head, entries[::-1], None if at is None else held
    )


def show(report: AuditReport) -> None:
    """Print it for people."""
    print(f"{report.file}: {report.changes} changes, none altered; the last hash {report.head}")
    for entry in report.latest:
        when = datetime.fromtimestamp(entry.at_us / 1e6, UTC).isoformat(timespec="seconds")
        names = ", ".join(list(entry.rules)[:5]) or "nothing but its wording"
        more = f" and {len(entry.rules) - 5} more" if len(entry.rules) > 5 else ""
        by = f" (by {entry.by})" if entry.by else ""
        said = f": {entry.who}: {entry.why}" if entry.who else ""
        print(f"{entry.number} {when} {entry.what} {names}{more}{said}{by}")
    if report.held is not None:
        print(f"{len(report.held)} rules held then:")
        for name, rule in report.held.items():
            said = "; ".join(f"{option}: {value}" for option, value in rule.items())
            print(f"  {name}: {said}")


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadInput(f"--at {text}: write a moment and its zone, as 2026-04-01T00:00+02:00")
    return int(moment.timestamp() * 1e6)
