"""Linear policies of the closed loop: ridge regression on facts × what artwork looks like.

Artwork is described by colours, contrast, edges and tags: what anybody can compute, no learnt
embedding. They are the peers that a deep model must beat.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from bandit.linear import LinearPosterior, linear_thompson, linucb
from bandit.simple import uniform
from data.examples.stream import ExampleStream
from data.features import FeatureSpec, candidate_features, context_features
from data.images.cache import image_cache
from loop.policies import Examined
from simulate.browsing.day import Requests
from simulate.world.artwork_world import ArtworkWorld

HEADS = 64
BLOCK = 2048
"""Decisions described at once."""


class Linear(Examined):
    """LinUCB or Bayesian linear Thompson on the products of context and artwork."""

    def __init__(
        self, name: str, world: ArtworkWorld, epsilon: float, cache: Path, alpha: float = 0.3
    ) -> None:
        super().__init__(name)
        self.epsilon, self.alpha = epsilon, alpha
        catalogue = world.truth.catalogue
        self.row = {artwork: row for row, artwork in enumerate(catalogue.artwork_ids)}
        facts = world.members.facts
        self.spec = FeatureSpec.learn(facts, catalogue.titles, catalogue.artworks)
        described = context_features(self.spec, facts).dense
        self.kept = np.flatnonzero(described.std(0) > 1e-3)
        found = candidate_features(self.spec, catalogue.titles, catalogue.artworks)
        tags = found.dense[:, len(self.spec.genres) + 2 :]
        cached = image_cache(catalogue, cache, quiet=True)
        looks = picture_numbers(cached.images[cached.of(catalogue.artwork_ids)])
        self.looks = np.concatenate([looks, tags], 1).astype(np.float32)
        self.cast = found.cast_ids, found.cast_weights
        self.posterior: LinearPosterior | None = None

    def restore(self, examples: ExampleStream | None, bundle: str | None) -> None:
        """Fit all examples anew."""
        self.posterior = None
        for batch in examples.batches() if examples is not None else ():
            rows = batch.examples
            if self.posterior is None:
                width = 1 + self.looks.shape[1] * (1 + len(self.kept))
                self.posterior = LinearPosterior.prior(width, ridge=10.0)
            action = np.array([[self.row[name]] for name in rows["action"].to_pylist()])
            chosen = self._features(rows["facts"].combine_chunks(), action)[:, 0]
            root = np.sqrt(batch.weights)[:, None]  # a weight of w is w rewards alike
            reward = rows["reward"].to_numpy() - 0.1  # about the average: no intercept is fitted
            self.posterior = self.posterior.update(root * chosen, root[:, 0] * reward)

    def probabilities(self, requests: Requests) -> Float[np.ndarray, "decisions candidates"]:
        """By the posterior; uniform before the first example."""
        if self.posterior is None:
            return uniform(requests.valid)
        found = np.empty(requests.valid.shape)
        for start in range(0, len(found), BLOCK):
            part = slice(start, start + BLOCK)
            features = self._features(requests.facts[part], requests.candidates[part])
            valid = requests.valid[part]
            if self.name == "linucb":
                found[part] = linucb(self.posterior, features, valid, self.alpha, self.epsilon)
            else:
                found[part] = linear_thompson(
                    self.posterior, features, valid, HEADS, requests.day, self.epsilon
                )
        return found

    def _features(
        self, facts: pa.StructArray, candidates: Int[np.ndarray, "decisions candidates"]
    ) -> Float[np.ndarray, "decisions candidates features"]:
        """Likeness of the cast shown to the cast watched, looks, and looks × context."""
        context = context_features(self.spec, facts)
        looks = self.looks[candidates]
        ids, weights = (column[candidates] for column in self.cast)
        same = (ids[..., :, None] == context.cast_ids[:, None, None, :]) & (ids[..., None] > 0)
        pairs = weights[..., :, None] * context.cast_weights[:, None, None, :]
        liking = (same * pairs).sum((-1, -2))[..., None]
        dense = context.dense[:, self.kept]
        products = looks[..., :, None] * dense[:, None, None, :]
        flat = products.reshape(*candidates.shape, -1)
        return np.concatenate([liking, looks, flat], -1).astype(np.float64)


def picture_numbers(images: np.ndarray) -> Float[np.ndarray, "images 8"]:
    """Mean and spread of each colour, warmth, and edges; each standardised over the images."""
    rows = []
    for image in images:
        colours = image.reshape(3, -1).astype(np.float32) / 255
        light = image.mean(0) / 255
        edges = np.abs(np.diff(light, axis=0)).mean() + np.abs(np.diff(light, axis=1)).mean()
        warmth = colours[0].mean() - colours[2].mean()
        rows.append([*colours.mean(1), *colours.std(1), warmth, edges])
    numbers = np.array(rows)
    return (numbers - numbers.mean(0)) / np.maximum(numbers.std(0), 1e-6)
