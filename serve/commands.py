"""The commands of `python -m serve`."""

import json as json_module
import os
import sys
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.dataset as ds

from data import clock
from data.days import day_number
from data.errors import BadInput
from data.records import FACTS


def precompute(
    bundle: Path = Path("artifacts/bundles/current"),
    catalogue: Path = Path("artifacts/catalogue"),
    profiles: Path = Path("artifacts/profiles.parquet"),
    store: str = "artifacts/maps",
    log: Path | None = None,
    day: str | None = None,
    threshold: float = 0.2,
    min_days: int = 3,
    changed_only: bool = False,
    engine: Literal["local", "spark"] = "local",
    block: int = 1024,
    workers: int = 2,
    cache: Path = Path("artifacts/cache"),
    json: bool = False,
) -> None:
    """Decide every title for every profile and store the artwork maps.

    A run that was interrupted goes on where it stopped when started again with the same
    arguments. Existing choices are kept unless the policy prefers another by `threshold`.

    Args:
        bundle: Bundle folder, or the `current` link to it.
        catalogue: Folder with titles.parquet, artworks.parquet and images.
        profiles: Parquet file or folder with the columns profile_id and facts.
        store: Folder for LMDB, redis://host:port/0 or redis+cluster://host:port.
        log: Folder of the logs; `python -m data roll` expands what is written there. Nothing is
            logged without.
        day: Day to decide for, YYYY-MM-DD; today (UTC) when left out.
        threshold: Probability that the policy must give the new artwork over the old one.
        min_days: Days that an artwork stays at least.
        changed_only: Redo only new profiles, changed facts, changed candidates or a new bundle.
        engine: Processes of this machine, or Spark.
        block: Profiles decided and written together.
        workers: Processes.
        cache: Folder of decoded images.
        json: Print one JSON object and nothing else.
    """
    from serve.precompute.sticky import Sticky

    when = _day(day)
    try:
        sticky = Sticky(threshold, min_days)
    except ValueError as error:
        raise BadInput(str(error)) from None
    folder = _bundle(bundle)
    facts = _profiles(profiles)

    from rich.console import Console
    from rich.progress import Progress

    from data.catalogue import Catalogue
    from serve.maps.layout import Layout
    from serve.maps.open_store import open_store
    from serve.precompute.precompute import Work, as_json, precompute_maps
    from serve.scoring import open_bundle as load
    from serve.scoring.candidate_bank import Bank
    from serve.scoring.unpersonalised import unpersonalised_best, unpersonalised_map

    shown = Catalogue.read(catalogue)
    layout = Layout.of_catalogue(shown.titles, shown.artworks, day_number(when))
    scorer = load.open_scorer(folder)
    policy = load.policy_of(scorer)
    vectors = load.artwork_vectors(scorer, shown, layout, cache)
    opened = open_store(store, timeout=10.0)
    work = Work(
        describe=load.BundleFacts(folder),
        bank=Bank.of(layout, vectors),
        layout=layout,
        policy=policy,
        day=day_number(when),
        log=log,
        sticky=sticky,
        changed_only=changed_only,
        block=block,
    )
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("profiles", total=len(facts))
        done = partial(_show, bar, task)
        if engine == "spark":
            from serve.precompute.spark import precompute_spark

            report = precompute_spark(work, facts, opened, progress=done)
        else:
            report = precompute_maps(work, facts, opened, workers=workers, progress=done)
    best = unpersonalised_best(folder, layout)
    if best is not None:
        shared = unpersonalised_map(best, layout, policy, day_number(when), report.version)
        opened.put_shared("unpersonalised", shared)
    opened.close()
    _print(as_json(report), json)


