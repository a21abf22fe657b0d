"""Parts of what is read of pictures, each switched off in training and in scoring alike."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from data.features import FeatureSpec
from data.shown.catalogue_sets import GENRES, TONE
from data.shown.guessed_names import Gallery
from data.shown.matches import ShownMatch
from data.shown.read_outs import ReadOuts, ShownColumns, shown_group
from model.training.featurise import Preparation

NAMES, MATCH, ALL = "guessed names", "match", "all read-outs"
GROUPS = {
    "genres": (shown_group(GENRES), f"{GENRES} foreign"),
    "foreign": (f"{GENRES} foreign",),
    "tone": (TONE,),
}
"""Part → groups of columns."""
PARTS = (*GROUPS, NAMES, MATCH, ALL)


@dataclass(frozen=True)
class WithoutPart(ReadOuts):
    """Read-outs of which a part says nothing."""

    part: str = ""

    def read(
        self,
        features: np.ndarray,
        spec: FeatureSpec,
        titles: pa.Table,
        artworks: pa.Table,
        gallery: Gallery | None = None,
    ) -> ShownColumns:
        """See `ReadOuts`; numbers of the part are 0."""
        shown = super().read(features, spec, titles, artworks, gallery)
        columns, start = shown.columns.copy(), 0
        for group in shown.groups:
            if group.name in GROUPS.get(self.part, ()):
                columns[:, start : start + group.width] = 0
            start += group.width
        guessed = shown.guessed
        if self.part == NAMES:
            none = [of[:0] for of in (guessed.row, guessed.code, guessed.probability)]
            guessed = guessed._replace(row=none[0], code=none[1], probability=none[2])
        return shown._replace(columns=columns, guessed=guessed)


def without(part: str, read_outs: ReadOuts | None) -> ReadOuts | None:
    """The same without a part; "": with all."""
    if part in ("", MATCH) or read_outs is None:
        return read_outs
    return None if part == ALL else WithoutPart(**vars(read_outs), part=part)


@dataclass(frozen=True)
class PreparationWithout(Preparation):
    """Examples without a part of what is read of pictures."""

    part: str = ""

    def reading(self, comparable: int) -> Preparation:
        """See `Preparation`."""
        whole = super().reading(comparable)
        return replace(whole, read_outs=without(self.part, whole.read_outs))

    @property
    def matches(self) -> tuple[ShownMatch, ...]:
        """See `Preparation`."""
        return () if self.part == MATCH else super().matches
