import os
import shutil
from typing import NamedTuple

import pyarrow as pa
import pytest

from data.log.precompute_runs import FolderRuns
from data.spark.session import open_spark
from serve.maps.artwork_map import ArtworkMap
from serve.maps.lmdb_store import LmdbStore
from serve.maps.rows.row_table import row_table_key
from serve.precompute.member_block import Work
from serve.precompute.precompute import precompute_maps
from serve.precompute.spark import precompute_spark
from serve.scoring.candidate_bank import Bank
from tests.serve.assets_world import LAYOUT, catalogue
from tests.serve.maps.rows.test_row_lookup import keep
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
    """With kinds, and with what rows need: both in one session, which takes seconds to begin."""
    rows = keep(layout=LAYOUT)
    opened = open_spark("tests", "local[2]")
    try:
        with_kinds = both(tmp_path / "kinds", kinds=kinds_of(catalogue(tmp_path)))
        with_rows = both(tmp_path / "rows", rows=rows)
    finally:
        opened.close()
    for one, other in (with_kinds, with_rows):
        assert one.maps == other.maps
        assert one.log.equals(other.log)
        assert one.shared == other.shared
    assert all(ArtworkMap.parse(value).rows for value in with_rows[1].maps.values())
    assert with_rows[1].shared[row_table_key(rows.table.nonce)] is not None


class Written(NamedTuple):
    """What a run left."""

    maps: dict[str, bytes | None]
    log: pa.Table
    shared: dict[str, bytes | None]


def both(place, **more):
    """The same run on this machine and on Spark."""
    found = []
    bank = Bank.of(LAYOUT, make_vectors(LAYOUT))
    for engine in (precompute_maps, precompute_spark):
        place.mkdir(exist_ok=True)
        store = LmdbStore(place / engine.__name__, size=1 << 26)
        log = place / f"log-{engine.__name__}"
        how = {"master": "local[2]"} if engine is precompute_spark else {"workers": 1}
        work = Work(Members(), bank, LAYOUT, make_policy(), DAY, True, block=8, **more)
        report = engine(work, make_facts(20), store, FolderRuns(log), now=lambda: 1e9, **how)
        assert report.profiles == report.written == 20
        names = ["layout"] + [row_table_key(r.table.nonce) for r in [more.get("rows")] if r]
        shared = {name: store.get_shared(name) for name in names}
        found.append(Written(all_maps(store), logged(log).sort_by("decision_id"), shared))
        store.close()
    return found
