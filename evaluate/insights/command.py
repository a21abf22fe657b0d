"""`python -m evaluate insights`: which artwork works for whom, and who is shown to whom."""

import csv as tables
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from data.atomic_write import whole_file
from data.catalogue import Catalogue
from data.errors import BadInput
from data.images.cache import ImageCache, image_cache
from data.schema import Schema, read_schema
from evaluate.insights.attributes import attributes_of
from evaluate.insights.draws import LoggedDraws
from evaluate.insights.effects import AttributeEffect, AttributeEffects, effects_of
from evaluate.insights.representation import Represented, represented

SURE = 0.1
"""Share of chance up to which findings are told."""
SHOWN = 15


@dataclass(frozen=True)
class Insights:
    """What a log says of artwork over a whole catalogue."""

    draws: int
    members: int
    asked: int
    """Questions of an attribute and an audience."""
    effects: AttributeEffects
    represented: list[Represented]


def insights(
    examples: Path = Path("artifacts/examples"),
    catalogue: Path = Path("artifacts/catalogue"),
    cache: Path = Path("artifacts/cache"),
    csv: Path | None = None,
) -> Insights:
    """Say which attributes of artwork work for whom, and who is on artwork that is shown to whom.

    Each title is held against itself: what its artwork with an attribute earns a draw, less what
    its artwork without it earns, weighted by how unlikely each draw was. Many questions are asked
    at once, so each answer says which share of the answers as sure as it would be chance.

    Args:
        examples: Joined examples, as `python -m data join` writes them; the last 400,000 are read.
        catalogue: Folder with titles.parquet, artworks.parquet and images.
        cache: Folder of decoded images.
        csv: Also write effects.csv and representation.csv into this folder.
    """
    there = Catalogue.read(catalogue)
    try:
        images = image_cache(there, cache, quiet=True, leave_out=True)
    except BadInput:
        images = None  # a catalogue of embeddings: nothing is asked of pictures
    schema = read_schema(catalogue)
    found = insights_of(LoggedDraws.read(examples, there), there, images, schema)
    if csv is not None:
        csv.mkdir(parents=True, exist_ok=True)
        every = [*found.effects.everybody, *found.effects.audiences]
        _write(csv / "effects.csv", AttributeEffect, every)
        _write(csv / "representation.csv", Represented, found.represented)
    return found


def insights_of(
    draws: LoggedDraws, catalogue: Catalogue, images: ImageCache | None, schema: Schema
) -> Insights:
    """The same of what was read."""
    effects = effects_of(draws, attributes_of(catalogue, schema, images))
    return Insights(
        len(draws.reward),
        draws.members,
        len(effects.everybody) + len(effects.audiences),
        effects,
        represented(draws, catalogue, schema),
    )


def show(found: Insights) -> None:
    """Print insights for people."""
    print(f"{found.draws:,} draws to {found.members:,} members, {found.asked:,} questions asked")
    print("\nadds to the reward of a draw, titles held against themselves")
    for one in found.effects.everybody[:SHOWN]:
        print(f"  {one.adds:+.4f} [{one.low:+.4f}, {one.high:+.4f}]  {one.attribute}{_odds(one)}")
    sure = [one for one in found.effects.audiences if one.chance <= SURE]
    print(f"\nother than for all others, up to {SURE:.0%} of them chance: {len(sure):,}")
    for one in sure[:SHOWN]:
        print(f"  {one.over_rest:+.4f}  {one.attribute}, for {one.audience}{_odds(one)}")
    print("\nshown, offered, part in the title")
    for one in found.represented[:SHOWN]:
        print(f"  {one.shown:6.1%} {one.offered:6.1%} {one.part:6.1%}  {one.kind} {one.name}")


def _odds(one: AttributeEffect) -> str:
    return f"  ({one.chance:.1%} chance)"


def _write(path: Path, kind: type, rows: list) -> None:
    with whole_file(path) as made, made.open("w", newline="", encoding="utf-8") as out:
        write = tables.DictWriter(out, [field.name for field in fields(kind)])
        write.writeheader()
        write.writerows(asdict(row) for row in rows)
