from itertools import combinations

import numpy as np
import pytest
import torch

from model.heads.hierarchical_logistic import INTERCEPT_VARIANCE, HierarchicalLogistic

FEATURES, COMPONENTS, ARTWORKS, TITLES = 5, 3, 24, 6
TITLE_OF = torch.arange(ARTWORKS) % TITLES


def world(rows, seed=0, own=0.5, never=0):
    """Facts, what was shown, rewards, and the true weights; the last artworks are never shown."""
    draw = torch.Generator().manual_seed(seed)
    components = torch.randn(ARTWORKS, COMPONENTS, generator=torch.Generator().manual_seed(9))
    shared = 0.4 * torch.randn(FEATURES, COMPONENTS, generator=torch.Generator().manual_seed(8))
    shared[-1] = 0  # a fact that does not matter
    weights = components @ shared.T
    weights[:, 1] += own * torch.randn(ARTWORKS, generator=torch.Generator().manual_seed(7))
    x = torch.randn(rows, FEATURES, generator=draw)
    x[:, 0] = 1
    shown = torch.randint(ARTWORKS - never, (rows,), generator=draw)
    p = torch.sigmoid((x * weights[shown]).sum(1) - 1)
    rewards = (torch.rand(rows, generator=draw) < p).float()
    return components, x, shown, rewards, weights


def fitted(rows, passes=3, **options):
    components, x, shown, rewards, weights = world(rows, **options)
    made = HierarchicalLogistic(components, TITLE_OF, FEATURES)
    for _ in range(passes):
        made.forget()
        made.observe(x, shown, rewards, -1.0)
        made.solve()
        made.learn_variances()
    return made, weights


def prior_covariance(made):
    """Of u(a), artwork by artwork."""
    of_title = torch.nn.functional.one_hot(made.title_of).float()
    variance = made.variance
    columns = made.components.split(1, 1)
    shared = variance.shared.expand(-1, len(columns)).T
    parts = (
        *zip(columns, shared, strict=True),
        (torch.eye(ARTWORKS), variance.artwork),
        (of_title, variance.title),
    )
    return sum(torch.kron(part @ part.T, v.diag()) for part, v in parts).double()


def off(weights, true):
    return float((weights - true).square().mean().sqrt())


@pytest.mark.parametrize("level", [2.7, -2.7])
def test_a_title_that_takes_otherwise_than_its_offset_says_is_found(level):
    """From takes of one in eight a Newton step to two in three leads beyond nine in ten."""
    draw = torch.Generator().manual_seed(2)
    components, x, shown, *_ = world(12_000)
    far = level * (TITLE_OF == 0).float()
    p = torch.sigmoid(far[shown] - 2)
    rewards = (torch.rand(len(p), generator=draw) < p).float()
    made = HierarchicalLogistic(components, TITLE_OF, FEATURES)
    for _ in range(5):
        made.forget()
        made.observe(x, shown, rewards, -2.0)
        made.solve()
        made.learn_variances()
    assert off(made.weights()[:, 0], far) < 0.2


def test_the_mean_solves_the_system_that_was_observed():
    components, x, shown, rewards, _ = world(400)
    made = HierarchicalLogistic(components, TITLE_OF, FEATURES)
    made.observe(x, shown, rewards)
    made.solve()
    design = torch.zeros(400, ARTWORKS * FEATURES)
    for row, artwork in enumerate(shown.tolist()):
        design[row, artwork * FEATURES : (artwork + 1) * FEATURES] = x[row]
    curvature = 0.25 * design.T @ design
    moment = design.T @ (rewards - 0.5)
    prior = prior_covariance(made)
    expected = torch.linalg.solve(torch.linalg.inv(prior) + curvature, moment.double())
    np.testing.assert_allclose(made.weights().reshape(-1), expected, atol=2e-3)


def test_weights_are_found_and_what_does_not_matter_fades_out():
    made, weights = fitted(60_000)
    assert off(made.weights(), weights) < 0.12
    assert made.variance.artwork[1] > 10 * made.variance.artwork[2:].max()
    assert made.variance.shared[-1] < 0.1 * made.variance.shared[1:-1].min()


def test_artwork_that_was_never_shown_is_judged_by_its_components():
    made, weights = fitted(60_000, own=0.0, never=8)
    unseen = slice(ARTWORKS - 8, ARTWORKS)
    assert off(made.within_title()[unseen], weights[unseen]) < 0.15 < off(0, weights[unseen]) / 2
    assert float(made.mean.artwork[unseen].abs().max()) < 1e-6


