"""Alimama's CreativeRanking: images of advertisements with impressions and clicks per day.

Wang, Liu, Ge, Lian, Zhang: "A Hybrid Bandit Model with Visual Priors for Creative Ranking in
Display Advertising", WWW 2021, arXiv 2102.04033. A product becomes a title, a creative its artwork,
and each impression an example.
"""

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int

from data.atomic_write import whole_file
from data.catalogue import Catalogue
from data.days import DAY_US
from data.errors import BadInput
from data.importers.creative_lists import CreativeLists, read_lists
from data.records import ARTWORKS, EXAMPLES, FACTS, SCHEMA_VERSION, TIMESTAMP, TITLES

CHUNK = 500_000
"""Impressions that are written together."""


class CreativeRanking(NamedTuple):
    """A list as Marquee's own records."""

    examples: pa.Table
    """One row an impression, in the schema EXAMPLES; the reward is `click`."""
    titles: pa.Table
    artworks: pa.Table
    dropped: int
    """Creatives without an image, where those are skipped."""


def read_creative_ranking(
    source: Path | str,
    lists: list[str] | None = None,
    *,
    share: float = 1.0,
    seed: int = 0,
    skip_missing: bool = False,
) -> CreativeRanking:
    """Read lists and expand them to one example an impression.

    The logging policy is taken to be uniform over the creatives that a product lists on a day, as
    the paper's own replay takes it. Within a day the order is drawn at random.

    Args:
        source: the folder that holds the lists and `images/`.
        lists: names of lists; every `*list*.txt` if None.
        share: keep this share of the impressions, drawn at random; clicks keep their rate.
        seed: of the draws.
        skip_missing: drop creatives without an image file, with their impressions.

    Raises:
        BadInput: a file is missing or a line is wrong: by file and row.
    """
    read = read_lists(Path(source), lists, skip_missing)
    tables = list(_examples(read, share, seed))
    examples = pa.concat_tables(tables) if tables else EXAMPLES.empty_table()
    return CreativeRanking(examples, _titles(read), _artworks(read), read.dropped)


def creative_ranking(
    source: Path,
    out: Path = Path("artifacts/creative_ranking"),
    lists: list[str] | None = None,
    share: float = 1.0,
    seed: int = 0,
    skip_missing: bool = False,
) -> dict[str, str | int | float | None]:
    """Import Alimama's CreativeRanking: a catalogue, whose images are linked, and examples.

    Args:
        source: the folder that holds the lists and images/.
        out: gets catalogue/ and examples/.
        lists: names of lists in SOURCE; every *list*.txt if not given.
        share: keep this share of the impressions, drawn at random.
        seed: of the draws.
        skip_missing: drop creatives without an image file, with their impressions.
    """
    read = read_lists(source, lists, skip_missing)
    folder, examples = out / "catalogue", out / "examples"
    folder.mkdir(parents=True, exist_ok=True)
    examples.mkdir(parents=True, exist_ok=True)
    link = folder / "images"
    if not link.exists():
        link.unlink(missing_ok=True)  # a link that leads nowhere
        link.symlink_to((source / "images").resolve(), target_is_directory=True)
    elif link.resolve() != (source / "images").resolve():
        raise BadInput(f"{link} holds the images of another source; give --out another folder")
    Catalogue(folder, _titles(read), _artworks(read)).write()
    rows, clicks = 0, 0.0
    with (
        whole_file(examples / "examples.parquet") as part,
        pq.ParquetWriter(part, EXAMPLES) as writer,
    ):
        for table in _examples(read, share, seed):
            writer.write_table(table)
            rows, clicks = rows + table.num_rows, clicks + table["reward"].to_numpy().sum()
    return {
        "catalogue": str(folder),
        "examples": str(examples),
        "titles": len(read.items),
        "artworks": len(read.artworks),
        "dropped_artworks": read.dropped,
        "impressions": rows,
        "click_rate": float(clicks / rows) if rows else None,
    }


def _titles(read: CreativeLists) -> pa.Table:
    first: dict[int, int] = {}
    for place, (item, _) in enumerate(read.artworks):
        first.setdefault(item, place)
    count, item = len(read.items), read.item
    launch = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(launch, item, read.day)
    shown = np.bincount(item, read.impressions, count)
    ids = read.ids
    columns = {
        "title_id": pa.array(np.arange(1, count + 1)),
        "name": pa.array(read.items, pa.string()),
        "genres": pa.array([[]] * count, pa.list_(pa.string())),
        "cast": pa.array([[]] * count, pa.list_(pa.string())),
        "popularity": pa.array((shown / max(shown.sum(), 1)).astype(np.float32)),
        "launch_day": pa.array(launch.astype(np.int32)).cast(pa.date32()),
        "runtime_minutes": pa.array(np.ones(count, np.float32)),
        "default_artwork_id": pa.array([ids[first[i]] for i in range(count)], pa.string()),
    }
    absent = {f.name: pa.nulls(count, f.type) for f in TITLES if f.name not in columns}
    return pa.table(columns | absent, schema=TITLES)


