"""`python -m evaluate combination`: a synopsis chosen with its artwork, and what that adds."""

from dataclasses import replace
from pathlib import Path
from typing import TypedDict

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int
from rich.console import Console
from rich.table import Table

from bandit.head_policy import HeadPolicy
from data.bundle.asset_terms import AssetTerms
from data.catalogue import Catalogue
from data.errors import BadInput
from data.records import KIND_COLUMNS
from evaluate.kinds.bundle_kinds import bundle_combinations
from evaluate.kinds.learn_assets import learn_assets
from evaluate.policies.bundle_scores import BundleScores, open_bundle_scores
from serve.scoring.asset_bank import AssetBank
from simulate.browsing.browse import browse
from simulate.browsing.day import Browsing, DayLog
from simulate.browsing.logging_policies import logging_policy
from simulate.kinds.told_world import EACH, KIND, ToldWorld
from simulate.world.artwork_world import ArtworkWorld

AGREEMENT = 0.3
"""As in `simulate.kinds.kind_world`: set before anything was measured."""


class Combined(TypedDict):
    """What one member is shown of one title."""

    title_id: int | str
    artwork_id: str
    synopsis: str
    """The likeliest with that artwork."""
    chance: float
    """Of both together."""
    alone: str
    """The likeliest synopsis where each kind is chosen by itself."""


class CombinationWorth(TypedDict):
    """Expected takes of a decision, exact, over members of a simulated world."""

    agreement: float
    visits: int
    even: float
    """Artwork and synopsis drawn evenly."""
    artwork: float
    """The bundle's artwork, a synopsis drawn evenly."""
    independent: float
    """And a synopsis chosen by itself."""
    together: float
    """A synopsis chosen for the artwork that it stands beside."""
    best: float
    """The best of all combinations."""
    gain: float
    """Of the synopsis chosen with its artwork over artwork alone, as a share of its takes."""
    of_artwork: float
    """Gain of both over even draws, in gains of artwork alone."""
    learnt_from: int
    effect: float
    """SD of what synopses add to the logit of a take by themselves, as it was learnt."""
    meeting: float
    """SD of what they add by the artwork beside them."""
    shown: list[Combined]


def combination(
    bundle: Path = Path("artifacts/bundles/current"),
    catalogue: Path = Path("artifacts/catalogue"),
    agreement: float = AGREEMENT,
    decisions: int = 60_000,
    visits: int = 2000,
    members: int = 2000,
    cache: Path = Path("artifacts/cache"),
    seed: int = 1,
) -> CombinationWorth:
    """Show a synopsis that is chosen with its artwork, and what that adds in a simulated world.

    Three synopses are written for every title. A log of random artwork with random synopses is
    drawn from a world in which both matter, and how they meet; what synopses add to the bundle is
    learnt from it, from their words and from takes. Then the bundle decides for other members, and
    is worth what the world says of every combination.

    Args:
        bundle: that knows the catalogue's artwork.
        catalogue: folder that `python -m simulate catalogue` wrote.
        agreement: SD of the logit by how artwork and synopsis meet; 0: they do not.
        decisions: of the log.
        visits: that are decided, of members that the log does not have.
        members: of the world; as many again are decided for.
        cache: folder of decoded images.
        seed: of members, synopses and the log.
    """
    _refuse_little(seed, decisions, visits, members)
    world = _whole_world(catalogue, members, seed)
    shown = Catalogue.read(catalogue)
    scored, told = open_bundle_scores(bundle, shown, cache), ToldWorld.make(world, agreement, seed)
    assets = told.assets()
    day = even_day(world, decisions, seed)
    learnt = learn_assets(scored, shown, assets, even_examples(told, day, seed), seed)
    others = ArtworkWorld.read(catalogue, members, seed + 1)
    told, day = replace(told, world=others), even_day(others, visits, seed + 1)
    values = told.takes(day.requests.members, day.requests.titles, day.requests.candidates)
    apart, together = (
        _chances(scored, AssetBank.of(terms, assets), day)
        for terms in (without_pairs(learnt.terms), learnt.terms)
    )
    even = np.full(values.shape, 1 / np.prod(values.shape[1:]))
    policies = {"even": even, "artwork": together.sum(2, keepdims=True) / EACH}
    policies |= {"independent": apart, "together": together}
    worth = {name: _mean(values, chances) for name, chances in policies.items()}
    return {
        "agreement": agreement,
        "visits": len(values),
        "even": worth["even"],
        "artwork": worth["artwork"],
        "independent": worth["independent"],
        "together": worth["together"],
        "best": float(values.reshape(len(values), -1).max(1).mean()),
        "gain": worth["together"] / worth["artwork"] - 1,
        "of_artwork": (worth["together"] - worth["even"]) / (worth["artwork"] - worth["even"]),
        "learnt_from": learnt.examples,
        "effect": learnt.effects[KIND],
        "meeting": learnt.meeting,
        "shown": _some(told, day, apart, together, values),
    }


def _refuse_little(seed: int, decisions: int, visits: int, members: int) -> None:
    told = {"seed": (seed, 0), "decisions": (decisions, 1), "visits": (visits, 1)}
    for name, (value, least) in (told | {"members": (members, 1)}).items():
        if value < least:
            raise BadInput(f"--{name} {value}: give {least} or more")


def _whole_world(catalogue: Path, members: int, seed: int) -> ArtworkWorld:
    world = ArtworkWorld.read(catalogue, members, seed)
    if not world.truth.candidates()[1].all():
        raise BadInput(
            f"{catalogue}: titles have unequal numbers of artworks, and combinations are"
            " enumerated where all have as many; make one with `python -m simulate catalogue`"
        )
    return world