def test_draws_have_the_posteriors_covariance_between_artworks_as_well():
    components, x, shown, rewards, _ = world(2000, never=1)
    made = HierarchicalLogistic(components, TITLE_OF, FEATURES, draws=4000)
    made.observe(x, shown, rewards, -1.0)
    made.draw()
    drawn = made.weights(made.draws).flatten(0, 1).double()
    precision = torch.linalg.inv(prior_covariance(made)) + torch.block_diag(*made.gram.double())
    exact = torch.linalg.inv(precision)
    scale = exact.diagonal().sqrt()
    gap = (drawn @ drawn.T / drawn.shape[1] - exact) / scale[:, None] / scale
    assert float(gap.abs().max()) < 0.1
    assert float(gap.diagonal().mean().abs()) < 0.02


def test_draws_are_the_same_in_whatever_order_and_parts_rewards_come():
    components, x, shown, rewards, _ = world(2000)
    found = []
    for order in (torch.arange(2000), torch.randperm(2000)):
        made = HierarchicalLogistic(components, TITLE_OF, FEATURES)
        for rows in order.split(700):
            made.observe(x[rows], shown[rows], rewards[rows])
        made.solve()
        made.draw()
        found.append(made.weights(made.draws))
    torch.testing.assert_close(*found, atol=2e-3, rtol=1e-2)


