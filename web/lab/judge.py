"""What images that were sent would earn a title, and what they are like."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from urllib.parse import urlencode

from data import clock
from data.errors import BadInput
from data.images.canvases import canvas_aspects
from data.images.decode import load_image, thumbnail, upright_size
from data.records import TitleId
from evaluate.new_artwork.audience import NewMembers
from evaluate.new_artwork.records import NewArtwork
from evaluate.new_artwork.value_images import value_images
from evaluate.new_artwork.what_is_known import what_is_known
from serve.scoring.scorer import Scorer
from web.lab.cautions import SMALL, cautions
from web.lab.looks import SHOWN, CatalogueLooks
from web.lab.uploads import Upload
from web.view.catalogue_view import CatalogueView, NamedTitle
from web.view.logged import Logged

MOST = 12
"""Images that are judged at once."""
USUAL = {"16:9": 16 / 9, "2:3": 2 / 3, "1:1": 1.0}
"""Canvases where a catalogue names none."""


@dataclass(frozen=True)
class Neighbour:
    """An artwork that looks like a picture, and how it did."""

    artwork_id: str
    title_id: TitleId
    title: str
    draws: int
    reward: float
    """Of a draw, weighted by how likely each draw was; 0 where there is none."""
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Crop:
    """A canvas, and where the picture is as it would be cropped for it."""

    name: str
    address: str


@dataclass(frozen=True)
class AboutImage:
    """What an image is like, whatever it would earn."""

    image: str
    """Its digest, by which addresses name it."""
    name: str
    """Of the file that was sent."""
    warnings: list[str]
    neighbours: list[Neighbour]
    canvases: list[Crop]


@dataclass(frozen=True)
class LabAnswer:
    """Images for a title, judged by a bundle."""

    bundle: str
    title: NamedTitle
    value: NewArtwork
    """What they would earn; `images` are named by their digests."""
    about: list[AboutImage]
    words: list[str]
    """What to know before reading any number."""


class Lab:
    """Judges images with what is published.

    Args:
        cache: of decoded images and embeddings.
        examples: joined examples, which say how neighbours did; None: no log is known.
    """

    def __init__(self, cache: Path, examples: Path | None) -> None:
        self.cache, self.examples = cache, examples
        self._one = Lock()
        self._of: tuple[CatalogueView, CatalogueLooks] | None = None

    def answer(
        self,
        view: CatalogueView,
        title: NamedTitle,
        images: Sequence[Upload],
        audience: NewMembers | None,
    ) -> LabAnswer:
        """Judge images as candidates of a title, as `python -m evaluate candidates` does.

        The title's level is what training had of it.

        Raises:
            BadInput: no image or too many, nobody to judge for, or a bundle that reads no pixels.
        """
        unique = list({image.digest: image for image in images}.values())
        if not unique:
            raise BadInput("no image was sent; choose at least one file")
        if len(unique) > MOST:
            raise BadInput(f"{len(unique)} images were sent; send at most {MOST} at once")
        if audience is None:
            raise BadInput("nobody is known to judge for; start the pages with --profiles")
        with self._one:  # one at a time: others' answers are not slowed by more than a core
            looks = self._looks(view)
            known = what_is_known(looks.scorer, view.catalogue, title.title_id, None, self.cache)
            value = value_images(
                looks.scorer,
                view.catalogue,
                title.title_id,
                [image.file for image in unique],
                audience,
                clock.today(),
                self.cache,
                known,
            )
            about = [self._about(view, looks, title.title_id, image) for image in unique]
        named = _by_digest(value, unique)
        return LabAnswer(view.model.policy.bundle, title, named, about, value.words)

    def warm(self, view: CatalogueView) -> None:
        """Look at the whole catalogue, so that no answer need wait for it."""
        with self._one:
            self._looks(view).warm()

    def looks(self, view: CatalogueView) -> CatalogueLooks:
        """The catalogue as its bundle sees it; who judges at the moment is waited for."""
        with self._one:
            return self._looks(view)

    def _looks(self, view: CatalogueView) -> CatalogueLooks:
        """Those of a view, made when it is new."""
        if self._of is None or self._of[0] is not view:
            scorer = Scorer(view.folder, threads=1, judging=True)
            self._of = view, CatalogueLooks(scorer, view.catalogue, self.cache)
        return self._of[1]

    def _about(
        self, view: CatalogueView, looks: CatalogueLooks, title: TitleId, image: Upload
    ) -> AboutImage:
        assert looks.shape is not None
        pixels = load_image(image.file, looks.shape)
        nearest = looks.nearest(pixels)
        size = upright_size(image.file.read_bytes(), image.name)
        words = cautions(
            thumbnail(image.file, SMALL, SMALL),
            size,
            looks.same(pixels, nearest),
            looks.unlike(title, nearest),
        )
        others = [at for at in nearest if looks.owners[at] != title][:SHOWN]
        logged = Logged.read(self.examples, list({looks.owners[at] for at in others}))
        names = dict(
            zip(view.catalogue.title_ids, view.catalogue.titles["name"].to_pylist(), strict=True)
        )
        neighbours = [
            Neighbour(
                looks.names[at],
                looks.owners[at],
                names[looks.owners[at]],
                *logged.of(looks.names[at]),
            )
            for at in others
        ]
        known = {name: ratio for name, ratio in canvas_aspects(view.catalogue).items() if ratio}
        canvases = known if len(known) > 1 else USUAL
        crops = [
            Crop(name, f"/lab/picture?{urlencode({'image': image.digest, 'aspect': f'{r:.4f}'})}")
            for name, r in canvases.items()
        ]
        return AboutImage(image.digest, image.name, words, neighbours, crops)


def _by_digest(value: NewArtwork, images: Sequence[Upload]) -> NewArtwork:
    """The same with images named by their digests: where they are kept is nobody's business."""
    names = {str(image.file): image.digest for image in images}
    return replace(
        value,
        images=[replace(one, image=names[one.image]) for one in value.images],
        curve=[replace(one, artwork=names.get(one.artwork, one.artwork)) for one in value.curve],
    )
