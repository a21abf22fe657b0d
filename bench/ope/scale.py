"""Ten million decisions in bounded memory, beside DuckDB's plain scan of the same file."""

import resource
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.measured import in_own_process
from evaluate.ope.estimate import estimate

BLOCK, CANDIDATES = 65_536, 6
SCAN = """
SELECT count(*), sum(reward), sum(propensity), sum(length(decision_id)), sum(length(profile_id)),
       sum(length(action)), sum(list_sum(target_probabilities)), sum(list_sum(estimated_rewards)),
       sum(length(list_aggregate(candidates, 'min')))
FROM read_parquet(?)
"""


def scale(rows: int) -> dict[str, object]:
    """Seconds and peak memory of all twelve estimators at a tenth of the rows and at all."""
    result: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="marquee-ope-") as folder:
        for count in (rows // 10, rows):
            path = Path(folder) / f"{count}.parquet"
            write_feedback(path, count)
            estimates, spent = in_own_process(estimate, path)
            begin = time.perf_counter()
            duckdb.connect().execute(SCAN, [str(path)]).fetchall()
            scan = time.perf_counter() - begin
            result[f"{count} decisions"] = {
                "decisions": estimates["dr"].decisions,
                "file_mib": path.stat().st_size / 2**20,
                "estimate_seconds": spent.seconds,
                "peak_mib": spent.peak_bytes / 2**20,
                "duckdb_scan_seconds": scan,
                "ratio": spent.seconds / scan,
                "dr": estimates["dr"].value,
            }
            path.unlink()
    result["own_peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return result


def write_feedback(path: Path, rows: int) -> None:
    """A feedback file with estimated rewards and profiles, block by block."""
    g = np.random.default_rng(0)
    names = np.array([f"artwork-{a:05d}" for a in range(3000)])
    writer = None
    for start in range(0, rows, BLOCK):
        size = min(BLOCK, rows - start)
        first = g.integers(0, 500, size) * CANDIDATES
        flat = (first[:, None] + np.arange(CANDIDATES)).ravel()
        offsets = pa.array(np.arange(size + 1, dtype=np.int32) * CANDIDATES)
        chosen = g.integers(0, CANDIDATES, size)
        p = np.round(g.dirichlet(np.ones(CANDIDATES), size) * 0.9 + 0.1 / CANDIDATES, 4)
        p[:, -1] += 1 - p.sum(1)
        modelled = np.round(g.beta(2, 18, (size, CANDIDATES)), 4)
        taken = g.random(size) < modelled[np.arange(size), chosen]
        ids = np.arange(start, start + size)
        table = pa.table(
            {
                "decision_id": pa.array([f"{i:032x}" for i in ids]),
                "candidates": pa.ListArray.from_arrays(offsets, pa.array(names[flat])),
                "action": pa.array(names[first + chosen]),
                "reward": taken.astype(float),
                "propensity": np.full(size, 1 / CANDIDATES),
                "target_probabilities": pa.ListArray.from_arrays(offsets, pa.array(p.ravel())),
                "estimated_rewards": pa.ListArray.from_arrays(offsets, pa.array(modelled.ravel())),
                "profile_id": pa.array([f"profile-{i // 20:09d}" for i in ids]),
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()
