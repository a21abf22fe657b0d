"""What pages show: the published bundle on a catalogue, whole, as of one moment."""

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from threading import Lock

import pyarrow as pa

from bandit.draws import Epochs
from bandit.head_policy import HeadPolicy
from data import clock
from data.catalogue import Catalogue
from data.check.known import title_named
from data.errors import BadInput
from data.records import TitleId
from serve.live.load_model import load_live
from serve.live.reload import ModelSource
from serve.live.shown.follow_rules import RulesFile
from serve.live.snapshot import LiveModel

A_ROW, GENRE_ROWS = 20, 8
"""Titles of a row, at most; rows by genre."""


@dataclass(frozen=True)
class NamedTitle:
    """A title as pages name it."""

    title_id: TitleId
    name: str
    genres: list[str]
    popularity: float


@dataclass(frozen=True)
class TitleRow:
    """Titles beside each other."""

    name: str
    title_ids: list[TitleId]


@dataclass(frozen=True)
class CatalogueView:
    """A bundle's model and the catalogue that it was loaded with; never changes."""

    model: LiveModel
    catalogue: Catalogue
    folder: Path
    """Of the bundle."""

    @cached_property
    def titles(self) -> dict[TitleId, NamedTitle]:
        """Those that have a candidate today that rules leave, in the layout's order."""
        columns = ("title_id", "name", "genres", "popularity")
        table = self.catalogue.titles.select(columns).to_pylist()
        known = {row["title_id"]: NamedTitle(**row) for row in table}
        every = self.model.layout.title_ids.tolist()
        return {title: known[title] for title in every if title in self.model.fallback}

    @cached_property
    def rows(self) -> list[TitleRow]:
        """A home page of its own kind: which rows members see, a recommender decides.

        The titles watched most, then genres with most titles, each title once; last those that
        fewest know.
        """
        titles = sorted(self.titles.values(), key=lambda title: -title.popularity)
        first = [title.title_id for title in titles[:A_ROW]]
        last = [title.title_id for title in titles[A_ROW:][-A_ROW:]]
        rows, taken = [TitleRow("Watched most", first)], {*first, *last}
        genres = defaultdict[str, list[TitleId]](list)
        for title in titles:
            for genre in title.genres:
                genres[genre].append(title.title_id)
        for genre, there in sorted(genres.items(), key=lambda item: -len(item[1])):
            fresh = [title for title in there if title not in taken][:A_ROW]
            if len(fresh) > 2 and len(rows) <= GENRE_ROWS:
                rows.append(TitleRow(genre[:1].upper() + genre[1:], fresh))
                taken |= set(fresh)
        return [*rows, TitleRow("Known by few", last)] if last else rows

    def title(self, text: str) -> NamedTitle:
        """The title that an address names.

        Raises:
            BadInput: the catalogue has none of that id, or nothing of it can be shown today.
        """
        title = title_named(self.catalogue, text)
        if title not in self.titles:
            raise BadInput(f"title {title!r:.60} has no artwork that can be shown today")
        return self.titles[title]

    @cached_property
    def greedy(self) -> LiveModel:
        """The same model under the same rules, which explores nothing."""
        policy = self.model.policy._replace(head_policy=HeadPolicy("greedy"))
        return replace(self.model, policy=policy).with_rules(self.model.rules)

    @cached_property
    def shape(self) -> str:
        """How pages frame artwork: tall, square, or as wide as a screen (empty)."""
        images = self.model.images
        try:
            ratio = 16 / 9 if images is None else images.format.width / images.format.height
        except ValueError:  # a bundle of embeddings
            return ""
        return "tall" if ratio < 0.85 else "square" if ratio < 1.2 else ""

    @cached_property
    def sees(self) -> bool:
        """Whether the bundle reads pixels, so that parts of an image count."""
        try:
            return self.model.images is not None and self.model.images.format is not None
        except ValueError:  # a bundle of embeddings
            return False

    @cached_property
    def artworks(self) -> pa.Table:
        """All artworks of the catalogue, withdrawn ones as well, as ARTWORKS."""
        return self.catalogue.artworks

    @cached_property
    def paths(self) -> dict[str, str]:
        """Artwork → the file of its main picture, within the catalogue."""
        return dict(zip(self.catalogue.artwork_ids, self.artworks["path"].to_pylist(), strict=True))


class FollowedView:
    """The view of what is published now; the one before stays while a new one is no good.

    Args:
        bundles: folder whose `current` points at the bundle.
        catalogue: folder.
        cache: of decoded images.
        foreign: let a bundle decide that was trained on another catalogue.
        rules: that hold; None: there are none.
    """

    def __init__(
        self,
        bundles: Path,
        catalogue: Path,
        cache: Path,
        foreign: bool,
        rules: Path | None = None,
    ) -> None:
        self.bundles, self.catalogue, self.cache = bundles, catalogue, cache
        self.view: CatalogueView | None = None
        self._loaded, self._one = bundles, Lock()

        def load(bundle: Path) -> LiveModel:
            days = Epochs.days
            model = load_live(bundle, catalogue, cache, clock.today(), "", days, foreign=foreign)
            self._loaded = bundle.resolve()
            return model

        def stamp() -> tuple[object, ...]:
            files = (catalogue / f"{name}.parquet" for name in ("titles", "artworks"))
            return (clock.today(), *(file.stat().st_mtime_ns for file in files))

        self.rules = RulesFile(rules, catalogue)
        followed = None if rules is None else self.rules
        self.source = ModelSource(bundles / "current", load, stamp, rules=followed)

    def look(self) -> None:
        """Take what is new."""
        with self._one:
            self.source.look()
            model = self.source.model
            if model is not None and (self.view is None or self.view.model is not model):
                self.view = CatalogueView(model, Catalogue.read(self.catalogue), self._loaded)
