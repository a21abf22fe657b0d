"""`python -m serve decide`: a bundle's probabilities for a file of requests.

The same numbers as the live service's, for whoever has many requests at once: another program's
closed loop, or a log whose decisions shall be judged under this bundle.
"""

import sys
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Int

from bandit.head_policy import HeadPolicy, PolicyKind
from bandit.neural import neural_ucb
from bandit.probabilities import score_probabilities
from data.bundle import CURRENT
from data.bundle.belonging import refuse_foreign
from data.catalogue import Catalogue
from data.errors import BadInput
from data.features import context_features
from data.images.left_out import left_out_words
from data.log.parquet import write_whole
from data.reading.conformed_files import conformed_table
from data.records import DECISIONS, FACTS
from data.schema_cast import parquet_files
from serve.scoring.artwork_vectors import Shown, scored_artworks
from serve.scoring.scorer import Scorer

BLOCK = 2048
"""Requests decided at once."""
NO_IMAGE = -1
"""In place of the row of an artwork that cannot be shown."""
REQUESTS = pa.schema([DECISIONS.field("facts"), DECISIONS.field("candidates")])
"""Of decisions, what there is before they are made."""
FileKind = PolicyKind | Literal["neural_ucb"]
"""What a file can be decided by; no bundle is served by the last."""


class DecidedFile(NamedTuple):
    """What became of a file of requests."""

    out: str
    requests: int
    bundle: str
    policy: FileKind
    epsilon: float
    artworks_left_out: int
    """Whose image cannot be had: their probability is 0, as where they are not shown."""


def decide_requests(
    requests: Path,
    out: Path,
    bundle: Path = Path("artifacts/bundles") / CURRENT,
    catalogue: Path = Path("artifacts/catalogue"),
    policy: FileKind = "thompson",
    epsilon: float | None = None,
    cache: Path = Path("artifacts/cache"),
    foreign: bool = False,
) -> DecidedFile:
    """Give each request's candidates their probabilities under a bundle.

    Args:
        requests: Parquet file or folder with facts and candidates, such as decisions/ of a log.
        out: Parquet file to write: probabilities, a list for each request, in its order. One that
            is there is replaced at once and whole, or left as it is.
        bundle: Bundle folder, or the `current` link to it.
        catalogue: Folder with titles.parquet, artworks.parquet and images.
        policy: Thompson sampling over the heads, greedy or epsilon_greedy on their mean,
            neural_ucb on their mean and spread, or uniform.
        epsilon: Share of uniform exploration of thompson, epsilon_greedy and neural_ucb; the
            bundle's if not given.
        cache: Folder of decoded images.
        foreign: Let a bundle decide that was trained on another catalogue.
    """
    scorer = Scorer(bundle)
    head_policy = _head_policy(scorer, policy, epsilon)
    facts, pools = read_requests(requests)
    artworks = Catalogue.read(catalogue)
    refuse_foreign(bundle, artworks, foreign)
    pictured = Shown.of(scorer, artworks, cache)
    ids = pictured.artworks["artwork_id"].to_pylist()
    bank = scored_artworks(scorer, artworks, ids, cache, pictured.images)
    rows = {artwork: row for row, artwork in enumerate(ids)}
    candidates, offered = _padded(
        pools, rows | dict.fromkeys(pictured.left_out, NO_IMAGE), requests
    )
    valid = offered & (candidates != NO_IMAGE)
    _refuse_none_to_show(offered, valid, requests)
    parts = []
    for start in range(0, len(pools), BLOCK):
        part = slice(start, start + BLOCK)
        members, there = scorer.members(context_features(scorer.spec, facts[part])), valid[part]
        scores = members.scores(bank.at(candidates[part]))
        if policy == "neural_ucb":
            chances = neural_ucb(scores, there, epsilon=head_policy.exploration)
        else:
            chances = score_probabilities(scores, there, head_policy)
        of_candidates = pa.array(chances[offered[part]])
        offsets = np.concatenate([[0], offered[part].sum(1).cumsum()]).astype(np.int32)
        parts.append(pa.ListArray.from_arrays(pa.array(offsets), of_candidates))
    table = pa.table({"probabilities": pa.chunked_array(parts, pa.list_(pa.float64()))})
    write_whole(table, out.resolve())
    for words in [*left_out_words(pictured.left_out), *pictured.canvas_words]:
        print(words, file=sys.stderr)
    exploration, left_out = head_policy.exploration, len(pictured.left_out)
    return DecidedFile(str(out), len(pools), scorer.bundle_id, policy, exploration, left_out)


def _head_policy(scorer: Scorer, policy: FileKind, epsilon: float | None) -> HeadPolicy:
    """A policy over a bundle's heads.

    Raises:
        BadInput: epsilon is no share.
    """
    share = scorer.manifest.policy.head_policy.epsilon if epsilon is None else epsilon
    try:
        # The bound explores beside its best candidate as ε-greedy does beside its own.
        return HeadPolicy("epsilon_greedy" if policy == "neural_ucb" else policy, share)
    except ValueError as error:
        raise BadInput(f"--epsilon: {error}") from None


def read_requests(path: Path) -> tuple[pa.StructArray, list[list[str]]]:
    """Facts and candidates.

    Raises:
        BadInput: no such file, or its columns do not become facts and candidates.
    """
    files = parquet_files(path)
    if not files:
        raise BadInput(f"no requests at {path}; give a Parquet file with facts and candidates")
    table = pa.concat_tables([conformed_table(file, REQUESTS) for file in files])
    facts = pa.concat_arrays([pa.array([], FACTS), *table["facts"].chunks])
    return facts, table["candidates"].to_pylist()


def _padded(
    pools: list[list[str]], rows: dict[str, int], path: Path
) -> tuple[Int[np.ndarray, "requests candidates"], Bool[np.ndarray, "requests candidates"]]:
    """Rows of the vectors of each pool; padding is row 0.

    Raises:
        BadInput: an artwork that the catalogue does not have, or an empty pool.
    """
    most = max((len(pool) for pool in pools), default=0)
    candidates = np.zeros((len(pools), most), np.int64)
    valid = np.zeros(candidates.shape, bool)
    for at, pool in enumerate(pools):
        strange = [artwork for artwork in pool if artwork not in rows]
        if strange or not pool:
            what = "has no candidates"
            if strange:
                what = f"names artwork {strange[0]!r}, which the catalogue lacks"
            raise BadInput(f"requests {path}, row {at} {what}; mend it or give its --catalogue")
        candidates[at, : len(pool)] = [rows[artwork] for artwork in pool]
        valid[at, : len(pool)] = True
    return candidates, valid


def _refuse_none_to_show(
    offered: Bool[np.ndarray, "requests candidates"],
    valid: Bool[np.ndarray, "requests candidates"],
    path: Path,
) -> None:
    """Refuse a request whose every candidate lacks its image.

    Raises:
        BadInput: there is one, by its row.
    """
    none = np.flatnonzero(offered.any(1) & ~valid.any(1))
    if len(none):
        raise BadInput(
            f"requests {path}, row {none[0]} offers only artwork whose image cannot be had; mend "
            "the images, which `python -m data check` names, or take the row out"
        )
