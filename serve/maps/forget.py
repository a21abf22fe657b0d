"""`python -m data forget`: take people out of everything that the product has written."""

from dataclasses import dataclass
from pathlib import Path

from data.command_line.local_path import is_url, without_password
from data.errors import BadInput
from data.privacy.forget import Forgotten, forget_in_files, forget_in_log
from data.privacy.pseudonym import Pseudonyms
from serve.maps.open_store import open_map_store
from serve.maps.store import StoreUnavailableError


@dataclass(frozen=True)
class ForgetReport:
    """What was taken out, by place."""

    profiles: int
    log_rows: int
    example_rows: int
    table_rows: int
    files: int
    maps: bool
    """Whether their maps are gone."""
    segments_in_use: int
    """Of the log, that still hold bytes of theirs; say it again when they are full or serving was
    started again."""


# Each parameter is an option of the command.
def forget(
    profile: str,
    log: Path | None = Path("artifacts/log"),
    examples: Path | None = Path("artifacts/examples"),
    profiles: Path | None = Path("artifacts/profiles.parquet"),
    store: str | None = "artifacts/maps",
) -> ForgetReport:
    """Take a profile out of logs, runs, examples, the table of profiles, and artwork maps.

    Where MARQUEE_PROFILE_SALT is set, give the id as callers send it. A place that is not there is
    left out; one that cannot be read is said, and what came before it is done: say it again. What
    networks have learnt from somebody's takes is in their weights among everybody else's; train
    again where the law wants it. Drain a Redis log first.

    Args:
        profile: its id; or @FILE, with one on each line.
        log: folder of the logs; null: none.
        examples: folder of joined examples; null: none.
        profiles: Parquet file or folder that precompute reads; null: none.
        store: of the maps, a folder or redis://…; null: none.
    """
    ids = _ids(profile)
    nothing = Forgotten(0, 0)
    logged, held = (nothing, 0)
    if log is not None and log.is_dir():
        logged, held = forget_in_log(log, ids)
    joined = _tables(examples, ids)
    known = _tables(profiles, ids)
    gone = False
    if store is not None and (is_url(store) or Path(store.removeprefix("lmdb:")).is_dir()):
        maps = open_map_store(store, timeout=10.0)
        try:
            maps.delete(ids)
            gone = True
        except StoreUnavailableError as error:
            where = without_password(store)
            raise BadInput(f"--store {where}: {error}; say it again when it answers") from None
        finally:
            maps.close()
    return ForgetReport(
        len(ids),
        logged.rows,
        joined.rows,
        known.rows,
        logged.files + joined.files + known.files,
        gone,
        held,
    )


def _ids(profile: str) -> list[str]:
    """Profiles as logged: their own ids, and their names where a salt is set."""
    raw = [profile]
    if profile.startswith("@"):
        try:
            raw = Path(profile[1:]).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{profile}: the file of ids cannot be read ({error})") from None
    raw = [line for line in raw if line]
    if not raw:
        raise BadInput(f"{profile!r} names no profile; give an id, or @FILE")
    names = Pseudonyms.from_environment()
    # Under the id too: what was logged before there was a salt.
    return list(dict.fromkeys([*raw, *map(names.of, raw)]))


def _tables(place: Path | None, ids: list[str]) -> Forgotten:
    if place is None or not place.exists():
        return Forgotten(0, 0)
    files = [place] if place.is_file() else sorted(place.rglob("*.parquet"))
    return forget_in_files(files, ids)
