import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bandit.choice import choose, decision_ids, decision_seeds, profile_keys, uniforms

U64 = st.integers(0, 2**64 - 1)
KEY, SEED = 0x3C1A5A3815011925, 0x4CD7EA62BA37F2F4
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
