"""What a schema file may say, and what is said of one that may not."""

import pytest

from data.errors import BadInput
from data.records import ARTWORKS, FACTS, TITLES
from data.schema import SHIPPED, Fact, Schema, read_schema, write_schema
from data.schema.schema import parse_schema

TEXT = """
facts:
  age: {kind: number}
  plan: {kind: category, missing: free}
  liked_tags: {kind: counts, match: artworks.tags}
  weather: {kind: category, known_at: request}
titles:
  pages: {kind: number, scale: log}
artworks:
  tags: {kind: set}
  taste: {kind: vector, scale: none}
off: [facts.device, titles.genres]
"""


def test_a_file_is_read_as_it_is_written(tmp_path):
    (tmp_path / "schema.yaml").write_text(TEXT)
    schema = read_schema(tmp_path)
    assert schema == Schema(
        facts=(
            Fact("age", "number"),
            Fact("plan", "category", missing="free"),
            Fact("liked_tags", "counts", match="artworks.tags"),
            Fact("weather", "category", known_at="request"),
        ),
        titles=(Fact("pages", "number", scale="log"),),
        artworks=(Fact("tags", "set"), Fact("taste", "vector", scale="none")),
        off=("facts.device", "titles.genres"),
    )
    assert schema.known_at_request() == ("weather",)
    assert read_schema(tmp_path / "schema.yaml") == schema
    (tmp_path / "again").mkdir()
    write_schema(tmp_path / "again", schema)
    assert read_schema(tmp_path / "again") == schema


def test_what_is_not_there_or_empty_declares_nothing(tmp_path):
    assert read_schema(tmp_path) == Schema()
    for text in ("", "# nothing yet\n", "facts:\nartworks:\n"):
        (tmp_path / "schema.yaml").write_text(text)
        assert read_schema(tmp_path) == Schema()


def test_fingerprints_tell_schemas_apart_and_do_not_depend_on_layout():
    one = parse_schema(b"facts: {age: {kind: number}}", "a")
    same = parse_schema(b"# mine\nfacts:\n  age:\n    kind: number\n    scale: standard\n", "b")
    other = parse_schema(b"facts: {age: {kind: number, scale: log}}", "c")
    assert one.fingerprint == same.fingerprint
    assert len({one.fingerprint, other.fingerprint, Schema().fingerprint}) == 3


@pytest.mark.parametrize("off", ["facts.device", "[facts.age]", "[[facts.row]]", "{facts: row}"])
def test_only_what_is_shipped_is_switched_off(off):
    with pytest.raises(BadInput, match="off"):
        parse_schema(f"off: {off}".encode(), "a")


def test_what_is_shipped_is_what_the_records_have():
    assert [fact.name for fact in SHIPPED.facts] == [f.name for f in FACTS if f.name != "own"]
    assert {fact.name for fact in SHIPPED.titles} <= set(TITLES.names)
    assert {fact.name for fact in SHIPPED.artworks} <= set(ARTWORKS.names)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("facts: [", "is not YAML"),
        ("[1, 2]", "line 1: the file holds no fields"),
        ("fact: {}", "line 1: 'fact' is no section; write facts, titles, artworks, events, "),
        ("facts:\n  age:", "line 2, facts.age: it has no kind"),
        ("facts:\n  age: {}", "line 2, facts.age: it has no kind"),
        ("facts:\n  age: number", "line 2, facts.age, line 2: a fact holds no fields"),
        ("facts:\n  age: {kind: integer}", "line 2, facts.age, kind is 'integer'; choose one of"),
        ("facts:\n  age: {kind: [number]}", "facts.age, kind, line 2: write one value"),
        ("facts:\n  age: {kind: number, sort: 1}", "facts.age, sort: it is no option; use kind,"),
        ("facts:\n  age: {kind: number, scale: sqrt}", "scale is 'sqrt'; choose one of"),
        ("facts:\n  a: {kind: category, scale: log}", "a category has not; leave it out"),
        ("facts:\n  a: {kind: vector, scale: log}", "a vector has not; a vector may have standard"),
        ("facts:\n  a: {kind: number, missing: x}", "missing is 'x'; a number's is a finite"),
        ("facts:\n  a: {kind: number, missing: .nan}", "missing is nan; a number's is a finite"),
        ("facts:\n  a: {kind: category, missing: 7}", "missing is 7; a category's is a text"),
        ("facts:\n  a: {kind: set, missing: b}", "missing is for numbers and categories"),
        ("facts:\n  a: {kind: set, match: titles.b}", "match is for counts"),
        ("facts:\n  a: {kind: counts, match: tags}", "match is 'tags'; write titles.NAME"),
        ("facts:\n  a: {kind: counts, match: titles.b}", "titles.b', which is no declared set"),
        ("titles:\n  a: {kind: number, known_at: request}", "known_at is for facts of members"),
        ("titles:\n  a: {kind: counts, match: titles.a}", "match is for counts of members"),
        ("facts:\n  device: {kind: category}", "line 2, facts.device: Marquee has a field"),
        ("artworks:\n  tone: {kind: category}", "line 2, artworks.tone: Marquee has a field"),
        ("facts:\n  own: {kind: category}", "line 2, facts.own: Marquee has a field"),
        ("facts:\n  a: {kind: set}\n  a: {kind: set}", "line 3: a is there twice; keep one"),
        ("facts:\n  shoe size: {kind: number}", "'shoe size' is no name of a fact"),
        ("facts:\n  a: {kind: !!int x}", "'x' is no value; write it plainly"),
        ("facts:\n  a: &a {kind: *a}", "kind, line 2: write one value"),
        ("facts:\n" + "".join(f"  a{n}: {{kind: set}}\n" for n in range(101)), "declare 100 at"),
    ],
)
def test_what_is_wrong_is_said_by_file_line_and_field(tmp_path, text, said):
    (tmp_path / "schema.yaml").write_text(text)
    with pytest.raises(BadInput) as refusal:
        read_schema(tmp_path)
    words = str(refusal.value)
    assert words.startswith(str(tmp_path / "schema.yaml"))
    assert said in words
    assert "\n" not in words


@pytest.mark.parametrize("raw", [b"\xff\xfe\xff", b"a: \x00", b"? [1]\n: 2", b"#" * (2 << 20)])
def test_any_bytes_are_refused_in_words(tmp_path, raw):
    (tmp_path / "schema.yaml").write_bytes(raw)
    with pytest.raises(BadInput, match=r"schema\.yaml"):
        read_schema(tmp_path)
