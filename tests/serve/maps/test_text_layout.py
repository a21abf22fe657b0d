"""A layout of titles that are text: order, seeds, and titles that cannot be told apart."""

import json

import numpy as np
import pyarrow as pa
import pytest

from bandit.choice import profile_keys, title_words
from bandit.draws import draw_seeds, epoch_numbers
from data.errors import BadInput
from serve.maps.layout import Layout, as_ids, distinct_words

TEXTS = ["7", "007", " 7", "a/b", "caf\u00e9", "cafe\u0301", "🦉", "x" * 500]


def layout_of(ids) -> Layout:
    titles = pa.table({"title_id": ids, "default_artwork_id": [f"{title} 1" for title in ids]})
    candidates = {title: [(f"{title} {k}", f"{k}.jpg") for k in range(3)] for title in ids}
    return Layout.build(titles, candidates)


def test_a_layout_of_text_reads_back_as_it_was():
    layout = layout_of(TEXTS)
    assert layout.title_ids.tolist() == sorted(TEXTS)
    again = Layout.from_bytes(layout.to_bytes(), layout.digest)
    assert again.title_ids.tolist() == sorted(TEXTS)
    slots, known = again.slots([*TEXTS, "8"])
    assert [again.title_ids[slot] for slot in slots[:-1]] == TEXTS
    assert known.tolist() == [True] * len(TEXTS) + [False]


def test_text_and_numbers_never_meet():
    text, numbers = layout_of(TEXTS), layout_of([7, 8])
    assert not text.slots([7, 8])[1].any()
    assert not numbers.slots(["7", "8"])[1].any()
    assert not numbers.slots(np.array(["7"]))[1].any()
    assert (numbers.translate(text) == -1).all()


def test_a_layout_of_numbers_has_the_digest_that_it_had():
    assert layout_of([7, 8]).digest.hex() == "54f94a9d99fe063e"


def test_draws_of_numbers_are_what_they_were_and_of_text_go_by_all_its_bytes():
    keys = profile_keys(["m1"])
    numbers = title_words([7, 2**32 - 1])
    assert numbers.tolist() == [7, 2**32 - 1]
    seeds = draw_seeds(keys, numbers, epoch_numbers(keys, numbers, 20_500, 14), np.uint64([3]), 5)
    assert seeds.tolist() == [9882992701155350706, 16375317919771981494]
    assert len(set(title_words(TEXTS).tolist())) == len(TEXTS)
    assert title_words(["7"]).tolist() == [2137990016852629764]


def test_two_titles_of_one_hash_are_refused_by_name():
    """Of 16 bits, for 64 give none in a lifetime: the refusal is the same."""
    ids = as_ids([f"title {at}" for at in range(2000)])
    assert len(distinct_words(ids)) == 2000
    with pytest.raises(BadInput, match=r"titles 'title \d+' and 'title \d+' have one hash"):
        distinct_words(ids, bits=16)


@pytest.mark.parametrize("ids", [[7, "8"], ["8", 7], [None], [-1], [2**64]])
def test_a_stored_layout_of_no_title_ids_is_refused(ids):
    whole = layout_of([7, 8]).to_bytes()
    raw = whole.replace(b'"title_ids":[7,8]', b'"title_ids":' + json.dumps(ids).encode())
    with pytest.raises(ValueError, match="not a layout"):
        Layout.from_bytes(raw)
