import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bandit.choice import choose, uniforms
from bandit.head_policy import HeadPolicy
from bandit.probabilities import score_probabilities
from data.features import Names, own_matches
from serve.scoring.candidate_bank import Bank, decide_members, decide_pages
from tests.bandit.cases import KINDS
from tests.serve.world import make_layout, make_vectors


def some_names(rng, rows):
    """A few names a row, of few in all, with weights whose sums are exact."""
    ids = rng.integers(0, 12, (rows, 4))
    return Names(ids, (ids != 0) * rng.integers(-2, 3, (rows, 4)).astype(np.float32))


@given(
    titles=st.integers(1, 9),
    members=st.integers(1, 5),
    heads=st.sampled_from([1, 3, 16, 20]),
    epsilon=st.sampled_from([0.01, 0.3, 1.0]),
    kind=KINDS,
    ties=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_block_decides_as_the_bandit_does_one_by_one(
    titles, members, heads, epsilon, kind, ties, seed
):
    rng = np.random.default_rng(seed)
    layout = make_layout(titles=titles)
    vectors = make_vectors(layout)
    functionals = rng.normal(size=(members, heads, 8)).astype(np.float32)
    if ties:  # whole numbers: sums are exact, and often equal
        vectors, functionals = np.sign(vectors), np.sign(functionals)
    watched, names = some_names(rng, members), some_names(rng, len(vectors))
    matches = own_matches(watched, Names(*(part[None].repeat(members, 0) for part in names)))
    seeds = rng.integers(0, 2**64, (members, titles), np.uint64)
    policy = HeadPolicy(kind, epsilon)
    bank = Bank.of(layout, vectors, names)
    decided = decide_members(functionals, bank, seeds, policy, watched=watched)
    for title in range(titles):
        start, end = layout.starts[title : title + 2]
        valid = np.ones((members, end - start), bool)
        scores = functionals @ vectors[start:end].T + matches[:, None, start:end]
        expected = score_probabilities(scores, valid, policy)
        got = decided.probabilities[:, :, title]
        np.testing.assert_allclose(got[:, : end - start], expected, rtol=1e-12)
        assert (got[:, end - start :] == 0).all()
        chosen = choose(expected, uniforms(seeds[:, title]))
        np.testing.assert_array_equal(decided.choice[:, title], chosen)
        picked = expected[np.arange(members), chosen]
        np.testing.assert_allclose(decided.propensity[:, title], picked, rtol=1e-12)


@given(seed=st.integers(0, 2**32 - 1), members=st.integers(1, 4), kind=KINDS)
def test_some_titles_of_a_bank_and_pages_of_titles_are_decided_as_in_the_whole(seed, members, kind):
    rng = np.random.default_rng(seed)
    layout = make_layout()
    vectors = make_vectors(layout)
    watched, names = some_names(rng, members), some_names(rng, len(vectors))
    bank = Bank.of(layout, vectors, names)
    functionals = rng.normal(size=(members, 16, 8)).astype(np.float32)
    seeds = rng.integers(0, 2**64, (members, 12), np.uint64)
    policy = HeadPolicy(kind, 0.1)
    whole = decide_members(functionals, bank, seeds, policy, watched=watched)
    some = rng.permutation(12)[:5]
    few = bank.take(some)
    part = decide_members(functionals, few, seeds[:, some], policy, watched=watched)
    np.testing.assert_array_equal(part.choice, whole.choice[:, some])
    np.testing.assert_array_equal(part.propensity, whole.propensity[:, some])
    ranks = np.minimum(np.arange(bank.ranks), layout.counts[some][:, None] - 1)
    columns = vectors[layout.starts[some][:, None] + ranks].transpose(2, 1, 0)
    pages = decide_pages(
        functionals,
        np.broadcast_to(columns, (members, *columns.shape)),
        np.broadcast_to(layout.counts[some], (members, 5)),
        seeds[:, some],
        policy,
        few.names.matches(watched).reshape(members, bank.ranks, 5),
    )
    np.testing.assert_array_equal(pages.choice, whole.choice[:, some])
    np.testing.assert_array_equal(pages.probabilities, whole.probabilities[:, :, some])
