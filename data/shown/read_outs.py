"""All that is read of pictures, fitted once at training; it travels in the bundle.

Features of zeros alone stand for a picture that cannot be had: nothing is read of it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int, UInt64
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from data.errors import BadInput
from data.features import FeatureSpec
from data.shown.catalogue_sets import CatalogueSets
from data.shown.cross_fitted import CrossFitted, title_keys
from data.shown.directions import SAMPLE, Directions
from data.shown.guessed_names import Gallery, GuessedNames, Likeness, guess_names
from data.shown.set_read_outs import FOREIGN, ArtworkSet, SetSeen, TitleSet

READ_OUTS = "shown.safetensors"
"""Name of the file in a bundle."""
VERSION = 1


class Group(NamedTuple):
    """Columns that belong together, and have a scale of their own."""

    name: str
    """`titles.genres shown`, `titles.genres foreign`, `artworks.tone`."""
    width: int
    names: tuple[str, ...] = ()
    """What each column is of."""


def shown_group(of: str) -> str:
    """The group of what is shown of a set of titles."""
    return f"{of} shown"


class ShownColumns(NamedTuple):
    """What is read of each artwork's picture."""

    columns: Float[np.ndarray, "artworks columns"]
    groups: tuple[Group, ...]
    """Of the columns, from the first."""
    guessed: GuessedNames
    """Whom untagged artworks show."""

    def of(self, name: str) -> Float[np.ndarray, "artworks width"]:
        """The columns of a group.

        Raises:
            KeyError: there is none of that name.
        """
        start = 0
        for group in self.groups:
            if group.name == name:
                return self.columns[:, start : start + group.width]
            start += group.width
        raise KeyError(name)

    def at(self, rows: Int[np.ndarray, " artworks"], count: int) -> "ShownColumns":
        """The same as rows of so many, of the others of which nothing is read."""
        columns = np.zeros((count, self.columns.shape[1]), np.float32)
        columns[rows] = self.columns
        guessed = self.guessed._replace(row=rows[self.guessed.row])
        return self._replace(columns=columns, guessed=guessed)