def lookup(
    profile: str,
    titles: list[int] | None = None,
    store: str = "artifacts/maps",
    base_url: str = "",
    json: bool = False,
) -> None:
    """Print the image that a profile is shown for each title.

    Args:
        profile: Profile id.
        titles: Video ids; all titles of the catalogue when left out.
        store: Where precompute wrote the maps.
        base_url: Put before each artwork's path.
        json: Print one JSON object and nothing else.
    """
    from serve.maps.lookup import LEVELS, Lookup
    from serve.maps.open_store import open_store

    client = Lookup(open_store(store, readonly=True, timeout=1.0), base_url=base_url)
    page = client.page(profile)
    wanted = titles or list(page)
    found = {title: page.resolve(title) for title in wanted}
    if json:
        shown = {str(t): {"url": url, "level": LEVELS[at]} for t, (url, at) in found.items()}
        reasons = dict(client.reasons)
        print(json_module.dumps({"profile": profile, "titles": shown, "reasons": reasons}))
        return
    for title, (url, level) in found.items():
        print(f"{title}\t{url}\t{LEVELS[level]}")


def live(
    bundles: Path = Path("artifacts/bundles"),
    catalogue: Path = Path("artifacts/catalogue"),
    store: str | None = None,
    log: Path | None = Path("artifacts/log"),
    host: str = "127.0.0.1",
    port: int = 8080,
    workers: int = 1,
    deadline_ms: float = 50,
    queue: int = 10,
    base_url: str = "/images/",
    cache: Path = Path("artifacts/cache"),
) -> None:
    """Serve decisions over HTTP until SIGTERM, then finish and flush what was begun.

    `MARQUEE_TOKEN` holds the bearer token that writing end points ask for.

    Args:
        bundles: Folder whose `current` points at the bundle; followed while running.
        catalogue: Folder with titles.parquet, artworks.parquet and images.
        store: Precomputed maps to fall back to.
        log: Folder of the embedded log; null logs nothing.
        host: Address to listen on; anything but loopback needs a token.
        port: Port to listen on.
        workers: Processes.
        deadline_ms: Milliseconds a page may take when its request does not say.
        queue: Pages that may wait for the model or the log in each process; more are shed.
        base_url: Put before each artwork's path.
        cache: Folder of decoded images.
    """
    from serve.live.server import Settings, serve

    if host not in ("127.0.0.1", "localhost", "::1") and not os.environ.get("MARQUEE_TOKEN"):
        raise BadInput(
            f"listening on {host} without a token lets anyone write events; "
            "set MARQUEE_TOKEN, or listen on 127.0.0.1"
        )
    serve(
        Settings(
            bundles=str(bundles),
            catalogue=str(catalogue),
            store=store,
            log=str(log) if log is not None else None,
            deadline=deadline_ms / 1000,
            queue=queue,
            base_url=base_url,
            cache=str(cache),
        ),
        host,
        port,
        workers,
    )


def _show(bar: Any, task: Any, done: int, _: int) -> None:
    bar.update(task, completed=done)


def _print(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json_module.dumps(result))
        return
    for key, value in result.items():
        print(f"{key:20} {value}")


def _day(given: str | None) -> date:
    if given is None:
        return clock.today()
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise BadInput(f"--day {given!r} is not a day; write it as 2026-01-31") from None


def _bundle(path: Path) -> Path:
    folder = path.resolve()
    if not (folder / "manifest.json").is_file():
        raise BadInput(f"no bundle at {path}: train.py publishes one, or give --bundle FOLDER")
    return folder


def _profiles(path: Path) -> pa.Table:
    """Profiles with their facts, in a stable order.

    Raises:
        BadInput: no file, or columns of another kind.
    """
    if not path.exists():
        raise BadInput(f"no profiles at {path}; give a Parquet file with profile_id and facts")
    try:
        table = ds.dataset(path, format="parquet").to_table(columns=["profile_id", "facts"])
        ids = table["profile_id"].cast(pa.string()).combine_chunks()
        facts = table["facts"].combine_chunks().cast(FACTS)
    except (pa.ArrowException, KeyError) as error:
        raise BadInput(f"profiles {path}: {error}; docs/data.md says what it must hold") from None
    if ids.null_count or len(ids.unique()) != len(ids):
        raise BadInput(f"profiles {path}: profile_id must be there and different on every row")
    return pa.table({"profile_id": ids, "facts": facts})
