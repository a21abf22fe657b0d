"""One publisher at a time in a store that knows no locks, by the store's own clock."""

import time
from datetime import UTC, datetime, timedelta

import fsspec
import pytest

from data.bundle import Bundle
from data.errors import BadInput
from export.publish.answers import Files
from export.publish.open_store import open_store
from export.publish.publish import publish
from export.publish.remote_lock import LOCK_SECONDS, LOCKS, RemoteLock
from tests.export.small import small_bundle


def lock(store, patience=0.0):
    return RemoteLock(Files(store), patience)


def aged(store, seconds):
    """All lock files were written so long ago, says the store."""
    memory = fsspec.filesystem("memory")
    for name, file in memory.store.items():
        if f"/{LOCKS}/" in name:
            file.modified = datetime.now(UTC) - timedelta(seconds=seconds)


def test_the_second_waits_and_the_lock_goes_on_to_the_next(memory_store):
    for _ in range(6):
        with (
            lock(memory_store).held(),
            pytest.raises(BadInput, match="held by another"),
            lock(memory_store).held(),
        ):
            pass
    assert len(Files(memory_store).ask("ls", Files(memory_store).path(LOCKS))) == 1


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"holder": null, "until": "x"}'])
def test_a_lock_that_cannot_be_read_is_held_until_it_is_old(content, memory_store):
    Files(memory_store).write(content, LOCKS, "000000000007")
    with pytest.raises(BadInput, match="held by another"), lock(memory_store).held():
        pass
    aged(memory_store, LOCK_SECONDS + 5)
    with lock(memory_store).held():
        pass


def test_the_clock_of_a_host_has_no_say(memory_store, monkeypatch):
    ahead = time.time() + 2 * LOCK_SECONDS
    with lock(memory_store).held():
        monkeypatch.setattr(time, "time", lambda: ahead)
        with pytest.raises(BadInput, match="held by another"), lock(memory_store).held():
            pass


def test_who_was_taken_over_from_points_at_nothing(memory_store, tmp_path):
    first, second = small_bundle(tmp_path, 1), small_bundle(tmp_path, 2)
    publish(first, memory_store)
    late, soon = open_store(memory_store), open_store(memory_store)
    late.add(Bundle.open(second))
    with late.locked():
        aged(memory_store, LOCK_SECONDS + 5)
        with soon.locked(), pytest.raises(BadInput, match="took the lock over"):
            late.point(second.name)
    assert soon.live() == first.name
    with soon.locked():  # the late one gave back nothing that was not its own
        soon.point(second.name)
    assert soon.live() == second.name
