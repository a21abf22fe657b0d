"""What a policy gains that sees posters, beside the same learner that is told what they show."""

import logging
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from bench.seed_statistics import mean_of
from bench.strangers.learner import learnt_bundle
from bench.strangers.records import write_catalogue, write_examples
from bench.strangers.reports import told_settings
from bench.strangers.truth import true_values
from bench.strangers.world import Theatre, TheatreSize

LEAST = 0.85
"""Of what the told learner reaches."""
ENCODERS = {"pixels": "auto", "told": "features"}
POLICIES = ("greedy", "thompson")


class SeenWorld(NamedTuple):
    """One world's takes, by learner and policy, and what training took."""

    takes: dict[str, dict[str, float]]
    seconds: dict[str, float]


def seen_and_told(size: TheatreSize, seed: int, threads: int) -> SeenWorld:
    """Train twice on one log, and say exactly what the policies take.

    Args:
        size: of the world.
        seed: of it, and of training.
        threads: of torch.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    theatre = Theatre(size, seed)
    takes, seconds = dict[str, dict[str, float]](), dict[str, float]()
    with tempfile.TemporaryDirectory(prefix="marquee-strangers-") as scratch:
        at = Path(scratch)
        catalogue = write_catalogue(theatre, at / "catalogue", pictures=True)
        examples = write_examples(theatre, theatre.rows(), at / "examples")
        for name, encoder in ENCODERS.items():
            settings = told_settings(at / name, seed)
            settings.model.encoder = encoder
            settings.fit.threads = threads
            began = time.perf_counter()
            bundle, _ = learnt_bundle(examples, catalogue.root, settings)
            seconds[name] = round(time.perf_counter() - began, 1)
            takes[name] = true_values(theatre, catalogue, bundle, at / name / "cache")
    return SeenWorld(takes, seconds)


def seeing(size: TheatreSize, seeds: list[int], threads: int) -> dict[str, object]:
    """Shares of what is gained over random by pixels, of what is gained when told; by seed.

    Args:
        size: of each world.
        seeds: of worlds.
        threads: of torch.
    """
    worlds = [seen_and_told(size, seed, threads) for seed in seeds]
    shares = dict[str, object]()
    for policy in POLICIES:
        gains = {
            name: [one.takes[name][policy] - one.takes[name]["random"] for one in worlds]
            for name in ENCODERS
        }
        of_gain = mean_of([a / b for a, b in zip(gains["pixels"], gains["told"], strict=True)])
        of_takes = mean_of([o.takes["pixels"][policy] / o.takes["told"][policy] for o in worlds])
        shares[policy] = {
            "share_of_gain": asdict(of_gain),
            "share_of_takes": asdict(of_takes),
            "kept": of_gain.mean >= LEAST,
        }
    return {
        "rows": size.rows,
        "posters": size.plays * size.posters,
        "seeds": seeds,
        "shares": shares,
        "takes": [one.takes for one in worlds],
        "seconds": [one.seconds for one in worlds],
    }
