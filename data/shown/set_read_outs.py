"""What pictures show of a set: of one that titles have, or that artworks are tagged with."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt64

from data.shown.catalogue_sets import TONE, CatalogueSets, NamedShares
from data.shown.cross_fitted import CrossFitted
from data.shown.labels import labels_of_tags, labels_of_titles
from data.shown.partial_softmax import softmax

LEAST_MIX = 0.02
"""What a name that the title has not may count as shown: misleading artwork exists."""
LEAST_LABELLED = 20
"""Labelled pictures below which there is no read-out."""
FOREIGN = 3
"""Numbers of the share foreign to a title."""
SURE = 1e-4
"""Shares nearer to 0 or 1 have the logit of this one."""


class SetSeen(NamedTuple):
    """Pictures as read-outs see them."""

    x: Float[np.ndarray, "pictures directions"]
    title: UInt64[np.ndarray, " pictures"]
    """Key of each one's title."""
    met: UInt64[np.ndarray, " titles"]
    """Keys of the titles that read-outs were fitted to, sorted."""


class TitleSet(NamedTuple):
    """Which of a title's names a picture shows: genres, or a declared set of titles."""

    name: str
    names: tuple[str, ...]
    base: Float[np.ndarray, " names"]
    """Mean share over titles: the mix of those of which nothing is said."""
    fit: CrossFitted

    @classmethod
    def of(cls, seen: SetSeen, sets: CatalogueSets, one: NamedShares) -> "TitleSet | None":
        """Fit to a catalogue's pictures; None: too few of them have a title that says anything."""
        labels = labels_of_titles(sets, one.shares)
        if len(np.unique(labels.picture)) < LEAST_LABELLED or not seen.x.shape[1]:
            return None
        said = one.shares[one.shares.sum(1) > 0]
        base = (said / said.sum(1, keepdims=True)).mean(0)
        fit = CrossFitted.of(seen.x, labels, seen.title)
        return cls(one.name, one.names, base.astype(np.float32), fit)

    def read(
        self, seen: SetSeen, shares: Float[np.ndarray, "pictures names"]
    ) -> tuple[Float[np.ndarray, "pictures names"], Float[np.ndarray, "pictures 3"]]:
        """What is shown in contrast to what the title is, and the share foreign to the title.

        The latter as shares among all names, with the title's mix and without it, and as the
        logit of the last.

        Args:
            seen: pictures.
            shares: of each one's title.
        """
        logits = self.fit.logits(seen.x, seen.title, seen.met)
        total = shares.sum(1, keepdims=True)
        mix = np.where(total > 0, shares / np.maximum(total, 1e-9), self.base)
        shown = softmax(logits + np.log(mix + LEAST_MIX))
        foreign = mix == 0
        inside, alone = ((share * foreign).sum(1) for share in (shown, softmax(logits)))
        sure = np.clip(alone, SURE, 1 - SURE)
        numbers = np.stack([inside, alone, np.log(sure / (1 - sure))], 1)
        return (shown - mix).astype(np.float32), numbers.astype(np.float32)


class ArtworkSet(NamedTuple):
    """Which tags a picture has, or might have: the tone, or a declared set of artworks."""

    name: str
    names: tuple[str, ...]
    base: Float[np.ndarray, " names"]
    """Mean share over tagged artworks."""
    fit: CrossFitted | None
    """None: nothing is guessed, for few are tagged or pictures have no features."""

    @classmethod
    def of(cls, seen: SetSeen, one: NamedShares) -> "ArtworkSet | None":
        """Fit to a catalogue's pictures.

        None: nobody tagged any, or nothing is guessed and what is declared is read already.
        """
        tagged = one.shares.sum(1) > 0
        if not tagged.any():
            return None
        base = one.shares[tagged].mean(0)
        enough = tagged.sum() >= LEAST_LABELLED and not tagged.all() and seen.x.shape[1] > 0
        labels = labels_of_tags(one.shares)
        if not enough and one.name != TONE:
            return None
        fit = CrossFitted.of(seen.x, labels, seen.title) if enough else None
        return cls(one.name, one.names, base.astype(np.float32), fit)

    def read(self, seen: SetSeen, tags: NamedShares) -> Float[np.ndarray, "pictures names"]:
        """Tags as they are, guessed where nobody tagged, in contrast to what is usual.

        Args:
            seen: pictures.
            tags: of each.
        """
        found, untagged = tags.shares - self.base, ~tags.known
        found[untagged] = 0.0
        if self.fit is not None and untagged.any():
            some = seen._replace(x=seen.x[untagged], title=seen.title[untagged])
            found[untagged] = softmax(self.fit.logits(*some)) - self.base
        return found.astype(np.float32)
