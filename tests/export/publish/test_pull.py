"""A machine takes the live bundle of a store whole, or keeps what it has."""

import fsspec
import pytest

from data.bundle import Bundle
from data.errors import BadInput
from export.publish.publish import publish, rollback
from export.publish.pull import pull_once
from tests.export.small import small_bundle


@pytest.fixture
def bundles(tmp_path):
    first = small_bundle(tmp_path / "built", 1)
    return [first, small_bundle(tmp_path / "built", 2, parent=first.name)]


def test_the_live_bundle_is_followed_forth_and_back(memory_store, bundles, tmp_path):
    here = tmp_path / "here"
    publish(bundles[0], memory_store)
    assert pull_once(memory_store, here) == (bundles[0].name, None)
    publish(bundles[1], memory_store)
    assert pull_once(memory_store, here) == (bundles[1].name, bundles[0].name)
    assert Bundle.open(here / "current").bundle_id == bundles[1].name
    assert pull_once(memory_store, here) == (bundles[1].name, bundles[1].name)
    rollback(memory_store)
    pull_once(memory_store, here)
    assert Bundle.open(here / "current").bundle_id == bundles[0].name


def test_a_damaged_bundle_is_not_taken(memory_store, bundles, tmp_path):
    here = tmp_path / "here"
    publish(bundles[0], memory_store)
    pull_once(memory_store, here)
    publish(bundles[1], memory_store)
    memory = fsspec.filesystem("memory")
    memory.pipe_file(f"/models/store/{bundles[1].name}/context.onnx", bytes(99))
    with pytest.raises(BadInput, match=r"context\.onnx"):
        pull_once(memory_store, here)
    assert Bundle.open(here / "current").bundle_id == bundles[0].name
    assert not (here / bundles[1].name).exists()


def test_a_store_without_a_live_bundle_is_refused(memory_store, tmp_path):
    with pytest.raises(BadInput, match="no live bundle"):
        pull_once(memory_store, tmp_path / "here")
