"""What each fact adds to the score of one artwork over another's.

A score that is linear in the facts, as that of the closed form is, is a sum, and each fact's part
of it is a number of its own. Where it is not, as with heads trained by gradients, what a fact adds
depends on which others are known. Which of the two holds is seen, not assumed: facts are taken
away one by one in an order and in its reverse, and every pair of facts meets both ways. Where no
part differs the parts are exact. Where one does, parts are means over many orders (Shapley's
shares, sampled): they add up all the same, and each has an error.

Source: Shapley 1953, "A Value for n-Person Games"; Štrumbelj and Kononenko 2014, "Explaining
prediction models and individual predictions with feature contributions".
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from data.features import ContextFeatures, Names, context_features, own_matches
from data.features.fact_parts import FactPart, differing, fact_parts
from data.records import FACTS
from serve.live.snapshot import LiveModel

EXACT = 1e-5
"""Logits by which a fact's part may differ from order to order, and still be one number."""
ORDERS = 32
"""In which facts are taken away where parts are not exact, half of them reversed."""


class Contributions(NamedTuple):
    """Parts of a difference of scores; `nobody` and all of `adds` sum to `difference`."""

    parts: list[FactPart]
    adds: Float[np.ndarray, " parts"]
    """Logits, the mean over heads."""
    errors: Float[np.ndarray, " parts"]
    """Standard errors of the sampled orders; 0 where parts are exact."""
    nobody: float
    """The difference for somebody of whom nothing is known."""
    difference: float
    heads: Float[np.ndarray, " heads"]
    """Each head's difference: what it is unsure of."""
    exact: bool


def contributions(
    model: LiveModel, facts: pa.StructArray, one: int, other: int, seed: int = 0
) -> Contributions:
    """What facts add to the score of one artwork less that of another.

    Args:
        model: in use.
        facts: of the member on the page, one row, as FACTS.
        one: ordinal of an artwork.
        other: of the one that it is held against.
        seed: of the orders, where parts are not exact.

    Raises:
        ValueError: the model does not read features.
    """
    if model.planned is None:
        raise ValueError("the model in use reads no features; what facts add cannot be told")
    spec = model.planned.plan.spec
    known = context_features(spec, facts)
    unknown = context_features(spec, pa.array([{}], FACTS))
    said = facts[0].as_py() or {}
    parts = differing(fact_parts(spec, known, said), known, unknown)
    shown = _Shown(model, one, other, known, unknown, parts)
    forward = np.arange(len(parts))
    adds, nobody, heads = shown.added([forward, forward[::-1]])
    exact = bool(np.ptp(adds, 0).max(initial=0) <= EXACT)
    if not exact:
        random = np.random.default_rng(seed)
        orders = [random.permutation(len(parts)) for _ in range(ORDERS // 2)]
        adds, nobody, heads = shown.added([order for o in orders for order in (o, o[::-1])])
        pairs = adds.reshape(ORDERS // 2, 2, -1).mean(1)
        errors = pairs.std(0, ddof=1) / np.sqrt(len(pairs))
    else:
        errors = np.zeros(len(parts))
    return Contributions(parts, adds.mean(0), errors, nobody, float(heads.mean()), heads, exact)


class _Shown:
    """Two artworks in the eyes of a member of whom more or less is known."""

    def __init__(
        self,
        model: LiveModel,
        one: int,
        other: int,
        known: ContextFeatures,
        unknown: ContextFeatures,
        parts: Sequence[FactPart],
    ) -> None:
        self._known, self._unknown, self._model = known, unknown, model
        vectors = model.vectors[[one, other]].astype(np.float64)
        self._vector = vectors[0] - vectors[1]
        self._both = np.array([one, other])
        self._columns = np.zeros((len(parts), known.dense.shape[1]), bool)
        self._slots = np.zeros((len(parts), known.cast_ids.shape[1]), bool)
        for row, part in enumerate(parts):
            self._columns[row, list(part.columns)] = True
            self._slots[row, list(part.slots)] = True

    def added(
        self, orders: Sequence[Int[np.ndarray, " parts"]]
    ) -> tuple[Float[np.ndarray, "orders parts"], float, Float[np.ndarray, " heads"]]:
        """What each part adds as parts go in an order; the difference without all, and with all.

        The last by head.
        """
        count = len(orders[0])
        there = np.ones((len(orders), count + 1, count), bool)
        for row, order in enumerate(orders):
            for step, part in enumerate(order):
                there[row, step + 1 :, part] = False
        heads = self._differences(there.reshape(-1, count))
        means = heads.mean(1).reshape(len(orders), count + 1)
        adds = np.empty((len(orders), count))
        for row, order in enumerate(orders):
            adds[row, order] = means[row, :-1] - means[row, 1:]
        return adds, float(means[0, -1]), heads[0]

    def _differences(
        self, there: Bool[np.ndarray, "rows parts"]
    ) -> Float[np.ndarray, "rows heads"]:
        """Each head's score of the one less the other's, with these parts known."""
        gone_columns = (~there).astype(np.float32) @ self._columns.astype(np.float32) > 0
        gone_slots = (~there).astype(np.float32) @ self._slots.astype(np.float32) > 0
        known, unknown, model = self._known, self._unknown, self._model
        weights = np.where(gone_slots, np.float32(0), known.cast_weights)
        features = ContextFeatures(
            np.where(gone_columns, unknown.dense, known.dense),
            np.repeat(known.cast_ids, len(there), 0),
            weights.astype(np.float32),
        )
        assert model.planned is not None
        described = model.planned.functionals_by(features)
        found = described.functionals.astype(np.float64) @ self._vector
        if model.names is None or described.names is None:
            return found
        both = np.broadcast_to(self._both, (len(there), 2))
        names = Names(model.names.ids[both], model.names.weights[both].astype(np.float64))
        matches = own_matches(described.names, names).astype(np.float64)
        return found + (matches[:, 0] - matches[:, 1])[:, None]
