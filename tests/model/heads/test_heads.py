import warnings

import numpy as np
import onnxruntime as ort
import pytest
import torch

from bandit.choice import profile_keys
from bench.learning.kernel_pca import Spectrum
from model.heads.bayesian_last_layer import LastLayer
from model.heads.bootstrap_weights import bootstrap_weights
from model.heads.interface import KINDS
from model.heads.make_heads import make_heads
from model.heads.neural_linear import NeuralLinearHeads
from model.heads.prior_network import FrozenContext
from model.heads.scale_gradient import scale_gradient

CONTEXT, WIDTH, RANK, HEADS, PRIOR, FROZEN = 6, 10, 5, 8, 4, 64


def made(kind, **options):
    torch.manual_seed(0)
    return make_heads(
        kind, WIDTH, RANK, HEADS, prior=PRIOR, frozen=FROZEN, context=CONTEXT, **options
    )


def contexts(count=7, seed=0, kind=""):
    """What the trunk gives, and what heads of a kind read beside it."""
    draw = torch.Generator().manual_seed(seed)
    g, facts = (torch.randn(count, size, generator=draw) for size in (WIDTH, CONTEXT))
    return g, facts if kind == "hierarchical" else FrozenContext(CONTEXT, FROZEN)(facts)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_bank_of_functionals_of_rank_and_prior(kind):
    heads = made(kind).eval()
    bank = heads(*contexts(kind=kind))
    assert bank.shape == (7, 1 if kind == "point" else HEADS, RANK + PRIOR)
    assert bank.shape[1] == heads.heads


@pytest.mark.parametrize("kind", KINDS)
def test_in_training_there_is_a_functional_for_each_column_of_weights(kind):
    heads = made(kind).train()
    assert heads(*contexts(kind=kind)).shape[1] == heads.trained_heads


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "bootstrap"])
def test_kinds_without_a_prior_leave_its_numbers_zero(kind):
    bank = made(kind).eval()(*contexts(kind=kind))
    assert not bank[..., RANK:].any()
    assert bank[..., :RANK].any()


def test_prior_functions_have_the_scale_asked_for_and_differ_by_head_and_context():
    heads = make_heads("bootstrap", WIDTH, RANK, 50, prior=16, prior_scale=0.7, frozen=FROZEN)
    frozen = FrozenContext(CONTEXT, FROZEN)(torch.randn(400, CONTEXT))
    functionals = heads.eval()(torch.zeros(400, WIDTH), frozen)[..., RANK:].detach()
    artworks = torch.randn(300, 16)
    values = torch.einsum("chp,ap->cha", functionals, artworks)
    assert float(values.std()) == pytest.approx(0.7, rel=0.15)
    assert (values.std(0) > 0).all()
    assert (values.std(1) > 0).all()


def test_prior_functions_never_learn():
    heads, frozen = made("bootstrap").train(), FrozenContext(CONTEXT, FROZEN)
    before = heads.read_out.clone()
    optimiser = torch.optim.SGD([*heads.parameters()], lr=1.0)
    heads(torch.randn(3, WIDTH), frozen(torch.randn(3, CONTEXT))).square().sum().backward()
    optimiser.step()
    assert torch.equal(heads.read_out, before)
    assert not any(p.requires_grad for p in frozen.parameters())


def test_a_seed_gives_the_same_priors_and_masks_again():
    for kind, name in (("bootstrap", "read_out"), ("dropout", "masks")):
        first, second = made(kind, seed=3), made(kind, seed=3)
        assert torch.equal(getattr(first, name), getattr(second, name))
        assert not torch.equal(getattr(first, name), getattr(made(kind, seed=4), name))


def test_a_prior_that_reads_contexts_says_so_when_it_gets_none():
    with pytest.raises(ValueError, match="read 64 frozen features"):
        made("bootstrap")(contexts()[0], None)


def test_frozen_features_are_standardised_where_the_contexts_are():
    frozen = FrozenContext(3, 128)
    sample = 4 + 0.1 * torch.rand(2000, 3)
    frozen.standardise(sample)
    features = frozen(sample)
    assert float(features.mean().abs()) < 1e-4
    assert 0.7 < float(features.std(0).median()) < 1.3
    assert torch.isfinite(features).all()


