import pytest
import torch

from model.heads.artwork_random_effects import ArtworkRandomEffects

RANK, ARTWORKS = 3, 4


def impressions(count, seed=0):
    """Artwork 3 is never shown; the others' vectors and intercepts are known."""
    draw = torch.Generator().manual_seed(seed)
    functional = torch.randn(count, RANK, generator=draw)
    shown = torch.randint(0, ARTWORKS - 1, (count,), generator=draw)
    own = torch.tensor([[1.0, 0, 0], [0, -1, 0], [0, 0, 0], [0, 0, 0]])
    intercept = torch.tensor([0.5, -0.5, 0.0, 0.0])
    offset = torch.full((count,), -1.0)
    logit = offset + (functional * own[shown]).sum(1) + intercept[shown]
    rewards = torch.bernoulli(torch.sigmoid(logit), generator=draw)
    return functional, shown, rewards, offset, own, intercept


@pytest.fixture
def effects():
    made = ArtworkRandomEffects(ARTWORKS, RANK)
    draw = torch.Generator().manual_seed(1)
    made.reset(*torch.randn(2, 200, RANK, generator=draw), 1.0, 1.0)
    return made


def test_the_effect_of_each_artwork_is_found(effects):
    functional, shown, rewards, offset, own, intercept = impressions(20_000)
    effects.update(functional, shown, rewards, offset)
    torch.testing.assert_close(effects.vectors[:3], own[:3], atol=0.12, rtol=0)
    torch.testing.assert_close(effects.intercepts[:3], intercept[:3], atol=0.12, rtol=0)


def test_artwork_that_was_never_shown_stays_judged_by_its_content_and_is_explored_most(effects):
    functional, shown, rewards, offset, *_ = impressions(2000)
    effects.update(functional, shown, rewards, offset)
    assert (effects.mean[3] == 0).all()
    assert (effects(functional[:5], torch.full((5, 2), 3)) == 0).all()
    spread = effects.intercept_draws(400, torch.Generator().manual_seed(0)).std(0)
    assert (spread[3] > 3 * spread[:3]).all()
    assert spread[3] == pytest.approx(1.0, rel=0.2)


@pytest.mark.parametrize("size", [500, 5000])
def test_rewards_may_come_in_batches_of_any_size(effects, size):
    functional, shown, rewards, offset, own, intercept = impressions(20_000)
    for at in range(0, 20_000, size):
        part = slice(at, at + size)
        effects.update(functional[part], shown[part], rewards[part], offset[part])
    torch.testing.assert_close(effects.vectors[:3], own[:3], atol=0.15, rtol=0)
    torch.testing.assert_close(effects.intercepts[:3], intercept[:3], atol=0.15, rtol=0)


def test_vectors_keep_to_the_directions_that_tell_most_apart(effects):
    functional, shown, rewards, offset, *_ = impressions(20_000)
    wide = torch.tensor([3.0, 1.0, 0.1])
    few = ArtworkRandomEffects(ARTWORKS, RANK, directions=1)
    few.reset(
        torch.randn(500, RANK, generator=torch.Generator().manual_seed(2)) * wide,
        functional,
        1.0,
        1.0,
    )
    few.update(functional, shown, rewards, offset)
    found = few.vectors[0] / few.vectors[0].norm()
    assert float(found[0].abs()) > 0.98
    assert float(few.vectors[0, 0]) == pytest.approx(1.0, abs=0.12)
    assert few.precision.shape == (ARTWORKS, 2, 2)


def test_an_impression_of_weight_two_counts_as_two(effects):
    functional, shown, rewards, offset, *_ = impressions(2000)
    effects.update(functional, shown, rewards, offset, torch.full((2000,), 2.0))
    once = effects.mean.clone()
    effects.reset(*torch.randn(2, 200, RANK, generator=torch.Generator().manual_seed(1)), 1.0, 1.0)
    effects.update(*(torch.cat([part, part]) for part in (functional, shown, rewards, offset)))
    torch.testing.assert_close(once, effects.mean, atol=0.05, rtol=0)


def test_deviations_fall_as_impressions_come(effects):
    functional, shown, rewards, offset, *_ = impressions(2000)
    before = effects.deviations()
    effects.update(functional, shown, rewards, offset)
    torch.testing.assert_close(before, torch.ones(ARTWORKS))
    assert (effects.deviations()[:3] < 0.2).all()
    assert float(effects.deviations()[3]) == pytest.approx(1.0)


def test_a_reset_forgets_all_rewards(effects):
    functional, shown, rewards, offset, *_ = impressions(500)
    effects.update(functional, shown, rewards, offset)
    effects.reset(*torch.randn(2, 9, RANK), 1.0, 1.0)
    assert (effects.mean == 0).all()


def test_scores_are_of_the_mean_for_any_number_of_candidates(effects):
    functional, shown, rewards, offset, *_ = impressions(500)
    effects.update(functional, shown, rewards, offset)
    candidates = torch.tensor([[0, 1, 3], [2, 0, 0]])
    each = effects(functional[:2], candidates)
    assert each.shape == (2, 3)
    by_hand = functional[1] @ effects.vectors[2] + effects.intercepts[2]
    assert float(each[1, 0]) == pytest.approx(float(by_hand), abs=1e-5)
    torch.testing.assert_close(effects(functional[:2], candidates[:, 0]), each[:, 0])


def test_no_scale_no_draws(effects):
    assert (effects.intercept_draws(5, torch.Generator().manual_seed(0), 0.0) == 0).all()


@pytest.mark.parametrize(("vector", "intercept"), [(0.0, 1.0), (1.0, -0.1)])
def test_a_scale_must_be_above_nothing(effects, vector, intercept):
    with pytest.raises(ValueError, match=r"vector_scale is .* above 0"):
        effects.reset(*torch.randn(2, 9, RANK), vector, intercept)
