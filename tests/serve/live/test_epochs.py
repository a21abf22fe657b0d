"""How long a live draw lasts: pages of one epoch share it, whatever it fell on."""

from dataclasses import replace
from itertools import pairwise

import pytest

from bandit.draws import Epochs
from serve.live.page_request import PageRequest
from tests.serve.world import DAY, make_facts, make_layout, make_model

DAYS = 28


@pytest.mark.parametrize("days", [1, 7, 14])
def test_a_title_is_drawn_anew_once_an_epoch_and_profiles_at_different_times(days):
    model = replace(make_model(), epochs=Epochs(days, 0.0))
    titles = make_layout().title_ids.tolist()
    facts = make_facts(1)["facts"].combine_chunks()
    seeds = []
    for day in range(DAY, DAY + DAYS):
        page = PageRequest("profile-1", titles, day, nonce=day, facts={})
        [decided] = model.decide([page], facts)
        seeds.append(dict(zip(decided.title_ids, decided.seeds, strict=True)))
    changes = [
        [day for day in range(1, DAYS) if seeds[day][title] != seeds[day - 1][title]]
        for title in titles
    ]
    for on in changes:
        assert all(b - a == days for a, b in pairwise(on))
        assert len(on) in {DAYS // days, (DAYS - 1) // days}
    if days > 1:
        assert len({on[0] for on in changes}) > 1
