"""What rules make of a title: prohibitions first, pins, bounds; and when they contradict."""

import numpy as np
import pytest

from bandit.rules.book import RuleBook
from bandit.rules.contradictions import conflicts
from bandit.rules.effect import FREE
from bandit.rules.rule import Condition, Rule

MINUTE = 60_000_000
NAMES = ("a", "b", "c", "lone")
STARTS = np.array([0, 3, 4])
GERMANY = (Condition("country", frozenset({"DE"})),)
GERMAN = (Condition("language", frozenset({"de"})),)
CHILD = (Condition("maturity", most=12.0),)


def book(*rules):
    """A book of (rule, ordinals that it is about)."""
    return RuleBook([rule for rule, _ in rules], [about for _, about in rules], NAMES, STARTS)


def left(rules, facts=None, now=0, slot=0):
    """Artwork that may be shown, what is pinned, and ids of the rules that hold."""
    its = book(*rules)
    effect = its.effect(int(its.codes(its.case(facts or {}, now), np.array([slot]))[0]))
    names = its.names(slot)
    if effect is None:
        return "".join(names), None, ()
    pinned = None if effect.pinned == FREE else names[effect.pinned]
    return "".join(np.array(names)[effect.allowed]), pinned, effect.rules


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        ({"country": "DE"}, ("bc", None, ("no",))),
        ({"country": "FR"}, ("abc", None, ())),
        ({}, ("bc", None, ("no",))),  # who may be there is not shown it
    ],
)
def test_a_deny_holds_where_its_conditions_do_and_in_doubt(facts, wanted):
    assert left([(Rule("no", "deny", GERMANY), [0])], facts) == wanted


@pytest.mark.parametrize(
    ("facts", "now", "wanted"),
    [
        ({"country": "DE"}, 0, "bc"),
        ({"country": "DE"}, MINUTE, "abc"),
        ({"country": "DE"}, 2 * MINUTE, "bc"),
        ({"country": "FR"}, MINUTE, "bc"),
        ({}, MINUTE, "bc"),
    ],
)
def test_what_is_allowed_somewhere_is_shown_there_and_then_alone(facts, now, wanted):
    rule = Rule("licence", "allow", GERMANY, start_us=MINUTE, end_us=2 * MINUTE)
    assert left([(rule, [0])], facts, now)[0] == wanted


def test_doubt_yields_where_it_would_leave_nothing():
    rules = [(Rule("here", "allow", GERMANY), [0]), (Rule("not", "deny", GERMANY), [1, 2])]
    assert left(rules, {"country": "DE"})[0] == "a"
    assert left(rules, {"country": "FR"})[0] == "bc"
    assert left(rules, {})[0] == "abc"


TV, PHONE = ((Condition("device", frozenset({one})),) for one in ("tv", "phone"))


def test_prohibitions_hold_in_doubt_where_caps_cannot():
    rules = [
        (Rule("no", "deny", GERMANY), [2]),
        (Rule("screen", "cap", TV, share=0.4), [0]),
        (Rule("hand", "cap", PHONE, share=0.4), [1]),
    ]
    assert not list(conflicts(book(*rules)))  # no page has two devices
    assert left(rules, {"device": "tv"}) == ("ab", None, ("no", "screen"))
    assert left(rules) == ("ab", None, ("no",))


def test_what_no_known_page_contradicts_no_unknown_one_does():
    """Two pins, of which every country leaves one; in doubt nothing could be shown."""
    france = (Condition("country", frozenset({"FR"})),)
    rules = [
        (Rule("first", "pin"), [0]),
        (Rule("second", "pin"), [1]),
        (Rule("here", "allow", GERMANY), [0]),
        (Rule("not-here", "deny", GERMANY), [1]),
        (Rule("third", "deny", france), [2]),
    ]
    assert not list(conflicts(book(*rules)))
    assert left(rules, {"country": "DE"})[1] == "a"
    assert left(rules, {"country": "FR"})[0] == "b"
    assert left(rules)[:2] == ("abc", None)


def test_a_pin_holds_where_it_is_known_to_and_yields_to_prohibitions():
    rules = [(Rule("pin", "pin", GERMANY), [0]), (Rule("no", "deny", GERMAN), [0])]
    assert left(rules, {"country": "DE", "language": "en"})[:2] == ("abc", "a")
    assert left(rules, {"country": "DE", "language": "de"}) == ("bc", None, ("no",))
    assert left(rules, {"language": "en"})[1] is None


def test_bounds_of_a_number_are_inclusive():
    rules = [(Rule("old", "deny", CHILD), [0])]
    got = [left(rules, {"maturity": m})[0] for m in (3.0, 12.0, 12.5)]
    assert got == ["bc", "bc", "abc"]


def test_equal_effects_have_one_word_and_others_another():
    def words(*rules):
        its = book(*rules)
        codes = its.codes(its.case({"country": "DE"}, 0), np.array([0, 1]))
        return its.effects.words[codes].tolist()

    deny = words((Rule("x", "deny", GERMANY), [0]))
    assert deny == words((Rule("y", "deny"), [0]))
    others = [
        words((Rule("x", "deny"), [1])),
        words((Rule("x", "pin"), [0])),
        words((Rule("x", "floor", share=0.2), [0])),
        words((Rule("x", "cap", share=0.2), [0])),
        words((Rule("x", "floor", share=0.3), [0])),
    ]
    assert len({tuple(one) for one in (deny, *others)}) == 6
    assert all(one[0] and not one[1] for one in (deny, *others))


