"""What policies are worth in a theatre, exactly: over all visitors and plays, by how often."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from jaxtyping import Float

from bench.strangers.records import artwork_id, facts_of
from bench.strangers.world import Theatre
from data.bundle import Bundle
from data.catalogue import Catalogue
from evaluate.policies.bundle_scores import open_bundle_scores
from evaluate.policies.policy_probabilities import TABLE

BLOCK = 2000
"""Visitors that are asked for at once."""


def true_values(
    theatre: Theatre, catalogue: Catalogue, bundle: Path, cache: Path
) -> dict[str, float]:
    """Policy, by the name that reports give it → its mean reward an impression.

    Besides those of a bundle: `oracle`, the best for each visitor, and `editor`.
    """
    scored = open_bundle_scores(bundle, catalogue, cache)
    size = theatre.size
    table = _table(theatre, bundle)
    totals: dict[str, float] = {}
    for start in range(0, size.visitors, BLOCK):
        visitors = np.arange(start, min(start + BLOCK, size.visitors))
        members = scored.members(facts_of(theatre, visitors))
        for play in range(size.plays):
            plays = np.full(len(visitors), play)
            takes = theatre.takes(visitors, plays)
            weight = theatre.visits[visitors] * theatre.popularity[play]
            rows = np.tile(play * size.posters + np.arange(size.posters), (len(visitors), 1))
            there = np.ones(rows.shape, bool)
            targets: dict[str, np.ndarray] = {
                form: scored.probabilities(members, rows, there, scored.policy(form))
                for form in ("greedy", "thompson")
            }
            targets["random"] = np.full(rows.shape, 1 / size.posters)
            places = {
                TABLE: np.full(len(visitors), table[play].argmax()),
                "oracle": takes.argmax(1),
                "editor": theatre.picked(visitors, plays),
            }
            targets |= {name: np.eye(size.posters)[at] for name, at in places.items()}
            for name, target in targets.items():
                totals[name] = totals.get(name, 0.0) + float(weight @ (target * takes).sum(1))
    return totals


def _table(theatre: Theatre, bundle: Path) -> Float[np.ndarray, "plays posters"]:
    """The bundle's takes of each poster over all visitors; its default first of those unknown."""
    read = pq.read_table(Bundle.open(bundle).file("unpersonalised.parquet"))
    known = dict(zip(read["artwork_id"].to_pylist(), read["take"].to_pylist(), strict=True))
    size = theatre.size
    return np.array(
        [
            [known.get(artwork_id(p, k), -0.5 - (k > 0)) for k in range(size.posters)]
            for p in range(size.plays)
        ]
    )
