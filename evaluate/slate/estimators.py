"""Estimators of what a target earns a row: terms of each row, and a value of their sums."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float

from evaluate.ope.estimators.estimator import ratio
from evaluate.slate.slates import Order, Part, Slates
from evaluate.slate.windows import chain_pseudo_inverse, pseudo_inverse

SlotWeights = Callable[[Slates], Float[np.ndarray, "slates slots"]]
"""Rows → the weight of each slot's reward; 0 beyond a row's end."""
Terms = Callable[[Slates], Float[np.ndarray, "slates terms"]]
Value = Callable[[Float[np.ndarray, "*batch terms"]], np.ndarray]

ORDERS: tuple[Order, ...] = ("alone", "neighbour", "whole")


@dataclass(frozen=True)
class SlateEstimator:
    """An estimator of rows that needs only sums over rows, so intervals are those of `ranges`.

    Attributes:
        name: as reports and options spell it.
        needs: parts of a row whose weights it reads.
        assumes: what must hold if it is to be right, in words.
        weights: of each slot's reward.
        terms: rows → terms of each; the value depends on their sums alone.
        value: sums along the last axis → the estimate; NaN where nothing is known.
        modelled: whether it has a model of the rewards as control variate.
        order: the most that a choice of the log may read if it is to be right.
        wider: estimators that assume less: a difference from one beyond chance is a bias.
    """

    name: str
    needs: tuple[Part, ...]
    assumes: str
    weights: SlotWeights
    terms: Terms
    value: Value
    modelled: bool = False
    order: Order = "whole"
    wider: tuple[str, ...] = ()

    def weight(self, slates: Slates) -> Float[np.ndarray, " slates"]:
        """One weight a row, of mean 1 if all probabilities are right: the mean over its slots."""
        return self.weights(slates).sum(1) / slates.length

    def usable(self, slates: Slates) -> bool:
        """Whether the log says what it needs."""
        return all(getattr(slates, part) is not None for part in self.needs)

    def fits(self, logged: Order | None) -> bool:
        """Whether the log's choices read no more than it allows; True where that is not known."""
        return logged is None or ORDERS.index(logged) <= ORDERS.index(self.order)

    def estimate(self, slates: Slates) -> float:
        """The value alone.

        Raises:
            ValueError: the rows lack what it needs.
        """
        return float(self.value(self.terms(slates).sum(0)))


@dataclass(frozen=True)
class _Kind:
    """A way to weigh slots, of which there are plain, self-normalised and doubly robust forms."""

    name: str
    needs: tuple[Part, ...]
    assumes: str
    weights: SlotWeights
    wider: tuple[str, ...]
    order: Order = "whole"
    of_row: bool = True
    """Whether all slots of a row have one weight."""

    def plain(self) -> SlateEstimator:
        """The mean of Σ weight · reward."""
        return self._made(self.name, partial(_weighted, self.weights), ratio)

    def doubly_robust(self) -> SlateEstimator:
        """The mean of Σ weight · (reward − model) + the model's mean under the target.

        Right whatever the model says, for the weights' share of its mean is known exactly: a
        control variate. Source: Dudík et al. (2014), "Doubly Robust Policy Evaluation and
        Optimization", Statistical Science 29(4); for slates Vlassis, Chandrashekar, Amat Gil and
        Kallus (2021), "Control Variates for Slate Off-Policy Evaluation", NeurIPS.
        """
        terms = partial(_corrected_row if self.of_row else _corrected, self.weights)
        return self._made(f"{self.name}_dr", terms, ratio, modelled=True)

    def normalised(self, terms: Terms, value: Value) -> SlateEstimator:
        """The same divided by weights that should have mean 1."""
        return self._made(f"sn{self.name}", terms, value)

    def _made(
        self, name: str, terms: Terms, value: Value, modelled: bool = False
    ) -> SlateEstimator:
        return SlateEstimator(
            *(name, self.needs, self.assumes, self.weights, terms, value),
            modelled,
            self.order,
            self.wider,
        )


def window_estimator(width: int) -> SlateEstimator:
    """Doubly robust PI of windows of so many slots: pi_dr for 1, pi2_dr for 2, and on."""
    return (_PI if width == 1 else _windows(width)).doubly_robust()


def _whole(slates: Slates) -> Float[np.ndarray, "slates slots"]:
    return slates.of("slate")[:, None] * slates.there


def _pi(slates: Slates) -> Float[np.ndarray, "slates slots"]:
    return pseudo_inverse(slates)[:, None] * slates.there


def _pi_of_windows(width: int, slates: Slates) -> Float[np.ndarray, "slates slots"]:
    return chain_pseudo_inverse(slates, width)[:, None] * slates.there


def _windows(width: int) -> _Kind:
    return _Kind(
        f"pi{width}",
        ("position", "pair"),
        f"that a row's reward is a sum over {width} neighbours, and a log whose choices read no"
        " more than the slot before",
        partial(_pi_of_windows, width),
        ("sips_dr",),
        "neighbour",
    )


