"""The terms of a combination's logit: linear in weights, so that one posterior holds them all.

    logit = level + Σ_d (⟨facts, M_d place_d⟩ + own_d)
            + Σ_{d<d'} (⟨e_d · e_d', v_dd'⟩ + e_dᵀ W_dd' e_d')

A place is what is known of an asset before anybody saw it; e its first numbers, the pair's rank.
`v` weighs agreement number by number, for kinds whose encoders share a space; `W` all crosses.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int

from bandit.kinds.kind_scores import KindScores

Facts = Float[np.ndarray, "decisions facts"]
Places = tuple[Float[np.ndarray, "decisions _ _"], ...]
"""Of each kind's candidates."""
Owns = tuple[Int[np.ndarray, "decisions _"], ...]
"""Which asset of its kind each candidate is; −1 has no effect of its own."""


@dataclass(frozen=True)
class KindTerms:
    """Which weights there are, in which order, and how large they may be.

    Attributes:
        facts: numbers of a decision's context; the first should be a constant 1.
        places: numbers of an asset of each kind, in the order of the surface.
        owns: assets of each kind that have an effect of their own.
        titles: that have a level of their own, which no choice depends on; without it own effects
            would have to say it.
        rank: numbers of a place that pairs read; 0: no pairs.
        pairs: of kinds that may agree; None: all.
        bare: kinds without main effects: another model says what each of their assets is worth.
        level_sd: deviation of a title's level.
        main_sd: deviation of a main effect's logit before any take, over all of its terms.
        own_sd: of an asset's own.
        agreement_sd: of the agreement of one pair of kinds.
        pair_sd: of all its other crosses.
    """

    facts: int
    places: tuple[int, ...]
    owns: tuple[int, ...]
    titles: int = 0
    rank: int = 0
    pairs: tuple[tuple[int, int], ...] | None = None
    bare: tuple[int, ...] = ()
    level_sd: float = 0.5
    main_sd: float = 0.5
    own_sd: float = 0.3
    agreement_sd: float = 0.3
    pair_sd: float = 0.1

    @property
    def kinds(self) -> int:
        """How many."""
        return len(self.places)

    @property
    def paired(self) -> tuple[tuple[int, int], ...]:
        """Pairs of kinds that have terms."""
        if not self.rank:
            return ()
        return tuple(combinations(range(self.kinds), 2)) if self.pairs is None else self.pairs

    @property
    def size(self) -> int:
        """How many terms there are."""
        return sum(size for _, size, _ in self._blocks())

    def prior_sd(self) -> Float[np.ndarray, " terms"]:
        """Deviation of each weight; numbers of places and facts are about 1 in size."""
        return np.concatenate([np.full(size, sd) for _, size, sd in self._blocks()])

    def scales(self) -> list[Int[np.ndarray, " of_block"]]:
        """Weights that have one scale, for `LogisticPosterior.rescaled`.

        Levels of titles, main and own effects kind by kind, the agreement of all pairs, and all
        their other crosses.
        """
        found: dict[str, list[int]] = {}
        for name, part in self._slices().items():
            word = name if name.startswith(("main", "own")) else name.split()[0]
            found.setdefault(word, []).extend(range(part.start, part.stop))
        return [np.array(at) for word, at in found.items() if word != "facts" and at]

    def parts(self) -> list[slice]:
        """Weights of each kind by itself, and then those of all pairs."""
        at = self._slices()
        own = [slice(at[f"main {k}"].start, at[f"own {k}"].stop) for k in range(self.kinds)]
        return [*own, slice(own[-1].stop, self.size)]

    def _blocks(self) -> Iterator[tuple[str, int, float]]:
        """Name, terms and deviation of each block of weights, in order."""
        yield "facts", self.facts, 1.0
        yield "levels", self.titles, self.level_sd
        for kind, numbers in enumerate(self.places):
            size = 0 if kind in self.bare else self.facts * numbers
            yield f"main {kind}", size, self.main_sd / max(size, 1) ** 0.5
            yield f"own {kind}", self.owns[kind], self.own_sd
        for one, other in self.paired:
            rank, crosses = self._rank(one, other)
            yield f"agreement {one} {other}", rank, self.agreement_sd / max(rank, 1) ** 0.5
            yield f"pair {one} {other}", crosses, self.pair_sd / max(crosses, 1) ** 0.5

    def _rank(self, one: int, other: int) -> tuple[int, int]:
        left, right = (min(self.rank, self.places[kind]) for kind in (one, other))
        return min(left, right), left * right

    def _slices(self) -> dict[str, slice]:
        found, begin = {}, 0
        for name, size, _ in self._blocks():
            found[name] = slice(begin, begin + size)
            begin += size
        return found

    def of_chosen(
        self,
        facts: Facts,
        places: tuple[Float[np.ndarray, "decisions _"], ...],
        owns: tuple[Int[np.ndarray, " decisions"], ...],
        title: Int[np.ndarray, " decisions"] | None = None,
    ) -> Float[np.ndarray, "decisions terms"]:
        """Terms of what was shown.

        Args:
            facts: of each decision's context.
            places: of the asset shown, a kind; 0 where the kind was not shown.
            owns: which asset it was, a kind; −1 where the kind was not shown.
            title: of each decision, among those that have a level; None: they have none.
        """
        at = self._slices()
        count = len(facts)
        terms = np.zeros((count, self.size))
        terms[:, at["facts"]] = facts
        row = np.arange(count)
        if title is not None:
            terms[row, at["levels"].start + title] = 1.0
        for kind, place in enumerate(places):
            if kind not in self.bare:
                crossed = facts[:, :, None] * place[:, None]
                terms[:, at[f"main {kind}"]] = crossed.reshape(count, -1)
            known = owns[kind] >= 0
            terms[row[known], at[f"own {kind}"].start + owns[kind][known]] = 1.0
        for one, other in self.paired:
            left, right = places[one][:, : self.rank], places[other][:, : self.rank]
            rank, crosses = self._rank(one, other)
            terms[:, at[f"agreement {one} {other}"]] = left[:, :rank] * right[:, :rank]
            both = (left[:, :, None] * right[:, None]).reshape(count, crosses)
            terms[:, at[f"pair {one} {other}"]] = both
        return terms

    def scores(
        self,
        weights: Float[np.ndarray, "heads terms"],
        facts: Facts,
        places: Places,
        owns: Owns,
    ) -> KindScores:
        """What each head says of every candidate and pair; what all candidates share is left out.

        Args:
            weights: of the heads, as `LogisticPosterior.heads` gives them.
            facts: of each decision's context.
            places: of each kind's candidates.
            owns: which assets they are.
        """
        at = self._slices()
        heads = len(weights)
        own = []
        for kind, place in enumerate(places):
            none = np.zeros((heads, 1), weights.dtype)  # of −1
            effects = np.concatenate([weights[:, at[f"own {kind}"]], none], axis=1)
            part = effects.T[owns[kind]].swapaxes(1, 2)
            if kind not in self.bare:
                main = weights[:, at[f"main {kind}"]].reshape(heads, self.facts, self.places[kind])
                toward = np.tensordot(facts, main, axes=(1, 1))  # decisions, heads, numbers
                part = part + toward @ place.swapaxes(1, 2)
            own.append(part)
        pair = {}
        for one, other in self.paired:
            left, right = places[one][..., : self.rank], places[other][..., : self.rank]
            rank, _ = self._rank(one, other)
            form = weights[:, at[f"pair {one} {other}"]].reshape(
                heads, left.shape[2], right.shape[2]
            )
            same = np.arange(rank)
            form = form.copy()
            form[:, same, same] += weights[:, at[f"agreement {one} {other}"]]
            pair[one, other] = _crossed(left, form, right)
        return KindScores(tuple(own), pair)


def _crossed(
    left: Float[np.ndarray, "decisions some rank"],
    form: Float[np.ndarray, "heads rank other"],
    right: Float[np.ndarray, "decisions others other"],
) -> Float[np.ndarray, "decisions heads some others"]:
    """leftᵀ form right: as one product of large matrices, and not one a decision and head."""
    decisions, some, rank = left.shape
    heads, _, other = form.shape
    turned = left.reshape(-1, rank) @ form.swapaxes(0, 1).reshape(rank, heads * other)
    found = turned.reshape(decisions, some * heads, other) @ right.swapaxes(1, 2)
    return found.reshape(decisions, some, heads, right.shape[1]).swapaxes(1, 2)
