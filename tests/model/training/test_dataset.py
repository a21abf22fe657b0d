import numpy as np
import pytest

from data.features import CandidateFeatures, ContextFeatures
from model.training.dataset import Deal, Dealt, Examples, bootstrap_weights, share
from model.training.samplers import ByArtwork, Shuffled


def examples(artwork_of: np.ndarray, artworks: int) -> Examples:
    rows, rng = len(artwork_of), np.random.default_rng(0)
    cast = np.zeros((artworks, 8), np.int64), np.zeros((artworks, 8), np.float32)
    return Examples(
        ContextFeatures(
            rng.normal(size=(rows, 5)).astype(np.float32),
            np.zeros((rows, 8), np.int64),
            np.zeros((rows, 8), np.float32),
        ),
        artwork_of,
        np.arange(rows, dtype=np.float32),
        np.ones(rows, np.float32),
        np.ones((rows, 3), np.float32),
        CandidateFeatures(np.zeros((artworks, 4), np.float32), *cast, *cast),
        np.arange(artworks, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 2, 2), np.uint8),
        np.arange(artworks)[::-1].copy(),
    )


ARTWORK_OF = np.random.default_rng(1).integers(0, 40, size=1000)


@pytest.mark.parametrize("masks", ["double_or_nothing", "poisson"])
def test_a_decision_weighs_the_same_whenever_it_is_seen(masks):
    ids = [f"{i:032x}" for i in range(4000)]
    weights = bootstrap_weights(ids, 20, masks)
    assert np.array_equal(weights[100:200], bootstrap_weights(ids[100:200], 20, masks))
    np.testing.assert_allclose(weights.mean(0), 1, atol=0.1)
    assert abs(np.corrcoef(weights.T) - np.eye(20)).max() < 0.1


def test_more_heads_than_bits_are_refused():
    with pytest.raises(ValueError, match="65 heads"):
        bootstrap_weights(["a"], 65)


def test_every_decision_is_seen_once_in_as_many_epochs_as_there_are_visits():
    sampler = ByArtwork(ARTWORK_OF, artworks=7, visits=4, seed=3)
    seen = []
    for epoch in range(4):
        sampler.set_epoch(epoch)
        for rows in sampler:
            seen.append(rows)
            assert len(np.unique(ARTWORK_OF[rows])) <= 7
    assert np.array_equal(np.sort(np.concatenate(seen)), np.arange(1000))


def test_an_epoch_has_the_same_batches_again_and_another_has_others():
    first, again = (ByArtwork(ARTWORK_OF, 7, 2, seed=3) for _ in range(2))
    again.set_epoch(1)
    other = list(again)
    again.set_epoch(0)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("artwork_of", [None, ARTWORK_OF])
def test_processes_share_a_batch_without_overlap(artwork_of):
    whole = np.random.default_rng(2).choice(1000, 70, replace=False)
    parts = [share(whole, artwork_of, rank, 3) for rank in range(3)]
    assert sorted(np.concatenate(parts)) == sorted(whole)
    if artwork_of is not None:
        shown = [set(artwork_of[part]) for part in parts]
        assert sum(map(len, shown)) == len(set.union(*shown))


@pytest.mark.parametrize("size", [1, 2, 3, 64])
def test_means_of_unequal_parts_average_to_the_mean_of_the_batch(size):
    data = examples(ARTWORK_OF, 40)
    whole = next(iter(Shuffled(1000, size, seed=1)))
    batches = [Dealt()[Deal(data, share(whole, None, r, 3), whole, 3)] for r in range(3)]
    means = [batch.decision_part * float(batch.reward.mean()) for batch in batches]
    assert np.mean(means) == pytest.approx(whole.mean())
    whole_batch = Dealt()[Deal(data, whole, whole)]
    for batch in batches:
        assert np.array_equal(whole_batch.images[batch.place], batch.images)


def test_parts_joined_are_the_whole_again():
    data = examples(ARTWORK_OF, 40)
    parts = [data.some(slice(at, at + 300)) for at in range(0, 1000, 300)]
    again = Examples.joined(parts)
    rows = np.array([0, 299, 300, 999])
    for one, other in zip(data[rows], again[rows], strict=True):
        assert np.array_equal(one, other)


def test_a_batch_holds_each_distinct_image_once_and_says_which_a_decision_showed():
    data = examples(ARTWORK_OF, 40)
    rows = np.array([5, 9, 5, 700])
    batch = data[rows]
    assert len(batch.images) == len(np.unique(ARTWORK_OF[rows]))
    shown = batch.images[batch.image_of][:, 0, 0, 0].numpy()
    assert np.array_equal(shown, 39 - ARTWORK_OF[rows])
    assert batch.reward.tolist() == [5, 9, 5, 700]
