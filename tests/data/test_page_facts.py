"""Facts that only a page knows: which they are, and how they are hidden."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.records import EVENTS, FACTS
from data.schema.page_facts import IMPRESSION_COLUMNS, mask_page_facts, without_page_facts

KNOWN = {
    "country": "FR",
    "language": "fr",
    "device": "tv",
    "surface": "home",
    "row": 1,
    "column": 2,
    "day_part": "night",
    "tenure_days": 30.0,
    "watched_genres": [("drama", 2.0)],
    "watched_cast": [("ada", 1.0)],
    "own": [("age", {"names": None, "numbers": [31.0]})],
}
OF_THE_MEMBER = ("country", "language", "tenure_days", "watched_genres", "watched_cast", "own")


def facts(count: int, **changes) -> pa.StructArray:
    return pa.array([KNOWN | changes] * count, FACTS)


def nulls(array: pa.StructArray) -> dict[str, np.ndarray]:
    """Fact → where it is not known."""
    return {f.name: array.field(f.name).is_null().to_numpy(False) for f in array.type}


def hidden_at_random(count: int, share: float, seed: int) -> dict[str, np.ndarray]:
    masked = nulls(mask_page_facts(facts(count), share, seed))
    return {name: where for name, where in masked.items() if where.any()}


def test_every_fact_is_tried():
    assert list(KNOWN) == [field.name for field in FACTS]


def test_precompute_knows_the_member_and_nothing_of_the_page():
    without = without_page_facts(facts(3))
    assert without.type == FACTS
    unknown = {name for name, where in nulls(without).items() if where.all()}
    assert unknown == KNOWN.keys() - OF_THE_MEMBER
    for name in OF_THE_MEMBER:
        assert without.field(name).equals(facts(3).field(name))


def test_an_impression_tells_what_precompute_did_not_know():
    unknown = {name for name, where in nulls(without_page_facts(facts(1))).items() if where.all()}
    assert IMPRESSION_COLUMNS.keys() <= unknown
    assert IMPRESSION_COLUMNS.keys() <= set(EVENTS.names)


def test_training_hides_all_that_precompute_does_not_know():
    unknown = {name for name, where in nulls(without_page_facts(facts(1))).items() if where.all()}
    hidden = hidden_at_random(4000, 0.4, seed=1)
    assert unknown
    assert hidden.keys() >= unknown
    # All at once too, so that what precompute asks about was met in training, to the last fact.
    masked = mask_page_facts(facts(4000), 0.4, seed=1)
    as_precompute = np.stack([hidden[name] for name in unknown]).all(0)
    assert as_precompute.mean() > 0.1
    first = int(np.flatnonzero(as_precompute)[0])
    assert masked.slice(first, 1).to_pylist() == without_page_facts(facts(1)).to_pylist()


def test_training_hides_only_what_the_page_knows():
    hidden = hidden_at_random(4000, 0.4, seed=1)
    assert hidden
    assert hidden.keys() <= KNOWN.keys() - set(OF_THE_MEMBER)
    masked = mask_page_facts(facts(4000), 0.4, seed=1)
    for name, where in hidden.items():
        shown = masked.field(name).drop_null()
        assert set(shown.to_pylist()) == {KNOWN[name]}
        assert len(shown) == (~where).sum()


def test_half_of_what_is_hidden_is_hidden_all_at_once():
    hidden = np.stack(list(hidden_at_random(20_000, 0.4, seed=2).values()))
    for where in hidden:
        assert where.mean() == pytest.approx(1 - 0.8 * 0.8, abs=0.015)
    assert hidden.all(0).mean() == pytest.approx(0.2, abs=0.015)
    assert (hidden.sum(0) == 1).any(), "and the rest one by one"


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_masks_follow_from_the_seed_and_leave_what_was_unknown(seed, share):
    array = facts(50, row=None)
    masked = mask_page_facts(array, share, seed)
    assert masked.type == FACTS
    assert masked.equals(mask_page_facts(array, share, seed))
    assert masked.field("row").null_count == 50
    assert not masked.field("country").null_count


def test_nothing_is_hidden_in_a_share_of_0():
    assert mask_page_facts(facts(100), 0.0, seed=1).equals(facts(100))
