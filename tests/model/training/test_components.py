"""Principal components of groups of numbers, each on its own scale."""

import pytest
import torch

from model.heads.hierarchical_logistic import HierarchicalLogistic
from model.heads.logistic_weights import group_of_each, reach_and_scale
from model.training.components import COMPONENTS, Components


def content(*scales: float, width: int = 40, rows: int = 90) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    return torch.cat([s * torch.randn(rows, width, generator=draw) for s in scales], 1)


def test_each_group_counts_alike_whatever_its_scale():
    given = content(1.0, 100.0)
    components, groups = Components.by_group(given, [("one", 40), ("other", 40)])
    assert groups == [COMPONENTS, COMPONENTS]
    small, large = components(given).split(groups, 1)
    for part in (small, large):
        assert float(part.square().sum(1).mean()) == pytest.approx(1, abs=1e-3)
        assert float(part.mean().abs()) < 1e-3


def test_scales_within_a_group_are_kept():
    given = content(3.0, 0.01, width=30)
    components, _ = Components.by_group(given, [("one", 60)])
    first = components.matrix[:30].norm() / components.matrix.norm()
    assert first > 0.99, "directions that hardly vary are not blown up"


def test_what_users_gave_is_standardised():
    given = content(3.0, 0.3, width=30)
    shares = []
    for name in ("features", "one"):
        components, _ = Components.by_group(given, [(name, 60)])
        reach = components.matrix * given.std(0)[:, None]
        shares.append(float(reach[:30].norm() / reach.norm()))
    assert shares[0] < 0.8
    assert shares[1] > 0.99


def test_declared_facts_are_a_group_and_without_groups_nothing_changes():
    given = content(1.0, width=30)
    components, groups = Components.by_group(given, [("one", 25)], declared=5)
    assert groups == [24, 5]
    assert float(components.matrix[:25, 24:].abs().max()) == 0
    plain, none = Components.by_group(given, [], declared=5)
    assert none == []
    for part, other in zip(plain, Components.of(given, 5), strict=True):
        assert torch.equal(part, other)


def test_how_far_a_fact_reaches_is_learnt_for_each_group():
    """Rewards follow the first group alone."""
    draw = torch.Generator().manual_seed(1)
    scores = torch.randn(150, 6, generator=draw) / 3**0.5
    taste = torch.randn(3, generator=draw)
    regression = HierarchicalLogistic(
        scores, torch.arange(150) // 5, 2, group_of=group_of_each([3, 3])
    )
    shown = torch.randint(0, 150, (40_000,), generator=draw)
    x = torch.stack([torch.ones(40_000), torch.randn(40_000, generator=draw)], 1)
    logit = x[:, 1] * (scores[:, :3] @ taste)[shown] * 0.5 - 1
    reward = torch.bernoulli(logit.sigmoid(), generator=draw)
    for _ in range(2):
        regression.forget()
        regression.observe(x, shown, reward, -1.0)
        regression.solve()
        regression.learn_variances()
    first, second, every = regression.variance.shared[1, [0, 3, 6]]
    assert torch.equal(regression.variance.shared[1, :3], first.expand(3))
    assert first > 5 * second
    assert every < first


def likelihood(square: torch.Tensor, variance: torch.Tensor) -> float:
    return -float((variance.log() + square / variance).sum())


def test_a_variance_is_its_facts_reach_times_its_groups_scale_and_the_likeliest_such():
    draw = torch.Generator().manual_seed(2)
    group_of = group_of_each([24, 8, 2])
    assert group_of is not None
    reach, scale = torch.rand(30, generator=draw) + 0.1, torch.tensor([1.0, 0.05, 4.0, 7.0])
    true = 0.01 * reach[:, None] * scale[group_of]
    torch.testing.assert_close(reach_and_scale(true, group_of), true, rtol=1e-4, atol=0)
    chance = true * torch.randn(true.shape, generator=draw).square()
    made = reach_and_scale(chance, group_of)
    assert float((made[:, 24] / made[:, 0]).std() / (made[:, 24] / made[:, 0]).mean()) < 1e-4
    best = likelihood(chance[:, :-1], made[:, :-1])
    for factor in (0.9, 1.1):
        other = made.clone()
        other[3, :-1] *= factor
        assert likelihood(chance[:, :-1], other[:, :-1]) < best
        other = made.clone()
        other[:, 24:32] *= factor
        assert likelihood(chance[:, :-1], other[:, :-1]) < best
    torch.testing.assert_close(made[:, -1], chance[:, -1])  # all in common: a reach of its own
    alone = torch.stack(
        [chance[:, :24].mean(1), chance[:, 24:32].mean(1), chance[:, 32:34].mean(1)]
    )
    error = (made[:, [0, 24, 32]].T / true[:, [0, 24, 32]].T).log().square().mean()
    assert error < 0.5 * (alone / true[:, [0, 24, 32]].T).log().square().mean()


def test_groups_that_say_nothing_leave_finite_variances():
    group_of = group_of_each([3, 2])
    made = reach_and_scale(torch.zeros(4, 6), group_of)
    assert bool((made > 0).all() and made.isfinite().all())
