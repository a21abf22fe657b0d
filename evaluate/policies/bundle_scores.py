"""A bundle opened on a catalogue: what its heads say of artworks to members, through ONNX."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from bandit.head_policy import HeadPolicy
from bandit.probabilities import score_probabilities
from bandit.take_probability import take_probabilities
from data.catalogue import Catalogue
from data.errors import BadInput
from data.features import context_features
from data.images.cache import image_cache
from serve.scoring.artwork_vectors import beside, embedded, refuse_no_numbers
from serve.scoring.scored import Artworks, ScoredMembers
from serve.scoring.scorer import Scorer
from simulate.world.catalogue_truth import CatalogueTruth
from simulate.world.true_attributes import artwork_attributes

BLOCK = 1 << 20
"""Scores held at a time: memory does not grow with the log."""


@dataclass(frozen=True)
class BundleScores:
    """A bundle's scorer, and what it says of each artwork of a catalogue, in file order."""

    scorer: Scorer
    artworks: Artworks
    left_out: Mapping[str, str] = field(default_factory=dict)
    """artwork_id → why it has no image; nothing that is said of it means anything."""

    @property
    def epsilon(self) -> float:
        """Share of uniform exploration in the bundle's policy."""
        return self.scorer.manifest.policy.head_policy.epsilon

    def members(self, facts: pa.StructArray) -> ScoredMembers:
        """What the bundle says of whoever has these facts."""
        return self.scorer.members(context_features(self.scorer.spec, facts))

    def block(self, candidates: int) -> int:
        """Decisions to work on at a time, with so many candidates each."""
        heads = self.scorer.manifest.policy.heads
        return max(1, BLOCK // (heads * max(1, candidates)))

    def scores(
        self, members: ScoredMembers, rows: Int[np.ndarray, "decisions candidates"]
    ) -> Float[np.ndarray, "decisions heads candidates"]:
        """Logits of the artwork's part: all that a choice depends on."""
        return members.scores(self.artworks.at(rows))

    def probabilities(
        self,
        members: ScoredMembers,
        rows: Int[np.ndarray, "decisions candidates"],
        valid: Bool[np.ndarray, "decisions candidates"],
        policy: HeadPolicy,
    ) -> Float[np.ndarray, "decisions candidates"]:
        """The exact probabilities of a policy over the bundle's heads, as they are served."""
        return score_probabilities(self.scores(members, rows), valid, policy)

    def policy(self, form: str = "served") -> HeadPolicy:
        """The policy that the bundle is served by, or another kind that explores as much."""
        served = self.scorer.manifest.policy.head_policy
        return served if form == "served" else HeadPolicy.named(form, served.epsilon)

    def takes(
        self, members: ScoredMembers, rows: Int[np.ndarray, "decisions candidates"]
    ) -> Float[np.ndarray, "decisions candidates"]:
        """The bundle's probability of a take."""
        return self.scorer.takes(members, self.artworks.at(rows))

    def head_takes(
        self, members: ScoredMembers, artworks: Artworks
    ) -> Float[np.ndarray, "members heads artworks"]:
        """Each head's probability of a take, of every artwork to every member."""
        calibration = self.scorer.manifest.calibration
        title = members.appeals @ artworks.appeals.T
        logits = members.every_score(artworks) + title[:, None]
        return take_probabilities(logits, calibration.bias, calibration.temperature)


def open_bundle_scores(bundle: Path | str, catalogue: Catalogue, cache: Path | str) -> BundleScores:
    """A bundle and what it says of every artwork of a catalogue.

    Args:
        bundle: its folder, or what leads to it.
        catalogue: any, whether the bundle was trained on it or not.
        cache: folder for decoded images.

    Raises:
        BadInput: the bundle is not whole, no image can be decoded, or the bundle reads something
            in place of pixels that the catalogue has not.
    """
    scorer = Scorer(bundle, threads=2)
    embedded, left_out = embeddings(scorer, catalogue, cache)
    artworks = scorer.artworks(embedded, catalogue.titles, catalogue.artworks)
    return BundleScores(scorer, artworks, left_out)


class Embeddings(NamedTuple):
    """What stands for the image of each artwork of a catalogue."""

    values: Float[np.ndarray, "artworks embedding"]
    """Zeros where there is none."""
    left_out: Mapping[str, str]
    """artwork_id → why it has none."""


def embeddings(scorer: Scorer, catalogue: Catalogue, cache: Path | str) -> Embeddings:
    """Of pixels, of `embeddings.npy`, or true attributes.

    Raises:
        BadInput: as `open_bundle_scores`.
    """
    size = scorer.manifest.image
    if size is not None:
        decoded = image_cache(
            catalogue,
            Path(cache),
            size,
            quiet=True,
            leave_out=True,
        )
        there = np.array([name in decoded.rows for name in catalogue.artwork_ids], bool)
        rows = np.array(
            [decoded.rows[name] for name in catalogue.artwork_ids if name in decoded.rows]
        )
        seen = embedded(scorer, decoded.images, rows, Path(cache))
        refuse_no_numbers(scorer, seen, [n for n in catalogue.artwork_ids if n in decoded.rows])
        found = beside(scorer, catalogue, seen, np.flatnonzero(there))
        values = np.zeros((len(there), found.shape[1]), np.float32)
        values[there] = found
        return Embeddings(values, decoded.refused)
    if catalogue.embeddings is not None:
        return Embeddings(catalogue.embeddings, {})
    if (catalogue.root / "truth").is_dir():
        said = artwork_attributes(CatalogueTruth.read(catalogue.root), catalogue.artwork_ids)
        if said.shape[1] != scorer.widths[1]:
            raise BadInput(
                f"bundle {scorer.bundle_id} was told {scorer.widths[1]} attributes of each "
                f"artwork, and the truth tells {said.shape[1]} now; train it again with "
                "--model.encoder attributes"
            )
        return Embeddings(said, {})
    raise BadInput(
        f"bundle {scorer.bundle_id} reads something in place of pixels, and {catalogue.root} has "
        "neither embeddings.npy nor truth/; give a bundle that was trained on images"
    )
