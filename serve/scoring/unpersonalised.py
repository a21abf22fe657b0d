"""Each title's best artwork over all members: what is shown where nobody is known."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from jaxtyping import Int

from data.records import TitleId
from serve.maps.artwork_map import ArtworkMap, Run, bundle_tag
from serve.maps.layout import Layout
from serve.scoring.served_policy import ServedPolicy


def unpersonalised_best(bundle: Path, layout: Layout) -> Int[np.ndarray, " titles"] | None:
    """Ordinal of each title's best artwork over all members, −1 where none was shown yet."""
    path = bundle / "unpersonalised.parquet"
    if not path.is_file():
        return None
    table = pq.ParquetFile(path).read()
    best: dict[tuple[TitleId, str], float] = dict(
        zip(
            zip(table["title_id"].to_pylist(), table["artwork_id"].to_pylist(), strict=True),
            table["take"].to_pylist(),
            strict=True,
        )
    )
    choices = np.full(len(layout.title_ids), -1, np.int64)
    for slot, title in enumerate(layout.title_ids.tolist()):
        takes = [best.get((title, artwork), -1.0) for artwork in layout.candidates(slot)]
        if max(takes) >= 0:
            choices[slot] = int(layout.starts[slot]) + int(np.argmax(takes))
    return choices


def unpersonalised_map(
    choices: Int[np.ndarray, " titles"],
    layout: Layout,
    policy: ServedPolicy,
    day: int,
    version: int,
) -> bytes:
    """The shared map that members without one of their own are shown."""
    run_of = np.zeros(len(choices), np.uint8)
    tag = bundle_tag(policy.bundle)
    run = (Run(day, policy.salt, 0),)
    best_map = ArtworkMap(layout.digest, version, 0, tag, choices, run_of, run)
    return best_map.to_bytes(layout.width)
