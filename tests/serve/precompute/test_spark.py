import os
import shutil

import pytest

from data.log.precompute_runs import FolderRuns
from serve.maps.lmdb_store import LmdbStore
from serve.precompute.member_block import Work
from serve.precompute.precompute import precompute_maps
from serve.precompute.spark import precompute_spark
from serve.scoring.candidate_bank import Bank
from tests.serve.assets_world import LAYOUT, catalogue
from tests.serve.precompute.test_map_kinds import kinds_of
from tests.serve.precompute.test_precompute import all_maps, logged
from tests.serve.world import DAY, Members, make_facts, make_policy, make_vectors


@pytest.fixture
def java():
    if shutil.which("java") is None:
        assert os.environ.get("CI") != "true", "java is not installed: CI needs it"
        pytest.skip("java is not installed")


@pytest.mark.filterwarnings("ignore")  # pyspark's own, at import and at shutdown
def test_spark_writes_the_same_maps_bit_for_bit(java, tmp_path):
    layout, kinds = LAYOUT, kinds_of(catalogue(tmp_path))
    bank = Bank.of(layout, make_vectors(layout))
    results = []
    for engine in (precompute_maps, precompute_spark):
        store = LmdbStore(tmp_path / engine.__name__, size=1 << 26)
        log = tmp_path / f"log-{engine.__name__}"
        more = {"master": "local[2]"} if engine is precompute_spark else {"workers": 1}
        policy = make_policy()
        work = Work(Members(), bank, layout, policy, DAY, True, block=8, kinds=kinds)
        report = engine(work, make_facts(20), store, FolderRuns(log), now=lambda: 1e9, **more)
        assert report.profiles == report.written == 20
        results.append((all_maps(store), logged(log).sort_by("decision_id")))
        store.close()
    assert results[0][0] == results[1][0]
    assert results[0][1].equals(results[1][1])
