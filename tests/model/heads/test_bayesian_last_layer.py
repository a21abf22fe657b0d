import pytest
import torch

from model.heads.bayesian_last_layer import BayesianLastLayer


def test_the_identity_link_is_ridge_regression_however_the_rows_are_batched():
    draw = torch.Generator().manual_seed(0)
    x, r = torch.randn(60, 4, generator=draw).double(), torch.randn(60, generator=draw).double()
    whole, parts = (BayesianLastLayer(4, 0.5, "identity") for _ in range(2))
    whole.update(x, r)
    for rows in torch.arange(60).split(7):
        parts.update(x[rows], r[rows])
    torch.testing.assert_close(parts.gram, whole.gram)
    torch.testing.assert_close(parts.moment, whole.moment)
    torch.testing.assert_close(parts.mean, whole.mean, rtol=1e-2, atol=1e-3)
    torch.testing.assert_close(whole.gram, x.T @ x)
    ridge = torch.linalg.solve(x.T @ x, x.T @ r)  # the prior is weak here
    torch.testing.assert_close(whole.mean, ridge, rtol=0.1, atol=0.02)


def test_the_noise_is_estimated_from_the_residuals():
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(4000, 3, generator=draw)
    layer = BayesianLastLayer(3, 1.0, "identity", noise=0.3)
    layer.reset(torch.tensor([5.0, 5.0, 5.0]))
    layer.update(x, x.sum(1) + 0.2 * torch.randn(4000, generator=draw))
    assert layer.noise == pytest.approx(0.2, rel=0.1)


def test_forgetting_returns_to_the_prior():
    layer = BayesianLastLayer(3, link="identity")
    layer.reset(torch.tensor([1.0, 0.0, 0.0]))
    layer.update(torch.randn(50, 3), torch.randn(50))
    layer.update(torch.zeros(1, 3), torch.zeros(1), forget=0.0)
    torch.testing.assert_close(layer.mean, torch.tensor([1.0, 0.0, 0.0]).double())
    torch.testing.assert_close(
        torch.linalg.inv(layer.precision) * layer.noise**2, torch.eye(3).double()
    )


def test_draws_have_the_posteriors_mean_and_covariance():
    layer = BayesianLastLayer(3, link="identity")
    layer.update(torch.randn(20, 3, generator=torch.Generator().manual_seed(0)), torch.ones(20))
    draws = layer.draws(40_000, torch.Generator().manual_seed(1)).double()
    torch.testing.assert_close(draws.mean(0), layer.mean, atol=0.01, rtol=0)
    expected = layer.noise**2 * torch.linalg.inv(layer.precision)
    torch.testing.assert_close(torch.cov(draws.T), expected, atol=0.01, rtol=0.05)


def test_a_score_is_predicted_with_the_mean_and_deviation_of_its_draws():
    layer = BayesianLastLayer(3, link="identity")
    x = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    layer.update(x, x.sum(1) + 1)
    scores = x[:4].double() @ layer.draws(40_000, torch.Generator().manual_seed(1)).double().T
    mean, deviation = layer.predict(x[:4])
    torch.testing.assert_close(mean, scores.mean(1), atol=0.01, rtol=0)
    torch.testing.assert_close(deviation, scores.std(1), atol=0, rtol=0.02)


def test_a_noise_that_is_known_stands_whatever_the_residuals():
    x, r = torch.randn(400, 3), torch.randn(400)
    known = BayesianLastLayer(3, link="identity", noise=0.05, known=True)
    known.update(x, r)
    assert known.noise == 0.05
    guessed = BayesianLastLayer(3, link="identity", noise=0.05)
    guessed.update(x, r)
    assert guessed.noise > 0.5
    assert known.predict(x)[1].max() < 0.2 * guessed.predict(x)[1].max()
