"""Linear policies of the closed loop: ridge regression on facts × what artwork looks like.

Artwork is described by colours, contrast, edges and tags: what anybody can compute, no learnt
embedding. They are the peers that a deep model must beat.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int, UInt8

from bandit.linear import LinearPosterior, linear_thompson, linucb
from bandit.simple import uniform
from bandit.squarecb import squarecb
from data.examples.stream import ExampleStream
from data.features import FeatureSpec, candidate_features, context_features
from data.images.cache import image_cache
from loop.loop_policy import LoopPolicy
from loop.tabular_policy import artwork_rows
from simulate.browsing.day import Requests
from simulate.world.artwork_world import ArtworkWorld

LINEAR_POLICIES = ("linucb", "linear_thompson", "squarecb")
HEADS = 64
ALPHA = 0.3
"""Width of LinUCB's bound."""
GAMMA = 10.0
"""Greed of SquareCB after one example; it rises as the square root of how many there are."""
RIDGE = 10.0
AVERAGE = 0.1
"""About what a decision earns: rewards are fitted less it, in place of an intercept."""
BLOCK = 2048
"""Decisions described at once."""


class LinearPolicy(LoopPolicy):
    """LinUCB, Bayesian linear Thompson or SquareCB on the products of context and artwork."""

    def __init__(self, name: str, world: ArtworkWorld, epsilon: float, cache: Path) -> None:
        super().__init__(name)
        self.epsilon = epsilon
        self.row = artwork_rows(world)
        catalogue = world.truth.catalogue
        facts = world.members.facts
        self.spec = FeatureSpec.learn(facts, catalogue.titles, catalogue.artworks)
        # Facts that no member differs in would only widen the regression.
        self.varying = np.flatnonzero(context_features(self.spec, facts).dense.std(0) > 1e-3)
        features = candidate_features(self.spec, catalogue.titles, catalogue.artworks)
        tags = features.dense[:, len(self.spec.genres) + 2 :]
        cached = image_cache(catalogue, cache, quiet=True)
        pixels = content_features(cached.images[cached.of(catalogue.artwork_ids)])
        self.content = np.concatenate([pixels, tags], 1).astype(np.float32)
        self.cast = features.cast_ids, features.cast_weights
        self.posterior: LinearPosterior | None = None
        self.examples = 0.0

    def restore(self, examples: ExampleStream | None, bundle: str | None) -> None:
        """Fit all examples anew."""
        self.posterior, self.examples = None, 0.0
        for batch in examples.batches() if examples is not None else ():
            rows = batch.examples
            if self.posterior is None:
                width = 1 + self.content.shape[1] * (1 + len(self.varying))
                self.posterior = LinearPosterior.prior(width, ridge=RIDGE)
            action = np.array([[self.row[name]] for name in rows["action"].to_pylist()])
            chosen = self._features(rows["facts"].combine_chunks(), action)[:, 0]
            root = np.sqrt(batch.weights)[:, None]  # a weight of w is w rewards alike
            reward = rows["reward"].to_numpy() - AVERAGE
            self.posterior = self.posterior.update(root * chosen, root[:, 0] * reward)
            self.examples += float(batch.weights.sum())

    def probabilities(self, requests: Requests) -> Float[np.ndarray, "decisions candidates"]:
        """By the posterior; uniform before the first example."""
        if self.posterior is None:
            return uniform(requests.valid)
        probabilities = np.empty(requests.valid.shape)
        for start in range(0, len(probabilities), BLOCK):
            part = slice(start, start + BLOCK)
            features = self._features(requests.facts[part], requests.candidates[part])
            probabilities[part] = self._rule(
                self.posterior, features, requests.valid[part], requests.day
            )
        return probabilities

    def _rule(
        self,
        posterior: LinearPosterior,
        features: Float[np.ndarray, "decisions candidates features"],
        valid: Bool[np.ndarray, "decisions candidates"],
        day: int,
    ) -> Float[np.ndarray, "decisions candidates"]:
        if self.name == "linucb":
            return linucb(posterior, features, valid, ALPHA, self.epsilon)
        if self.name == "squarecb":
            gamma = GAMMA * np.sqrt(self.examples)
            return squarecb(features @ posterior.weights, valid, gamma, self.epsilon)
        return linear_thompson(posterior, features, valid, HEADS, day, self.epsilon)

    def _features(
        self, facts: pa.StructArray, candidates: Int[np.ndarray, "decisions candidates"]
    ) -> Float[np.ndarray, "decisions candidates features"]:
        """Likeness of the cast shown to the cast watched, content, and content × context."""
        context = context_features(self.spec, facts)
        content = self.content[candidates]
        ids, weights = (column[candidates] for column in self.cast)
        same = (ids[..., :, None] == context.cast_ids[:, None, None, :]) & (ids[..., None] > 0)
        pairs = weights[..., :, None] * context.cast_weights[:, None, None, :]
        liking = (same * pairs).sum((-1, -2))[..., None]
        dense = context.dense[:, self.varying]
        products = content[..., :, None] * dense[:, None, None, :]
        flat = products.reshape(*candidates.shape, -1)
        return np.concatenate([liking, content, flat], -1).astype(np.float64)


def content_features(images: UInt8[np.ndarray, "images 3 h w"]) -> Float[np.ndarray, "images 8"]:
    """Mean and spread of each colour, warmth, and edges; each standardised over the images."""
    rows = []
    for image in images:
        colours = image.reshape(3, -1).astype(np.float32) / 255
        light = image.mean(0) / 255
        edges = np.abs(np.diff(light, axis=0)).mean() + np.abs(np.diff(light, axis=1)).mean()
        warmth = colours[0].mean() - colours[2].mean()
        rows.append([*colours.mean(1), *colours.std(1), warmth, edges])
    features = np.array(rows)
    return (features - features.mean(0)) / np.maximum(features.std(0), 1e-6)