@pytest.mark.parametrize("kind", ["bootstrap", "dropout"])
def test_heads_learn_at_the_full_rate_and_the_trunk_at_their_means(kind):
    heads = made(kind)
    (g, frozen), gradients = contexts(), {}
    for training in (True, False):
        heads.train(training).zero_grad()
        trunk = g.clone().requires_grad_()
        heads(trunk, frozen).square().sum().backward()
        gradients[training] = (trunk.grad, heads.functional.weight.grad.clone())
    torch.testing.assert_close(gradients[True][0], gradients[False][0] / HEADS)
    torch.testing.assert_close(gradients[True][1], gradients[False][1])


def test_scaling_a_gradient_leaves_the_numbers_alone():
    x = torch.randn(100, requires_grad=True)
    assert torch.equal(scale_gradient(x, 0.05), x)
    scale_gradient(x, 0.05).sum().backward()
    torch.testing.assert_close(x.grad, torch.full((100,), 0.05))


def test_dropout_heads_are_the_map_under_each_mask():
    heads = made("dropout", keep=0.5).eval()
    g = torch.randn(4, WIDTH)
    bank = heads(g)
    for head in range(HEADS):
        expected = heads.functional(g * heads.masks[head])
        torch.testing.assert_close(bank[:, head, :RANK], expected)
    assert (heads.masks.sum(1) - WIDTH).abs().max() < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_onnx_gives_the_same_bank(kind, tmp_path):
    heads = made(kind).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        rows = torch.export.Dim("rows", min=1)
        torch.onnx.export(
            heads,
            contexts(kind=kind),
            str(tmp_path / "heads.onnx"),
            input_names=["g", "frozen"],
            dynamic_shapes=({0: rows}, {0: rows}),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    session = ort.InferenceSession(str(tmp_path / "heads.onnx"))
    g, frozen = contexts(3, seed=9, kind=kind)
    given = {"g": g.numpy(), "frozen": frozen.numpy()}
    names = [put.name for put in session.get_inputs()]
    got = session.run(None, {name: given[name] for name in names})[0]
    np.testing.assert_allclose(got, heads(g, frozen).detach().numpy(), atol=1e-5)


def test_the_mean_functional_and_the_posteriors_mean_agree_after_training():
    heads = made("neural_linear")
    g, vectors = torch.randn(6, WIDTH), torch.randn(6, RANK + PRIOR)
    scores = heads.features(g, vectors) @ heads.last[0].mean.float()
    mean = (heads.train()(g)[:, 0] * vectors).sum(1)
    torch.testing.assert_close(scores, mean)


def test_a_bank_of_draws_narrows_where_rewards_were_seen():
    heads = make_heads("neural_linear", WIDTH, RANK, 200, prior=0, prior_scale=2.0)
    assert isinstance(heads, NeuralLinearHeads)
    torch.manual_seed(1)
    g, seen, other = torch.randn(1, WIDTH), torch.eye(RANK)[:1], torch.eye(RANK)[1:2]

    def spread(vector):
        with torch.no_grad():
            return float((heads.eval()(g) @ vector.T).std(1))

    before = spread(seen), spread(other)
    features = heads.features(g, seen).expand(400, -1).detach()
    heads.update(features, (torch.rand(400) < 0.8).float())
    heads.draw(torch.Generator().manual_seed(0))
    assert spread(seen) < 0.3 * before[0]
    assert spread(other) > 0.7 * before[1]
    rate = torch.sigmoid(heads.eval()(g) @ seen.T).mean()
    assert rate.item() == pytest.approx(0.8, abs=0.06)


def test_the_identity_link_is_ridge_regression_however_the_rows_are_batched():
    draw = torch.Generator().manual_seed(0)
    x, r = torch.randn(60, 4, generator=draw).double(), torch.randn(60, generator=draw).double()
    whole, parts = (LastLayer(4, 0.5, "identity") for _ in range(2))
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
    layer = LastLayer(3, 1.0, "identity", noise=0.3)
    layer.reset(torch.tensor([5.0, 5.0, 5.0]))
    layer.update(x, x.sum(1) + 0.2 * torch.randn(4000, generator=draw))
    assert layer.noise == pytest.approx(0.2, rel=0.1)


def test_forgetting_returns_to_the_prior():
    layer = LastLayer(3, link="identity")
    layer.reset(torch.tensor([1.0, 0.0, 0.0]))
    layer.update(torch.randn(50, 3), torch.randn(50))
    layer.update(torch.zeros(1, 3), torch.zeros(1), forget=0.0)
    torch.testing.assert_close(layer.mean, torch.tensor([1.0, 0.0, 0.0]).double())
    torch.testing.assert_close(
        torch.linalg.inv(layer.precision) * layer.noise**2, torch.eye(3).double()
    )


def test_draws_have_the_posteriors_mean_and_covariance():
    layer = LastLayer(3, link="identity")
    layer.update(torch.randn(20, 3, generator=torch.Generator().manual_seed(0)), torch.ones(20))
    draws = layer.draws(40_000, torch.Generator().manual_seed(1)).double()
    torch.testing.assert_close(draws.mean(0), layer.mean, atol=0.01, rtol=0)
    expected = layer.noise**2 * torch.linalg.inv(layer.precision)
    torch.testing.assert_close(torch.cov(draws.T), expected, atol=0.01, rtol=0.05)


def test_a_score_is_judged_with_the_mean_and_deviation_of_its_draws():
    layer = LastLayer(3, link="identity")
    x = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    layer.update(x, x.sum(1) + 1)
    scores = x[:4].double() @ layer.draws(40_000, torch.Generator().manual_seed(1)).double().T
    mean, deviation = layer.judged(x[:4])
    torch.testing.assert_close(mean, scores.mean(1), atol=0.01, rtol=0)
    torch.testing.assert_close(deviation, scores.std(1), atol=0, rtol=0.02)


def test_a_noise_that_is_known_stands_whatever_the_residuals():
    x, r = torch.randn(400, 3), torch.randn(400)
    known = LastLayer(3, link="identity", noise=0.05, known=True)
    known.update(x, r)
    assert known.noise == 0.05
    guessed = LastLayer(3, link="identity", noise=0.05)
    guessed.update(x, r)
    assert guessed.noise > 0.5
    assert known.judged(x)[1].max() < 0.2 * guessed.judged(x)[1].max()


@pytest.mark.parametrize("scheme", ["double_or_nothing", "poisson"])
def test_bootstrap_weights_have_mean_and_variance_one_and_heads_are_independent(scheme):
    keys = profile_keys([f"decision-{i}" for i in range(20_000)])
    weights = bootstrap_weights(keys, 70, scheme)
    np.testing.assert_allclose(weights.mean(0), 1, atol=0.04)
    np.testing.assert_allclose(weights.var(0), 1, atol=0.06)
    assert abs(np.corrcoef(weights.T) - np.eye(70)).max() < 0.05
    assert (bootstrap_weights(keys[5:6], 70, scheme) == weights[5:6]).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "ensemble"}, "kind 'ensemble'"),
        ({"kind": "bootstrap", "heads": 0}, "heads is 0"),
        ({"kind": "dropout", "keep": 0.0}, "keep is 0.0"),
    ],
)
def test_bad_settings_are_refused_with_their_value(options, said):
    with pytest.raises(ValueError, match=said):
        make_heads(options.pop("kind"), WIDTH, RANK, **options)


