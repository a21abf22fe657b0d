"""`python -m serve live`: decisions over HTTP."""

import os
import sys
from pathlib import Path

from bandit.draws import EPOCH_DAYS_MAX, Epochs
from data import clock
from data.catalogue import Catalogue
from data.cells.written import read_experiments
from data.command_line.names import names
from data.command_line.numbers import refuse_outside
from data.errors import BadInput, NoServerError
from data.log.open_log import check_log
from data.privacy.pseudonym import Pseudonyms
from data.rules.compiled_catalogue import book_of_catalogue
from data.rules.files import read_rules
from data.schema.schema import read_schema
from serve.live.door.tokens import read_tokens
from serve.live.routes.files import FILES
from serve.live.server import LiveSettings, serve
from serve.maps.open_store import open_map_store


# Each parameter is an option of the command.
def live(
    bundles: Path = Path("artifacts/bundles"),
    catalogue: Path = Path("artifacts/catalogue"),
    store: str | None = None,
    log: str | None = "artifacts/log",
    host: str = "127.0.0.1",
    port: int = 8080,
    workers: int = 1,
    deadline_ms: float = 50,
    queue: int = 256,
    base_url: str = FILES,
    cache: Path = Path("artifacts/cache"),
    epoch_days: int = Epochs.days,
    tokens: Path | None = None,
    origins: str = "",
    foreign: bool = False,
    rules: Path | None = None,
    experiments: Path | None = None,
    rows: bool = False,
    most_alike: int = 0,
) -> None:
    """Serve decisions over HTTP until SIGTERM, then finish and flush what was begun.

    Where there are tokens, every end point but /healthz and /readyz asks for one: those of
    `--tokens`, each with its scopes and rate, and what `MARQUEE_TOKEN` holds, which may do all.
    Where `MARQUEE_PROFILE_SALT` is set, profiles are logged under keyed hashes of their ids.

    Args:
        bundles: Folder whose `current` points at the bundle; followed while running.
        catalogue: Folder with titles.parquet, artworks.parquet and images.
        store: Precomputed maps to fall back to.
        log: Folder of the embedded log, redis://host:port/db?replicas=1, or
            kafka://host:port/prefix; null logs nothing.
        host: Address to listen on; anything but loopback needs a token.
        port: Port to listen on.
        workers: Processes.
        deadline_ms: Milliseconds a page may take when its request does not say.
        queue: Pages that may be open in each process at most, whatever their deadlines. Fewer are
            shed too, where their predicted wait is too much of their deadline.
        base_url: Put before each artwork's path, which counts from the catalogue folder: the URL of
            that folder, not of images/ in it. This service gives files at its default.
        cache: Folder of decoded images.
        epoch_days: Days that a live draw lasts; 1 draws every title anew every day. Draws of the
            maps in `store` last as long as precompute said.
        tokens: file of hashed tokens, as `python -m serve token NAME` makes it.
        origins: of pages that may post from a browser, as https://example.com, separated by
            commas; others may not.
        foreign: Let bundles decide that were trained on another catalogue.
        rules: rules.yaml: who may be shown what, see docs/rules.md; followed while running, and the
            last good ones stay where new ones are refused.
        experiments: experiments.yaml: cells, hold-outs, loops and ramps, see docs/experiments.md;
            followed while running, as rules are.
        rows: Log each decision with its page, slot and neighbours, and decide a page's titles
            jointly, in their order, where the bundle has learnt what neighbours do to each other
            (`train.py --rows.learn true`). Draws of the maps in `store` are then shown only where a
            page cannot be decided live. See docs/rows.md.
        most_alike: Images of a page that may be alike, a rule beside what was learnt; needs
            `--rows true`. 0: as many as may be.
    """
    guarded = bool(os.environ.get("MARQUEE_TOKEN")) or (tokens is not None and read_tokens(tokens))
    if host not in ("127.0.0.1", "localhost", "::1") and not guarded:
        raise BadInput(
            f"listening on {host} without a token lets anyone read maps and write events; "
            "set MARQUEE_TOKEN, give --tokens, or listen on 127.0.0.1"
        )
    allowed = names([origins])
    for origin in allowed:
        if "://" not in origin or origin.endswith("/"):
            raise BadInput(f"--origins {origin}: write it as a browser does, https://example.com")
    if not 1 <= epoch_days <= EPOCH_DAYS_MAX:
        raise BadInput(f"--epoch-days {epoch_days}: give whole days, 1 to {EPOCH_DAYS_MAX}")
    refuse_outside("--port", port, 0, 65535)
    refuse_outside("--workers", workers, 1)
    refuse_outside("--queue", queue, 1)
    refuse_outside("--most-alike", most_alike, 0)
    if most_alike and not rows:
        raise BadInput(f"--most-alike {most_alike} is for pages as rows; add --rows true")
    refuse_outside("--deadline-ms", deadline_ms, 0)
    if log is not None:
        see_to_log(log)
    if rules is not None:
        shown = Catalogue.read(catalogue)
        book_of_catalogue(read_rules(rules, read_schema(catalogue)), shown, clock.today())
    if experiments is not None:
        read_experiments(experiments, read_schema(catalogue))
    if store is not None:  # said here once, by the process that was asked
        open_map_store(store, readonly=True).close()
    Pseudonyms.from_environment()  # a salt that is too short is said here
    settings = LiveSettings(
        bundles=str(bundles),
        catalogue=str(catalogue),
        store=store,
        log=log,
        deadline=deadline_ms / 1000,
        queue=queue,
        base_url=base_url,
        cache=str(cache),
        epoch_days=epoch_days,
        tokens=str(tokens) if tokens is not None else None,
        origins=allowed,
        foreign=foreign,
        rules=str(rules) if rules is not None else None,
        experiments=str(experiments) if experiments is not None else None,
        rows=rows,
        most_alike=most_alike,
    )
    serve(settings, host, port, workers)


def see_to_log(log: str) -> None:
    """Refuse a log that can never be written; one whose server is away is a warning.

    A host that starts while that server does has images for its pages, as one that ran before.

    Raises:
        BadInput: it cannot hold a log, or is none.
    """
    try:
        check_log(log)
    except NoServerError as error:
        print(f"warning: {error}; until it answers pages are marked unlogged", file=sys.stderr)
