"""The Open Bandit Dataset: real logged feedback, as Marquee's own records.

Saito, Aihara, Matsutani, Narita: "Open Bandit Dataset and Pipeline", arXiv 2008.07146. Reads
`POLICY/CAMPAIGN/CAMPAIGN.csv[.gz]` and `POLICY/CAMPAIGN/item_context.csv`, in the small version
that is shipped and in the full one. `docs/data.md` says what becomes of each column.
"""

from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
from jaxtyping import Float

from data.atomic_write import whole_file
from data.catalogue import EMBEDDINGS, Catalogue
from data.check.examples import check_examples
from data.errors import BadInput
from data.own_facts import fold
from data.records import ARTWORKS, COUNTS, EXAMPLES, FACTS, SCHEMA_VERSION, TITLES
from data.schema import Fact, Schema, write_schema

POLICIES = ("random", "bts")
TITLE = 1
USER_FEATURES = tuple(f"user_feature_{k}" for k in range(4))
CLICKED, ITEM = "clicked_items", "item"
SCHEMA = Schema(
    facts=(
        *(Fact(name, "category") for name in USER_FEATURES),
        Fact(CLICKED, "counts", match=f"artworks.{ITEM}"),
    ),
    artworks=(Fact(ITEM, "set"),),
)
"""What the shop knows of its customers, in words of its own; an item is one of those clicked."""
TOKYO_HOURS = 9
"""The shop's customers live by Japanese time, UTC+9."""


class OpenBandit(NamedTuple):
    """One campaign under one logging policy."""

    examples: pa.Table
    """One row an impression, in the schema EXAMPLES; the reward is `click`."""
    item_features: Float[np.ndarray, "items features"]
    """float32; row i describes artwork i: one number, then each category one-hot."""
    titles: pa.Table
    """The one title that every item is an artwork of."""
    artworks: pa.Table
    """One row an item, in the order of item_id."""


@dataclass(frozen=True)
class ImportedLog:
    """The examples of one logging policy."""

    examples: str
    """Their folder."""
    impressions: int
    click_rate: float


@dataclass(frozen=True)
class OpenBanditImport:
    """What was imported: items as artwork, and the examples of each policy."""

    catalogue: str
    items: int
    random: ImportedLog
    bts: ImportedLog


def read_open_bandit(
    source: Path | str, campaign: str = "men", policy: str = "random"
) -> OpenBandit:
    """Read one campaign under one logging policy.

    Args:
        source: the folder that holds `random/` and `bts/`.
        campaign: men, women or all.
        policy: random or bts (Bernoulli Thompson sampling).

    Raises:
        BadInput: a file is missing, lacks a column, or holds a propensity that is none.
    """
    folder = Path(source) / policy / campaign
    items = _read(folder / "item_context.csv")
    logs = (folder / f"{campaign}.csv.gz", folder / f"{campaign}.csv")
    file = next((f for f in logs if f.is_file()), logs[0])
    log = _read(file)
    needed = ("timestamp", "item_id", "position", "click", "propensity_score", *USER_FEATURES)
    for name in needed:
        if name not in log.column_names:
            raise BadInput(f"{file}: column {name} is missing; is it an Open Bandit log?")
    features = _item_features(items, folder / "item_context.csv")
    names = [f"{campaign}-{item}" for item in range(len(features))]
    day = log["timestamp"].to_numpy().min().astype("datetime64[D]").astype(object)
    examples = _examples(log, names, campaign, policy, file)
    check_examples(examples, names, title_ids=[TITLE], file=file)
    return OpenBandit(examples, features, _titles(campaign, names, day), _artworks(names, day))


def open_bandit(
    source: Path = Path("sample/open_bandit"),
    campaign: str = "men",
    out: Path = Path("artifacts/open_bandit"),
) -> OpenBanditImport:
    """Import the Open Bandit Dataset: a catalogue of item features, and examples per policy.

    Args:
        source: the folder that holds random/ and bts/.
        campaign: men, women or all.
        out: gets catalogue/, random/examples/ and bts/examples/.
    """
    read = {p: read_open_bandit(source, campaign, p) for p in POLICIES}
    first = read[POLICIES[0]]
    if not np.array_equal(first.item_features, read[POLICIES[1]].item_features):
        raise BadInput(
            f"{source}: the items of {campaign} differ between {' and '.join(POLICIES)}; "
            "take both from one release"
        )
    folder = out / "catalogue"
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / EMBEDDINGS) as part, part.open("wb") as file:
        np.save(file, first.item_features)
    Catalogue(folder, first.titles, first.artworks).write()
    write_schema(folder, SCHEMA)
    return OpenBanditImport(
        catalogue=str(folder),
        items=first.artworks.num_rows,
        random=_write(read["random"].examples, out / "random" / "examples"),
        bts=_write(read["bts"].examples, out / "bts" / "examples"),
    )


def _write(examples: pa.Table, folder: Path) -> ImportedLog:
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / "examples.parquet") as part:
        pq.write_table(examples, part)
    click_rate = float(examples["reward"].to_numpy().mean())
    return ImportedLog(str(folder), examples.num_rows, click_rate)


def _read(file: Path) -> pa.Table:
    if not file.is_file():
        raise BadInput(f"{file} is missing; give --source the folder that holds random/ and bts/")
    try:
        return csv.read_csv(file)
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{file} is not a readable CSV file ({error}); copy it again") from None


