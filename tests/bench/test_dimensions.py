"""`python -m bench dimensions`: what it measures of kinds decided together is what is promised."""

import pytest

from bench.dimensions.cold import cold_synopses
from bench.dimensions.dimensions import dimensions, show
from bench.dimensions.policies import kind_policies
from data.errors import BadInput
from data.texts.hashed_words import HashedWords
from simulate.kinds.kind_world import AGREEMENT


def test_pairs_gain_where_kinds_agree_and_cost_nothing_where_they_do_not():
    apart = kind_policies(0.0, 6000, 400, 3, 4)
    assert apart.joint / apart.independent == pytest.approx(1, abs=0.02)
    agree = kind_policies(AGREEMENT, 6000, 400, 3, 4)
    assert agree.even < agree.artwork < agree.independent < agree.joint < agree.oracle
    assert agree.joint > 1.02 * agree.independent
    assert 1.02 * agree.artwork < agree.after_artwork < agree.oracle
    assert agree.served_of_artwork > 1.5
    assert agree.of_artwork > 1.5
    assert max(apart.sum_error, agree.sum_error) < 1e-12


def test_words_of_a_synopsis_tell_of_it_before_anybody_saw_it():
    found = cold_synopses(HashedWords(), AGREEMENT, 6000, 400, 4, 10)
    assert 0.15 * found.by_traits < min(found.by_tags, found.by_words) < found.by_traits


def test_it_prints_a_table_a_part(capsys):
    show(dimensions(quick=True))
    said = capsys.readouterr().out
    assert all(word in said for word in ("agreement", "regret", "hashed", "pi2"))
    with pytest.raises(BadInput, match="--parts nothing: choose among policies"):
        dimensions(parts="nothing")
