"""`python -m serve precompute`: decide every title for every profile and store the maps."""

import sys
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Literal

import pyarrow as pa
from rich.console import Console
from rich.progress import Progress

from bandit.draws import Epochs
from data import clock
from data.assets.assets import Assets
from data.bundle.belonging import refuse_foreign
from data.catalogue import Catalogue
from data.command_line.numbers import refuse_outside
from data.days import date_of, day_number
from data.errors import BadInput
from data.images.left_out import left_out_words
from data.log.open_log import RunLog, open_runs
from data.privacy.pseudonym import Pseudonyms
from data.rules.files import read_rules
from data.rules.traits import ArtworkTraits
from data.schema.schema import read_schema
from serve.maps.layout import Layout
from serve.maps.open_store import open_map_store
from serve.maps.store import MapStore
from serve.maps.takedown.instead import put_instead
from serve.maps.takedown.listed import read_takedown
from serve.pictures.catalogue_pictures import pictures_of_layout
from serve.precompute.cell_members import CellWork
from serve.precompute.map_kinds import MapKinds
from serve.precompute.map_pictures import put_pictures
from serve.precompute.precompute import Report, precompute_maps
from serve.precompute.profiles import readable_profiles
from serve.precompute.row_parts import RowKeep, refuse_rows_beside
from serve.precompute.spark import precompute_spark
from serve.precompute.work import Work
from serve.rules.anybody import for_anybody
from serve.rules.layout_rules import LayoutRules
from serve.scoring.artwork_vectors import Shown, scored_artworks
from serve.scoring.asset_bank import AssetBank
from serve.scoring.bundle_members import BundleMembers
from serve.scoring.candidate_bank import Bank
from serve.scoring.scorer import Scorer
from serve.scoring.served_policy import ServedPolicy
from serve.scoring.unpersonalised import unpersonalised_best

MOST_IN_A_BLOCK = 1 << 20
NAMED = 20
"""Members left out that are named; all are counted."""
Engine = Literal["local", "spark"]


