"""`python -m serve decide`: a bundle's probabilities for a file of requests.

The same numbers as the live service's, for whoever has many requests at once: another program's
closed loop, or a log whose decisions shall be judged under this bundle.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from jaxtyping import Bool, Float, Int

from bandit.neural import neural_thompson
from bandit.simple import epsilon_greedy, uniform
from data.bundle import CURRENT
from data.catalogue import Catalogue
from data.errors import BadInput
from data.log.parquet import write_whole
from data.records import FACTS

BLOCK = 2048
"""Requests decided at once."""
Kind = Literal["thompson", "greedy", "uniform"]


def decide(
    requests: Path, out: Path, bundle: Path = Path("artifacts/bundles") / CURRENT,
    catalogue: Path = Path("artifacts/catalogue"), policy: Kind = "thompson",
    epsilon: float | None = None, cache: Path = Path("artifacts/cache"),
) -> dict[str, Any]:  # fmt: skip
    """Give each request's candidates their probabilities under a bundle.

    Args:
        requests: Parquet file or folder with facts and candidates, such as decisions/ of a log.
        out: Parquet file to write: probabilities, a list for each request, in its order.
        bundle: Bundle folder, or the `current` link to it.
        catalogue: Folder with titles.parquet, artworks.parquet and images.
        policy: Thompson sampling over the heads, greedy on their mean, or uniform.
        epsilon: Share of uniform exploration; the bundle's if not given.
        cache: Folder of decoded images.
    """
    from serve.scoring.open_bundle import open_scorer

    scorer = open_scorer(bundle)
    facts, pools = _requests(requests)
    artworks = Catalogue.read(catalogue)
    vectors = _vectors(scorer, artworks, cache)
    share = scorer.manifest["policy"]["epsilon"] if epsilon is None else epsilon
    rows = {artwork: row for row, artwork in enumerate(artworks.artwork_ids)}
    candidates, valid = _padded(pools, rows, requests)
    parts = []
    for start in range(0, len(pools), BLOCK):
        part = slice(start, start + BLOCK)
        chances = probabilities(
            scorer, facts[part], vectors[candidates[part]], valid[part], policy, share
        )
        kept = pa.array(chances[valid[part]])
        offsets = np.concatenate([[0], valid[part].sum(1).cumsum()]).astype(np.int32)
        parts.append(pa.ListArray.from_arrays(pa.array(offsets), kept))
    table = pa.table({"probabilities": pa.chunked_array(parts, pa.list_(pa.float64()))})
    write_whole(table, out.resolve())
    return {
        "out": str(out), "requests": len(pools), "bundle": scorer.manifest["bundle_id"],
        "policy": policy, "epsilon": share,
    }  # fmt: skip


def probabilities(
    scorer: Any,
    facts: pa.StructArray,
    vectors: Float[np.ndarray, "requests candidates dimension"],
    valid: Bool[np.ndarray, "requests candidates"],
    policy: Kind,
    epsilon: float,
) -> Float[np.ndarray, "requests candidates"]:
    """What a policy over the bundle's heads makes of requests."""
    from data.features import context_features

    if policy == "uniform":
        return uniform(valid)
    functionals = scorer.functionals(context_features(scorer.spec, facts))
    scores = np.einsum("bhr,bkr->bhk", functionals, vectors, optimize=True).astype(np.float64)
    if policy == "greedy":
        return epsilon_greedy(scores.mean(1), valid, epsilon)
    return neural_thompson(scores, valid, epsilon)


def _requests(path: Path) -> tuple[pa.StructArray, list[list[str]]]:
    """Facts and candidates.

    Raises:
        BadInput: no such file, or it lacks a column.
    """
    if not path.exists():
        raise BadInput(f"no requests at {path}; give a Parquet file with facts and candidates")
    try:
        table = ds.dataset(path, format="parquet").to_table(columns=["facts", "candidates"])
        facts = table["facts"].combine_chunks().cast(FACTS)
    except (pa.ArrowException, KeyError) as error:
        raise BadInput(f"requests {path}: {error}; docs/data.md says what facts are") from None
    if isinstance(facts, pa.ChunkedArray):
        facts = pa.concat_arrays(facts.chunks)
    return facts, table["candidates"].to_pylist()


def _padded(
    pools: list[list[str]], rows: dict[str, int], path: Path
) -> tuple[Int[np.ndarray, "requests candidates"], Bool[np.ndarray, "requests candidates"]]:
    """Catalogue rows of each pool; padding is row 0.

    Raises:
        BadInput: an artwork that the catalogue does not have, or an empty pool.
    """
    most = max((len(pool) for pool in pools), default=0)
    candidates = np.zeros((len(pools), most), np.int64)
    valid = np.zeros(candidates.shape, bool)
    for at, pool in enumerate(pools):
        strange = [artwork for artwork in pool if artwork not in rows]
        if strange or not pool:
            what = f"names artwork {strange[0]!r}, which the catalogue lacks" if strange else (
                "has no candidates"
            )  # fmt: skip
            raise BadInput(f"requests {path}, row {at} {what}; mend it or give its --catalogue")
        candidates[at, : len(pool)] = [rows[artwork] for artwork in pool]
        valid[at, : len(pool)] = True
    return candidates, valid


def _vectors(
    scorer: Any, catalogue: Catalogue, cache: Path
) -> Float[np.ndarray, "artworks dimension"]:
    """Vectors of all artworks of the catalogue, withdrawn ones too: an old log has them."""
    from serve.maps.layout import Layout
    from serve.scoring.open_bundle import artwork_vectors

    artworks = catalogue.artworks
    never = pa.nulls(len(artworks), artworks.schema.field("withdrawn_day").type)
    early = pa.array([0] * len(artworks), pa.int32()).cast(pa.date32())
    every = artworks.set_column(
        artworks.schema.get_field_index("withdrawn_day"), "withdrawn_day", never
    ).set_column(artworks.schema.get_field_index("added_day"), "added_day", early)
    layout = Layout.of_catalogue(catalogue.titles, every, 10**6)
    found = artwork_vectors(scorer, catalogue, layout, cache)
    at = {artwork: row for row, artwork in enumerate(layout.artwork_ids)}
    order = np.array([at[artwork] for artwork in catalogue.artwork_ids])
    return found[order]
