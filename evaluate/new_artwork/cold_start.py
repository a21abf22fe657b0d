"""`python -m evaluate cold-start`: artwork and members that training never saw, judged exactly.

A new catalogue is rendered from cut-outs, new members are drawn, and the simulator tells what is
expected of every artwork to every member: no sampling of choices or outcomes, so the only
uncertainty is in which members and titles were drawn.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from data.catalogue import Catalogue
from data.errors import BadInput
from evaluate.policies.bundle_scores import BundleScores, open_bundle_scores
from simulate.named_rng import named_seed
from simulate.posters.subjects import Subjects, named
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.catalogue import Rendering, write_catalogue
from simulate.world.catalogue_truth import CatalogueTruth
from simulate.world.members import Members

Takes = Float[np.ndarray, "members titles"]
BLOCK = 1 << 20
"""Expected takes worked out at a time."""


@dataclass(frozen=True)
class Means:
    """Means of takes over all (member, title), and what they are for drawn members and titles."""

    value: Mapping[str, float]
    drawn: Mapping[str, Float[np.ndarray, " resamples"]]

    @classmethod
    def of(cls, takes: Mapping[str, Takes], resamples: int, seed: int) -> "Means":
        """The same draws for all, so that differences and shares have intervals of their own.

        Members and titles are drawn again independently of each other: decisions share both.

        Source: Owen (2007), "The pigeonhole bootstrap", Annals of Applied Statistics 1(2).
        """
        rng = np.random.default_rng(seed)
        members, titles = next(iter(takes.values())).shape
        of_members = rng.multinomial(members, np.full(members, 1 / members), resamples) / members
        of_titles = rng.multinomial(titles, np.full(titles, 1 / titles), resamples) / titles
        drawn = {name: ((of_members @ t) * of_titles).sum(-1) for name, t in takes.items()}
        return cls({name: float(t.mean()) for name, t in takes.items()}, drawn)

    def share(self, part: str, whole: str) -> tuple[float, list[float]]:
        """What a policy gains over random, as a share of what another gains; with its interval.

        NaN where the other gains nothing.
        """

        def ratio(of: Mapping[str, Any]) -> Any:
            gain, most = of[part] - of["random"], of[whole] - of["random"]
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.where(most > 0, np.divide(gain, most), np.nan)

        return float(ratio(self.value)), _interval(ratio(self.drawn))

    def intervals(self) -> dict[str, list[float]]:
        """95% interval of each mean."""
        return {name: _interval(values) for name, values in self.drawn.items()}


def exact_takes(
    scored: BundleScores, world: ArtworkWorld, names: tuple[str, ...] = ("greedy", "thompson")
) -> dict[str, Takes]:
    """The expected take of each member with each title under a bundle's policies.

    Args:
        scored: a bundle, on the world's catalogue.
        world: the truth, and the members.
        names: of greedy, thompson and unpersonalised (each title's best in the bundle's own
            mean over all members: nobody has shown these images, so nothing else is known).
    """
    rows, valid = world.truth.candidates()
    titles, members = np.arange(len(rows)), np.arange(len(world.members))
    step = max(1, scored.block(rows.shape[1]) // len(titles))
    takes: dict[str, list[Takes]] = {name: [] for name in names if name != "unpersonalised"}
    told = np.zeros(rows.shape)
    for start in range(0, len(members), step):
        some = members[start : start + step]
        truth = _takes(world, some)
        said = scored.members(world.members.facts.slice(start, len(some)))
        pairs = type(said)(*(np.repeat(part, len(titles), axis=0) for part in said))
        pool, there = np.tile(rows, (len(some), 1)), np.tile(valid, (len(some), 1))
        for name, made in takes.items():
            chosen = scored.probabilities(pairs, pool, there, scored.policy(name))
            chosen = chosen.reshape(truth.shape)
            made.append((chosen * truth).sum(-1))
        if "unpersonalised" in names:
            told += scored.takes(pairs, pool).reshape(truth.shape).sum(0)
    made = {name: np.concatenate(parts) for name, parts in takes.items()}
    if "unpersonalised" in names:
        best = np.where(valid, told, -np.inf).argmax(-1)
        made["unpersonalised"] = single_takes(world, rows[titles, best])
    return made


def baseline_takes(world: ArtworkWorld) -> dict[str, Takes]:
    """The same for random, oracle, and the best that shows everybody the same."""
    rows, valid = world.truth.candidates()
    total = np.zeros(rows.shape)
    uniform, oracle = [], []
    step = max(1, BLOCK // rows.size)
    for start in range(0, len(world.members), step):
        takes = _takes(world, np.arange(start, min(start + step, len(world.members))))
        total += takes.sum(0)
        uniform.append(takes.sum(-1) / valid.sum(-1))
        oracle.append(takes.max(-1))
    best = np.where(valid, total, -np.inf).argmax(-1)
    return {
        "random": np.concatenate(uniform),
        "unpersonalised_best": single_takes(world, rows[np.arange(len(rows)), best]),
        "oracle": np.concatenate(oracle),
    }


def single_takes(world: ArtworkWorld, artworks: Int[np.ndarray, " titles"]) -> Takes:
    """The same when every member sees the same artwork of a title."""
    members = np.arange(len(world.members))[:, None]
    return np.asarray(world.expected_take(members, artworks[None]))


def _takes(
    world: ArtworkWorld, members: Int[np.ndarray, " some"]
) -> Float[np.ndarray, "some titles candidates"]:
    rows, valid = world.truth.candidates()
    return np.where(valid, world.expected_take(members[:, None, None], rows[None]), 0.0)


def new_world(
    subjects: Subjects, titles: int, artworks: int, members: int, seed: int, folder: Path,
    workers: int = 2, progress: Any = lambda done: None,
) -> ArtworkWorld:  # fmt: skip
    """A catalogue that is rendered now, and members of no other population.

    Seeds are hashed with a name of their own, so that no catalogue or log of the same seed number
    has the same artwork or people.
    """
    own = named_seed("cold start", seed) >> 33
    write_catalogue(
        subjects,
        titles,
        artworks,
        own,
        folder,
        arrivals=0,
        rendering=Rendering(workers=workers),
        progress=progress,
    )
    truth = CatalogueTruth.read(folder)
    return ArtworkWorld(truth, Members.draw(members, own, truth.subjects))


def cold_start(
    subjects: str, bundle: str = "artifacts/bundles/current", ceiling: str | None = None,
    titles: int = 60, artworks: int = 6, members: int = 500, seed: int = 1,
    exclude_subjects: str | None = None, include_subjects: str | None = None,
    resamples: int = 1000, workers: int = 2, json: bool = False,
) -> dict[str, Any] | None:  # fmt: skip
    """Exact take fractions of a bundle on new artwork of a folder of cut-outs, with new members.

    Args:
        subjects: folder of cut-outs with subjects.csv (columns file, theme).
        bundle: to judge.
        ceiling: bundle trained with --model.encoder attributes, which is told what others see.
        titles: how many titles.
        artworks: how many artworks a title.
        members: how many members; each is judged on every title.
        seed: of artwork and members; none of another command's come again.
        exclude_subjects: names to leave out, with commas between, or a file with one a line.
        include_subjects: the only names to use, given likewise.
        resamples: draws of members and titles for the intervals.
        workers: processes to render with.
        json: print one JSON object.
    """
    if resamples < 100:
        raise BadInput(f"--resamples {resamples}: too few for a 95% interval; give 100 or more")
    pool = Subjects.read(subjects, named(exclude_subjects), named(include_subjects))
    with (
        TemporaryDirectory(prefix="cold-start.") as made,
        Progress(console=Console(stderr=True)) as bar,
    ):
        folder = Path(made) / "catalogue"
        task = bar.add_task("posters", total=titles * artworks)
        world = new_world(
            pool, titles, artworks, members, seed, folder, workers,
            lambda count: bar.update(task, completed=count),
        )  # fmt: skip
        task = bar.add_task("scores", total=1 + (ceiling is not None))
        catalogue = Catalogue.read(folder)
        judged = _open(bundle, catalogue, made)
        takes = baseline_takes(world)
        takes |= exact_takes(judged, world, ("unpersonalised", "greedy", "thompson"))
        bar.advance(task)
        if ceiling is not None:
            told = _open(ceiling, catalogue, made, attributes=True)
            takes["attribute_ceiling"] = exact_takes(told, world, ("greedy",))["greedy"]
            bar.advance(task)
    result = summary(takes, resamples, seed) | {
        "bundle": judged.scorer.bundle_id, "titles": titles, "artworks": artworks,
        "members": members, "subjects": len(pool.names), "seed": seed,
    }  # fmt: skip
    if not json:
        _show(result)
        return None
    return result


def summary(takes: Mapping[str, Takes], resamples: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Take fractions by policy, shares, and the 95% intervals of both."""
    means = Means.of(takes, resamples, seed)
    intervals = means.intervals()
    result: dict[str, Any] = dict(means.value)
    for whole, name in (("attribute_ceiling", "share_of_ceiling"), ("oracle", "share_of_oracle")):
        if whole in takes:
            result[name], intervals[name] = means.share("greedy", whole)
    return result | {"intervals": intervals}