def _weighted(weights: SlotWeights, slates: Slates) -> Float[np.ndarray, "slates 2"]:
    return _with_ones((weights(slates) * slates.reward).sum(1))


def _corrected(weights: SlotWeights, slates: Slates) -> Float[np.ndarray, "slates 2"]:
    model = slates.modelled()
    wrong = weights(slates) * (slates.reward - model.own)
    return _with_ones((wrong + model.target).sum(1))


def _corrected_row(weights: SlotWeights, slates: Slates) -> Float[np.ndarray, "slates 2"]:
    model = slates.modelled()
    if model.whole is None:
        return _corrected(weights, slates)
    logged, target = model.whole
    return _with_ones(weights(slates)[:, 0] * (slates.reward.sum(1) - logged) + target)


def _with_ones(term: Float[np.ndarray, " slates"]) -> Float[np.ndarray, "slates 2"]:
    return np.stack([term, np.ones(len(term))], axis=-1)


def _by_whole_weight(slates: Slates) -> Float[np.ndarray, "slates 2"]:
    weight = slates.of("slate")
    return np.stack([weight * slates.reward.sum(1), weight], axis=-1)


def _by_slot(weights: SlotWeights, slates: Slates) -> Float[np.ndarray, "slates terms"]:
    """One, then of each place: weighted reward, weight, and whether the row has that slot."""
    weight, there = weights(slates), slates.there.astype(np.float64)
    slots = np.stack([weight * slates.reward, weight, there], axis=-1)
    return np.concatenate([np.ones((len(slates), 1)), slots.reshape(len(slates), -1)], axis=1)


def _normalised_by_slot(sums: Float[np.ndarray, "*batch terms"]) -> np.ndarray:
    slots = sums[..., 1:].reshape(*sums.shape[:-1], -1, 3)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = slots[..., 0] / (slots[..., 1] / slots[..., 2])
        # A place that no drawn row has adds nothing; one without weight makes all unknown.
        return np.where(slots[..., 2] > 0, each, 0.0).sum(-1) / sums[..., 0]


def _cascade_terms(slates: Slates) -> Float[np.ndarray, "slates 2"]:
    model, prefix = slates.modelled(), slates.of("prefix")
    before = np.concatenate([np.ones((len(slates), 1)), prefix[:, :-1]], axis=1)
    wrong = prefix * (slates.reward - model.rest)
    return _with_ones((wrong + before * slates.there * model.rest_target).sum(1))


_SIPS = _Kind("sips", ("slate",), "right probabilities alone", _whole, ())
_IIPS = _Kind(
    "iips",
    ("position",),
    "that a slot's reward depends on its own action alone",
    lambda slates: slates.of("position"),
    ("pi2_dr", "cascade_dr", "sips_dr"),
    of_row=False,
)
_RIPS = _Kind(
    "rips",
    ("prefix",),
    "that a slot's reward depends on its own action and those before it alone",
    lambda slates: slates.of("prefix"),
    ("sips_dr",),
    of_row=False,
)
_PI = _Kind(
    "pi",
    ("position",),
    "that a row's reward is a sum over its slots, and a log that chose each slot by itself",
    _pi,
    ("pi2_dr", "sips_dr"),
    "alone",
)
_PI2 = _windows(2)


def cascade_dr() -> SlateEstimator:
    """Doubly robust RIPS: Σ w_1:l · (r_l − q̂_l) + w_1:l−1 · q̂_l(π), q̂ of the reward from l on.

    Source: Kiyohara, Saito, Matsuhiro, Narita, Shimizu and Yamamoto (2022), "Doubly Robust
    Off-Policy Evaluation for Ranking Policies under the Cascade Behavior Model", WSDM, equation 9.
    """
    return SlateEstimator(
        "cascade_dr",
        _RIPS.needs,
        _RIPS.assumes,
        _RIPS.weights,
        _cascade_terms,
        ratio,
        modelled=True,
        wider=_RIPS.wider,
    )


ESTIMATORS: dict[str, SlateEstimator] = {
    each.name: each
    for each in (
        _SIPS.plain(),
        _IIPS.plain(),
        _RIPS.plain(),
        _SIPS.normalised(_by_whole_weight, ratio),
        _IIPS.normalised(partial(_by_slot, _IIPS.weights), _normalised_by_slot),
        _RIPS.normalised(partial(_by_slot, _RIPS.weights), _normalised_by_slot),
        _PI.plain(),
        _PI2.plain(),
        _SIPS.doubly_robust(),
        _IIPS.doubly_robust(),
        cascade_dr(),
        _PI.doubly_robust(),
        _PI2.doubly_robust(),
    )
}
"""By name, in the order of reports.

SIPS, IIPS and RIPS: McInerney, Brost, Chandar, Mehrotra and Carterette (2020), "Counterfactual
Evaluation of Slate Recommendations with Sequential Reward Interactions", KDD; IIPS also Li,
Abbasi-Yadkori, Kveton, Muthukrishnan, Vinay and Wen (2018), KDD.
"""
