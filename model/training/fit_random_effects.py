"""The own record of each artwork, from the examples that the network was trained on.

One reading, in memory that does not grow with the examples. How large own parts are is not known
before: the record is kept at a few strengths, each foretells every batch before it is told what
came of it, and the one that foretold the last quarter best is taken; none, if the network alone
foretold it better. The network has learnt from these rewards as well, so what it got to know by
heart is no longer to be found here: that makes records weaker, not stronger.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from data.artwork_effects import ArtworkRecords
from model.heads.artwork_random_effects import OwnRecord
from model.heads.epistemic_index import LEAST_TEMPERATURE, doubts_of, level_rows
from model.network.lightning_module import Batch, Learner
from model.network.towers import Marquee
from model.training.buffered_source import Source
from model.training.dataset import Examples
from model.training.fit import embed_all
from model.training.samplers import Shuffled
from model.training.settings import Own

ROWS = 512
"""Examples that are foretold, then taken in."""
ARTWORKS = 4096
"""Artworks that are looked at together."""
STRENGTHS = (0.5, 1.0, 2.0)
"""Of which the best is taken: multiples of both scales."""
LAST = 0.25
"""Share of the examples, the last, by which is judged: early on all records know little."""


class Impressions(NamedTuple):
    """What a batch tells of the artworks that it showed."""

    functional: Float[Tensor, "impressions rank"]
    """Mean over heads."""
    artworks: Int[Tensor, " impressions"]
    """Rows of the catalogue."""
    reward: Float[Tensor, " impressions"]
    offset: Float[Tensor, " impressions"]
    """The network's logit, mean over heads."""
    weight: Float[Tensor, " impressions"]


@torch.no_grad()
def fit_record(
    learner: Learner, examples: Source, artwork_ids: Sequence[str], own: Own
) -> tuple[ArtworkRecords | None, dict[str, float]]:
    """Records of the artworks that were shown; None: turned off, or they foretell no better.

    Args:
        learner: trained, on the CPU.
        examples: that it was trained on; none of those that it will be judged by.
        artwork_ids: of the catalogue, in its order.
        own: how large own parts may be.

    Returns:
        The records, and how much less surprising the last rewards were with them, in nats an
        example.
    """
    if not own.vector_scale or not own.level_scale:
        return None, {}
    learner.eval()
    network = learner.network
    if network.encoder is not None:
        examples = examples.seen_as(embed_all(learner, examples.images))
    kept: list[OwnRecord] = []
    gains, seen, judged = np.zeros(len(STRENGTHS)), 0, 0
    early = (1 - LAST) * sum(examples.sizes)
    shown, looks = examples.distinct, None
    for part in examples.buffers(0):
        looks = looks or Looks.of(learner, part, shown)
        for rows in Shuffled(len(part), ROWS):
            told = looks.impressions(part, rows)
            if not kept:
                kept = [looks.record(told, own, strength) for strength in STRENGTHS]
            if seen >= early:
                gains += [_gain(record, told) for record in kept]
                judged += len(rows)
            seen += len(rows)
            for record in kept:
                record.update(*told)
    if gains.max() <= 0:
        return None, {"own_record_gain": 0.0}
    best = int(gains.argmax())
    record = kept[best]
    heads = network.context.heads.heads
    made = ArtworkRecords(
        [artwork_ids[int(row)] for row in shown],
        record.vectors.numpy()[shown],
        record.levels.numpy()[shown],
        own.temperature * record.deviations().numpy()[shown],
        own.temperature * own.level_scale * STRENGTHS[best],
        doubts_of(heads),
        1 / max(own.temperature, LEAST_TEMPERATURE),
    )
    return made, {
        "own_record_gain": float(gains[best] / judged),
        "own_record_strength": STRENGTHS[best],
    }


class Added:
    """Records in torch, as bundles serve them: what they add to each head's logit.

    Args:
        records: of artworks.
        artwork_ids: of the catalogue, in its order.
    """

    def __init__(self, records: ArtworkRecords, artwork_ids: Sequence[str]) -> None:
        self.rank, self.more = records.vectors.shape[1], records.more
        self.numbers = torch.from_numpy(records.added(artwork_ids, self.rank + self.more))

    @torch.no_grad()
    def logits(
        self, learner: Learner, batch: Batch, artworks: Int[np.ndarray, " decisions"]
    ) -> Float[Tensor, "decisions heads"]:
        """For decisions that showed artworks of these rows of the catalogue."""
        bank, _ = learner.network.context(batch.context, batch.cast_ids, batch.cast_weights)
        numbers = self.numbers[torch.from_numpy(artworks)]
        own, level = numbers[:, : self.rank], numbers[:, self.rank :]
        read = (bank[:, :, : self.rank] * own[:, None]).sum(2)
        return read + level @ level_rows(bank.shape[1]).T


@dataclass(frozen=True)
class Looks:
    """What the network says of each artwork by its looks, in the catalogue's order.

    Zeros stand for artwork that was never shown.
    """

    network: Marquee
    vectors: Float[Tensor, "artworks dimension"]
    appeals: Float[Tensor, "artworks appeal"]
    shown: Int[np.ndarray, " shown"]

    @classmethod
    def of(cls, learner: Learner, part: Examples, shown: Int[np.ndarray, " shown"]) -> "Looks":
        """Of artworks of these rows; `part` has embeddings in the images' place."""
        network, count = learner.network, len(part.image_row)
        vectors = appeals = torch.zeros(0)
        for at in range(0, len(shown), ARTWORKS):
            rows = shown[at : at + ARTWORKS]
            given = (part.images[part.image_row[rows]], *(c[rows] for c in part.candidates))
            said = network.candidate(*(torch.from_numpy(np.array(x)) for x in given))
            if not at:
                vectors, appeals = (x.new_zeros(count, x.shape[1]) for x in said)
            vectors[rows], appeals[rows] = said
        return cls(network, vectors, appeals, shown)

    def impressions(self, part: Examples, rows: Int[np.ndarray, " impressions"]) -> Impressions:
        """What some examples tell."""
        network = self.network
        bank, appeal = network.context(*(torch.from_numpy(c[rows]) for c in part.context))
        functional, shown = bank.mean(1), torch.from_numpy(part.artwork_of[rows])
        offset = (functional * self.vectors[shown]).sum(1) + network.bias
        return Impressions(
            functional[:, : network.context.rank],
            shown,
            torch.from_numpy(part.reward[rows]),
            offset + (appeal * self.appeals[shown]).sum(1),
            torch.from_numpy(part.importance[rows]),
        )

    def record(self, some: Impressions, own: Own, strength: float) -> OwnRecord:
        """That of all artworks, before any reward."""
        rank = self.network.context.rank
        made = OwnRecord(len(self.vectors), rank)
        scales = strength * own.vector_scale, strength * own.level_scale
        made.reset(self.vectors[torch.from_numpy(self.shown), :rank], some.functional, *scales)
        return made


def _gain(record: OwnRecord, told: Impressions) -> float:
    """How much better the record foretells a batch than the network alone does, in nats."""
    losses = [
        binary_cross_entropy_with_logits(logit, told.reward, told.weight, reduction="sum")
        for logit in (told.offset, told.offset + record(told.functional, told.artworks))
    ]
    return float(losses[0] - losses[1])
