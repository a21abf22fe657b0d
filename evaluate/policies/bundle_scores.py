"""A bundle opened on a catalogue: what its heads say of artworks to members, through ONNX."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from bandit.head_policy import HeadPolicy
from bandit.probabilities import head_scores, probabilities
from bandit.take_probability import take_probabilities
from data.catalogue import Catalogue
from data.errors import BadInput
from data.features import context_features
from data.images.cache import image_cache
from serve.scoring.scorer import Artworks, ScoredMembers, Scorer
from simulate.world.catalogue_truth import CatalogueTruth
from simulate.world.true_attributes import artwork_attributes

BLOCK = 1 << 20
"""Scores held at a time: memory does not grow with the log."""
IMAGES = 1024
"""Images held at a time."""


@dataclass(frozen=True)
class BundleScores:
    """A bundle's scorer, and what it says of each artwork of a catalogue, in file order."""

    scorer: Scorer
    artworks: Artworks

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
        return head_scores(members.functionals, self.artworks.vectors[rows])

    def probabilities(
        self,
        members: ScoredMembers,
        rows: Int[np.ndarray, "decisions candidates"],
        valid: Bool[np.ndarray, "decisions candidates"],
        policy: HeadPolicy,
    ) -> Float[np.ndarray, "decisions candidates"]:
        """The exact probabilities of a policy over the bundle's heads, as they are served."""
        return probabilities(members.functionals, self.artworks.vectors[rows], valid, policy)

    def policy(self, form: str = "served") -> HeadPolicy:
        """The policy that the bundle is served by, or another kind that explores as much."""
        served = self.scorer.manifest.policy.head_policy
        return served if form == "served" else HeadPolicy.named(form, served.epsilon)

    def takes(
        self, members: ScoredMembers, rows: Int[np.ndarray, "decisions candidates"]
    ) -> Float[np.ndarray, "decisions candidates"]:
        """The bundle's probability of a take."""
        return self.scorer.takes(members, self.artworks.vectors[rows], self.artworks.appeals[rows])

    def head_takes(
        self, members: ScoredMembers, artworks: Artworks
    ) -> Float[np.ndarray, "members heads artworks"]:
        """Each head's probability of a take, of every artwork to every member."""
        calibration = self.scorer.manifest.calibration
        title = members.appeals @ artworks.appeals.T
        logits = members.functionals @ artworks.vectors.T + title[:, None]
        return take_probabilities(logits, calibration.bias, calibration.temperature)


def open_bundle_scores(bundle: Path | str, catalogue: Catalogue, cache: Path | str) -> BundleScores:
    """A bundle and what it says of every artwork of a catalogue.

    Args:
        bundle: its folder, or what leads to it.
        catalogue: any, whether the bundle was trained on it or not.
        cache: folder for decoded images.

    Raises:
        BadInput: the bundle is not whole, an image cannot be decoded, or the bundle reads
            something in place of pixels that the catalogue has not.
    """
    scorer = Scorer(bundle, threads=2)
    embedded = embeddings(scorer, catalogue, cache)
    return BundleScores(scorer, scorer.artworks(embedded, catalogue.titles, catalogue.artworks))


def embeddings(
    scorer: Scorer, catalogue: Catalogue, cache: Path | str
) -> Float[np.ndarray, "artworks embedding"]:
    """What stands for each artwork's image: of pixels, of `embeddings.npy`, or true attributes.

    Raises:
        BadInput: as `open_bundle_scores`.
    """
    size = scorer.manifest.image
    if size is not None:
        decoded = image_cache(
            catalogue, Path(cache), height=size.height, width=size.width, quiet=True
        )
        rows, back = np.unique(decoded.of(catalogue.artwork_ids), return_inverse=True)
        parts = [rows[at : at + IMAGES] for at in range(0, len(rows), IMAGES)]
        return np.concatenate([scorer.embed(decoded.images[part]) for part in parts])[back]
    if catalogue.embeddings is not None:
        return catalogue.embeddings
    if (catalogue.root / "truth").is_dir():
        return artwork_attributes(CatalogueTruth.read(catalogue.root), catalogue.artwork_ids)
    raise BadInput(
        f"bundle {scorer.bundle_id} reads something in place of pixels, and {catalogue.root} has "
        "neither embeddings.npy nor truth/; give a bundle that was trained on images"
    )
