"""A posterior that goes on by days: order changes nothing, draws stay exact, it nears a refit."""

import numpy as np
import torch
from safetensors.torch import load, save

from bandit.choice import profile_keys
from model.heads.hierarchical_logistic import HierarchicalLogistic
from model.increments.daily_logistic import DailyLogistic, DayImpressions
from model.increments.observed_noise import noise_of

ARTWORKS, FEATURES, DRAWS = 12, 3, 15
TITLE_OF = torch.arange(ARTWORKS) // 3
TRUE = torch.randn(ARTWORKS, FEATURES, generator=torch.Generator().manual_seed(1)) * 0.3


def day(number, rows=1500):
    rng = np.random.default_rng(number)
    x = rng.normal(size=(rows, FEATURES)).astype(np.float32)
    x[:, 0] = 1
    shown = rng.integers(ARTWORKS, size=rows)
    logit = -1.5 + (x * TRUE.numpy()[shown]).sum(1)
    reward = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.float32)
    keys = profile_keys([f"{number}-{row}" for row in range(rows)])
    parts = (x, shown, reward, np.full(rows, -1.5, np.float32), np.ones(rows, np.float32))
    noise = noise_of(keys, DRAWS)
    return DayImpressions(*(torch.from_numpy(np.asarray(part)) for part in (*parts, noise)))


def trained(days, draws=DRAWS, passes=3):
    components = torch.randn(ARTWORKS, 2, generator=torch.Generator().manual_seed(2))
    made = HierarchicalLogistic(components, TITLE_OF, FEATURES, draws)
    for _ in range(passes):
        made.forget()
        for one in days:
            made.observe(*one[:5])
        made.solve()
        made.learn_variances()
    return made


def test_the_order_of_a_days_rows_changes_nothing():
    once, other = (DailyLogistic(trained([day(0)])) for _ in range(2))
    for number in (1, 2):
        rows = day(number)
        once.take_in(rows)
        mixed = torch.randperm(len(rows.shown), generator=torch.Generator().manual_seed(3))
        other.take_in(DayImpressions(*(part[mixed] for part in rows)))
    torch.testing.assert_close(once.weights(), other.weights(), atol=1e-6, rtol=0)
    assert once.draws is not None
    assert other.draws is not None
    for one, two in zip(once.draws, other.draws, strict=True):
        torch.testing.assert_close(one, two, atol=1e-6, rtol=0)


def test_days_in_order_come_near_what_a_full_training_makes_of_them():
    going = DailyLogistic(trained([day(0)]))
    before = going.weights().float()
    for number in range(1, 6):
        going.take_in(day(number))
    full = trained([day(number) for number in range(6)], passes=6).weights()
    off, was = ((u.float() - full).square().mean().sqrt() for u in (going.weights(), before))
    assert off < 0.02
    assert off < was / 5


def test_summed_noise_has_the_covariance_of_the_sums():
    going = DailyLogistic(trained([day(0)]))
    observed, gram = going.observed.clone(), going.gram.clone()
    rows = day(1, 3000)
    going.take_in(
        rows._replace(
            noise=torch.from_numpy(noise_of(profile_keys([str(row) for row in range(3000)]), DRAWS))
        )
    )
    added = going.observed - observed
    size = added.square().mean(2).sum() / (going.gram - gram).diagonal(dim1=1, dim2=2).sum()
    assert 0.8 < float(size) < 1.2


def test_ten_days_kept_as_bytes_between_are_one_reading_of_ten_days_in_order():
    once = DailyLogistic(trained([day(0)]))
    nightly = DailyLogistic(trained([day(0)]))
    for number in range(1, 11):
        once.fade(0.97)
        once.take_in(day(number))
        nightly = DailyLogistic.of_tensors(load(save(nightly.tensors())))
        nightly.fade(0.97)
        nightly.take_in(day(number))
    assert once.draws is not None
    assert nightly.draws is not None
    for one, two in zip((*once.mean, *once.draws), (*nightly.mean, *nightly.draws), strict=True):
        torch.testing.assert_close(one, two, atol=1e-6, rtol=0)


def test_new_artwork_joins_without_moving_what_is_known_and_is_then_learnt():
    going = DailyLogistic(trained([day(0)]))
    going.take_in(day(1))
    of_titles = torch.tensor([3, 4])  # one of a title that is known, one of a new title
    more = going.joined_by(
        torch.zeros(2, 2), of_titles, profile_keys(["new", "newer"]), profile_keys(["title"])
    )
    torch.testing.assert_close(more.weights()[:ARTWORKS], going.weights())
    rows = day(2)
    liked = torch.full_like(rows.shown, ARTWORKS)
    more.take_in(rows._replace(shown=liked, rewards=(torch.arange(len(liked)) % 2).float()))
    level = more.within_title()[:, 0]
    assert level[ARTWORKS] > level[:ARTWORKS].max()
