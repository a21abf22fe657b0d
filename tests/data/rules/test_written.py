"""rules.yaml as people write it: what is understood, and what is refused, in a sentence."""

import datetime

import pytest

from bandit.rules.rule import Condition
from data.catalogue import Catalogue
from data.errors import BadInput
from data.rules.command import rules as rules_command
from data.rules.compiled_catalogue import book_of_catalogue
from data.rules.files import read_rules
from data.rules.traits import ArtworkTraits
from data.rules.written import parse_rules
from data.schema.fact import Fact
from data.schema.schema import Schema
from tests.export.world import ARTWORKS_TABLE, TITLES_TABLE

SCHEMA = Schema((Fact("audience", "category"), Fact("maturity", "number"), Fact("kids", "set")))
DAY = datetime.date(2026, 1, 9)
ARTWORKS = ARTWORKS_TABLE["artwork_id"].to_pylist()
TITLES = ARTWORKS_TABLE["title_id"].to_pylist()
FIRST = [name for name, title in zip(ARTWORKS, TITLES, strict=True) if title == TITLES[0]]


def written(**options):
    lines = {
        "effect": "deny",
        "about": f"{{artwork: {FIRST[0]}}}",
        "who": "ann@example.com",
        "why": "it was asked for",
    } | options
    text = "rules:\n  one:\n" + "".join(f"    {k}: {v}\n" for k, v in lines.items() if v)
    return parse_rules(text.encode(), "rules.yaml", SCHEMA)


def test_a_rule_is_read_with_all_that_it_says():
    [one] = written(
        where="{country: [NO, DE], maturity: {most: 12}, audience: 7, tenure_days: [0, 1]}",
        about="{title: 7, tag: {tone: [dark, grim]}, canvas: tile, text_language: de}",
        **{"from": "2026-04-01T00:00+02:00", "until": "2026-04-08 00:00 Europe/Berlin"},
    ).rules
    assert one.rule.where == (
        Condition("country", frozenset({"NO", "DE"})),  # which YAML takes for false
        Condition("maturity", most=12.0),
        Condition("audience", frozenset({"7"})),
        Condition("tenure_days", frozenset({0.0, 1.0})),
    )
    assert one.target.tag == (("tone", ("dark", "grim")),)
    assert (one.target.title, one.target.canvas) == (("7",), ("tile",))
    assert one.rule.start_us == 1_774_994_400_000_000
    assert one.rule.end_us == 1_774_994_400_000_000 + 7 * 86_400_000_000
    assert (one.rule.place, one.rule.who) == ("rules.yaml, line 2", "ann@example.com")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"effect": "forbid"}, "line 2, rule 'one': effect is 'forbid'; write one of allow"),
        ({"effect": "[deny]"}, "line 3, rule 'one', effect, line 3: write one value"),
        ({"who": ""}, "who is missing"),
        ({"why": ""}, "why is missing"),
        ({"about": ""}, "about is missing"),
        ({"about": "{}"}, "about is empty"),
        ({"about": "{genre: drama}"}, "about 'genre' is nothing that artwork has"),
        ({"about": "{artwork: []}"}, "the list is empty"),
        ({"where": "{planet: mars}"}, "asks for 'planet', which is no fact; there are country"),
        ({"where": "{kids: yes}"}, "of kind set, which has several values"),
        ({"where": "{maturity: old}"}, "'old', which is no number"),
        ({"where": "{maturity: {above: 3}}"}, "'above' is no bound; write least or most"),
        ({"where": "{maturity: {least: 3, most: 2}}"}, "no number lies within"),
        ({"from": "2026-04-01T00:00"}, "write a minute and its zone"),
        ({"from": "2026-04-01T00:00:30Z"}, "write a minute and its zone"),
        ({"from": "2026-04-01 00:00 Europe/Atlantis"}, "write a minute and its zone"),
        ({"until": "soon"}, "until is 'soon'"),
        ({"from": "2026-04-02T00:00Z", "until": "2026-04-01T00:00Z"}, "until is not after from"),
        ({"effect": "floor"}, "a floor needs one"),
        ({"effect": "cap", "share": "a lot"}, "share is 'a lot', which is no number"),
        ({"effect": "floor", "share": 2}, "above 0 and below 1"),
        ({"share": 0.5}, "not for deny; leave it out"),
        ({"wher": "{}"}, "'wher' is no part of a rule; write effect"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(options, words):
    with pytest.raises(BadInput) as refused:
        written(**options)
    assert words in str(refused.value)
    assert "rules.yaml, line" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rules: [", "is not YAML"),
        ("rule:\n  one: {}", "'rule' is no section; write rules:"),
        ("rules:\n  one: {}\n  one: {}", "line 3: one is there twice"),
        ("rules:\n  a b:\n    effect: deny", "its name needs letters"),
        ("rules: 5", "holds no fields"),
    ],
)
def test_a_file_that_is_none_is_refused(text, words, tmp_path):
    (tmp_path / "rules.yaml").write_text(text)
    with pytest.raises(BadInput, match=words):
        read_rules(tmp_path / "rules.yaml")


