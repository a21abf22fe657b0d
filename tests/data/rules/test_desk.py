"""Rules that are changed one by one: kept whole, held against all others, and written down."""

import threading
from dataclasses import replace

import orjson
import pytest

from data.errors import BadInput
from data.rules.as_json import parse_rule, rule_json
from data.rules.audit import AuditLog
from data.rules.audit_command import audit
from data.rules.desk import NoSuchRule, RulesDesk, RulesMoved, RuleTaken
from data.schema.schema import Schema

BY_HAND = """# Rights of the house
rules:
  # from the contract
  old:
    effect: deny   # not in Germany
    about: {artwork: a}
    where: {country: DE}
    who: legal
    why: a contract

  # for Easter
  short: {effect: pin, about: {title: 7}, who: ann, why: 'it: fits'}
"""
NEW = {
    "id": "new",
    "effect": "floor",
    "about": {"artwork": ["b", "NO"], "tag": {"tone": "dark"}},
    "where": {"country": ["NO", "DE"], "tenure_days": {"most": 12}},
    "until": "2099-04-08T00:00 Europe/Berlin",
    "share": 0.05,
    "who": "ben",
    "why": "# try: it\nfor a while",
}
NOW = 1_790_000_030_000_000


def no_pin_beside_a_floor(written):
    if {"pin", "floor"} <= {one.rule.effect for one in written.rules}:
        raise BadInput("'pin' and 'floor' contradict each other")


def make_desk(folder, text=BY_HAND, check=lambda _: None, now=NOW):
    file = folder / "rules.yaml"
    if text is not None:
        file.write_text(text)
    return RulesDesk(file, Schema, check, lambda: now)


def said(desk):
    return {one.rule.id: rule_json(one) for one in desk.listed().rules}


def test_a_change_leaves_every_other_line_as_it_is(tmp_path):
    desk = make_desk(tmp_path)
    before = said(desk)
    done = desk.add(NEW, by="pages")
    assert desk.file.read_text().startswith(BY_HAND)
    assert said(desk) == before | {"new": done.rule}
    assert done.version == desk.listed().digest
    assert done.rule["until"] == "2099-04-07T22:00Z"
    assert done.rule["why"] == NEW["why"]
    desk.end("old", "ann", "the contract is over")
    desk.end("short", "ann", "Easter is over")
    assert said(desk)["old"]["until"] == said(desk)["short"]["until"] == "2026-09-21T14:13Z"
    desk.take_out("new", "ann", "a mistake")
    assert set(said(desk)) == {"old", "short"}
    desk.take_out("short", "ann", "gone by")
    desk.take_out("old", "ann", "gone by")
    text = desk.file.read_text()
    assert "# from the contract" in text
    assert "# Rights of the house" in text
    assert said(desk) == {}
    desk.add(NEW)
    assert set(said(desk)) == {"new"}


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "# nothing yet\n",
        "rules:",
        "rules: {}\n",
        "rules: {old: {effect: deny, about: {artwork: a}, who: l, why: c}}\n",
        'rules:\n    "old":\n        effect: deny\n        about:\n            artwork:\n'
        "            - a\n        who: l\n        why: >\n          c\n          d\n...\n",
        "rules:\n  old:\n    why: |\n      # no\n\n      two\n    about: {artwork: a}\n"
        "    effect: deny\n    who: é",
    ],
)
def test_a_file_in_any_style_is_changed(tmp_path, text):
    desk = make_desk(tmp_path, text)
    before = said(desk)
    done = desk.add(NEW)
    assert said(desk) == before | {"new": done.rule}
    for name in before:
        desk.end(name, "ann", "over")
        assert said(desk)[name] == before[name] | {"until": "2026-09-21T14:13Z"}
    desk.take_out("new", "ann", "over")
    assert set(said(desk)) == set(before)


def test_what_is_refused_changes_nothing(tmp_path):
    desk = make_desk(tmp_path, check=no_pin_beside_a_floor)
    late = NEW | {"effect": "deny", "share": None, "from": "2099-01-01T00:00Z"}
    version = desk.add(late | {"id": "late"}).version
    before = desk.file.read_bytes(), desk.log.file.read_bytes()
    for refusal, words, act in (
        (BadInput, "'pin' and 'floor' contradict", lambda: desk.add(NEW)),
        (BadInput, "'pin' and 'floor' contradict", lambda: desk.add(NEW, dry=True)),
        (RuleTaken, "there is a rule 'old'", lambda: desk.add(late | {"id": "old"})),
        (RulesMoved, "have version", lambda: desk.add(late | {"id": "x"}, version="0" * 16)),
        (NoSuchRule, "no rule 'gone'", lambda: desk.end("gone", "ann", "why not")),
        (NoSuchRule, "no rule 'gone'", lambda: desk.take_out("gone", "ann", "why not")),
        (BadInput, "take it out", lambda: desk.end("late", "ann", "why not")),
        (BadInput, "send a time", lambda: desk.end("old", "ann", "ms?", at_us=10**20)),
        (BadInput, "send a time", lambda: desk.end("old", "ann", "ms?", at_us=-1)),
        (BadInput, "why is ''", lambda: desk.end("old", "ann", "")),
        (BadInput, "no fact", lambda: desk.add(late | {"id": "x", "where": {"shoe": "red"}})),
        (BadInput, "no id", lambda: desk.add({"effect": "deny"})),
        (BadInput, "'x y'", lambda: desk.add(late | {"id": "x y"})),
        (BadInput, "neither text nor number", lambda: desk.add(NEW | {"where": {"a": True}})),
        (BadInput, "lists in lists", lambda: desk.add(NEW | {"about": {"a": [[[[[1]]]]]}})),
    ):
        with pytest.raises(refusal, match=words):
            act()
    assert (desk.file.read_bytes(), desk.log.file.read_bytes()) == before
    assert desk.add(late | {"id": "x"}, version=version, dry=True).entry is None
    assert (desk.file.read_bytes(), desk.log.file.read_bytes()) == before


