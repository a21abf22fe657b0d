"""Vectors are computed once a content and encoder, whatever is interrupted."""

import numpy as np
import pytest

from data.images.vector_cache import TOGETHER, VectorCache

PICTURES = np.random.default_rng(0).integers(0, 256, (600, 3, 4, 6), np.uint8)


class Counted:
    """An encoder that remembers how much it read, and may stop."""

    def __init__(self, stops_after: int | None = None) -> None:
        self.read, self.left = 0, stops_after

    def __call__(self, images: np.ndarray) -> np.ndarray:
        if self.left is not None and self.read + len(images) > self.left:
            raise KeyboardInterrupt
        self.read += len(images)
        return images.reshape(len(images), -1)[:, :5].astype(np.float32) / 7


def expected(rows: np.ndarray) -> np.ndarray:
    return PICTURES[rows].reshape(len(rows), -1)[:, :5].astype(np.float32) / 7


def test_each_content_is_computed_once_in_any_order(tmp_path):
    twice = np.concatenate([PICTURES[:4], PICTURES[:4]])
    embed = Counted()
    said = VectorCache(tmp_path, "one", 5).rows(twice, np.array([6, 0, 2, 6]), embed)
    np.testing.assert_array_equal(said.of(), expected(np.array([2, 0, 2, 2])))
    assert embed.read == 3, "two rows, and one that is a copy of neither"
    again = Counted()
    held = VectorCache(tmp_path, "one", 5).rows(PICTURES, np.array([0, 2]), again)
    np.testing.assert_array_equal(held.of(slice(1)), expected(np.array([0])))
    assert again.read == 0


def test_another_encoder_has_vectors_of_its_own(tmp_path):
    for name in ("one", "other"):
        embed = Counted()
        VectorCache(tmp_path, name, 5).rows(PICTURES, np.arange(3), embed)
        assert embed.read == 3


def test_what_was_interrupted_goes_on_where_it_stopped(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        VectorCache(tmp_path, "one", 5).rows(PICTURES, np.arange(600), Counted(2 * TOGETHER))
    embed = Counted()
    said = VectorCache(tmp_path, "one", 5).rows(PICTURES, np.arange(600), embed)
    assert embed.read == 600 - 2 * TOGETHER
    np.testing.assert_array_equal(said.of(), expected(np.arange(600)))


def test_damaged_vectors_are_computed_again(tmp_path):
    VectorCache(tmp_path, "one", 5).rows(PICTURES, np.arange(9), Counted())
    [file] = tmp_path.glob("*.npy")
    file.write_bytes(file.read_bytes()[:150])
    embed = Counted()
    said = VectorCache(tmp_path, "one", 5).rows(PICTURES, np.arange(9), embed)
    assert embed.read == 9
    np.testing.assert_array_equal(said.of(), expected(np.arange(9)))


def test_a_folder_that_takes_nothing_costs_time_alone(tmp_path, capfd):
    (tmp_path / "file").write_text("")
    held = VectorCache(tmp_path / "file" / "cache", "one", 5)
    said = held.rows(PICTURES, np.arange(600), Counted())
    np.testing.assert_array_equal(said.of(), expected(np.arange(600)))
    assert capfd.readouterr().err.count("cannot be written") == 1


def test_two_builders_add_to_one_store(tmp_path):
    first, second = (VectorCache(tmp_path, "one", 5) for _ in range(2))
    first.rows(PICTURES, np.arange(0, 20), Counted())
    said = second.rows(PICTURES, np.arange(10, 30), Counted())
    np.testing.assert_array_equal(said.of(), expected(np.arange(10, 30)))
    embed = Counted()
    whole = VectorCache(tmp_path, "one", 5).rows(PICTURES, np.arange(30), embed)
    np.testing.assert_array_equal(whole.of(), expected(np.arange(30)))
    assert embed.read == 0