def _item_features(items: pa.Table, file: Path) -> Float[np.ndarray, "items features"]:
    """item_feature_0 as it is, each hashed category one-hot.

    Each release hashes categories with a salt of its own per policy, so a category's place is that
    of its first item: the same under both policies.
    """
    ids = items["item_id"].to_numpy()
    if sorted(ids) != list(range(len(ids))):
        raise BadInput(f"{file}, column item_id: they are not 0 … {len(ids) - 1}, each once")
    items = items.take(np.argsort(ids))
    columns = [items["item_feature_0"].to_numpy().astype(np.float32)[:, None]]
    for name in sorted(n for n in items.column_names if n.startswith("item_feature_"))[1:]:
        codes = items[name].combine_chunks().dictionary_encode().indices.to_numpy()
        columns.append(np.eye(codes.max() + 1, dtype=np.float32)[codes])
    return np.concatenate(columns, axis=1)


def _titles(campaign: str, names: list[str], day: date) -> pa.Table:
    row = {
        "title_id": TITLE,
        "name": f"ZOZOTOWN {campaign}",
        "genres": [campaign],
        "cast": [],
        "popularity": 1.0,
        "launch_day": day,
        "runtime_minutes": 1.0,
        "default_artwork_id": names[0],
    }
    return pa.Table.from_pylist([row], schema=TITLES)


def _artworks(names: list[str], day: date) -> pa.Table:
    rows = [
        {
            **{"artwork_id": name, "title_id": TITLE, "path": EMBEDDINGS, "added_day": day},
            "own": [(ITEM, {"names": [name]})],
        }
        for name in names
    ]
    return pa.Table.from_pylist(rows, schema=ARTWORKS)


def _examples(log: pa.Table, names: list[str], campaign: str, policy: str, file: Path) -> pa.Table:
    count, artworks = log.num_rows, pa.array(names, pa.string())
    items = log["item_id"].to_numpy()
    if not ((items >= 0) & (items < len(names))).all():
        row = int(np.flatnonzero((items < 0) | (items >= len(names)))[0])
        raise BadInput(
            f"{file}, column item_id, row {row}: {items[row]} is not in item_context.csv, which "
            f"has 0 … {len(names) - 1}; take both from one release"
        )
    click = log["click"].to_numpy()
    users = list(zip(*(log[name].to_pylist() for name in USER_FEATURES), strict=True))
    profile = {user: blake2b("/".join(user).encode(), digest_size=8).hexdigest() for user in users}
    stem = f"open-bandit/{campaign}/{policy}"
    ids = [blake2b(f"{stem}/{row}".encode(), digest_size=16).hexdigest() for row in range(count)]
    candidates = pa.ListArray.from_arrays(
        np.arange(count + 1, dtype=np.int32) * len(names),
        artworks.take(pa.array(np.tile(np.arange(len(names)), count))),
    )
    columns = {
        "decision_id": pa.array(ids),
        "time": log["timestamp"].cast(pa.timestamp("us", tz="UTC"), safe=False),
        "profile_id": pa.array([profile[user] for user in users]),
        "title_id": pa.array(np.full(count, TITLE)),
        "facts": _facts(log, users, names),
        "candidates": candidates,
        "action": artworks.take(pa.array(items)),
        "propensity": log["propensity_score"].cast(pa.float64()),
        "policy": pa.array([policy] * count),
        "bundle": pa.nulls(count, pa.string()),
        "level": pa.array(["personalised"] * count),
        "cell": pa.nulls(count, pa.string()),
        "played": pa.array(click > 0),
        "minutes": pa.array(np.zeros(count, np.float32)),
        "reward": pa.array(click.astype(np.float64)),
        "reward_name": pa.array(["click"] * count),
        "impressions": pa.array(np.ones(count, np.int32)),
        "schema_version": pa.array(np.full(count, SCHEMA_VERSION, np.int16)),
    }
    return pa.table([columns[name] for name in EXAMPLES.names], schema=EXAMPLES)


def _facts(log: pa.Table, users: list[tuple[str, ...]], names: list[str]) -> pa.StructArray:
    """Hashed user features as they are, and clicks on each item before as counts of items."""
    count = log.num_rows
    clicks: list[list[tuple[str, float]]] = [[] for _ in range(count)]
    for item, name in enumerate(names):
        column = f"user-item_affinity_{item}"
        if column in log.column_names:
            affinity = log[column].to_numpy()
            for row in np.flatnonzero(affinity > 0):
                clicks[row].append((name, float(affinity[row])))
    hour = (log["timestamp"].to_numpy().astype("datetime64[h]").astype(int) + TOKYO_HOURS) % 24
    parts = ["night", "morning", "afternoon", "evening"]
    part = np.select([hour < end for end in (5, 12, 17, 22)], parts, "night")
    features = zip(USER_FEATURES, zip(*users, strict=True), strict=True)
    own = {name: pa.array(values, pa.string()) for name, values in features}
    known = {
        "column": pa.array(log["position"].to_numpy() - 1, pa.int16()),
        "day_part": pa.array(part.tolist()),
        "own": fold(own | {CLICKED: pa.array(clicks, COUNTS)}, None, count)[0],
    }
    fields = [known.get(f.name, pa.nulls(count, f.type)) for f in FACTS]
    return pa.StructArray.from_arrays(fields, fields=list(FACTS))
