"""What maps keep of each title for rows: the few artworks that matter, and how likely each is.

Which few: those that are best beside other artwork of the catalogue, for a map is made before
anybody knows what will stand there. How likely: a softmax of what heads say on average, as wide as
they differ, so that it is near to Thompson's probabilities and says of each artwork how much better
a neighbour must make it. Votes cannot say that: an artwork that no head likes best has none.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import orjson
import pyarrow as pa
from jaxtyping import Bool, Float, Int

from bandit.draws import DrawRules
from bandit.thompson_batch import Workspace
from data.bundle.row_pairs import RowPairs
from data.command_line.numbers import refuse_outside
from data.errors import BadInput
from serve.maps.artwork_map import ROWS_FORMAT
from serve.maps.layout import Layout
from serve.maps.rows.row_part import RowPart, packed_facts, row_codes
from serve.maps.rows.row_table import RowRules, RowTable
from serve.scoring.candidate_bank import Bank, member_scores
from serve.scoring.member_model import MemberFunctionals

MOST_KEPT, MOST_CANDIDATES = 32, 256
"""Artworks of a title that a map keeps, and that it may choose them from, at most."""
COMPANY = 16
"""Artworks of the catalogue that a title is imagined beside, and once beside none."""
LOGISTIC = np.sqrt(3) / np.pi
"""Width of a logistic law over its SD: the difference of two candidates' noise has that law where
probabilities are a softmax."""
TILE = 32
"""Members at once, as where they are decided."""


@dataclass(frozen=True)
class RowKeep:
    """What a run keeps for rows."""

    table: RowTable
    temperature: float
    """Of the bundle's calibration: a score over it is a logit."""
    draws: bool
    """The policy draws a head; else it is as good as greedy."""
    company: Float[np.ndarray, "company ranks titles"]
    """What imagined neighbours add to each candidate's logit."""

    # Each is a part of the bundle or of the run.
    @staticmethod
    def of(
        pairs: RowPairs | None,
        vectors: Float[np.ndarray, "artworks dimension"],
        layout: Layout,
        rules: DrawRules,
        temperature: float,
        kept: int,
    ) -> "RowKeep":
        """For a layout.

        Args:
            pairs: the bundle's term of pairs; None: neighbours do nothing.
            vectors: of the layout's artworks, in its order.
            layout: of the run.
            rules: of its draws.
            temperature: of the bundle's calibration.
            kept: artworks of each title.

        Raises:
            BadInput: a title has more candidates than a byte can tell apart.
        """
        if (most := int(layout.counts.max())) > MOST_CANDIDATES:
            raise BadInput(
                f"--rows: a title has {most} artworks, and maps keep rows of at most"
                f" {MOST_CANDIDATES}; withdraw some, or let live decide rows"
            )
        coordinates, form = np.zeros((len(vectors), 1), np.float32), np.zeros((1, 1))
        if pairs is not None:
            coordinates, form = pairs.coordinates(vectors), pairs.mean
        told = (rules.bundle, rules.policy, rules.epsilon, rules.salt, rules.epochs.days)
        row_rules = RowRules(*told, rules.cell, layout.digest.hex(), kept)
        table = RowTable.of(row_rules, coordinates, form)
        counts, every = layout.counts, np.arange(int(layout.counts.max()))[:, None]
        ordinals = layout.starts[:-1] + np.minimum(every, counts - 1)
        # Which they are is the same on every machine, and in every block.
        drawn = np.random.default_rng(0).integers(0, len(vectors), COMPANY)
        beside = np.concatenate([np.zeros_like(table.left[:1]), table.left[drawn]])
        company = np.einsum("cr,ktr->ckt", beside, table.right[ordinals])
        draws = rules.policy == "thompson"  # others have no noise of heads
        return RowKeep(table, temperature, draws, company.astype(np.float32))

    def words(self) -> list[str]:
        """What whoever runs it should know."""
        found, rules = [], self.table.rules
        if not self.company.any():
            found.append(
                "note: this bundle has learnt of nothing that neighbours do, so titles of a row are"
                " drawn each by itself; learn it from logged pages (train.py --rows.learn true)"
            )
        if not rules.explore:
            found.append(
                "note: this policy explores nothing, so artwork that maps do not keep is never"
                " shown as part of a row"
            )
        return found


