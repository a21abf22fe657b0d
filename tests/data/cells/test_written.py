"""experiments.yaml: who is in which cell, and mistakes refused by file and line."""

from collections import Counter

import pytest

from data.cells.experiment import cell_in, label_of
from data.cells.written import parse_experiments
from data.errors import BadInput

FILE = """salt: one
experiments:
  eyes:
    share: 0.5
    control: live
    who: anna
    why: new eyes
    cells:
      live: {share: 0.5}
      new: {share: 0.5, bundle: there}
  rest:
    share: 0.5
    control: live
    who: ben
    why: hold-out
    cells: {live: {share: 0.8}, hold: {share: 0.2, policy: unpersonalised, train: no}}
  draw:
    layer: second
    control: live
    who: ben
    why: epsilon
    cells: {live: {share: 0.5}, more: {share: 0.5, epsilon: 0.2}}
"""
MEMBERS = [f"m{at}" for at in range(1_500)]


def labels(text=FILE):
    found = parse_experiments(text.encode(), "e.yaml")
    return [label_of(found.cells_of(member)) for member in MEMBERS]


def test_experiments_of_a_layer_share_its_members_and_layers_are_independent():
    counted = Counter(labels())
    for one, of in (
        ("eyes:live", 0.25),
        ("eyes:new", 0.25),
        ("rest:live", 0.4),
        ("rest:hold", 0.1),
    ):
        for other in ("draw:live", "draw:more"):
            assert abs(counted[f"{one};{other}"] / len(MEMBERS) - of / 2) < 0.035
    assert sum(counted.values()) == len(MEMBERS)
    assert cell_in("rest:hold;draw:more", "draw") == "more"
    assert cell_in("rest:hold;draw:more", "eyes") is None
    assert cell_in(None, "eyes") is None


def test_a_hold_out_lasts_whatever_comes_beside_it_and_another_name_deals_anew():
    before, ended = labels(), labels(FILE.replace("why: new eyes", "why: over"))
    assert before == ended
    renamed = labels(FILE.replace("  eyes:", "  eyes2:"))
    for was, now in zip(before, renamed, strict=True):
        if was.startswith("rest:"):
            assert now == was
    dealt = [(w, n) for w, n in zip(before, renamed, strict=True) if w.startswith("eyes:new")]
    again = sum(now.startswith("eyes2:new") for _, now in dealt) / len(dealt)
    assert 0.4 < again < 0.6  # nobody takes what the last experiment did along


def test_one_member_is_found_as_many_are():
    found = parse_experiments(FILE.encode(), "e.yaml")
    many = found.cells_of_all(MEMBERS[:300], found.named("rest"))
    for member, cell in zip(MEMBERS, many, strict=False):
        assert cell == cell_in(label_of(found.cells_of(member)), "rest")


@pytest.mark.parametrize(
    ("was", "now", "words"),
    [
        ("salt: one\n", "", "salt is missing"),
        ("{share: 0.8}", "{share: 0.7}", r"line 11, experiment 'rest': .* sum to 0.9"),
        ("control: live\n    who: anna", "control: old\n    who: anna", "'old' is none of its"),
        ("    who: anna\n", "", "line 3, experiment 'eyes': who is missing"),
        (
            "share: 0.5\n    control: live\n    who: ben",
            "share: 0.6\n    control: live\n    who: b",
            "layer 'main' have 1.1",
        ),
        ("epsilon: 0.2", "epsilon: 2", "line 22, cell 'more', epsilon: 2 is no probability"),
        ("epsilon: 0.2", "bundle: b", "both say bundle"),
        ("epsilon: 0.2", "train: maybe", "'maybe' is not yes, no or own"),
        ("policy: unpersonalised", "policy: best", "'best' is no policy; write thompson"),
        ("policy: unpersonalised", "policy: own, bundle: b", "bundle says nothing beside"),
        ("why: new eyes", "why: x\n    ramp: {cell: old}", "'old' is none of its cells"),
        ("why: new eyes", "why: x\n    ramp: {cell: new, steps: [0.5, 0.1]}", "shares that grow"),
        ("why: new eyes", "why: x\n    ramp: {cell: new, steps: []}", "shares that grow"),
        ("why: new eyes", "why: x\n    loop: kids", "loop 'kids' is not under loops"),
        ("salt: one", "salt: one\nloops: {kids: {where: {moon: full}}}", "'moon' is no category"),
        ("salt: one", "salt: [", "is not YAML"),
        ("salt: one", "salt: one\nsalt: two", "line 2: salt is there twice"),
        ("  eyes:", "  'a;b':", "'a;b' is no name"),
    ],
)
def test_mistakes_are_refused_by_file_and_line(was, now, words):
    assert was in FILE
    with pytest.raises(BadInput, match=words) as refusal:
        parse_experiments(FILE.replace(was, now, 1).encode(), "e.yaml")
    assert str(refusal.value).startswith("e.yaml")
    assert "\n" not in str(refusal.value)
