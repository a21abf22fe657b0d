import numpy as np
import pytest
import torch

from bandit.choice import profile_keys
from model.heads.bootstrap_weights import bootstrap_weights
from model.heads.make_heads import make_heads
from model.heads.prior_network import PriorNetwork
from model.heads.scale_gradient import scale_gradient
from tests.model.heads.small import (
    CONTEXT,
    HEADS,
    PRIOR_FEATURES,
    RANK,
    WIDTH,
    contexts,
    settings,
    small_heads,
)


def test_prior_functions_have_the_scale_asked_for_and_differ_by_head_and_context():
    heads = make_heads("bootstrap", settings(heads=50, prior=16, prior_scale=0.7))
    frozen = PriorNetwork(CONTEXT, PRIOR_FEATURES)(torch.randn(400, CONTEXT))
    functionals = heads.eval()(torch.zeros(400, WIDTH), frozen)[..., RANK:].detach()
    artworks = torch.randn(300, 16)
    values = torch.einsum("chp,ap->cha", functionals, artworks)
    assert float(values.std()) == pytest.approx(0.7, rel=0.15)
    assert (values.std(0) > 0).all()
    assert (values.std(1) > 0).all()


def test_prior_functions_never_learn():
    heads, frozen = small_heads("bootstrap").train(), PriorNetwork(CONTEXT, PRIOR_FEATURES)
    before = heads.read_out.clone()
    optimiser = torch.optim.SGD([*heads.parameters()], lr=1.0)
    heads(torch.randn(3, WIDTH), frozen(torch.randn(3, CONTEXT))).square().sum().backward()
    optimiser.step()
    assert torch.equal(heads.read_out, before)
    assert not any(p.requires_grad for p in frozen.parameters())


def test_a_seed_gives_the_same_priors_and_masks_again():
    for kind, name in (("bootstrap", "read_out"), ("dropout", "masks")):
        first, second = small_heads(kind, seed=3), small_heads(kind, seed=3)
        assert torch.equal(getattr(first, name), getattr(second, name))
        assert not torch.equal(getattr(first, name), getattr(small_heads(kind, seed=4), name))


def test_frozen_features_are_standardised_where_the_contexts_are():
    frozen = PriorNetwork(3, 128)
    sample = 4 + 0.1 * torch.rand(2000, 3)
    frozen.standardise(sample)
    features = frozen(sample)
    assert float(features.mean().abs()) < 1e-4
    assert 0.7 < float(features.std(0).median()) < 1.3
    assert torch.isfinite(features).all()


def test_what_no_context_had_moves_no_prior_function():
    frozen = PriorNetwork(4, 128)
    contexts = torch.randn(2000, 4)
    contexts[:, 3] = 0  # a fact that was always known
    frozen.standardise(contexts)
    unknown = contexts.clone()
    unknown[:, 3] = 1
    torch.testing.assert_close(frozen(unknown), frozen(contexts))


@pytest.mark.parametrize("kind", ["bootstrap", "dropout"])
def test_heads_learn_at_the_full_rate_and_the_trunk_at_their_means(kind):
    heads = small_heads(kind)
    (g, read), gradients = contexts(heads), {}
    for training in (True, False):
        heads.train(training).zero_grad()
        trunk = g.clone().requires_grad_()
        heads(trunk, read).square().sum().backward()
        gradients[training] = (trunk.grad, heads.functional.weight.grad.clone())
    torch.testing.assert_close(gradients[True][0], gradients[False][0] / HEADS)
    torch.testing.assert_close(gradients[True][1], gradients[False][1])


def test_scaling_a_gradient_leaves_the_numbers_alone():
    x = torch.randn(100, requires_grad=True)
    assert torch.equal(scale_gradient(x, 0.05), x)
    scale_gradient(x, 0.05).sum().backward()
    torch.testing.assert_close(x.grad, torch.full((100,), 0.05))


@pytest.mark.parametrize("scheme", ["double_or_nothing", "poisson"])
def test_bootstrap_weights_have_mean_and_variance_one_and_heads_are_independent(scheme):
    keys = profile_keys([f"decision-{i}" for i in range(20_000)])
    weights = bootstrap_weights(keys, 70, scheme)
    np.testing.assert_allclose(weights.mean(0), 1, atol=0.04)
    np.testing.assert_allclose(weights.var(0), 1, atol=0.06)
    assert abs(np.corrcoef(weights.T) - np.eye(70)).max() < 0.05
    assert (bootstrap_weights(keys[5:6], 70, scheme) == weights[5:6]).all()