def test_a_spectrum_places_what_looks_alike_together_and_new_images_too():
    draw = torch.Generator().manual_seed(0)
    centres = 3 * torch.randn(4, 10, generator=draw)
    images = centres.repeat_interleave(20, 0) + 0.3 * torch.randn(80, 10, generator=draw)
    places = Spectrum(images[::2], 3)
    known, new = places(images[::2]), places(images[1::2])
    kind = torch.arange(4).repeat_interleave(10)
    apart = torch.cdist(new, known)
    assert (kind[apart.argmin(1)] == kind).all()
    assert known.square().sum(1).mean().item() == pytest.approx(1, rel=1e-3)


def test_a_spectrum_needs_more_images_than_directions():
    with pytest.raises(ValueError, match="5 candidates cannot give 5"):
        Spectrum(torch.randn(5, 3), 5)


def test_posteriors_kept_apart_equal_one_together_for_one_hot_vectors():
    together, apart = (
        make_heads("neural_linear", WIDTH, RANK, 4, prior=0, apart=split, last_width=3)
        for split in (False, True)
    )
    apart.load_state_dict({**apart.state_dict(), **_shared(together)})
    draw = torch.Generator().manual_seed(0)
    g, arm = torch.randn(50, WIDTH, generator=draw), torch.arange(50) % RANK
    rewards = (torch.rand(50, generator=draw) < 0.5).float()
    means, judged = [], []
    for heads in (together, apart):
        heads.recentre(4.0)
        heads.update(heads.features(g, torch.eye(RANK)[arm]).detach(), rewards)
        means.append(torch.cat([last.mean for last in heads.last]))
        judged.append(heads.judged(heads.features(g, torch.eye(RANK)[arm])))
    torch.testing.assert_close(means[0], means[1])
    torch.testing.assert_close(judged[0], judged[1])


def _shared(heads):
    return {name: v for name, v in heads.state_dict().items() if "posteriors" not in name}
