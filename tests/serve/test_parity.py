"""One decision, four engines: torch, precompute here, precompute on Spark, and the live service."""

import asyncio
import os
import shutil
from datetime import date

import httpx
import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image

from bandit.choice import choose, decision_seeds, profile_keys, uniforms
from bandit.thompson import thompson_probabilities
from data.catalogue import Catalogue
from data.days import day_number
from data.features import candidate_features, context_features
from data.images.cache import image_cache
from data.log import roll
from data.page_facts import without_page_facts
from serve.live.app import Live
from serve.live.load_model import load_live
from serve.live.recorder import EmbeddedLog
from serve.live.reload import ModelSource
from serve.maps.layout import Layout
from serve.maps.lmdb_store import LmdbStore
from serve.precompute.member_block import Work
from serve.precompute.precompute import precompute_maps
from serve.precompute.spark import local_session, precompute_spark
from serve.scoring import open_bundle as load
from serve.scoring.candidate_bank import Bank
from tests.export.world import (
    ARTWORKS_TABLE,
    SIZE,
    SPEC,
    TITLES_TABLE,
    make_bundle,
    make_facts,
    make_images,
    make_network,
    make_records,
    with_records,
)
from tests.serve.precompute.test_precompute import logged

MEMBERS = 2000
PAGES = 50  # in one request
DAY = day_number(date(2026, 1, 9))
SAID = ("action", "propensity", "probabilities", "seed")


class Product:
    """A bundle, its catalogue on disk, and members."""

    def __init__(self, folder):
        self.folder = folder
        self.records = make_records()
        self.bundle = make_bundle(folder / "bundles", records=self.records)
        (folder / "bundles" / "current").symlink_to(self.bundle)
        root = folder / "catalogue"
        root.mkdir()
        for path, pixels in zip(
            ARTWORKS_TABLE["path"].to_pylist(), make_images(len(ARTWORKS_TABLE)), strict=True
        ):
            Image.fromarray(pixels.transpose(1, 2, 0)).save(root / path, lossless=True)
        Catalogue(root, TITLES_TABLE, ARTWORKS_TABLE).write()
        self.catalogue = Catalogue.read(root)
        self.layout = Layout.of_catalogue(TITLES_TABLE, ARTWORKS_TABLE, DAY)
        # Precompute decides before there is a page; the same facts have none.
        self.facts = without_page_facts(make_facts(MEMBERS, seed=5))
        self.profiles = [f"profile-{i:04d}" for i in range(MEMBERS)]

    def precomputed(self, name, engine, **more):
        scorer = load.open_scorer(self.bundle)
        vectors = load.artwork_vectors(scorer, self.catalogue, self.layout, self.folder / "cache")
        log, store = self.folder / f"log-{name}", LmdbStore(self.folder / name, size=1 << 26)
        work = Work(
            load.BundleFacts(self.bundle), Bank.of(self.layout, vectors), self.layout,
            load.policy_of(scorer), DAY, log, block=256,
        )  # fmt: skip
        facts = pa.table({"profile_id": self.profiles, "facts": self.facts})
        engine(work, facts, store, now=lambda: 1e9, **more)
        store.close()
        return decisions(log)

    def live(self):
        """Decisions that the service logged when it was asked for every page over HTTP."""
        cache, log = self.folder / "cache", self.folder / "log-live"
        source = ModelSource(
            self.folder / "bundles" / "current",
            lambda bundle: load_live(bundle, self.catalogue.root, cache, date(2026, 1, 9), "/i/"),
        )
        facts = [
            {key: dict(value) if isinstance(value, list) else value for key, value in row.items()}
            for row in self.facts.to_pylist()
        ]
        titles = TITLES_TABLE["title_id"].to_pylist()

        async def ask():
            live = Live(source, EmbeddedLog(log), None, deadline=60.0)
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(live), base_url="http://live"
            ) as client:
                await live.start()
                for at in range(0, MEMBERS, PAGES):
                    pages = [
                        {"profile_id": profile, "title_ids": titles, "facts": row, "day": DAY}
                        for profile, row in zip(
                            self.profiles[at : at + PAGES], facts[at : at + PAGES], strict=True
                        )
                    ]
                    answers = await client.post("/v1/decide/batch", json={"requests": pages})
                    assert all(answer["logged"] for answer in answers.json())
                await live.stop()

        asyncio.run(ask())
        roll(log)
        return decisions(log)

    def in_torch(self):
        """The network's own scores, decided one by one as the bandit says."""
        network = make_network().eval()
        cached = image_cache(self.catalogue, self.folder / "cache", **SIZE, quiet=True)
        images = np.array(cached.images[cached.of(self.catalogue.artwork_ids)])
        context = context_features(SPEC, self.facts)
        candidates = candidate_features(SPEC, TITLES_TABLE, ARTWORKS_TABLE)
        with torch.inference_mode():
            embeddings = network.encoder(torch.from_numpy(images))
            vectors, _ = network.candidate(embeddings, *map(torch.from_numpy, candidates))
            functionals, _ = network.context(*map(torch.from_numpy, context))
            functionals, vectors = with_records(functionals, vectors, self.records)
            scores = (functionals @ vectors.T).numpy()
        keys, found = profile_keys(self.profiles), {}
        at = {artwork: i for i, artwork in enumerate(self.catalogue.artwork_ids)}
        for slot, title in enumerate(self.layout.title_ids.tolist()):
            names = self.layout.candidates(slot)
            seeds = decision_seeds(keys, np.full(MEMBERS, title), DAY, 7)
            pool = scores[:, :, [at[name] for name in names]]
            chances = thompson_probabilities(pool, np.ones((MEMBERS, len(names)), bool), 0.05)
            chosen = choose(chances, uniforms(seeds))
            for row, profile in enumerate(self.profiles):
                pick = int(chosen[row])
                found[profile, title] = (
                    names[pick], float(chances[row, pick]), chances[row].tolist(), int(seeds[row]),
                )  # fmt: skip
        return found


def decisions(log):
    """(profile, title) → what was decided."""
    table = logged(log).select(("profile_id", "title_id", *SAID)).to_pydict()
    keys = zip(table["profile_id"], table["title_id"], strict=True)
    return dict(zip(keys, zip(*(table[name] for name in SAID), strict=True), strict=True))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return Product(tmp_path_factory.mktemp("parity"))


@pytest.fixture(scope="module")
def in_torch(world):
    return world.in_torch()


def test_precompute_decides_as_torch_does(world, in_torch):
    found = world.precomputed("local", precompute_maps, workers=1)
    assert len(found) == 10_000
    assert found == in_torch
    assert len({action for action, *_ in found.values()}) > 10


def test_the_live_service_decides_as_torch_does(world, in_torch):
    assert world.live() == in_torch


@pytest.mark.filterwarnings("ignore")  # pyspark's own, at import and at shutdown
def test_spark_decides_as_torch_does(world, in_torch):
    if shutil.which("java") is None:
        assert os.environ.get("CI") != "true", "java is not installed: CI needs it"
        pytest.skip("java is not installed")
    spark = local_session()
    try:
        assert world.precomputed("spark", precompute_spark, spark=spark) == in_torch
    finally:
        spark.stop()