# Each parameter is an option of the command.
def precompute(
    bundle: Path = Path("artifacts/bundles/current"),
    catalogue: Path = Path("artifacts/catalogue"),
    profiles: Path = Path("artifacts/profiles.parquet"),
    store: str = "artifacts/maps",
    log: str | None = None,
    day: str | None = None,
    epoch_days: int = Epochs.days,
    keep: float | None = None,
    threshold: float | None = None,
    changed_only: bool = False,
    engine: Engine = "local",
    block: int = 1024,
    workers: int = 2,
    cache: Path = Path("artifacts/cache"),
    foreign: bool = False,
    master: str | None = None,
    rules: Path | None = None,
    experiments: Path | None = None,
    cell: str | None = None,
    kinds: list[str] | None = None,
    rows: int = 0,
) -> Report:
    """Decide every title for every profile and store the artwork maps.

    A run that was interrupted goes on where it stopped when started again with the same
    arguments. A choice stays for an epoch; each day an even share of a member's titles begins a
    new one and is drawn anew, see docs/propensities.md.

    Args:
        bundle: Bundle folder, or the `current` link to it.
        catalogue: Folder with titles.parquet, artworks.parquet and images.
        profiles: Parquet file or folder with the columns profile_id and facts; where a column
            `profiling` is false somebody opted out: their map is taken away, and none is made.
        store: Folder for LMDB, redis://host:port/0 or redis+cluster://host:port.
        log: Folder of the logs, made if it is not there, or redis://host:port/db; `python -m data
            roll` expands what is written there. Nothing is logged without.
        day: Day to decide for, YYYY-MM-DD; today (UTC) when left out. Decisions are stamped with
            the time it is all the same.
        epoch_days: Days that a draw lasts; 1 draws everything anew every day.
        keep: Share of a new draw's probability that goes to what was shown before; 0.5 if not
            given.
        threshold: Of before there were epochs: only 0 is taken, and means `--keep 0`.
        changed_only: Draw only where there is no draw: new profiles, titles, changed candidates.
        engine: Processes of this machine, or Spark.
        block: Profiles decided and written together.
        workers: Processes.
        cache: Folder of decoded images.
        foreign: Let a bundle decide that was trained on another catalogue.
        master: Of Spark, such as spark://host:7077 or local[2]; this machine's cores if not given,
            and under spark-submit what was given there.
        rules: rules.yaml: who may be shown what, see docs/rules.md. Those that hold when the run
            begins hold for all of it.
        experiments: experiments.yaml: members of its cells have no maps in this store, and those
            that they had are taken out; see docs/experiments.md.
        cell: EXPERIMENT:CELL of it, whose members alone are decided for, by the cell's bundle and
            policy, into the store that it names.
        kinds: What pages show beside the artwork, in their order, as synopsis,trailer: any kinds
            of assets.parquet; each is drawn given the artwork and those before. For pages that show
            them all: give others a store of their own. Artwork alone if not given.
        rows: Keep so many artworks of each title with weights, so that look-ups can open a page as
            one row, each title drawn given what stands left of it; 4 keeps most of what rows gain,
            in 2 x 4 + 1 bytes a title. Maps then hold members' facts, which the page's log needs.
            0: none. See docs/rows.md.
    """
    if master is not None and engine != "spark":
        raise BadInput(f"--master {master} is of Spark; add --engine spark")
    refuse_outside("--block", block, 1, MOST_IN_A_BLOCK)
    refuse_outside("--workers", workers, 0)
    refuse_rows_beside(rows, changed_only, kinds)
    today = day_number(_day(day))
    epochs = _epochs(epoch_days, keep, threshold)
    of_cell = None if experiments is None else CellWork.of(experiments, cell)
    if of_cell is None and cell is not None:
        raise BadInput(f"--cell {cell} is of an experiments.yaml; give it by --experiments")
    if of_cell is not None:
        bundle = Path(of_cell.arm.bundle or bundle)
        store = of_cell.arm.store or store
        rules = rules if of_cell.arm.rules is None else Path(of_cell.arm.rules)
    folder = _bundle(bundle)
    read = readable_profiles(profiles, Pseudonyms.from_environment())
    members, others = (read.members, []) if of_cell is None else of_cell.divided(read.members)
    shown = Catalogue.read(catalogue)
    refuse_foreign(folder, shown, foreign)
    scorer = Scorer(folder)
    pictured = Shown.of(scorer, shown, cache)
    layout = Layout.of_catalogue(shown.titles, pictured.artworks, today)
    policy = ServedPolicy.of(scorer.manifest)
    policy = policy if of_cell is None else of_cell.policy(policy)
    artworks = scored_artworks(scorer, shown, layout.artwork_ids, cache, pictured.images)
    beside = None
    if kinds is not None:
        assets = Assets.read(shown)
        of_bundle = AssetBank.of(scorer.asset_terms, assets)
        offered = layout, artworks.vectors, date_of(today), policy.head_policy
        beside = MapKinds.of(kinds, of_bundle, assets, *offered)
    bank = Bank.of(layout, artworks.vectors, artworks.names)
    ruled, page_facts = None, scorer.spec.declared.schema.known_at_request()
    if rules is not None:
        written = read_rules(rules, read_schema(catalogue))
        ruled = LayoutRules.of(written, ArtworkTraits.of(shown), layout)
    maps = open_map_store(store, timeout=10.0)
    put_instead(maps, for_anybody(ruled or LayoutRules.free(layout), layout, clock.now_us()))
    ruled = _without_taken(ruled, maps, layout)
    work = Work(
        BundleMembers(scorer),
        bank,
        layout,
        policy,
        today,
        log is not None,
        scorer.manifest.policy.heads,
        epochs,
        changed_only,
        block,
        unpersonalised_best(folder, layout),
        page_facts=page_facts,
        ruled=ruled,
        cell=None if of_cell is None else of_cell.cell,
        kinds=beside,
    )
    if rows:
        temperature = scorer.manifest.calibration.temperature
        known = (scorer.row_pairs, artworks.vectors, layout, work.rules, temperature)
        work = replace(work, rows=RowKeep.of(*known, rows))
    maps.delete([*read.opted_out, *others])
    decide = partial(precompute_maps, workers=workers)
    if engine == "spark":
        decide = partial(precompute_spark, master=master)
    pictures = pictures_of_layout(shown, layout.artwork_ids)
    put_pictures(maps, layout, pictures)
    report = _logged_run(work, members, maps, log, decide)
    put_pictures(maps, layout, pictures)  # a store that lost its data meanwhile has none
    report.opted_out = len(read.opted_out)
    report.skip(read.skipped)
    report.artworks_left_out = len(pictured.left_out)
    report.artworks_of_other_canvas = len(pictured.other_canvas)
    if report.refused or not report.followed:
        print(
            f"note: the store has later maps: {report.refused} of this run were not taken"
            + ("" if report.followed else ", and pages go on in the later run's catalogue"),
            file=sys.stderr,
        )
    left = [f"left out: {name}: {reason}" for name, reason in report.skipped_members[:NAMED]]
    more = [] if ruled is None else ruled.page_words(page_facts)
    more += [] if of_cell is None else of_cell.words()
    more += [] if work.rows is None else work.rows.words()
    for words in [*left, *left_out_words(pictured.left_out), *pictured.canvas_words, *more]:
        print(words, file=sys.stderr)
    maps.close()
    return report