def test_no_file_and_an_empty_one(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        read_rules(tmp_path / "rules.yaml")
    (tmp_path / "rules.yaml").touch()
    assert read_rules(tmp_path / "rules.yaml").rules == ()


@pytest.fixture
def catalogue(tmp_path):
    Catalogue(tmp_path / "catalogue", TITLES_TABLE, ARTWORKS_TABLE).write()
    return Catalogue.read(tmp_path / "catalogue")


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ("{artwork: nobody}", "there is no artwork 'nobody'"),
        ("{title: 999999}", "there is no title '999999'"),
        ("{tag: {tone: mauve}}", "no artwork has tone 'mauve'"),
        ("{tag: {smell: sweet}}", "no column 'smell'; there are cast_shown, tone"),
        ("{canvas: round}", "no picture is of the canvas 'round'"),
        ("{text_language: xx}", "no picture has text of the language 'xx'"),
    ],
)
def test_what_the_catalogue_lacks_is_refused_when_it_is_written(catalogue, about, words):
    rules = written(about=about)
    with pytest.raises(BadInput, match=words):
        book_of_catalogue(rules, catalogue, DAY)


def test_contradictions_name_both_rules_their_lines_and_a_remedy(catalogue):
    text = "rules:\n" + "".join(
        f"  {name}:\n    effect: pin\n    about: {{artwork: {artwork}}}\n    where: {{{fact}}}\n"
        "    who: me\n    why: so\n"
        for name, artwork, fact in (
            ("east", FIRST[0], "country: DE"),
            ("young", FIRST[1], "language: de"),
        )
    )
    with pytest.raises(BadInput) as refused:
        book_of_catalogue(parse_rules(text.encode(), "rules.yaml"), catalogue, DAY)
    told = str(refused.value)
    assert told.startswith("rule 'east' (rules.yaml, line 2) and rule 'young' (rules.yaml, line 8)")
    assert "where country is DE and language is de" in told
    assert "let their `where` or their times exclude each other" in told


def test_the_command_says_what_holds_for_a_page(catalogue, tmp_path):
    text = (
        f"rules:\n  east:\n    effect: deny\n    about: {{artwork: {FIRST[0]}}}\n"
        "    where: {country: DE}\n    who: ann\n    why: rights\n"
    )
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    shown = [
        rules_command(file, catalogue.root, facts, [str(TITLES[0])], "2026-01-09T12:00Z")
        for facts in (["country=DE"], ["country=FR"], None)
    ]
    assert [report.applied[0].holds for report in shown] == ["yes", "no", "in doubt"]
    allowed = [[one.allowed for one in report.titles[0].candidates] for report in shown]
    free = [True] * len(FIRST)
    assert allowed == [[False, *free[1:]], free, [False, *free[1:]]]
    assert [report.titles_changed for report in shown] == [1, 0, 1]


def test_tags_of_a_users_own_can_be_named(catalogue):
    traits = ArtworkTraits.of(catalogue)
    [rule] = written(about=f"{{title: {TITLES[0]}, artwork: [{FIRST[1]}, {ARTWORKS[-1]}]}}").rules
    assert [traits.artwork_ids[row] for row in traits.rows(rule.target)] == [FIRST[1]]
