"""rules.parquet: the same rules as rules.yaml, a row each."""

import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import BadInput
from data.rules.as_json import rule_json
from data.rules.desk import RulesDesk
from data.rules.files import read_rules
from data.schema.schema import Schema

ROW = {"id": "one", "effect": "deny", "artwork": "a", "who": "ann", "why": "so"}


def read(folder, rows, **types):
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: pa.array([row.get(name) for row in rows], types.get(name)) for name in names}
    pq.write_table(pa.table(columns), folder / "rules.parquet")
    return read_rules(folder / "rules.parquet", Schema())


def test_a_table_says_what_a_file_does(tmp_path):
    utc = datetime.UTC
    names = pa.map_(pa.string(), pa.list_(pa.string()))
    rows = [
        ROW | {"from": datetime.datetime(2026, 4, 1, tzinfo=utc), "where": '{"country": ["NO"]}'},
        ROW
        | {"id": "two", "effect": "cap", "share": 0.2, "artwork": None, "tag": [("tone", ["d"])]},
    ]
    found = read(tmp_path, rows, tag=names)
    text = """rules:
  one: {effect: deny, about: {artwork: a}, where: {country: NO}, from: 2026-04-01T00:00Z,
        who: ann, why: so}
  two: {effect: cap, about: {tag: {tone: d}}, share: 0.2, who: ann, why: so}
"""
    (tmp_path / "rules.yaml").write_text(text)
    wanted = read_rules(tmp_path / "rules.yaml", Schema())
    assert [*map(rule_json, found.rules)] == [*map(rule_json, wanted.rules)]
    assert found.rules[1].rule.place.endswith("rules.parquet, row 2")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"effect": "forbid"}, "row 2, rule 'two': effect is 'forbid'; write one of allow"),
        ({"id": "one"}, "row 2: the id 'one' is that of row 1 too"),
        ({"id": None}, "row 2: there is no id"),
        ({"where": "{"}, "row 2, where: it is no JSON"),
        ({"where": '{"shoe": ["red"]}'}, "row 2, rule 'two': where asks for 'shoe'"),
        ({"from": datetime.datetime(2026, 4, 1)}, "row 2, from: the time has no zone"),
        ({"shoe": "red"}, "column 'shoe' is no part of a rule"),
    ],
)
def test_a_row_that_is_no_rule_is_named(tmp_path, more, words):
    with pytest.raises(BadInput) as refused:
        read(tmp_path, [ROW, ROW | {"id": "two"} | more])
    assert words in str(refused.value)


def test_a_table_is_changed_where_it_is_made(tmp_path):
    read(tmp_path, [ROW])
    desk = RulesDesk(tmp_path / "rules.parquet", Schema, lambda _: None)
    with pytest.raises(BadInput, match="changes where it is made"):
        desk.end("one", "ann", "over")
    (tmp_path / "rules.parquet").write_text("rules:")
    with pytest.raises(BadInput, match="no Parquet"):
        desk.listed()
