"""The theatre as the product's own records: a catalogue, its schema, examples, visitors' facts."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int

from bench.strangers.world import (
    FIGURES,
    MOTIFS,
    PALETTES,
    QUARTERS,
    SEATS,
    Rows,
    Theatre,
)
from data.catalogue import EMBEDDINGS, Catalogue
from data.days import DAY_US, midnight_us
from data.own_facts import fold
from data.records import ARTWORKS, EXAMPLES, FACTS, SCHEMA_VERSION, TITLES
from data.schema import Fact, Schema, write_schema

SCHEMA = Schema(
    facts=(
        Fact("born", "number"),
        Fact("quarter", "category"),
        Fact("seat", "category"),
        Fact("likes", "set"),
        Fact("taste", "vector"),
    )
)
AS_TAGS = (Fact("motif", "set"), Fact("palette", "category"), Fact("figures", "set"))
"""What posters show, as facts of artworks that a schema declares."""
FIRST_DAY = datetime(2026, 3, 1, tzinfo=UTC).date()


def artwork_id(play: int, place: int) -> str:
    """Of a poster."""
    return f"{play}/{place}"


def write_catalogue(
    theatre: Theatre, folder: Path, pictures: bool = False, as_tags: bool = False
) -> Catalogue:
    """A catalogue whose posters are told by their true looks, and drawn if that is asked for.

    Args:
        theatre: whose plays.
        folder: of the catalogue.
        pictures: whether posters are drawn.
        as_tags: looks are declared facts of artworks, and embeddings alike for all.
    """
    size = theatre.size
    folder.mkdir(parents=True, exist_ok=True)
    if pictures:
        # They are drawn only where pixels are learnt from.
        from bench.strangers.covers import draw_posters, play_name, poster_name

        draw_posters(theatre, folder / "images")
        path = "images/{}/{}.jpg"
        paths = [
            path.format(play_name(play), poster_name(place))
            for play in range(size.plays)
            for place in range(size.posters)
        ]
    else:
        paths = [EMBEDDINGS] * (size.plays * size.posters)
    titles = [
        {
            **{"title_id": play + 1, "name": f"play {play}", "genres": [], "cast": []},
            **{"popularity": 1.0, "launch_day": FIRST_DAY, "runtime_minutes": 90.0},
            "default_artwork_id": artwork_id(play, 0),
        }
        for play in range(size.plays)
    ]
    artworks = [
        {
            "artwork_id": artwork_id(*divmod(at, size.posters)),
            "title_id": at // size.posters + 1,
            "path": where,
            "added_day": FIRST_DAY,
        }
        for at, where in enumerate(paths)
    ]
    looks, schema = theatre.posters.looks.astype(np.float32), SCHEMA
    if as_tags:
        looks, schema = np.ones((len(looks), 1), np.float32), replace(SCHEMA, artworks=AS_TAGS)
        for artwork, own in zip(artworks, _tags(theatre), strict=True):
            artwork["own"] = own
    np.save(folder / EMBEDDINGS, looks)
    tables = (pa.Table.from_pylist(titles, TITLES), pa.Table.from_pylist(artworks, ARTWORKS))
    Catalogue(folder, *tables).write()
    write_schema(folder, schema)
    return Catalogue.read(folder)


def _tags(theatre: Theatre) -> list[list[tuple[str, dict[str, object]]]]:
    """Of each poster, entries of OWN: the facts of `AS_TAGS`."""
    posters = theatre.posters
    return [
        [
            ("motif", {"names": [MOTIFS[motif]]}),
            ("palette", {"name": PALETTES[palette]}),
            ("figures", {"names": [FIGURES[figures]]}),
        ]
        for motif, palette, figures in zip(
            posters.motif, posters.palette, posters.figures, strict=True
        )
    ]


def facts_of(theatre: Theatre, visitor: Int[np.ndarray, " rows"]) -> pa.StructArray:
    """What is known of visitors, as FACTS."""
    of, count = theatre.visitors, len(visitor)
    born = of.born[visitor].astype(float)
    liked = of.liked[visitor]
    names = np.array(MOTIFS, object)
    own = {
        "born": pa.array(np.where(born > 0, born, np.nan), from_pandas=True),
        "quarter": pa.array(np.array(QUARTERS, object)[of.quarter[visitor]]),
        "seat": pa.array(np.array(SEATS, object)[of.seat[visitor]]),
        "likes": pa.array([names[row].tolist() for row in liked], pa.list_(pa.string())),
        "taste": pa.array(of.taste[visitor].tolist(), pa.list_(pa.float64())),
    }
    known = {"own": fold(own, None, count)[0]}
    fields = [known.get(field.name, pa.nulls(count, field.type)) for field in FACTS]
    return pa.StructArray.from_arrays(fields, fields=list(FACTS))


def write_examples(theatre: Theatre, rows: Rows, folder: Path) -> Path:
    """The log as examples; those of the editor's rule have propensity 1."""
    count, each = len(rows.second), theatre.size.posters
    ids = [artwork_id(*divmod(at, each)) for at in range(theatre.size.plays * each)]
    flat = (rows.play[:, None] * each + np.arange(each)).ravel()
    candidates = pa.ListArray.from_arrays(
        np.arange(count + 1, dtype=np.int32) * each, pa.array(ids).take(pa.array(flat))
    )
    columns = {
        "decision_id": pa.array([f"{theatre.seed}-{at}" for at in range(count)]),
        "time": pa.array(midnight_us(FIRST_DAY) + DAY_US + rows.second * 1_000_000),
        "profile_id": pa.array([f"v-{who}" for who in rows.visitor.tolist()]),
        "title_id": pa.array(rows.play + 1),
        "facts": facts_of(theatre, rows.visitor),
        "candidates": candidates,
        "action": pa.array(ids).take(pa.array(rows.play * each + rows.shown)),
        "propensity": pa.array(np.where(rows.drawn, 1 / each, 1.0)),
        "policy": pa.array(np.where(rows.drawn, "lottery", "editor")),
        "level": pa.array(np.where(rows.drawn, "personalised", "unpersonalised")),
        "played": pa.array(rows.reward > 0),
        "minutes": pa.array(np.zeros(count, np.float32)),
        "reward": pa.array(rows.reward),
        "reward_name": pa.array(["reward"] * count),
        "impressions": pa.array(np.ones(count, np.int32)),
        "schema_version": pa.array(np.full(count, SCHEMA_VERSION, np.int16)),
    }
    there = [columns.get(f.name, pa.nulls(count, f.type)) for f in EXAMPLES]
    folder.mkdir(parents=True, exist_ok=True)
    made = [a.cast(f.type) for a, f in zip(there, EXAMPLES, strict=True)]
    pq.write_table(pa.table(made, schema=EXAMPLES), folder / "part-0.parquet")
    return folder
