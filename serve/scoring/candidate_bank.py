"""Members × catalogue in one product: the scores of a block, and what the kernel decides on them.

The same numbers as `bandit.probabilities` and `bandit.choice` give decision by decision.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt64

from bandit.head_policy import HeadPolicy
from bandit.rules.decide import Ruled, decide_again, decide_under_rules
from bandit.thompson_batch import Decided, Workspace, decide_scores
from data.features import Names, NameTable
from serve.maps.layout import Layout


class Bank(NamedTuple):
    """A catalogue's candidate vectors, ready for products with many members' functionals."""

    columns: Float[np.ndarray, "dimension ranks_titles"]  # candidate k of title t at k·T + t
    absent: Int[np.ndarray, " absent"]  # columns with no candidate behind them
    starts: Int[np.ndarray, " titles"]
    counts: Int[np.ndarray, " titles"]
    names: NameTable | None = None
    """Of the columns; None: candidates have none to match."""

    @staticmethod
    def of(
        layout: Layout, vectors: Float[np.ndarray, "artworks dimension"], names: Names | None = None
    ) -> "Bank":
        """Arrange vectors, and names, that are in the order of the layout's ordinals."""
        counts = layout.counts
        if len(vectors) != len(layout.artwork_ids):
            raise ValueError(f"{len(vectors)} vectors for {len(layout.artwork_ids)} artworks")
        ranks = np.arange(counts.max())[:, None]
        there = ranks < counts
        at = np.where(there, layout.starts[:-1] + ranks, layout.starts[:-1])
        columns = np.ascontiguousarray(vectors[at.ravel()].T.astype(np.float32))
        table = None if names is None else NameTable.of(names).at(at.ravel())
        absent = np.flatnonzero(~there.ravel())
        return Bank(columns, absent, layout.starts[:-1], counts, table)

    def take(self, slots: Int[np.ndarray, " some"]) -> "Bank":
        """The bank of some titles only."""
        ranks, titles = int(self.counts.max()), len(self.counts)
        columns = self.columns.reshape(len(self.columns), ranks, titles)[:, :, slots]
        absent = np.zeros(ranks * titles, bool)
        absent[self.absent] = True
        own = np.arange(ranks * titles).reshape(ranks, titles)[:, slots].ravel()
        return Bank(
            np.ascontiguousarray(columns.reshape(len(columns), -1)),
            np.flatnonzero(absent[own]),
            self.starts[slots],
            self.counts[slots],
            None if self.names is None else self.names.at(own),
        )

    @property
    def ranks(self) -> int:
        """Most candidates that a title can have in this bank's arrangement."""
        return self.columns.shape[1] // len(self.counts)


def member_scores(
    functionals: Float[np.ndarray, "members heads dimension"],
    bank: Bank,
    room: Workspace,
    watched: Names | None = None,
) -> Float[np.ndarray, "heads members ranks titles"]:
    """Each head's scores of a bank's candidates for members; −∞ where there is none.

    Args:
        functionals: of the members.
        bank: of the catalogue.
        room: that the scores lie in, until it is used for others.
        watched: names that members watch; matched with those of the bank once, for all heads.
    """
    members, heads, dimension = functionals.shape
    ranks, titles = bank.ranks, len(bank.counts)
    rows = functionals.astype(np.float32, copy=False).transpose(1, 0, 2).reshape(-1, dimension)
    flat = room.array("scores", (len(rows), bank.columns.shape[1]), np.float32)
    np.matmul(rows, bank.columns, out=flat)
    if watched is not None and bank.names is not None and bank.names.slots.shape[1]:
        flat.reshape(heads, members, -1)[...] += bank.names.matches(watched)
    if len(bank.absent):
        flat[:, bank.absent] = -np.inf
    return flat.reshape(heads, members, ranks, titles)


# Of many members at once: each argument is an array of all of them.
def decide_members(
    functionals: Float[np.ndarray, "members heads dimension"],
    bank: Bank,
    seeds: UInt64[np.ndarray, "members titles"],
    policy: HeadPolicy,
    workspace: Workspace | None = None,
    before: Int[np.ndarray, "members titles"] | None = None,
    keep: float = 0.0,
    watched: Names | None = None,
    ruled: Ruled | None = None,
) -> Decided:
    """Decide every title for every member.

    `before` and `keep` lean towards what was shown, see `bandit.thompson_batch.decide_scores`;
    `ruled` says which decisions rules change, see `bandit.rules.decide.decide_again`.
    Names that members watch are matched with those of the bank once, for all heads.
    Memory is 5 bytes × members × heads × candidates: give blocks of members, not all of them.
    """
    room = workspace or Workspace()
    scores = member_scores(functionals, bank, room, watched)
    decided = decide_scores(scores, bank.counts, seeds, policy, room, before, keep)
    if ruled is not None:
        decide_again(decided, scores, ruled, seeds, policy, before, keep)
    return decided


def decide_pages(
    functionals: Float[np.ndarray, "pages heads dimension"],
    columns: Float[np.ndarray, "pages dimension ranks titles"],
    counts: Int[np.ndarray, "pages titles"],
    seeds: UInt64[np.ndarray, "pages titles"],
    policy: HeadPolicy,
    matches: Float[np.ndarray, "pages ranks titles"] | None = None,
    ruled: Ruled | None = None,
) -> Decided:
    """The same where every page has titles of its own; pad short pages with repeated titles."""
    scores = page_scores(functionals, columns, counts, matches)
    return decide_under_rules(scores, counts, seeds, policy, ruled)


def page_scores(
    functionals: Float[np.ndarray, "pages heads dimension"],
    columns: Float[np.ndarray, "pages dimension ranks titles"],
    counts: Int[np.ndarray, "pages titles"],
    matches: Float[np.ndarray, "pages ranks titles"] | None = None,
) -> Float[np.ndarray, "heads pages ranks titles"]:
    """Each head's scores of the candidates of pages; −∞ where there is none."""
    pages, heads, dimension = functionals.shape
    ranks, titles = columns.shape[2:]
    flat = functionals @ columns.reshape(pages, dimension, ranks * titles)
    scores = flat.reshape(pages, heads, ranks, titles).swapaxes(0, 1)
    if matches is not None:
        scores = scores + matches
    absent = np.arange(ranks)[:, None] >= counts[:, None]
    if absent.any():
        scores = np.where(absent, np.float32(-np.inf), scores)
    return scores
