"""Do explanations add up to what was decided, and how long does one take?"""

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds

from bench.small_demo import DemoFolders, demo_folders
from data import clock
from data.catalogue import Catalogue
from data.days import DAY_US
from data.features import context_features
from evaluate.explain.command import known_of
from serve.live.explain.explained import decided_page, explain
from serve.live.load_model import load_live
from serve.live.page_request import PageRequest
from serve.scoring.artwork_vectors import scored_artworks
from serve.scoring.scorer import Scorer

AIM = 1e-5


@dataclass(frozen=True)
class ExplainedAll:
    """Explanations of many decisions."""

    bundle: str
    decisions: int
    aim: float
    worst: float
    """Logits between `nobody` plus all `adds`, and the scores that the scorer itself gives."""
    exact: float
    """Share of decisions whose parts do not depend on the order of the facts."""
    milliseconds: float
    """A decision, the mean."""
    parts: float
    """Facts and names told a decision, the mean."""
    worst_error: float
    """Standard error of a part, in logits, where parts are sampled."""


def explained(
    decisions: int = 10_000,
    bundle: Path | None = None,
    catalogue: Path | None = None,
    examples: Path | None = None,
    cache: Path | None = None,
    seed: int = 1,
    quick: bool = False,
) -> ExplainedAll:
    """Explain many decisions, and hold each sum against the scorer's own difference of scores.

    Args:
        decisions: How many, of members and titles drawn at random.
        bundle: Of the demo if left out.
        catalogue: The same.
        examples: The same: whose members are asked about.
        cache: Of decoded images.
        seed: Of the draw.
        quick: 100 decisions.
    """
    with demo_folders(
        quick, {"bundle": bundle, "catalogue": catalogue, "examples": examples}
    ) as on:
        used = replace(on, cache=cache or on.cache)
        return _explained(used, 100 if quick else decisions, seed)


def show_explained(record: ExplainedAll) -> None:
    """Print the record for people."""
    print(f"bundle {record.bundle}: {record.decisions:,} decisions explained")
    print(f"sums miss the scorer's difference by at most {record.worst:.1e} (aim {record.aim:g})")
    print(f"exact: {record.exact:.1%}; where parts are sampled, errors to {record.worst_error:.3f}")
    print(f"{record.milliseconds:.1f} ms and {record.parts:.0f} facts and names a decision")


def _explained(on: DemoFolders, decisions: int, seed: int) -> ExplainedAll:
    model = load_live(on.bundle, on.catalogue, on.cache, clock.today(), foreign=True)
    scorer, shown = Scorer(on.bundle), Catalogue.read(on.catalogue)
    artworks = scored_artworks(scorer, shown, model.layout.artwork_ids, on.cache)
    files = [str(file) for file in sorted(on.examples.rglob("examples.parquet"))]
    facts = ds.dataset(files).to_table(columns=["facts"])["facts"].combine_chunks()
    random, titles, now_us = np.random.default_rng(seed), list(model.slot_of), clock.now_us()
    misses, spent, parts, exact, errors = [0.0], 0.0, 0, 0, 0.0
    for count in range(decisions):
        row = int(random.integers(len(facts)))
        title = titles[int(random.integers(len(titles)))]
        known = known_of(facts[row].as_py() or {})
        page = PageRequest(f"m{row}", [title], now_us // DAY_US, 0, known)
        begun = time.perf_counter()
        made = explain(model, page, now_us)
        spent += time.perf_counter() - begun
        if both := decided_page(model, page, now_us).ordinals:
            said = made.nobody + sum(share.adds for share in made.facts)
            members = scorer.members(context_features(scorer.spec, facts.slice(row, 1)))
            one, other = members.scores(artworks.at(np.array([both]))).mean(1)[0]
            misses.append(abs(said - float(one - other)))
        exact += made.exact
        parts += len(made.facts)
        errors = max([errors, *(share.error for share in made.facts)])
        if count % 1000 == 999:
            print(f"{count + 1:,} explained", file=sys.stderr, flush=True)
    each = 1000 * spent / decisions, parts / decisions
    name = model.policy.bundle
    return ExplainedAll(name, decisions, AIM, max(misses), exact / decisions, *each, errors)