def without_pairs(terms: AssetTerms) -> AssetTerms:
    """The same terms where kinds do not meet."""
    pairs = terms.terms.parts()[-1]
    weights, heads = terms.weights.copy(), terms.heads.copy()
    weights[pairs], heads[:, pairs] = 0.0, 0.0
    return replace(terms, weights=weights, heads=heads)


def even_day(world: ArtworkWorld, decisions: int, seed: int) -> DayLog:
    """A day under random artwork.

    Args:
        world: of the members.
        decisions: places of the day.
        seed: of visits.
    """
    chooser = logging_policy("uniform", len(world.truth.title_of), 0.2)
    return browse(world, chooser, 0, Browsing(decisions, seed))


def even_examples(told: ToldWorld, day: DayLog, seed: int) -> pa.Table:
    """What a join would make of the day, each artwork with an even draw of a synopsis.

    Args:
        told: the world with synopses.
        day: of that world.
        seed: of synopses and takes.
    """
    rng = np.random.default_rng([seed, 8])
    seen = np.flatnonzero(day.outcomes.rendered)
    asked, choice = day.requests, day.outcomes.choice[seen]
    titles, candidates = asked.titles[seen], asked.candidates[seen]
    synopsis = rng.integers(0, EACH, len(seen))
    takes = told.takes(asked.members[seen], titles, candidates)
    taken = rng.random(len(seen)) < takes[np.arange(len(seen)), choice, synopsis]
    names = told.world.truth.catalogue.title_ids
    ids = [[f"{names[title]}-{KIND}-{place}" for place in range(EACH)] for title in titles]
    chance = 1 / candidates.shape[1] / EACH
    columns = {
        "kinds": [[KIND]] * len(seen),
        "assets": [[of[place]] for of, place in zip(ids, synopsis, strict=True)],
        "asset_candidates": [[of] for of in ids],
        "asset_propensities": [[1 / EACH]] * len(seen),
        "joint_propensity": [chance] * len(seen),
        "combinations": [[chance] * (candidates.shape[1] * EACH)] * len(seen),
    }
    table = day.decisions.take(pa.array(seen))
    table = table.append_column("reward", pa.array(taken.astype(np.float64)))
    for field in KIND_COLUMNS:
        table = table.append_column(field, pa.array(columns[field.name], field.type))
    return table


def _chances(
    scored: BundleScores, bank: AssetBank, day: DayLog
) -> Float[np.ndarray, "visits candidates each"]:
    """Of every combination, by the mean of all heads: what was learnt, without exploring."""
    asked = day.requests
    rows = asked.titles[:, None] * EACH + np.arange(EACH)
    return bundle_combinations(
        *(scored, bank, asked.facts, asked.candidates, asked.valid),
        (KIND,),
        (rows,),
        HeadPolicy("greedy"),
    )


def _some(
    told: ToldWorld,
    day: DayLog,
    apart: Float[np.ndarray, "visits candidates each"],
    together: Float[np.ndarray, "visits candidates each"],
    values: Float[np.ndarray, "visits candidates each"],
) -> list[Combined]:
    """The two decisions in which choosing together gains most, of different titles."""
    gains = ((together - apart) * values).sum((1, 2))
    found: list[Combined] = []
    catalogue = told.world.truth.catalogue
    for row in np.argsort(-gains):
        title = int(day.requests.titles[row])
        name = catalogue.title_ids[title]
        if any(one["title_id"] == name for one in found):
            continue
        artwork, synopsis = _likeliest(together[row])
        found.append(
            {
                "title_id": name,
                "artwork_id": catalogue.artwork_ids[day.requests.candidates[row, artwork]],
                "synopsis": told.texts[title][synopsis],
                "chance": float(together[row, artwork, synopsis]),
                "alone": told.texts[title][_likeliest(apart[row])[1]],
            }
        )
        if len(found) == 2:
            break
    return found


def _likeliest(chances: Float[np.ndarray, "candidates each"]) -> tuple[int, int]:
    at: Int[np.ndarray, " two"] = np.array(np.unravel_index(chances.argmax(), chances.shape))
    return int(at[0]), int(at[1])


def _mean(
    values: Float[np.ndarray, "visits candidates each"],
    chances: Float[np.ndarray, "visits candidates each"],
) -> float:
    return float((values * chances).sum((1, 2)).mean())


def show(found: CombinationWorth) -> None:
    """What each step adds, and two titles as they are shown."""
    console, table = Console(), Table("chosen", "takes a decision", "adds")
    names = {
        "even": "nothing",
        "artwork": "artwork",
        "independent": "+ synopsis by itself",
        "together": "+ synopsis for its artwork",
    }
    before = None
    for key, name in names.items():
        value = float(found[key])
        table.add_row(name, f"{value:.4f}", "" if before is None else f"{value / before - 1:+.1%}")
        before = value
    table.add_row("if all were known", f"{found['best']:.4f}", "")
    console.print(table)
    for one in found["shown"]:
        console.print(
            f"{one['title_id']}: {one['artwork_id']} with “{_first(one['synopsis'])} …” (chance"
            f" {one['chance']:.2f}); by itself “{_first(one['alone'])} …”",
            soft_wrap=True,
            highlight=False,
        )
    console.print(
        f"exact over {found['visits']:,} decisions of members who are in no log; learnt from"
        f" {found['learnt_from']:,} examples: a synopsis chosen with its artwork adds"
        f" {found['gain']:+.1%} to what artwork alone takes",
        soft_wrap=True,
    )


def _first(text: str) -> str:
    return " ".join(text.split()[:14])
