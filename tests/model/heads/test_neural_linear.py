import pytest
import torch

from model.heads.make_heads import make_heads
from tests.model.heads.small import PRIOR, RANK, WIDTH, settings, small_heads


def test_the_mean_functional_and_the_posteriors_mean_agree_after_training():
    heads = small_heads("neural_linear")
    g, vectors = torch.randn(6, WIDTH), torch.randn(6, RANK + PRIOR)
    scores = heads.features(g, vectors) @ heads.last[0].mean.float()
    mean = (heads.train()(g)[:, 0] * vectors).sum(1)
    torch.testing.assert_close(scores, mean)


def test_a_bank_of_draws_narrows_where_rewards_were_seen():
    heads = make_heads("neural_linear", settings(heads=200, prior=0, prior_scale=2.0))
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


def test_posteriors_of_each_arm_equal_one_of_all_for_one_hot_vectors():
    together, per_arm = (
        make_heads("neural_linear", settings(heads=4, prior=0, per_arm=split, last_width=3))
        for split in (False, True)
    )
    per_arm.load_state_dict({**per_arm.state_dict(), **_shared(together)})
    draw = torch.Generator().manual_seed(0)
    g, arm = torch.randn(50, WIDTH, generator=draw), torch.arange(50) % RANK
    rewards = (torch.rand(50, generator=draw) < 0.5).float()
    means, predicted = [], []
    for heads in (together, per_arm):
        heads.recentre(4.0)
        heads.update(heads.features(g, torch.eye(RANK)[arm]).detach(), rewards)
        means.append(torch.cat([last.mean for last in heads.last]))
        predicted.append(heads.predict(heads.features(g, torch.eye(RANK)[arm])))
    torch.testing.assert_close(means[0], means[1])
    torch.testing.assert_close(predicted[0], predicted[1])


def _shared(heads):
    return {name: v for name, v in heads.state_dict().items() if "posteriors" not in name}
