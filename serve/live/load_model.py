"""Everything the live service decides with, loaded, checked and warmed."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from data.catalogue import Catalogue
from data.days import day_number
from data.errors import BadInput
from data.images.decode import decode
from serve.live.snapshot import LiveModel
from serve.maps.layout import Layout
from serve.scoring.open_bundle import (
    CanScore,
    artwork_vectors,
    describe,
    open_scorer,
    policy_of,
)
from serve.scoring.unpersonalised import unpersonalised_best


def load_live(
    bundle: Path, catalogue_folder: Path, cache: Path, day: date, base_url: str = ""
) -> LiveModel:
    """Everything the live service decides with, checked and warmed.

    Raises:
        ValueError: the bundle or the catalogue is not whole.
    """
    scorer = open_scorer(bundle)
    catalogue = Catalogue.read(catalogue_folder)
    layout = Layout.of_catalogue(catalogue.titles, catalogue.artworks, day_number(day))
    vectors = artwork_vectors(scorer, catalogue, layout, cache)

    def score_image(raw: bytes, title_id: int) -> dict[str, Any]:
        return _score_image(scorer, catalogue, raw, title_id)

    model = LiveModel(
        policy_of(scorer),
        layout,
        vectors,
        lambda facts: describe(scorer, facts),
        unpersonalised_best(bundle, layout),
        score_image,
        base_url,
    )
    model.describe(pa.array([{}], _facts_type()))
    return model


def _facts_type() -> pa.DataType:
    from data.records import FACTS

    return FACTS


def _score_image(
    scorer: CanScore, catalogue: Catalogue, raw: bytes, title_id: int
) -> dict[str, Any]:
    """An unseen image as a candidate of a title: its vector, and each artwork's likeness to it."""
    if title_id not in catalogue.title_ids:
        raise BadInput(f"title {title_id} is not in the catalogue; give one that is")
    size = scorer.manifest["image"]
    if size is None:
        raise BadInput(
            f"bundle {scorer.manifest['bundle_id']} has no image encoder; it cannot score an image"
        )
    picture = decode(raw, "sent", size["height"], size["width"])
    embedding = scorer.embed(picture[None])
    row = catalogue.artworks.slice(0, 1).to_pylist()[0] | {
        "artwork_id": "new",
        "title_id": title_id,
        "cast_shown": None,
        "tone": None,
    }
    artworks = pa.Table.from_pylist([row], catalogue.artworks.schema)
    vector = scorer.vectors(embedding, catalogue.titles, artworks)[0]
    return {"title_id": title_id, "vector": vector.tolist(), "embedding": embedding[0].tolist()}
