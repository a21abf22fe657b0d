"""`rules.parquet`: a rule a row, for those whose rights and wishes lie in a database.

Columns are the options of docs/rules.md by their names, and what a rule is about by its own:
`artwork`, `title`, `canvas`, `text_language` as text or lists of texts. `tag` and `where` are maps,
structs, or JSON. What is null is not said.
"""

import datetime
import hashlib
from collections.abc import Mapping, Sequence

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import BadInput, first_line
from data.rules.as_json import RuleJson, parse_rule, placed, rule_yaml
from data.rules.written import ABOUT, MOST_RULES, OPTIONS, WrittenRules, parse_rules
from data.schema.schema import Schema

FLAT = (*ABOUT, *(option for option in OPTIONS if option != "about"))
STRUCTURED = ("tag", "where")
COLUMNS = ("id", *FLAT)


def parse_table(raw: bytes, where: str, schema: Schema | None = None) -> WrittenRules:
    """Rules from the bytes of their table.

    Raises:
        BadInput: it is none, or a row is no rule: by file, row and remedy.
    """
    try:
        table = pq.read_table(pa.BufferReader(raw))
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{where} is no Parquet ({first_line(error)}); write it again") from None
    if strange := sorted(set(table.column_names) - set(COLUMNS)):
        raise BadInput(
            f"{where}: column {strange[0]!r} is no part of a rule; write {', '.join(COLUMNS)}"
        )
    if table.num_rows > MOST_RULES:
        raise BadInput(f"{where} has {table.num_rows:,} rules; {MOST_RULES:,} at most are read")
    rows = [_rule(row, f"{where}, row {number}") for number, row in enumerate(table.to_pylist(), 1)]
    digest = hashlib.blake2b(raw, digest_size=8).hexdigest()
    try:
        whole = "rules:\n" + "".join(map(rule_yaml, rows))
        rules = parse_rules(whole.encode(), where, schema).rules
    except BadInput:
        _refuse_first(rows, where, schema)
        raise
    its = (placed(rule, f"{where}, row {number}") for number, rule in enumerate(rules, 1))
    return WrittenRules(tuple(its), digest)


def _refuse_first(rows: Sequence[RuleJson], where: str, schema: Schema | None) -> None:
    """Say which row is wrong.

    Raises:
        BadInput: of the first that is.
    """
    seen: dict[object, int] = {}
    for number, row in enumerate(rows, start=1):
        parse_rule(row, schema, f"{where}, row {number}")
        if row["id"] in seen:
            raise BadInput(
                f"{where}, row {number}: the id {row['id']!r} is that of row {seen[row['id']]} "
                "too; give it another"
            )
        seen[row["id"]] = number


def _rule(row: Mapping[str, object], where: str) -> RuleJson:
    """A row as JSON."""
    name = row.get("id")
    if not isinstance(name, str) or not name:
        raise BadInput(f"{where}: there is no id; give each rule a name")
    rule: RuleJson = {"id": name}
    about: dict[str, object] = {}
    for column in FLAT:
        value = row.get(column)
        if value is None:
            continue
        if column in STRUCTURED:
            value = _structure(value, f"{where}, {column}")
        elif isinstance(value, datetime.datetime):
            if value.tzinfo is None:
                raise BadInput(f"{where}, {column}: the time has no zone; write one to the column")
            value = value.isoformat()
        (about if column in ABOUT else rule)[column] = value
    return rule | {"about": about}


def _structure(value: object, where: str) -> dict[str, object]:
    """A map, a struct or JSON as a mapping, without what is null."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise BadInput(f'{where}: it is no JSON; write {{"country": ["DE"]}}') from None
    if isinstance(value, list):  # of a map
        value = dict(value)
    if not isinstance(value, Mapping):
        raise BadInput(f'{where}: write a mapping, as {{"country": ["DE"]}}')
    return {
        str(name): {k: v for k, v in one.items() if v is not None}
        if isinstance(one, Mapping)
        else one
        for name, one in value.items()
        if one is not None
    }