@dataclass(frozen=True)
class ReadOuts:
    """Read-outs of every set that a catalogue has, and of names."""

    directions: Directions
    titles: tuple[TitleSet, ...]
    artworks: tuple[ArtworkSet, ...]
    likeness: Likeness
    gallery: Gallery
    """Tagged pictures of the catalogue that was fitted to."""
    met: UInt64[np.ndarray, " titles"]
    """Keys of its titles, sorted."""

    @classmethod
    def fit(
        cls,
        features: Float[np.ndarray, "artworks features"],
        spec: FeatureSpec,
        titles: pa.Table,
        artworks: pa.Table,
        comparable: int = 0,
    ) -> "ReadOuts":
        """Fit to a catalogue; no reward is asked for.

        Args:
            features: of each artwork's picture, as an encoder gives them. Where all are alike,
                tags are read alone, as they are.
            spec: with the names that training knows.
            titles: as TITLES.
            artworks: as ARTWORKS; row i has features i.
            comparable: how many features, the first, are on one scale as they are.
        """
        there = np.flatnonzero(features.any(1))
        features, artworks = features[there], artworks.take(pa.array(there))
        some = _some(len(artworks))
        whole = CatalogueSets.of(spec, titles, artworks)
        keys = title_keys(titles["title_id"].to_pylist())
        met = np.unique(keys)
        few = CatalogueSets.of(spec, titles, artworks.take(pa.array(some))).telling()
        directions = Directions.of(features[some], comparable)
        seen = SetSeen(directions(features[some]), keys[few.title_of], met)
        of_titles = [TitleSet.of(seen, few, one) for one in few.titles]
        of_artworks = [ArtworkSet.of(seen, one) for one in few.artworks]
        likeness = Likeness.of(seen.x, few)
        if not seen.x.shape[1]:  # nobody can be known by nothing
            whole = whole._replace(tagged=[[] for _ in whole.tagged])
        return cls(
            directions,
            tuple(one for one in of_titles if one is not None),
            tuple(one for one in of_artworks if one is not None),
            likeness,
            Gallery.of(likeness(directions(features)), whole).kept(),
            met,
        )

    def __bool__(self) -> bool:
        """Whether anything is read at all."""
        return bool(self.groups or self.gallery.names)

    @property
    def words(self) -> str:
        """What is read, in words."""
        sets = [f"{one.name} ({len(one.names)})" for one in (*self.titles, *self.artworks)]
        names = len(set(self.gallery.names))
        parts = [*sets, *([f"who is shown, of {names:,} names by tags"] if names else [])]
        return f"read of each picture: {', '.join(parts)}"

    @property
    def groups(self) -> tuple[Group, ...]:
        """Of the columns that `read` gives, whatever the catalogue."""
        of_titles = [
            group
            for one in self.titles
            for group in (
                Group(shown_group(one.name), len(one.names), one.names),
                Group(f"{one.name} foreign", FOREIGN),
            )
        ]
        return (
            *of_titles,
            *(Group(one.name, len(one.names), one.names) for one in self.artworks),
        )

    def gallery_of(
        self,
        features: Float[np.ndarray, "artworks features"],
        spec: FeatureSpec,
        titles: pa.Table,
        artworks: pa.Table,
    ) -> Gallery:
        """Tagged pictures of a catalogue, beside those that were fitted to.

        Args:
            features: of each artwork's picture.
            spec: of the bundle.
            titles: as TITLES.
            artworks: as ARTWORKS; row i has features i.
        """
        there = np.flatnonzero(features.any(1))
        sets = CatalogueSets.of(spec, titles, artworks.take(pa.array(there)))
        x = self.directions(features[there])
        if not x.shape[1]:
            return self.gallery
        return self.gallery.beside(Gallery.of(self.likeness(x), sets))

    def read(
        self,
        features: Float[np.ndarray, "artworks features"],
        spec: FeatureSpec,
        titles: pa.Table,
        artworks: pa.Table,
        gallery: Gallery | None = None,
    ) -> ShownColumns:
        """What any artworks show, met in training or not.

        Args:
            features: of each artwork's picture.
            spec: of the bundle.
            titles: as TITLES; holds every title that `artworks` names.
            artworks: as ARTWORKS; row i has features i.
            gallery: tagged pictures to know names by; None: those of `artworks`, and those that
                were fitted to.
        """
        there = np.flatnonzero(features.any(1))
        if len(there) < len(features):
            some = artworks.take(pa.array(there))
            return self.read(features[there], spec, titles, some, gallery).at(there, len(features))
        sets = CatalogueSets.of(spec, titles, artworks)
        x = self.directions(features)
        seen = SetSeen(x, title_keys(titles["title_id"].to_pylist())[sets.title_of], self.met)
        of_titles = {one.name: one.shares for one in sets.titles}
        of_artworks = {one.name: one for one in sets.artworks}
        columns = [np.zeros((len(artworks), 0), np.float32)]
        for one in self.titles:
            columns += one.read(seen, of_titles[one.name][sets.title_of])
        columns += [one.read(seen, of_artworks[one.name]) for one in self.artworks]
        likeness = self.likeness(x)
        if gallery is None:
            gallery = self.gallery
            if x.shape[1]:
                gallery = gallery.beside(Gallery.of(likeness, sets))
        guessed = guess_names(likeness, sets, gallery, np.flatnonzero(sets.untagged))
        return ShownColumns(np.concatenate(columns, axis=1), self.groups, guessed)

    def write(self, file: Path) -> None:
        """As safetensors: numbers, and names as text beside them."""
        arrays: dict[str, np.ndarray] = {
            "directions": self.directions.matrix,
            "shift": self.directions.shift,
            "likeness": self.likeness.matrix,
            "gallery": self.gallery.rows.astype(np.float16),
            "met": self.met.view(np.int64),
        }
        said: dict[str, object] = {"version": VERSION, "gallery": self.gallery.names}
        for part, sets in (("titles", self.titles), ("artworks", self.artworks)):
            said[part] = [{"name": one.name, "names": one.names} for one in sets]
            for at, one in enumerate(sets):
                arrays[f"{part}.{at}.base"] = one.base
                if one.fit is not None:
                    arrays[f"{part}.{at}.weights"] = one.fit.weights
        metadata = {"read_outs": json.dumps(said)}
        save_file({k: np.ascontiguousarray(v) for k, v in arrays.items()}, file, metadata)

    @classmethod
    def read_from(cls, file: Path) -> "ReadOuts":
        """What `write` wrote.

        Raises:
            BadInput: it is not that.
        """
        try:
            with safe_open(file, framework="numpy") as opened:
                arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
                said = json.loads((opened.metadata() or {})["read_outs"])
            if said["version"] != VERSION:
                raise ValueError(f"version {said['version']}, this code reads {VERSION}")
            return cls._of(arrays, said)
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise BadInput(
                f"{file} holds no read-outs of pictures ({error!s:.160}); train and export again"
            ) from None

    @classmethod
    def _of(cls, arrays: Mapping[str, np.ndarray], said: Mapping) -> "ReadOuts":
        titles = [
            TitleSet(
                one["name"],
                tuple(one["names"]),
                arrays[f"titles.{at}.base"],
                CrossFitted(arrays[f"titles.{at}.weights"]),
            )
            for at, one in enumerate(said["titles"])
        ]
        artworks = [
            ArtworkSet(
                one["name"],
                tuple(one["names"]),
                arrays[f"artworks.{at}.base"],
                None if (fit := arrays.get(f"artworks.{at}.weights")) is None else CrossFitted(fit),
            )
            for at, one in enumerate(said["artworks"])
        ]
        return cls(
            Directions(arrays["directions"], arrays["shift"]),
            tuple(titles),
            tuple(artworks),
            Likeness(arrays["likeness"]),
            Gallery(list(said["gallery"]), arrays["gallery"].astype(np.float32)),
            arrays["met"].view(np.uint64),
        )


def _some(count: int) -> np.ndarray:
    """Rows to fit to: all, or as many as are needed, spread evenly."""
    if count <= SAMPLE:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, SAMPLE).astype(np.int64))