def test_the_log_says_who_changed_what_and_what_held_when(tmp_path):
    desk = make_desk(tmp_path)
    desk.add(NEW, by="pages")
    desk.file.write_text(desk.file.read_text().replace("not in Germany", "nor Austria"))
    desk.file.write_text(desk.file.read_text().replace("country: DE", "country: [DE, AT]"))
    desk.note()
    desk.note()
    make_desk(tmp_path, None, now=NOW + 60_000_000).end("short", "ann", "Easter is over", "web")
    found, added, edited, ended = list(desk.log.entries())
    assert [e.what for e in (found, added, edited, ended)] == ["found", "added", "edited", "ended"]
    assert (added.who, added.by, added.rules) == ("ben", "pages", {"new": said(desk)["new"]})
    assert edited.rules == {"old": said(desk)["old"]}
    assert (edited.by, edited.who) == ("other hands", "")
    assert ended.rules["short"]["until"] == "2026-09-21T14:14Z"
    assert ended.after == desk.listed().digest
    assert desk.log.held() == said(desk)
    assert [change.number for change in desk.audit(2)] == [4, 3]
    assert [change.number for change in desk.audit(2, before=3)] == [2, 1]
    then = audit(desk.file, most=1, at="2026-09-21T14:13:55Z")
    assert (then.changes, then.head, then.latest) == (4, ended.hash, [ended])
    assert then.held == said(desk) | {"short": found.rules["short"]}


@pytest.mark.parametrize("harm", ["word", "line", "order"])
def test_a_log_that_was_altered_says_where(tmp_path, harm):
    desk = make_desk(tmp_path)
    for at in range(4):
        desk.add(NEW | {"id": f"new-{at}"})
    lines = desk.log.file.read_bytes().splitlines(keepends=True)
    if harm == "word":
        lines[2] = lines[2].replace(b"ben", b"ann")
    elif harm == "line":
        del lines[2]
    else:
        lines[2], lines[3] = lines[3], lines[2]
    desk.log.file.write_bytes(b"".join(lines))
    with pytest.raises(BadInput, match=r"rules\.audit\.jsonl is broken at line 3"):
        list(desk.log.entries())
    with pytest.raises(BadInput, match=r"rules\.audit\.jsonl is broken at (change|its last)"):
        desk.audit()
    if harm == "word":  # the first of five: what is read of the end is whole
        assert [change.number for change in desk.audit(2)] == [5, 4]


def test_the_end_of_a_long_log_is_read_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("data.rules.audit.TAIL", 100)  # an entry takes several readings
    desk = make_desk(tmp_path)
    for at in range(12):
        desk.add(NEW | {"id": f"new-{at}", "why": "x" * 7**at if at < 4 else "short"})
    whole = list(desk.log.entries())[::-1]
    assert desk.audit(100) == whole
    assert desk.audit(3, before=7) == [change for change in whole if change.number < 7][:3]


def test_a_file_from_windows_keeps_its_ends_of_lines(tmp_path):
    desk = make_desk(tmp_path)
    desk.file.write_bytes(desk.file.read_bytes().replace(b"\n", b"\r\n"))
    before = desk.file.read_bytes()
    desk.add(NEW)
    after = desk.file.read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == after.count(b"\r\n") > before.count(b"\n")
    desk.take_out("new", "ann", "a mistake")
    assert desk.file.read_bytes() == before


def test_an_entry_cut_short_was_never_made(tmp_path):
    desk = make_desk(tmp_path)
    desk.add(NEW)
    whole = desk.log.file.read_bytes()
    # Ended between log and file: the log says that the file is as it was found.
    text = desk.file.read_text()
    desk.take_out("new", "ann", "a mistake")
    desk.file.write_text(text)
    desk.note()
    *_, out, back = desk.log.entries()
    assert (out.rules, list(back.rules), back.what) == ({"new": None}, ["new"], "edited")
    desk.log.file.write_bytes(whole + b'{"number":3,"at_us"')
    assert len(list(desk.log.entries())) == 2
    desk.end("old", "ann", "over")
    assert [e.number for e in desk.log.entries()] == [1, 2, 3]


def test_changes_at_once_come_one_after_another(tmp_path):
    make_desk(tmp_path)

    def add(at):
        make_desk(tmp_path, None).add(NEW | {"id": f"new-{at}"})

    threads = [threading.Thread(target=add, args=(at,), daemon=True) for at in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    desk = make_desk(tmp_path, None)
    assert set(said(desk)) == {"old", "short", *(f"new-{at}" for at in range(6))}
    assert desk.log.held() == said(desk)


def test_a_rule_is_the_same_through_json(tmp_path):
    [*rules] = make_desk(tmp_path).listed().rules
    for rule in rules:
        again = parse_rule(orjson.loads(orjson.dumps(rule_json(rule))))
        assert again.target == rule.target
        assert replace(again.rule, place=rule.rule.place) == rule.rule


def test_the_chain_begins_with_nothing(tmp_path):
    log = AuditLog(tmp_path / "rules.audit.jsonl")
    assert log.last() is None
    assert list(log.entries()) == []


def test_a_bound_beyond_whole_numbers_of_json_is_kept(tmp_path):
    desk = make_desk(tmp_path, None)
    far = {"id": "far", "effect": "deny", "about": {"artwork": "a"}, "who": "me", "why": "a test"}
    desk.add(far | {"where": {"tenure_days": {"most": 1e300}}})
    assert desk.log.held() == said(desk)
    assert said(desk)["far"]["where"] == {"tenure_days": {"most": 1e300}}