def _artworks(read: CreativeLists) -> pa.Table:
    count = len(read.artworks)
    added = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(added, read.artwork, read.day)
    columns = {
        "artwork_id": pa.array(read.ids, pa.string()),
        "title_id": pa.array([item + 1 for item, _ in read.artworks], pa.int64()),
        "path": pa.array([f"images/{image}" for _, image in read.artworks], pa.string()),
        "added_day": pa.array(added.astype(np.int32)).cast(pa.date32()),
    }
    absent = {f.name: pa.nulls(count, f.type) for f in ARTWORKS if f.name not in columns}
    return pa.table(columns | absent, schema=ARTWORKS)


def _examples(read: CreativeLists, share: float, seed: int) -> Iterator[pa.Table]:
    """Tables of about CHUNK impressions, day by day."""
    if not 0 < share <= 1:
        raise BadInput(f"share is {share}; give a share of impressions above 0 and up to 1")
    random = np.random.default_rng(seed)
    count = len(read.items)
    # A group is a product on a day; its artworks are the candidates. A creative that several
    # lines name on one day is one candidate.
    keys = read.day * count + read.item
    groups, group = np.unique(keys, return_inverse=True)
    offered = np.unique(np.stack([group, read.artwork], 1), axis=0)
    offsets = np.searchsorted(offered[:, 0], np.arange(len(groups) + 1)).astype(np.int32)
    names = pa.array(read.ids, pa.string())
    candidates = pa.ListArray.from_arrays(offsets, names.take(pa.array(offered[:, 1])))
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(read.impressions[order])
    for lines in np.split(order, np.flatnonzero(np.diff(ends // CHUNK)) + 1):
        clicks = random.binomial(read.clicks[lines], share)
        others = random.binomial(read.impressions[lines] - read.clicks[lines], share)
        line = np.repeat(np.concatenate([lines, lines]), np.concatenate([clicks, others]))
        click = np.repeat([True, False], [clicks.sum(), others.sum()])
        mixed = random.permutation(len(line))
        mixed = mixed[np.argsort(group[line[mixed]], kind="stable")]
        yield _table(read, line[mixed], click[mixed], group, candidates, names)


def _table(
    read: CreativeLists,
    line: Int[np.ndarray, " impressions"],
    click: np.ndarray,
    group: Int[np.ndarray, " lines"],
    candidates: pa.ListArray,
    names: pa.Array,
) -> pa.Table:
    count, of = len(line), group[line]
    # Numbered within line and outcome, so that an impression has one id whatever the chunks.
    kind = line * 2 + click
    place = np.argsort(kind, kind="stable")
    nth = np.empty(count, np.int64)
    starts = np.flatnonzero(np.diff(kind[place], prepend=-1))
    nth[place] = np.arange(count) - np.repeat(starts, np.diff(np.append(starts, count)))
    ids = [
        blake2b(f"creative-ranking/{k}/{n}".encode(), digest_size=16).hexdigest()
        for k, n in zip(kind, nth, strict=True)
    ]
    sizes = candidates.value_lengths().to_numpy()
    columns = {
        "decision_id": pa.array(ids, pa.string()),
        "time": pa.array(read.day[line] * DAY_US).cast(TIMESTAMP),
        "profile_id": pa.array(["unknown"] * count, pa.string()),
        "title_id": pa.array(read.item[line] + 1),
        "facts": pa.StructArray.from_arrays(
            [pa.nulls(count, f.type) for f in FACTS], fields=list(FACTS)
        ),
        "candidates": candidates.take(pa.array(of)),
        "action": names.take(pa.array(read.artwork[line])),
        "propensity": pa.array(1.0 / sizes[of]),
        "policy": pa.array(["uniform"] * count, pa.string()),
        "bundle": pa.nulls(count, pa.string()),
        "level": pa.array(["personalised"] * count, pa.string()),
        "cell": pa.nulls(count, pa.string()),
        "played": pa.array(click),
        "minutes": pa.array(np.zeros(count, np.float32)),
        "reward": pa.array(click.astype(np.float64)),
        "reward_name": pa.array(["click"] * count, pa.string()),
        "impressions": pa.array(np.ones(count, np.int32)),
        "schema_version": pa.array(np.full(count, SCHEMA_VERSION, np.int16)),
    }
    return pa.table(columns, schema=EXAMPLES)