def refuse_rows_beside(rows: int, changed_only: bool, kinds: Sequence[str] | None) -> None:
    """Refuse what maps that keep rows cannot also do.

    Raises:
        BadInput: it is asked for.
    """
    refuse_outside("--rows", rows, 0, MOST_KEPT)
    if rows and changed_only:
        raise BadInput(
            "--rows makes what maps keep for rows anew for every member; leave out --changed-only"
        )
    if rows and kinds:
        raise BadInput(
            f"--rows and --kinds {','.join(kinds)}: a map draws kinds given the artwork that it"
            " drew, and a row may show another; give each a store of its own"
        )


def row_parts(
    keep: RowKeep,
    bank: Bank,
    described: MemberFunctionals,
    facts: pa.StructArray,
    ruled: Bool[np.ndarray, "members titles"] | None,
) -> list[bytes]:
    """The row part of each member's map.

    Args:
        keep: of the run.
        bank: candidates.
        described: the members, as the model sees them.
        facts: of them, as they are logged.
        ruled: titles that rules change, which keep nothing for rows.
    """
    room, nonce, found = Workspace(), keep.table.nonce, []
    told = [
        packed_facts(orjson.dumps({k: v for k, v in row.items() if v is not None}))
        for row in facts.to_pylist()
    ]
    for start in range(0, len(told), TILE):
        tile = np.arange(start, min(start + TILE, len(told)))
        mine = described.at(tile)
        scores = member_scores(mine.functionals, bank, room, mine.names)
        ranks, gaps, scales = few_artworks(keep, scores, bank.counts)
        if ruled is not None:
            gaps[ruled[tile]] = np.inf
        codes = row_codes(ranks, gaps, scales)
        for at, member in enumerate(tile.tolist()):
            mark = int(mine.fingerprints[at])
            found.append(RowPart(nonce, mark, codes[at], told[member]).to_bytes())
    return found


def few_artworks(
    keep: RowKeep,
    scores: Float[np.ndarray, "heads members ranks titles"],
    counts: Int[np.ndarray, " titles"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ranks of the artworks that are kept, how far their logits are below the best's, and scales.

    Args:
        keep: of the run.
        scores: of the heads; −∞ where there is no candidate.
        counts: candidates of each title.

    Returns:
        uint8 [members, titles, kept]; floats of the same, ∞: there is none; [members, titles].
    """
    there = np.arange(scores.shape[2])[:, None] < counts
    logits = scores.mean(0) / keep.temperature
    best = logits.max(1, keepdims=True)
    gaps = np.where(there, best - np.where(there, logits, 0), np.inf)
    scales = np.zeros(gaps[:, 0].shape)
    if keep.draws:
        at = logits.argmax(1)[None, :, None]
        apart = np.where(there, scores, 0) - np.take_along_axis(scores, at, 2)
        spread = np.where(there, apart.std(0), 0.0) / keep.temperature
        scales = LOGISTIC * spread.sum(1) / np.maximum(counts - 1, 1)
    wins = np.zeros(gaps.shape)
    for beside in keep.company:
        chosen = (beside - gaps).argmax(1)
        wins += np.arange(scores.shape[2])[:, None] == chosen[:, None]
    wins += gaps == 0  # the best by itself is kept whatever stands beside it
    kept = min(keep.table.rules.kept, scores.shape[2])
    order = np.argsort(np.where(there, gaps - 1e6 * wins, np.inf), axis=1, kind="stable")[:, :kept]
    of_kept = np.take_along_axis(gaps, order, 1)
    likeliest = np.argsort(of_kept, axis=1, kind="stable")
    ranks = np.take_along_axis(order, likeliest, 1).swapaxes(1, 2).astype(np.uint8)
    left = np.take_along_axis(of_kept, likeliest, 1).swapaxes(1, 2)
    if (missing := keep.table.rules.kept - kept) > 0:
        ranks = np.concatenate([ranks, np.repeat(ranks[..., :1], missing, 2)], 2)
        left = np.concatenate([left, np.full((*left.shape[:2], missing), np.inf)], 2)
    return ranks, left, scales


def held_part(value: bytes | None, layout: Layout) -> bytes:
    """The row part of a map as it lies in a store; empty where it has none of this layout."""
    if value is None or value[2:3] != bytes([ROWS_FORMAT]) or value[8:16] != layout.digest:
        return b""
    try:
        return RowPart.of_map(value, len(layout.title_ids), layout.width).to_bytes()
    except (ValueError, IndexError):
        return b""
