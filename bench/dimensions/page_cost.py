"""What a page pays that asks for a synopsis beside its artwork: deciding, answer and record."""

import time
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
from jaxtyping import Float

from data.assets.assets import Assets
from data.catalogue import Catalogue
from data.days import day_number
from evaluate.kinds.combination import AGREEMENT, even_day, even_examples
from evaluate.kinds.learn_assets import learn_assets
from evaluate.policies.bundle_scores import BundleScores, open_bundle_scores
from serve.live.load_model import load_live
from serve.live.page_request import PageRequest
from serve.live.shown.page_assets import PageAssets
from serve.live.snapshot import LiveModel
from serve.pictures.asked import AskedKinds
from serve.scoring.asset_bank import AssetBank
from simulate.kinds.told_world import KIND, ToldWorld
from simulate.world.artwork_world import ArtworkWorld

DAY = date(2026, 1, 11)
MEMBERS, LEARNT_ON = 400, 20_000
ROUNDS = 5


@dataclass(frozen=True)
class PageCost:
    """Milliseconds of one thread a page, the median of pages; the least of rounds in turn.

    Attributes:
        titles: of a page.
        before: of a catalogue without assets.
        unasked: of one with them, where the page asks for none.
        asked: where it asks for synopses.
    """

    titles: int
    before: float
    unasked: float
    asked: float


def page_costs(
    bundle: Path, catalogue: Path, cache: Path, pages: int = 200, sizes: tuple[int, ...] = (10, 40)
) -> list[PageCost]:
    """Decide pages one after another, without HTTP and without a disk.

    Args:
        bundle: that knows the catalogue's artwork.
        catalogue: that `python -m simulate catalogue` wrote.
        cache: folder of decoded images.
        pages: of each round.
        sizes: titles of a page.
    """
    known = learnt_synopses(bundle, catalogue, cache)
    plain, world = known.plain, known.world
    offered = PageAssets.of(known.bank, known.assets, plain.layout, plain.vectors, DAY)
    both = replace(plain, assets=offered)
    asked = AskedKinds((KIND,), ())
    found = []
    for titles in sizes:
        ways = [(plain, None), (both, None), (both, asked)]
        rounds = [[_median(m, world, a, titles, pages) for m, a in ways] for _ in range(ROUNDS)]
        found.append(PageCost(titles, *np.array(rounds).min(0).tolist()))
    return found


@dataclass(frozen=True)
class LearntSynopses:
    """A bundle that has learnt synopses, on its catalogue."""

    world: ArtworkWorld
    scored: BundleScores
    plain: LiveModel
    """Without assets."""
    assets: Assets
    bank: AssetBank


def learnt_synopses(bundle: Path, catalogue: Path, cache: Path) -> LearntSynopses:
    """Three synopses a title, learnt from 20,000 examples of even draws.

    Args:
        bundle: that knows the catalogue's artwork.
        catalogue: that `python -m simulate catalogue` wrote.
        cache: folder of decoded images.
    """
    world = ArtworkWorld.read(catalogue, MEMBERS, 1)
    told, shown = ToldWorld.make(world, AGREEMENT, 1), Catalogue.read(catalogue)
    scored, assets = open_bundle_scores(bundle, shown, cache), told.assets()
    examples = even_examples(told, even_day(world, LEARNT_ON, 1), 1)
    terms = learn_assets(scored, shown, assets, examples).terms
    plain = load_live(scored.scorer.root, catalogue, cache, DAY)
    return LearntSynopses(world, scored, plain, assets, AssetBank.of(terms, assets))


def _median(
    model: LiveModel, world: ArtworkWorld, asked: AskedKinds | None, titles: int, pages: int
) -> float:
    names, seconds = model.layout.title_ids.tolist()[:titles], []
    known = world.members.facts.to_pylist()
    for page in range(pages):
        facts = {name: value for name, value in known[page % MEMBERS].items() if value is not None}
        facts |= {name: dict(facts.get(name, ())) for name in ("watched_genres", "watched_cast")}
        facts.pop("own", None)
        request = PageRequest(f"p{page}", names, day_number(DAY), page, facts, beside=asked)
        start = time.perf_counter()
        features = model.features([facts])
        assert features is not None
        [made] = model.decide([request], features)
        model.decisions_json(made)
        model.logged(made)
        seconds.append(time.perf_counter() - start)
    timed: Float[np.ndarray, " pages"] = np.array(seconds)
    return float(np.median(timed)) * 1e3