def _open(bundle: str, catalogue: Catalogue, cache: str, attributes: bool = False) -> BundleScores:
    scored = open_bundle_scores(bundle, catalogue, cache)
    if attributes and scored.scorer.manifest["image"] is not None:
        raise BadInput(
            f"--ceiling {bundle} reads pixels; give a bundle of "
            "`python train.py --model.encoder attributes`"
        )
    return scored


def _interval(values: Float[np.ndarray, " resamples"]) -> list[float]:
    known = values[np.isfinite(values)]
    return np.quantile(known, (0.025, 0.975)).tolist() if len(known) else [np.nan, np.nan]


ORDER = ("random", "unpersonalised", "unpersonalised_best", "greedy", "thompson",
         "attribute_ceiling", "oracle")  # fmt: skip


def _show(result: Mapping[str, Any]) -> None:
    table = Table("policy", "take fraction", "95% interval", "over random")
    for name in ORDER:
        if name in result:
            low, high = result["intervals"][name]
            lift = result[name] / result["random"] - 1
            table.add_row(
                name.replace("_", " "), f"{result[name]:.4f}", f"{low:.4f} … {high:.4f}",
                f"{lift:+.1%}",
            )  # fmt: skip
    console = Console()
    console.print(table)
    for name in ("share_of_ceiling", "share_of_oracle"):
        if name in result:
            low, high = result["intervals"][name]
            what = name.replace("_", " ")
            console.print(f"{what}: {result[name]:.3f}, {low:.3f} … {high:.3f}")
