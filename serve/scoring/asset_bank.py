"""All assets of a catalogue as a bundle's terms see them, and what heads say of combinations."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from bandit.head_policy import HeadPolicy
from bandit.kinds.kind_scores import KindScores
from data.assets.asset_rows import ARTWORK
from data.assets.assets import Assets
from data.bundle.asset_terms import AssetTerms

NO_ASSET = -1
"""In place of an asset's row where there is none."""
AssetRows = tuple[Int[np.ndarray, "decisions _"], ...]
"""Of each kind's candidates, rows of a bank; NO_ASSET is filling."""


@dataclass(frozen=True)
class AssetBank:
    """Assets beside artwork; without terms nothing is known, and they are drawn evenly."""

    ids: tuple[str, ...]
    """In the order of the catalogue's file."""
    own: Int[np.ndarray, " assets"]
    """Place of each among those of its kind that have an effect of their own; −1: none."""
    places: Float[np.ndarray, "assets directions"]
    terms: AssetTerms | None

    @classmethod
    def of(cls, terms: AssetTerms | None, assets: Assets) -> "AssetBank":
        """Read the texts of a catalogue's assets.

        Args:
            terms: of a bundle; None: it has learnt nothing of kinds.
            assets: of the catalogue.

        Raises:
            BadInput: the encoder of texts cannot be had.
        """
        rows = list(assets.rows.values())
        ids, own = tuple(row["asset_id"] for row in rows), np.full(len(rows), NO_ASSET)
        if terms is None:
            return cls(ids, own, np.zeros((len(rows), 0), np.float32), None)
        known = {
            kind: {name: at for at, name in enumerate(names)}
            for kind, names in zip(terms.kinds, terms.own, strict=True)
        }
        for row, asset in enumerate(rows):
            own[row] = known.get(asset["kind"], {}).get(asset["asset_id"], NO_ASSET)
        places = terms.places([asset["text"] or "" for asset in rows])
        said = np.array([bool((asset["text"] or "").strip()) for asset in rows], bool)
        # A trailer without words stands in the middle: its own effect says all that is known.
        return cls(ids, own, (places * said[:, None]).astype(np.float32), terms)

    @cached_property
    def row_of(self) -> dict[str, int]:
        """By asset id."""
        return {name: row for row, name in enumerate(self.ids)}

    def epsilon(self, policy: HeadPolicy) -> float:
        """Share of even draws: all of it where nothing was learnt."""
        return policy.exploration if self.terms is not None else 1.0

    def coordinates(
        self, vectors: Float[np.ndarray, "artworks dimension"]
    ) -> Float[np.ndarray, "artworks rank"]:
        """Of artworks."""
        if self.terms is None:
            return np.zeros((len(vectors), 0), np.float32)
        return self.terms.coordinates(vectors)

    def facts(
        self, functionals: Float[np.ndarray, "decisions heads dimension"]
    ) -> Float[np.ndarray, "decisions facts"]:
        """Of who is decided for, as the terms read them."""
        if self.terms is None:
            return np.zeros((len(functionals), 0), np.float32)
        return self.terms.facts(functionals)

    def scores(
        self,
        facts: Float[np.ndarray, "decisions facts"],
        seen: Float[np.ndarray, "decisions artworks rank"],
        kinds: Sequence[str],
        rows: AssetRows,
        policy: HeadPolicy,
    ) -> KindScores:
        """What the heads that vote say: of artwork (kind 0) nothing by itself, and of pairs.

        Args:
            facts: of each decision's member.
            seen: coordinates of each decision's artworks.
            kinds: beside the artwork, in the order asked for.
            rows: of each kind's candidates.
            policy: by which the bundle is served.
        """
        decisions, ranks = seen.shape[:2]
        terms = self.terms
        if terms is None:
            none = (np.zeros((decisions, 1, each)) for each in (ranks, *(r.shape[1] for r in rows)))
            return KindScores(tuple(none), {})
        empty = np.zeros((decisions, 0), np.int64)
        asked = dict(zip(kinds, rows, strict=True))
        of_all = [asked.get(kind, empty) for kind in terms.kinds]
        places = [np.where((at >= 0)[..., None], self.places[at], 0.0) for at in of_all]
        owns = [np.where(at >= 0, self.own[at], NO_ASSET) for at in of_all]
        weights = terms.heads if policy.voters(2) == 2 else terms.weights[None]
        found = terms.terms.scores(
            weights,
            facts,
            (seen, *places),
            (np.full((decisions, ranks), NO_ASSET), *owns),
        )
        return self._as_asked(found, kinds, rows)

    def _as_asked(self, found: KindScores, kinds: Sequence[str], rows: AssetRows) -> KindScores:
        """The kinds asked for in their order; what the bundle has not learnt has scores of 0."""
        assert self.terms is not None
        known = (ARTWORK, *self.terms.kinds)
        heads = found.own[0].shape[:2]
        names = (ARTWORK, *kinds)
        at = [known.index(name) if name in known else None for name in names]
        own = [found.own[0]]
        for place, candidates in zip(at[1:], rows, strict=True):
            nothing = np.zeros((*heads, candidates.shape[1]))
            own.append(nothing if place is None else found.own[place])
        pair = {}
        for one, first in enumerate(at):
            for other, second in enumerate(at[one + 1 :], one + 1):
                if first is None or second is None:
                    continue
                if (first, second) in found.pair:
                    pair[one, other] = found.pair[first, second]
                elif (second, first) in found.pair:
                    pair[one, other] = found.pair[second, first].swapaxes(2, 3)
        return KindScores(tuple(own), pair)
