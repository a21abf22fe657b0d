"""What `bench live` serves: the live service on a made-up catalogue, and a bare handler."""

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
from fastapi import FastAPI, Request, Response

from bandit.head_policy import HeadPolicy
from bench.serving.random_maps import numbered_layout
from data.bundle import Bundle
from serve.live.app import live_app
from serve.live.door.door import Door
from serve.live.recorder import DurableLog, NoLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from serve.live.snapshot import LiveModel
from serve.maps.open_store import open_map_store
from serve.scoring.member_model import MemberFunctionals
from serve.scoring.served_policy import ServedPolicy

TITLES, ARTWORKS, HEADS, DIMENSION = 300, 6, 16, 16
LOG, BUNDLES, STORE = "MARQUEE_BENCH_LOG", "MARQUEE_BENCH_BUNDLES", "MARQUEE_BENCH_STORE"


class Tower:
    """A context tower of the usual size in NumPy: two layers of 128, then all functionals."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        sizes = (64, 128, 128, HEADS * DIMENSION)
        self.layers = [
            rng.normal(size=pair).astype("f4") / pair[0] ** 0.5 for pair in pairwise(sizes)
        ]

    def functionals_of(self, facts: pa.StructArray) -> MemberFunctionals:
        """Facts as functionals."""
        tenure = np.nan_to_num(np.asarray(facts.field("tenure_days"), np.float32))
        hidden = np.sin(tenure[:, None] * np.arange(1, 65, dtype=np.float32))
        for layer in self.layers[:-1]:
            hidden = np.maximum(hidden @ layer, 0)
        functionals = (hidden @ self.layers[-1]).reshape(len(facts), HEADS, DIMENSION)
        return MemberFunctionals(functionals, np.zeros(len(facts), np.int64))


def model(bundle: str = "bench") -> LiveModel:
    """300 titles of six artworks with random vectors."""
    layout = numbered_layout(TITLES, ARTWORKS)
    vectors = np.random.default_rng(1).normal(size=(TITLES * ARTWORKS, DIMENSION)).astype("f4")
    policy = ServedPolicy(bundle, HeadPolicy("thompson", 0.05), 7)
    return LiveModel(policy, layout, vectors, Tower(), layout.starts[:-1] + 1)


def service() -> Door:
    """The live service, its log in the folder that `MARQUEE_BENCH_LOG` names."""
    folder = Path(tempfile.mkdtemp(prefix="marquee-bench-"))
    (folder / "manifest.json").write_text("{}")
    source = ModelSource(folder, lambda _: model())
    return live_app(LiveService(source, DurableLog(Path(os.environ[LOG])), deadline=0.05))


def bare() -> FastAPI:
    """A handler that reads a page, multiplies and answers: nothing else."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(DIMENSION, 40 * ARTWORKS)).astype("f4")
    functionals = rng.normal(size=(HEADS, DIMENSION)).astype("f4")

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/v1/decide")
    async def decide(request: Request) -> Response:
        page = orjson.loads(await request.body())
        best = (functionals @ vectors).reshape(HEADS, 40, ARTWORKS).argmax(-1)
        chosen = best[0].tolist()
        pairs = zip(page["title_ids"], chosen, strict=False)
        return Response(orjson.dumps([{"title_id": t, "artwork": c} for t, c in pairs]))

    return app


def unlogged() -> Door:
    """The live service with its log off: what durability costs."""
    folder = Path(tempfile.mkdtemp(prefix="marquee-bench-"))
    (folder / "manifest.json").write_text("{}")
    source = ModelSource(folder, lambda _: model())
    return live_app(LiveService(source, NoLog(), deadline=0.05))


def published() -> Door:
    """The live service on published bundles, checked as real ones are, with maps in Redis."""
    source = ModelSource(
        Path(os.environ[BUNDLES]) / "current",
        lambda folder: model(Bundle.open(folder).bundle_id),
    )
    store = open_map_store(os.environ[STORE], readonly=True)
    log = DurableLog(Path(os.environ[LOG]))
    return live_app(LiveService(source, log, store, deadline=0.05, watch=0.1))
