import os
import shutil

import pytest

from bench.serving.failures import failures


def test_whatever_breaks_under_load_pages_have_images_and_the_reason_is_counted():
    if shutil.which("redis-server") is None:
        assert os.environ.get("CI") != "true", "redis-server is not installed: CI needs it"
        pytest.skip("redis-server is not installed")
    found = failures(rate=60, seconds=1.0)
    assert found["problems"] == []
    assert (found["without_image"], found["non_200"]) == (0, 0)
    counted = {row["injection"]: row["reasons"] for row in found["injections"]}
    assert counted["Redis killed"]["store_down"] > 0
    assert counted["Redis 500 ms late"]["store_timeout"] > 0
    assert counted["maps corrupt"]["lookup_map_corrupt"] > 0
    assert counted["`current` removed"]["no_current"] > 0
    assert counted["corrupt bundle swapped in"]["refused"] == 1
    # What is not broken is not said to be.
    broken = {"store_down", "map_corrupt", "no_current", "refused"}
    assert not broken & counted["nothing, to compare with"].keys()
    assert all(row["pages"] > 0 and row["recovered"] for row in found["injections"])
