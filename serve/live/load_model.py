"""Everything the live service decides with, loaded, checked and warmed."""

import logging
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import UInt8

from bandit.draws import Epochs
from data.assets.assets import Assets
from data.bundle.belonging import refuse_foreign
from data.catalogue import Catalogue
from data.check.known import title_named
from data.days import day_number
from data.errors import BadInput
from data.images.canvases import canvas_pictures
from data.images.format import ImageFormat
from data.images.left_out import left_out_words
from data.pictures import MAIN
from data.records import FACTS, TitleId
from data.rules.traits import ArtworkTraits
from serve.live import metrics
from serve.live.schema import ScoredImage
from serve.live.shown.joint_rows import JointRows
from serve.live.shown.page_assets import PageAssets
from serve.live.snapshot import LiveModel
from serve.maps.layout import Layout
from serve.pictures.catalogue_pictures import pictures_of_layout
from serve.pictures.file_mark import FileMark
from serve.scoring.artwork_vectors import (
    Shown,
    refuse_no_numbers,
    refuse_pixels_alone,
    scored_artworks,
)
from serve.scoring.asset_bank import AssetBank
from serve.scoring.bundle_members import BundleMembers
from serve.scoring.scored import Artworks
from serve.scoring.scorer import Scorer
from serve.scoring.served_policy import ServedPolicy
from serve.scoring.unpersonalised import unpersonalised_best

LOG = logging.getLogger(__name__)


class LiveRows(NamedTuple):
    """Whether pages are decided as rows, and how."""

    on: bool = False
    """Where the bundle knows what neighbours do; and decisions are logged with their pages."""
    most_alike: int = 0
    """Images of a page that may be alike; 0: as many as may be."""


NO_ROWS = LiveRows()


def load_live(
    bundle: Path,
    catalogue_folder: Path,
    cache: Path,
    day: date,
    base_url: str = "",
    epoch_days: int = Epochs.days,
    foreign: bool = False,
    rows: LiveRows = NO_ROWS,
) -> LiveModel:
    """Everything the live service decides with, checked and warmed.

    Args:
        bundle: folder.
        catalogue_folder: with titles, artworks and images.
        cache: of decoded images.
        day: whose artwork is shown.
        base_url: put before each artwork's path.
        epoch_days: that a draw lasts.
        foreign: let a bundle decide that was trained on another catalogue.
        rows: whether pages are decided as rows.

    Raises:
        ValueError: the bundle or the catalogue is not whole.
    """
    scorer = Scorer(bundle)
    catalogue = Catalogue.read(catalogue_folder)
    refuse_foreign(bundle, catalogue, foreign)
    image = scorer.manifest.image
    pictured = canvas_pictures(catalogue, MAIN if image is None else image.canvas).pictures
    named = zip(catalogue.artwork_ids, pictured, strict=True)
    files = {name: catalogue.root / picture.path for name, picture in named}
    marks = {name: FileMark.of(file) for name, file in files.items()}  # of before it is tried
    shown = Shown.of(scorer, catalogue, cache)
    _say(shown)
    layout = Layout.of_catalogue(catalogue.titles, shown.artworks, day_number(day))
    members = BundleMembers(scorer)
    artworks = scored_artworks(scorer, catalogue, layout.artwork_ids, cache, shown.images)
    model = LiveModel(
        ServedPolicy.of(scorer.manifest),
        layout,
        artworks.vectors,
        members,
        unpersonalised_best(bundle, layout),
        BundleImages(scorer, catalogue),
        base_url,
        # As precompute's by default: where both draw from the same facts they make the same draw.
        Epochs(epoch_days),
        {files[name]: marks[name] for name in shown.left_out},
        planned=members,
        declared=scorer.spec.declared.requested,
        pictures=pictures_of_layout(catalogue, layout.artwork_ids),
        traits=ArtworkTraits.of(catalogue),
        names=artworks.names,
        joint=_joint(scorer, layout, artworks, rows.most_alike) if rows.on else None,
        paged=rows.on,
        assets=_assets(scorer, layout, catalogue, artworks, day, base_url),
    )
    model.members.functionals_of(pa.array([{}], FACTS))
    return model


# What a bundle and a catalogue have of it.
def _assets(
    scorer: Scorer,
    layout: Layout,
    catalogue: Catalogue,
    artworks: Artworks,
    day: date,
    base_url: str,
) -> PageAssets | None:
    """What titles can be shown with beside their artwork; None: the catalogue has nothing."""
    assets = Assets.read(catalogue)
    if not len(assets.table):
        return None
    bank = AssetBank.of(scorer.asset_terms, assets)
    return PageAssets.of(bank, assets, layout, artworks.vectors, day, base_url)


def _say(shown: Shown) -> None:
    """Count and tell what cannot be shown, and what is read as of another canvas."""
    metrics.LEFT_OUT.set(len(shown.left_out))
    metrics.READ_AS_OTHER.set(len(shown.other_canvas))
    for words in [*left_out_words(shown.left_out), *shown.canvas_words]:
        LOG.warning("%s", words)


def _joint(scorer: Scorer, layout: Layout, artworks: Artworks, most_alike: int) -> JointRows | None:
    """What pages are decided by as rows; None: the bundle knows of nothing that neighbours do.

    Raises:
        BadInput: a limit is asked for, and the bundle does not know which images are alike.
    """
    pairs = scorer.row_pairs
    if pairs is None and most_alike:
        raise BadInput(
            f"--most-alike {most_alike}: bundle {scorer.bundle_id} does not know which images are"
            " alike; train it with --rows.learn true"
        )
    if pairs is None or (pairs.nothing and not most_alike):
        return None
    calibration = scorer.manifest.calibration
    return JointRows.of(pairs, calibration, layout, artworks, most_alike)


class BundleImages:
    """A bundle's `ImageModel`, for titles of a catalogue."""

    def __init__(self, scorer: Scorer, catalogue: Catalogue) -> None:
        self.scorer, self.catalogue = scorer, catalogue

    @property
    def format(self) -> ImageFormat:
        """See `ImageModel`."""
        size = self.scorer.manifest.image
        if size is None:
            raise BadInput(
                f"bundle {self.scorer.bundle_id} has no image encoder; it cannot score an image"
            )
        return size

    def score(self, picture: UInt8[np.ndarray, "3 height width"], title_id: TitleId) -> ScoredImage:
        """See `ImageModel`."""
        scorer, catalogue = self.scorer, self.catalogue
        refuse_pixels_alone(scorer)
        title_id = title_named(catalogue, title_id)
        embedding = scorer.embed(picture[None])
        refuse_no_numbers(scorer, embedding, ["this picture"])
        row = catalogue.artworks.slice(0, 1).to_pylist()[0] | {
            "artwork_id": "new",
            "title_id": title_id,
            "cast_shown": None,
            "tone": None,
            "own": None,
        }
        artworks = pa.Table.from_pylist([row], catalogue.artworks.schema)
        vector = scorer.vectors(embedding, catalogue.titles, artworks)[0]
        return ScoredImage(
            title_id=title_id, vector=vector.tolist(), embedding=embedding[0].tolist()
        )
