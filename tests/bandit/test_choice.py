import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bandit.choice import (
    GOLDEN,
    MASK,
    choose,
    decision_ids,
    decision_seeds,
    draw_candidates,
    mix_number,
    mix_words,
    profile_keys,
    title_words,
    uniforms,
)

U64 = st.integers(0, 2**64 - 1)
KEY, SEED = 0x3C1A5A3815011925, 0x4CD7EA62BA37F2F4
SPLITMIX = [
    6_457_827_717_110_365_317,
    3_203_168_211_198_807_973,
    9_817_491_932_198_370_423,
    4_593_380_528_125_082_431,
    16_408_922_859_458_223_821,
]
TEXT, SEVEN = 0xFBD5CC8AC8ABE32C, 0x1DABAA97BFD51904
NAME = "9fbd60acfdf0ae54f9ff875cbde26aca"


def test_keys_seeds_and_ids_are_the_same_on_every_machine():
    keys = profile_keys(["ana", "bo", "ana", ""])
    seeds = decision_seeds(keys, np.array([1, 2, 1, 2**32 - 1]), 20_000, 7)
    assert keys.dtype == seeds.dtype == np.uint64
    assert keys[0] == keys[2] != keys[1]
    assert seeds[0] == seeds[2] != seeds[1]
    assert keys[0] == KEY
    assert seeds[0] == SEED
    assert decision_ids(seeds, keys, np.array([1, 2, 1, 2**32 - 1]), 20_000)[0] == NAME


def test_a_title_has_one_word_on_every_machine_whatever_its_id_is_made_of():
    """Maps and logs of text ids were made by the version before this one."""
    assert title_words(["tt0111161", "7"]).tolist() == [TEXT, SEVEN]
    assert title_words(np.array(["tt0111161", "7"])).tolist() == [TEXT, SEVEN]
    assert title_words([7, 2**63 - 1]).tolist() == [7, 2**63 - 1]
    assert title_words(np.array([7], np.int32)).dtype == title_words(["7"]).dtype == np.uint64
    assert title_words([]).tolist() == []
    names = ["ana", "tt0111161"]
    assert not set(title_words(names).tolist()) & set(profile_keys(names).tolist())


def test_words_are_mixed_as_splitmix64_does():
    """The first outputs for the seed 1234567, as its authors and others publish them."""
    states = [(1_234_567 + n * GOLDEN) & MASK for n in range(5)]
    assert mix_words(np.array(states, np.uint64)).tolist() == SPLITMIX
    assert [mix_number(state) for state in states] == SPLITMIX


@pytest.mark.parametrize("members", [1, 8])  # above and below what few calls are made for
def test_a_draw_falls_into_its_candidates_stretch_of_the_unit_interval(members):
    p = np.broadcast_to(np.array([0.25, 0.0, 0.5, 0.25])[None, :, None], (members, 4, 400))
    drawn = np.tile((np.arange(400) + 0.5) / 400, (members, 1))
    choice, propensity = draw_candidates(p, drawn)
    expected = np.where(drawn < 0.25, 0, np.where(drawn < 0.75, 2, 3))
    np.testing.assert_array_equal(choice, expected)
    np.testing.assert_array_equal(propensity, np.array([0.25, 0.0, 0.5, 0.25])[expected])


@pytest.mark.parametrize("members", [1, 8])
def test_the_last_candidate_with_a_chance_takes_what_rounding_left(members):
    p = np.broadcast_to(np.array([0.3, 0.0, 0.6, 0, 0, 0])[None, :, None], (members, 6, 400))
    choice, propensity = draw_candidates(p, np.full((members, 400), 0.95))
    assert (choice == 2).all()
    assert (propensity == 0.6).all()


def test_draws_are_uniform_and_seeds_and_ids_differ():
    keys = profile_keys([f"member-{i}" for i in range(300)])[:, None]
    titles = np.arange(1, 101)
    seeds = decision_seeds(keys, titles, 0, 0)
    drawn = uniforms(seeds)
    assert seeds.shape == drawn.shape == (300, 100)
    assert abs(drawn.mean() - 0.5) < 0.01
    share, _ = np.histogram(drawn, 20, (0, 1))
    np.testing.assert_allclose(share / drawn.size, 0.05, atol=0.006)
    assert abs(np.corrcoef(drawn[:, :-1].ravel(), drawn[:, 1:].ravel())[0, 1]) < 0.03
    others = [decision_seeds(keys, titles, day, salt) for day, salt in ((1, 0), (0, 1), (1, 1))]
    assert len(np.unique(np.stack([seeds, *others]))) == 4 * seeds.size
    every = (a.ravel() for a in np.broadcast_arrays(seeds, keys, titles))
    assert len(set(decision_ids(*every, 0))) == seeds.size


@given(seeds=hnp.arrays(np.uint64, 20, elements=U64))
def test_uniforms_lie_in_the_half_open_unit_interval(seeds):
    drawn = uniforms(seeds)
    assert ((drawn >= 0) & (drawn < 1)).all()


@given(
    weights=hnp.arrays(np.float64, (8, 5), elements=st.sampled_from([0.0, 0.1, 1 / 3, 1.0])),
    drawn=st.sampled_from([0.0, 0.25, 0.5, 1 - 2**-53]),
)
def test_a_candidate_without_a_chance_is_never_chosen(weights, drawn):
    weights[weights.sum(-1) == 0, 2] = 1.0
    p = weights / weights.sum(-1, keepdims=True)
    choice = choose(p, np.full(8, drawn))
    assert choice.dtype == np.int64
    assert (p[np.arange(8), choice] > 0).all()


def test_choices_come_as_often_as_their_probabilities_say():
    p = np.tile([0.5, 0.0, 0.2, 0.3], (40_000, 1))
    choice = choose(p, uniforms(np.arange(40_000, dtype=np.uint64)))
    np.testing.assert_allclose(np.bincount(choice, minlength=4) / 40_000, p[0], atol=0.01)


def test_nothing_to_choose_is_refused():
    with pytest.raises(ValueError, match="row 1 has no probability"):
        choose(np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([0.1, 0.1]))