def test_a_cap_means_nothing_where_one_artwork_is_left():
    assert left([(Rule("x", "cap", share=0.2), [3])], slot=1) == ("lone", None, ())


CONTRADICTIONS = [
    ([("p", "pin", (), [0]), ("q", "pin", (), [1])], {"p", "q"}, "pin 'a' and 'b'"),
    ([("p", "pin", (), [0, 1])], {"p"}, "pin 'a' and 'b'"),
    ([("d", "deny", (), [0, 1]), ("e", "deny", GERMANY, [2])], {"d", "e"}, "nothing to show"),
    ([("d", "deny", (), [3])], {"d"}, "nothing to show"),
    ([("l", "allow", GERMANY, [0]), ("d", "deny", (), [1, 2])], {"l", "d"}, "nothing to show"),
    ([("f", "floor", (), [0, 1, 2])], {"f"}, "come to 1.2"),
    ([("f", "floor", GERMANY, [0, 1]), ("g", "floor", GERMAN, [2])], {"f", "g"}, "come to 1.2"),
    ([("c", "cap", (), [0, 1, 2])], {"c"}, "leave 0.4"),
    ([("f", "floor", (), [0]), ("c", "cap", CHILD, [0])], {"f", "c"}, "above its cap"),
    ([("d", "deny", GERMANY, [1, 2]), ("e", "deny", GERMAN, [0])], {"d", "e"}, "nothing"),
]
SHARES = {"floor": 0.4, "cap": 0.2}


@pytest.mark.parametrize(("written", "named", "words"), CONTRADICTIONS)
def test_contradictions_are_found_and_both_rules_named(written, named, words):
    rules = [
        (Rule(name, effect, where, share=SHARES.get(effect)), about)
        for name, effect, where, about in written
    ]
    free = (Rule("other", "floor", (Condition("device", frozenset({"tv"})),), share=0.01), [0])
    [found] = conflicts(book(*rules, free)) if len(rules) > 1 else conflicts(book(*rules))
    assert {rule.id for rule in found.rules} == named
    assert words in found.what
    asked = {c.fact for rule in found.rules for c in rule.where}
    assert found.facts.keys() == asked
    for rule in found.rules:  # the page that is named is one at which they do contradict
        if rule.effect != "allow":
            assert all(c.holds(found.facts[c.fact]) for c in rule.where)


def test_rules_that_exclude_each_other_do_not_contradict():
    france = (Condition("country", frozenset({"FR"})),)
    apart = [
        (Rule("p", "pin", GERMANY), [0]),
        (Rule("q", "pin", france), [1]),
        (Rule("r", "pin", GERMAN, start_us=0, end_us=MINUTE), [2]),
    ]
    assert list(conflicts(book(*apart[:2]))) == []
    [found] = conflicts(book(*apart))
    assert {rule.id for rule in found.rules} < {"p", "q", "r"}
    times = [
        (Rule("p", "pin", start_us=0, end_us=MINUTE), [0]),
        (Rule("q", "pin", start_us=MINUTE), [1]),
    ]
    assert list(conflicts(book(*times))) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"effect": "forbid"}, "allow, deny, pin, floor, cap"),
        ({"effect": "floor"}, "needs one"),
        ({"effect": "cap", "share": 1.0}, "below 1"),
        ({"effect": "deny", "share": 0.5}, "leave it out"),
        ({"effect": "deny", "start_us": 5, "end_us": 5}, "until is not after from"),
    ],
)
def test_rules_that_make_no_sense_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        Rule("x", **options)


def test_one_book_tells_pages_and_moments_apart_as_new_ones_do():
    """What was worked out for one kind of page is given to pages of that kind alone."""
    later = {"start_us": MINUTE, "end_us": 3 * MINUTE}
    rules = [
        (Rule("child", "deny", CHILD), [0]),
        (Rule("exact", "pin", (Condition("maturity", frozenset({12.0})),)), [1]),
        (Rule("young", "floor", (Condition("maturity", least=6.0, most=6.0),), share=0.3), [2]),
        (Rule("licence", "allow", GERMANY, **later), [2]),
        (Rule("german", "cap", GERMAN, start_us=2 * MINUTE, share=0.2), [1]),
    ]
    kept = book(*rules)
    pages = [
        {"maturity": maturity, "country": country, "language": language}
        for maturity in (None, 5.0, 6.0, 7.0, 12.0, 13.0)
        for country in (None, "DE", "FR")
        for language in (None, "de", "fr")
    ]
    seen = set()
    for now in (0, MINUTE, 2 * MINUTE, 3 * MINUTE, MINUTE):
        for page in pages:
            facts = {fact: value for fact, value in page.items() if value is not None}
            words = []
            for its in (kept, book(*rules)):
                code = int(its.codes(its.case(facts, now), np.array([0]))[0])
                words.append(int(its.effects.words[code]))
            assert words[0] == words[1], (facts, now)
            seen.add(words[0])
    assert len(seen) >= 8
