"""Vowpal Wabbit on the whole features of the artwork rounds, in namespaces."""

# It is an extra, which a checker need not have installed.
# pyright: reportMissingImports=false

from dataclasses import replace

import numpy as np

from bench.learning.artwork_features import NameMatch, ShownMatches, leading
from bench.learning.peers import BayesianLinear, Vowpal, numbers
from bench.learning.stage import Stage, View
from data.features import CAST_BUCKETS
from data.standardise import Standard
from simulate.testbeds.artwork_rounds import Whole


class VowpalArtwork(Vowpal):
    """`--cb_explore_adf`, told of every round at once.

    Namespaces: f facts, w most watched names; e embedding (its leading directions, or all), t title
    and tags, s names on the tags, k names in the title, i the artwork itself, m how far the tags
    name whom the member watches, beyond the title, and how far the picture shows what they watch.
    What is read of pictures stands with title and tags.
    """

    def __init__(
        self,
        stage: Stage,
        whole: Whole,
        seed: int,
        explore: str,
        crosses: str = "-q fe -q ft -q fi",
        directions: int = 32,
    ) -> None:
        # an optional peer
        from vowpalwabbit import Workspace

        self.stage, self.whole = stage, whole
        self.match, self.shown = NameMatch.of(stage, whole), ShownMatches(stage, whole)
        self.vw = Workspace(
            f"--cb_explore_adf {explore} {crosses} --quiet --random_seed {seed} -b 22"
        )
        pixels = leading(whole.pixels(stage.bank), directions)
        given = whole.candidates(stage.bank)
        self.bank = [
            f"|e {numbers(pixels[i])} |t {numbers(given.dense[i])} "
            f"|s {_names(given.cast_ids[i], given.cast_weights[i])} "
            f"|k {_names(given.title_cast_ids[i], given.title_cast_weights[i])} |i a{i}"
            for i in range(len(pixels))
        ]

    def _examples(self, view: View) -> tuple[list[str], np.ndarray]:
        places = np.flatnonzero(view.valid[0])
        facts = self.whole.context(view.contexts[:1])
        shared = (
            f"shared |f {numbers(facts.dense[0])} "
            f"|w {_names(facts.cast_ids[0], facts.cast_weights[0])}"
        )
        rows = view.candidates[0, places]
        named = self.match(self.match.watched(facts), rows)
        match = np.concatenate([named, self.shown(facts.dense[0], rows)], 1)
        told = (f"{self.bank[row]} |m {numbers(m)}" for row, m in zip(rows, match, strict=True))
        return [shared, *told], places


class BayesianArtwork:
    """bayesianbandits' linear Thompson sampling on crosses of leading directions.

    Of facts and watched names 24 numbers, of the embedding 32, of title, tags and names 12.
    """

    def __init__(self, stage: Stage, whole: Whole, seed: int, beta: float) -> None:
        self.whole = whole
        sample = _facts(whole, stage.sample())
        self.standard = Standard.of(sample)
        self.axes = np.linalg.svd(self.standard(sample), full_matrices=False)[2][:24]
        given = whole.candidates(stage.bank)
        shown = _named(given.cast_ids, given.cast_weights)
        named = _named(given.title_cast_ids, given.title_cast_weights)
        said = np.concatenate([given.dense, shown, named], 1)
        self.bank = np.concatenate([leading(whole.pixels(stage.bank), 32), leading(said, 12)], 1)
        few = replace(stage, contexts=lambda rounds: self._few(rounds.contexts), bank=self.bank)
        self.linear = BayesianLinear(few, seed, alpha=1.0, beta=beta)
        self.batch = self.linear.batch

    def _few(self, contexts: np.ndarray) -> np.ndarray:
        return self.standard(_facts(self.whole, contexts)) @ self.axes.T

    def _view(self, view: View) -> View:
        return view._replace(contexts=self._few(view.contexts), bank=self.bank)

    def probabilities(self, view: View) -> np.ndarray:
        """See `Learner`."""
        return self.linear.probabilities(self._view(view))

    def learn(
        self, view: View, actions: np.ndarray, propensities: np.ndarray, rewards: np.ndarray
    ) -> None:
        """See `Learner`."""
        self.linear.learn(self._view(view), actions, propensities, rewards)


def _facts(whole: Whole, contexts: np.ndarray) -> np.ndarray:
    dense, ids, weights = whole.context(contexts)
    return np.concatenate([dense, _named(ids, weights)], 1)


def _named(ids: np.ndarray, weights: np.ndarray, numbers: int = 16) -> np.ndarray:
    """Weighted sums of the names' fixed random vectors."""
    table = np.random.default_rng(0).standard_normal((CAST_BUCKETS, numbers))
    table[0] = 0
    return (table[ids] * weights[..., None]).sum(1)


def _names(buckets: np.ndarray, weights: np.ndarray) -> str:
    pairs = zip(buckets.tolist(), weights.tolist(), strict=True)
    return " ".join(f"{bucket}:{weight:.3g}" for bucket, weight in pairs if bucket)