@pytest.mark.parametrize("each", [20, 100, 500])
def test_intervals_of_draws_hold_how_far_artworks_of_a_title_are_apart(each):
    """Of 90%, where weights come from the hierarchy's own prior."""
    titles, of_title, draw = 40, 6, torch.Generator().manual_seed(each)
    count = titles * of_title
    spread = torch.tensor([0.2, 0.15, 0.1, 0.1, 0.05])
    components = torch.randn(count, COMPONENTS, generator=draw) / COMPONENTS**0.5
    weights = components @ (torch.randn(COMPONENTS, FEATURES, generator=draw) * spread)
    weights += torch.randn(count, FEATURES, generator=draw) * spread
    level = torch.randn(titles, generator=draw).repeat_interleave(of_title)
    shown = torch.arange(count).repeat(each)
    x = torch.randn(len(shown), FEATURES, generator=draw)
    x[:, 0] = 1
    p = torch.sigmoid((x * weights[shown]).sum(1) + level[shown] - 1.5)
    rewards = (torch.rand(len(shown), generator=draw) < p).float()
    made = HierarchicalLogistic(components, torch.arange(count) // of_title, FEATURES)
    for _ in range(3):
        made.forget()
        made.observe(x, shown, rewards, -1.5)
        made.solve()
        made.learn_variances()
    off_by = (made.within_title() - weights)[:, 0].view(titles, of_title)
    drawn = made.within_title(made.draws)[:, 0].view(titles, of_title, -1)
    hits = [
        (off_by[:, a] - off_by[:, b]).abs()
        < 1.75 * (drawn[:, a] - drawn[:, b]).square().mean(1).sqrt()
        for a, b in combinations(range(of_title), 2)
    ]
    assert 0.8 < float(torch.cat(hits).float().mean()) < 0.98


def test_doubt_falls_with_what_was_observed_and_for_what_was_never_shown_is_the_priors():
    second = torch.eye(FEATURES)
    few, many = (
        fitted(rows, never=1)[0].doubt(second, 15).levels.norm(dim=1) for rows in (2000, 40_000)
    )
    assert float((many[:-1] < few[:-1]).float().mean()) > 0.9
    made, _ = fitted(2000, never=1)
    doubt = made.doubt(second, 15)
    assert doubt.prior == pytest.approx(float(made.variance.artwork[0]) ** 0.5)
    assert doubt.prior * doubt.prior_reading == pytest.approx(
        float(made.variance.artwork.sum()) ** 0.5, rel=1e-4
    )
    unseen = made.draws.artwork[-1].square().mean(1)
    np.testing.assert_allclose(unseen, made.variance.artwork, rtol=0.9)


def test_what_content_leaves_open_falls_with_the_artworks_that_were_shown():
    """However often: what is of their own blurs what they share."""
    left = []
    for never in (20, 0):
        components, x, shown, rewards, _ = world(20_000, never=never)
        made = HierarchicalLogistic(components, TITLE_OF, FEATURES)
        made.observe(x, shown, rewards, -1.0)
        made.draw()
        left.append(float(made.doubt(torch.eye(FEATURES), 15).shared.square().sum()))
    assert left[1] < 0.8 * left[0]


def test_an_impression_of_weight_two_counts_as_two():
    components, x, shown, rewards, _ = world(500)
    found = []
    for observed in (
        (x, shown, rewards, 0.0, torch.full((500,), 2.0)),
        (*(torch.cat([part, part]) for part in (x, shown, rewards)), 0.0),
    ):
        made = HierarchicalLogistic(components, TITLE_OF, FEATURES)
        made.observe(*observed)
        made.solve()
        found.append(made.weights())
    torch.testing.assert_close(*found, atol=1e-4, rtol=1e-3)


def test_observing_in_parts_is_observing_at_once():
    components, x, shown, rewards, _ = world(500)
    once, parts = (HierarchicalLogistic(components, TITLE_OF, FEATURES) for _ in range(2))
    once.observe(x, shown, rewards)
    for rows in torch.arange(500).split(60):
        parts.observe(x[rows], shown[rows], rewards[rows])
    torch.testing.assert_close(once.gram, parts.gram, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(once.moment, parts.moment, atol=1e-3, rtol=1e-4)


def test_factors_say_what_the_weights_do_for_artwork_never_shown_too():
    made, _ = fitted(20_000, never=4)
    second = torch.eye(FEATURES) + 0.2
    factors = made.factors(FEATURES, second)
    said = factors.projection @ factors.vectors.T
    torch.testing.assert_close(said.T, made.within_title(), atol=1e-3, rtol=1e-2)
    by_content = made.components @ factors.shared
    torch.testing.assert_close(by_content[-4:], factors.vectors[-4:], atol=1e-3, rtol=1e-2)
    few = made.factors(2, second)
    assert few.vectors.shape == (ARTWORKS, 2)
    more = made.factors(FEATURES + 2, second)
    torch.testing.assert_close(more.projection @ more.vectors.T, said)


def test_titles_that_differ_in_all_artworks_leave_their_choice_alone():
    components, x, shown, _, weights = world(40_000, own=0.0)
    level = torch.linspace(-1.5, 1.5, TITLES)[TITLE_OF]
    p = torch.sigmoid((x * weights[shown]).sum(1) + level[shown] - 1)
    rewards = (torch.rand(40_000, generator=torch.Generator().manual_seed(1)) < p).float()
    made = HierarchicalLogistic(components, TITLE_OF, FEATURES)
    for _ in range(3):
        made.forget()
        made.observe(x, shown, rewards, -1.0)
        made.solve()
        made.learn_variances()
    assert made.variance.title[0] == INTERCEPT_VARIANCE
    assert float((made.mean.title[:, 0] - torch.linspace(-1.5, 1.5, TITLES)).abs().max()) < 0.35
    assert off(made.within_title()[:, 0], weights[:, 0]) < 0.2


def test_facts_that_are_not_finite_are_refused_and_move_nothing():
    components, x, shown, rewards, _ = world(100)
    made = HierarchicalLogistic(components, TITLE_OF, FEATURES)
    x[3, 2] = float("nan")
    made.observe(x, shown, rewards)
    with pytest.raises(ValueError, match="not finite"):
        made.solve()
    assert not made.weights().any()


def test_few_rewards_tell_tastes_among_many_facts_that_do_not_matter():
    """As of a young service: seventy facts, of which two matter, and 2,000 impressions."""
    draw = torch.Generator().manual_seed(4)
    components = torch.randn(ARTWORKS, COMPONENTS, generator=draw)
    x = torch.randn(2000, 70, generator=draw)
    x[:, 0] = 1
    shown = torch.randint(ARTWORKS, (2000,), generator=draw)
    true = torch.zeros(ARTWORKS, 70)
    true[:, 1], true[:, 2] = 0.4 * components[:, 0], 0.4 * components[:, 1]
    p = torch.sigmoid((x * true[shown]).sum(1) - 1)
    rewards = (torch.rand(2000, generator=draw) < p).float()
    made = HierarchicalLogistic(components, TITLE_OF, 70)
    for _ in range(3):
        made.forget()
        made.observe(x, shown, rewards, -1.0)
        made.solve()
        made.learn_variances()
    found = made.within_title() @ x[:300].T
    right = true @ x[:300].T
    assert float(torch.corrcoef(torch.stack([found.flatten(), right.flatten()]))[0, 1]) > 0.6


def test_what_a_feature_is_expected_to_be_worth_stands_until_rewards_speak():
    components, x, shown, _, _ = world(20_000)
    worth = torch.tensor([0.0, 0.0, 0.3, 0.0, 0.0])
    made = HierarchicalLogistic(components, TITLE_OF, FEATURES, expected=worth)
    made.solve()
    torch.testing.assert_close(made.within_title(), worth.expand(ARTWORKS, -1))
    p = torch.sigmoid(-0.3 * x[:, 2] - 1)
    rewards = (torch.rand(len(p), generator=torch.Generator().manual_seed(5)) < p).float()
    made.observe(x, shown, rewards, -1.0)
    made.solve()
    made.learn_variances()
    assert made.within_title()[:, 2].mean() < -0.1
