"""A world of 108 combinations: its truth is what its members do, and its command counts by it."""

import numpy as np
import pytest

from data.errors import BadInput
from simulate.kinds.command import kinds, show
from simulate.kinds.kind_world import AGREEMENT, SIZES, KindWorld
from simulate.kinds.learner import KindLearner, drawn, even
from simulate.kinds.synopses import THEMES, WORDS, write_synopsis


def test_agreement_is_as_large_as_it_is_said_to_be_and_changes_nothing_else():
    apart, agree = (KindWorld.make(200, a, 1) for a in (0.0, AGREEMENT))
    visits = apart.visits(2000, np.random.default_rng(0))
    logits = [np.log(t / (1 - t)) for t in (w.takes(visits) for w in (apart, agree))]
    added = (logits[1] - logits[0]).reshape(2000, -1)
    assert added.std(1).mean() == pytest.approx(AGREEMENT, rel=0.25)
    np.testing.assert_array_equal(apart.traits[0], agree.traits[0])
    assert apart.takes(visits).shape == (2000, *SIZES)


@pytest.mark.parametrize("wrong", [{"rounds": 0}, {"titles": 0}, {"visits": 0}, {"seed": -1}])
def test_sizes_that_make_no_world_are_refused_by_their_option(wrong):
    [(name, value)] = wrong.items()
    with pytest.raises(BadInput, match=f"^--{name} {value}: give [01] or more$"):
        kinds(**wrong)
    sizes = {"rounds": 1, "titles": 1, "visits": 1, "seed": 0}
    assert kinds(**sizes).rounds == 1


def test_stronger_themes_have_more_words():
    rng = np.random.default_rng(2)
    traits = np.zeros(len(THEMES))
    traits[1] = 2.0
    lists = [set(words.split()) for words in THEMES.values()]
    counts = np.zeros(len(THEMES))
    for _ in range(50):
        words = write_synopsis(traits, rng).lower().replace(".", "").split()
        counts += [sum(word in words_of for word in words) for words_of in lists]
    assert counts.argmax() == 1
    assert counts.sum() / 50 == pytest.approx(WORDS, abs=1)


def test_combinations_are_drawn_by_their_chances():
    g = np.random.default_rng(3)
    chances = np.broadcast_to(g.dirichlet(np.ones(108)).reshape(SIZES), (20_000, *SIZES))
    seen = np.zeros(SIZES)
    np.add.at(seen, tuple(drawn(chances, g).T), 1 / 20_000)
    assert np.abs(seen - chances[0]).max() < 0.01


def test_kinds_that_a_surface_does_not_show_teach_nothing_of_themselves():
    world = KindWorld.make(4, 0.0, 5)
    g = np.random.default_rng(5)
    visits = world.visits(300, g)
    choice = drawn(np.broadcast_to(even(), (300, *SIZES)), g)
    choice[:, 1] = -1
    learnt = KindLearner.new(world, "separate").learn(visits, choice, g.random(300).round())
    of_synopses = learnt.terms[1]
    assert not learnt.posteriors[1].mean[of_synopses.facts + of_synopses.titles :].any()
    assert learnt.posteriors[0].mean[learnt.terms[0].facts + learnt.terms[0].titles :].any()


def test_the_command_counts_what_each_kind_adds(capsys):
    found = kinds(rounds=4000, titles=5, visits=300)
    takes = list(found.takes.values())
    assert takes[0] < takes[1] < takes[4] < found.best
    assert found.takes["all together"] < found.best
    assert 1 <= len(found.members) <= SIZES[1]
    assert all(0 < one.propensity <= 1 for one in found.members)
    show(found)
    said = capsys.readouterr().out
    assert "all together" in said
    assert f"“{found.members[0].synopsis.partition('.')[0]} …”" in said
