"""`python -m evaluate cold-start`: artwork and members that training never saw, judged exactly.

A new catalogue is rendered from cut-outs, new members are drawn, and the simulator tells what is
expected of every artwork to every member: no sampling of choices or outcomes, so the only
uncertainty is in which members, titles and cut-outs were drawn.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from rich.console import Console
from rich.progress import Progress

from data.catalogue import Catalogue
from data.errors import BadInput
from evaluate.new_artwork.cold_start_result import ColdStartResult
from evaluate.new_artwork.exact_takes import baseline_takes, exact_takes
from evaluate.ope.bootstrap import Bootstrap
from evaluate.policies.bundle_scores import BundleScores, open_bundle_scores
from simulate.named_rng import named_seed
from simulate.posters.subjects import Subjects, named
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.catalogue import Rendering, write_catalogue
from simulate.world.catalogue_truth import CatalogueTruth
from simulate.world.members import Members


class WorldSize(NamedTuple):
    """How large a new world is."""

    titles: int
    artworks: int
    """A title."""
    members: int


def new_world(
    subjects: Subjects,
    size: WorldSize,
    seed: int,
    folder: Path,
    workers: int = 2,
    progress: Callable[[int], object] = lambda done: None,
) -> ArtworkWorld:
    """A catalogue that is rendered now, and members of no other population.

    Seeds are hashed with a name of their own, so that no catalogue or log of the same seed number
    has the same artwork or people.
    """
    own = named_seed("cold start", seed) >> 33
    write_catalogue(
        subjects,
        size.titles,
        size.artworks,
        own,
        folder,
        arrivals=0,
        rendering=Rendering(workers=workers),
        progress=progress,
    )
    return opened_world(folder, size.members, seed)


def opened_world(folder: Path, members: int, seed: int) -> ArtworkWorld:
    """A catalogue that `new_world` rendered, with its members.

    Args:
        folder: of the catalogue.
        members: how many.
        seed: that it was rendered with.
    """
    truth = CatalogueTruth.read(folder)
    own = named_seed("cold start", seed) >> 33
    return ArtworkWorld(truth, Members.draw(members, own, truth.subjects))


# Each parameter is an option of the command.
def cold_start(
    subjects: str,
    bundle: str = "artifacts/bundles/current",
    ceiling: str | None = None,
    titles: int = 60,
    artworks: int = 6,
    members: int = 500,
    seed: int = 1,
    exclude_subjects: str | None = None,
    include_subjects: str | None = None,
    resamples: int = 1000,
    workers: int = 2,
) -> dict[str, object]:
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
        resamples: draws of members, titles and cut-outs for the intervals.
        workers: processes to render with.
    """
    bootstrap = Bootstrap.of_options(resamples, seed)
    pool = Subjects.read(subjects, named(exclude_subjects), named(include_subjects))
    size = WorldSize(titles, artworks, members)
    with (
        TemporaryDirectory(prefix="cold-start.") as scratch,
        Progress(console=Console(stderr=True)) as bar,
    ):
        folder = Path(scratch) / "catalogue"
        posters = bar.add_task("posters", total=titles * artworks)
        world = new_world(
            pool, size, seed, folder, workers, lambda count: bar.update(posters, completed=count)
        )
        scores = bar.add_task("scores", total=1 + (ceiling is not None))
        catalogue = Catalogue.read(folder)
        opened = open_bundle_scores(bundle, catalogue, scratch)
        takes = baseline_takes(world)
        takes |= exact_takes(opened, world, ("bundle-mean", "greedy", "thompson"))
        bar.advance(scores)
        if ceiling is not None:
            sighted = _open_ceiling(ceiling, catalogue, scratch)
            takes["attribute_ceiling"] = exact_takes(sighted, world, ("greedy",))["greedy"]
            bar.advance(scores)
    about = {"bundle": opened.scorer.bundle_id, **size._asdict(), "subjects": len(pool.names)}
    shares = subject_shares(world.truth)
    return ColdStartResult.of(takes, bootstrap, about | {"seed": seed}, shares).as_record()


def show(record: Mapping[str, object]) -> None:
    """Take fractions, and what greedy reaches of what could be gained."""
    result, console = ColdStartResult.of_record(record), Console()
    console.print(result.table())
    for name, share in result.shares.items():
        words = name.replace("_", " ")
        console.print(f"{words}: {share.value:.3f}, {share.low:.3f} … {share.high:.3f}")


def subject_shares(truth: CatalogueTruth) -> Float[np.ndarray, "titles subjects"]:
    """How much of each title's posters shows each subject; rows sum to 1."""
    shares = np.zeros((len(truth.title_ids), len(truth.subjects.names)))
    artwork, place = np.nonzero(truth.subjects_shown >= 0)
    subject = truth.subjects_shown[artwork, place]
    np.add.at(shares, (truth.title_of[artwork], subject), truth.subject_weights[artwork, place])
    return shares / shares.sum(1, keepdims=True)


def _open_ceiling(bundle: str, catalogue: Catalogue, cache: str) -> BundleScores:
    scored = open_bundle_scores(bundle, catalogue, cache)
    if scored.scorer.manifest.image is not None:
        raise BadInput(
            f"--ceiling {bundle} reads pixels; give a bundle of "
            "`python train.py --model.encoder attributes`"
        )
    return scored