def status(report: Report) -> int:
    """1 where the store took none of the maps, since it has later ones; else 0."""
    return 1 if report.refused and not report.written else 0


def show(report: Report) -> None:
    """Print a report for people."""
    for name, value in vars(report).items():
        if name != "skipped_members":
            print(f"{name:20} {value}")


def _without_taken(ruled: LayoutRules | None, maps: MapStore, layout: Layout) -> LayoutRules | None:
    """Rules, and that of what the store takes down; None: there are none.

    Raises:
        BadInput: the store's list is damaged.
    """
    try:
        taken = read_takedown(maps).artwork_ids
    except ValueError as error:
        raise BadInput(str(error)) from None
    if not taken:
        return ruled
    return (ruled or LayoutRules.free(layout)).without(taken, layout)


def _logged_run(
    work: Work, members: pa.Table, maps: MapStore, log: str | None, decide: Callable[..., Report]
) -> Report:
    """Decide, and log what was drawn."""
    with closing(open_runs(log)) if log is not None else nullcontext() as runs:
        return _run(work, members, maps, runs, decide)


def _run(
    work: Work,
    members: pa.Table,
    maps: MapStore,
    log: RunLog | None,
    decide: Callable[..., Report],
) -> Report:
    """Decide on the engine asked for, with a bar where somebody looks on."""
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("profiles", total=len(members))

        def progress(done: int, _: int) -> None:
            bar.update(task, completed=done)

        return decide(work, members, maps, log, progress=progress)


def _epochs(days: int, keep: float | None, threshold: float | None) -> Epochs:
    """How long draws last.

    Raises:
        BadInput: an epoch that cannot be, or a threshold.
    """
    if threshold:
        raise BadInput(
            f"--threshold {threshold}: a choice that is renewed only where the draw fell on a "
            "favoured artwork has no true propensity; give --keep for how much of a new draw is "
            "what was shown before, and --epoch-days for how long a draw lasts"
        )
    if keep is None:
        keep = Epochs.keep if threshold is None else 0.0
    try:
        return Epochs(max(days, 1) if days >= 0 else days, keep)
    except ValueError as error:
        raise BadInput(f"--epoch-days, --keep: {error}") from None


def _day(text: str | None) -> date:
    if text is None:
        return clock.today()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"--day {text!r} is not a day; write it as 2026-01-31") from None


def _bundle(path: Path) -> Path:
    folder = path.resolve()
    if not (folder / "manifest.json").is_file():
        raise BadInput(f"no bundle at {path}: train.py publishes one, or give --bundle FOLDER")
    return folder
