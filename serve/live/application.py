"""The ASGI application of one worker process, put together from its settings.

Imported by the worker, when the variables are set that its metrics and its BLAS read.
"""

import os
from pathlib import Path

import orjson

from data import clock
from data.assets.assets import ASSETS_FILE
from data.pictures import IMAGES_FILE
from data.privacy.pseudonym import Pseudonyms
from serve.live.app import live_app
from serve.live.cells.arms import LiveArms
from serve.live.door.door import Door
from serve.live.door.tokens import Token, Tokens, read_tokens
from serve.live.load_model import LiveRows, load_live
from serve.live.micro_batcher import MicroBatcher
from serve.live.recorder import DurableLog, NoLog, Recorder
from serve.live.reload import ModelSource
from serve.live.server import SETTINGS, LiveSettings
from serve.live.service import LiveService
from serve.live.shown.follow_rules import RulesFile
from serve.live.snapshot import LiveModel
from serve.maps.open_store import open_map_store
from serve.maps.store import MapStore


def application() -> Door:
    """The service, following `current`."""
    settings = LiveSettings(**orjson.loads(os.environ[SETTINGS]))
    catalogue = Path(settings.catalogue)

    def load(folder: Path) -> LiveModel:
        cache, url, days = Path(settings.cache), settings.base_url, settings.epoch_days
        foreign, rows = settings.foreign, LiveRows(settings.rows, settings.most_alike)
        day = clock.today()
        return load_live(folder, catalogue, cache, day, url, days, foreign=foreign, rows=rows)

    def stamp() -> tuple[object, ...]:
        files = (catalogue / f"{name}.parquet" for name in ("titles", "artworks"))
        beside = (catalogue / name for name in (IMAGES_FILE, ASSETS_FILE))
        more = (file.stat().st_mtime_ns if file.is_file() else None for file in beside)
        return (clock.today(), *(file.stat().st_mtime_ns for file in files), *more)

    def store(name: str) -> MapStore:
        return open_map_store(name, True, patient=True)

    rules = RulesFile(Path(settings.rules) if settings.rules else None, catalogue)

    def source(bundle: str | None, own_rules: str | None) -> ModelSource:
        file = own_rules or settings.rules
        rules = RulesFile(Path(file) if file else None, catalogue)
        current = Path(settings.bundles) / "current" if bundle is None else Path(bundle)
        return ModelSource(current, load, stamp, rules=rules)

    def arms(main: ModelSource, batcher: MicroBatcher, recorder: Recorder) -> LiveArms:
        file = Path(settings.experiments) if settings.experiments else None
        return LiveArms(file, catalogue, main, batcher, recorder, source, store)

    service = LiveService(
        ModelSource(Path(settings.bundles) / "current", load, stamp, rules=rules),
        DurableLog(settings.log) if settings.log else NoLog(),
        store(settings.store) if settings.store else None,
        deadline=settings.deadline,
        queue=settings.queue,
        names=Pseudonyms.from_environment(),
        catalogue=catalogue,
        arms=arms if settings.experiments else None,
    )
    tokens = read_tokens(Path(settings.tokens)) if settings.tokens else []
    if secret := os.environ.get("MARQUEE_TOKEN"):
        tokens.append(Token.of("MARQUEE_TOKEN", secret))
    return live_app(service, Tokens(tokens), settings.origins)
