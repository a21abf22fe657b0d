"""Precompute's pairs a second, beside the bare matrix product and argmax of the same shape."""

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from bandit.head_policy import HeadPolicy
from bench.serving.random_maps import numbered_layout
from data.features import Names
from data.log import roll
from data.log.open_log import RunLog
from data.log.precompute_runs import FolderRuns, run_files
from data.records import FACTS
from serve.maps.lmdb_store import LmdbStore
from serve.precompute.member_block import Work
from serve.precompute.precompute import Report, precompute_maps
from serve.scoring.candidate_bank import Bank
from serve.scoring.member_model import MemberFunctionals
from serve.scoring.served_policy import ServedPolicy

MOST_WATCHED, NAMED = 8, 4
"""Names of a member, and of an artwork; there are as many in all as titles."""


class RandomMembers:
    """Functionals as a context tower would give them, without its time: random, by member."""

    def __init__(self, heads: int, dimension: int, distinct: int = 0) -> None:
        rng = np.random.default_rng(1)
        self.bank = rng.normal(size=(4096, heads, dimension)).astype("f4")
        self.names = random_names(rng, 4096, MOST_WATCHED, distinct)

    def functionals_of(self, facts: pa.StructArray) -> MemberFunctionals:
        """Facts as functionals."""
        rows = np.asarray(facts.field("tenure_days")).astype(np.int64)
        at = rows % len(self.bank)
        names = None if self.names is None else self.names.at(at)
        return MemberFunctionals(self.bank[at], rows, names)


def random_names(rng: np.random.Generator, rows: int, each: int, distinct: int) -> Names | None:
    """So many names a row, of some in all; None: of none."""
    if not distinct or not each:
        return None
    ids = rng.integers(1, 1 << 62, distinct)[rng.integers(0, distinct, (rows, each))]
    return Names(ids, rng.normal(size=ids.shape).astype("f4"))


def precompute(
    profiles: int = 100_000,
    titles: int = 300,
    artworks: int = 6,
    heads: int = 16,
    dimension: int = 16,
    workers: int = 2,
    logged: int = 50_000,
    quick: bool = False,
) -> dict[str, object]:
    """(profile, artwork) pairs a second: scores of all heads, names, votes, choice, map on disk.

    With the decision log, and what it takes to roll that into rows that the join reads.

    Args:
        profiles: Members to decide for.
        titles: Titles of the catalogue.
        artworks: Candidates a title.
        heads: Heads of the bundle.
        dimension: Length of vectors and functionals.
        workers: Processes, and threads of the bare product.
        logged: Members for the measurement with the decision log on; 0 leaves it out.
        quick: Few members and titles: to see that it works.
    """
    if quick:
        profiles, titles, logged = min(profiles, 1000), min(titles, 30), min(logged, 500)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    layout = numbered_layout(titles, artworks)
    vectors = np.random.default_rng(0).normal(size=(titles * artworks, dimension))
    shown = random_names(np.random.default_rng(1), len(vectors), NAMED, titles)
    bank = Bank.of(layout, vectors, shown)
    members = RandomMembers(heads, dimension, titles)
    limit = _bare(members.bank, bank.columns, titles, artworks, workers)
    policy = ServedPolicy("bench", HeadPolicy("thompson", 0.05), 1)
    result: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        log_dir = Path(folder) / "log"
        plain = Work(members, bank, layout, policy, 20_000)
        pairs = _measure(plain, profiles, workers, Path(folder) / "maps")
        result |= _rates(pairs, limit)
        if logged:
            both = replace(plain, logged=True)
            runs = FolderRuns(log_dir)
            report = _measure(both, logged, workers, Path(folder) / "maps-logged", runs)
            result |= {f"logged_{name}": rate for name, rate in _rates(report, limit).items()}
            result |= _rolled(log_dir, logged * titles)
    seconds = 130e6 * 300 * 6 / round(pairs.pairs_per_second)
    return result | {
        "bare_pairs_per_second": round(limit),
        "core_hours_for_130m_members_300_titles_6_artworks": round(seconds * workers / 3600, 1),
        "profiles": profiles,
        "heads": heads,
        "workers": workers,
    }


def _measure(
    work: Work, members: int, workers: int, folder: Path, log: RunLog | None = None
) -> Report:
    store = LmdbStore(folder)
    report = precompute_maps(work, random_facts(members), store, log, workers=workers)
    store.close()
    return report


def _rates(report: Report, limit: float) -> dict[str, float]:
    return {
        "pairs_per_second": round(report.pairs_per_second),
        "decisions_per_second": round(report.decisions / report.seconds),
        "share_of_limit": round(report.pairs_per_second / limit, 3),
    }


def _rolled(log_dir: Path, decisions: int) -> dict[str, float]:
    """Bytes of a logged decision, and how fast two blocks become rows of the log."""
    files = run_files(log_dir)
    size = sum(file.stat().st_size for file in files)
    for file in files[2:]:
        file.unlink()
    start = time.perf_counter()
    moved = roll(log_dir)
    seconds = time.perf_counter() - start
    rows = sum(file.stat().st_size for file in (log_dir / "decisions").rglob("*.parquet"))
    return {
        "logged_bytes_a_decision": round(size / decisions, 2),
        "rolled_decisions_per_second": round(moved["decisions"] / seconds),
        "rolled_bytes_a_decision": round(rows / moved["decisions"], 1),
    }


def random_facts(count: int) -> pa.Table:
    """Profiles with facts of the usual size."""
    watched = {
        "watched_genres": [(f"genre-{i}", 1.0 + i) for i in range(8)],
        "watched_cast": [(f"cast-{i}", 1.0 + i) for i in range(12)],
    }
    rows = [{"country": "FR", "tenure_days": float(i), **watched} for i in range(count)]
    ids = pa.array([f"profile-{i:09d}" for i in range(count)])
    return pa.table({"profile_id": ids, "facts": pa.array(rows, FACTS)})


def _bare(
    functionals: np.ndarray, columns: np.ndarray, titles: int, artworks: int, threads: int
) -> float:
    """The product and, for every head, the argmax of each title's candidates, in torch."""
    import torch  # not at the top: the workers that are measured import this module as well

    torch.set_num_threads(threads)
    members, heads, dimension = functionals.shape
    rows = torch.from_numpy(functionals.reshape(-1, dimension))
    catalogue = torch.from_numpy(columns)
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        for at in range(0, 1024 * heads, 2048):
            (rows[at : at + 2048] @ catalogue).view(-1, titles, artworks).argmax(-1)
        best = min(best, time.perf_counter() - start)
    return min(1024, members) * titles * artworks / best
