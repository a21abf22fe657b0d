"""One decision, whoever decides: torch, precompute, Spark, the live service, files, evaluation."""

import asyncio
import os
import shutil
from datetime import date
from itertools import product

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from bandit.choice import choose, profile_keys, uniforms
from bandit.draws import DrawRules, candidate_words, context_words, draw_seeds, epoch_numbers
from bandit.head_policy import HeadPolicy
from bandit.probabilities import score_probabilities
from bench.spark.spark_home import spark_home
from data.catalogue import Catalogue
from data.days import day_number
from data.features import candidate_features, context_features
from data.images.cache import image_cache
from data.images.format import ImageFormat
from data.log import roll
from data.log.precompute_runs import FolderRuns
from data.schema.page_facts import without_page_facts
from evaluate.policies.bundle_scores import open_bundle_scores
from model.heads.interface import KINDS
from serve.live.app import live_app
from serve.live.load_model import load_live
from serve.live.recorder import DurableLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from serve.maps.layout import Layout
from serve.maps.lmdb_store import LmdbStore
from serve.precompute.member_block import Work
from serve.precompute.precompute import precompute_maps
from serve.precompute.spark import precompute_spark
from serve.scoring.artwork_vectors import scored_artworks
from serve.scoring.bundle_members import BundleMembers
from serve.scoring.candidate_bank import Bank
from serve.scoring.decide_requests import decide_requests
from serve.scoring.scorer import Scorer
from serve.scoring.served_policy import ServedPolicy
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
    scores_in_torch,
)
from tests.serve.precompute.test_precompute import logged

PAGES = 50  # in one request
DAY = day_number(date(2026, 1, 9))
SALT = 7
COMPARED = ("action", "propensity", "probabilities", "seed")
DEFAULT = "hierarchical"


class Product:
    """A bundle of some kind of heads and policy, its catalogue on disk, and members.

    Without pixels its artwork comes as embeddings.
    """

    def __init__(self, folder, kind=DEFAULT, policy="thompson", members=400, pixels=False):
        self.folder, self.members = folder, members
        self.policy = HeadPolicy(policy, 0.05)
        self.heads = 1 if kind == "point" else 8
        self.network = make_network(kind=kind, heads=self.heads, encoder=pixels)
        heads = self.network.context.heads
        if kind == "hierarchical":  # as after training: its closed form has been put in place
            draw = torch.Generator().manual_seed(3)
            heads.project(torch.randn(heads.projection.shape, generator=draw) / 8)
        self.records = make_records(heads.heads)
        self.bundle = make_bundle(
            folder / "bundles",
            network=self.network,
            records=self.records,
            encoder=pixels,
            head_policy=self.policy,
            salt=SALT,
        )
        (folder / "bundles" / "current").symlink_to(self.bundle)
        root = folder / "catalogue"
        root.mkdir()
        for path, image in zip(
            ARTWORKS_TABLE["path"].to_pylist(), make_images(len(ARTWORKS_TABLE)), strict=True
        ):
            Image.fromarray(image.transpose(1, 2, 0)).save(root / path, lossless=True)
        Catalogue(root, TITLES_TABLE, ARTWORKS_TABLE).write()
        if not pixels:
            embeddings = np.random.default_rng(8).normal(size=(len(ARTWORKS_TABLE), 16))
            np.save(root / "embeddings.npy", embeddings.astype(np.float32))
        self.catalogue = Catalogue.read(root)
        self.layout = Layout.of_catalogue(TITLES_TABLE, ARTWORKS_TABLE, DAY)
        # Precompute decides before there is a page; the same facts have none.
        self.facts = without_page_facts(make_facts(members, seed=5))
        self.profiles = [f"profile-{i:04d}" for i in range(members)]

    def precomputed(self, name, engine, **more):
        scorer, ids = Scorer(self.bundle), self.layout.artwork_ids
        artworks = scored_artworks(scorer, self.catalogue, ids, self.folder / "cache")
        log, store = self.folder / f"log-{name}", LmdbStore(self.folder / name, size=1 << 26)
        work = Work(
            BundleMembers(scorer),
            Bank.of(self.layout, artworks.vectors, artworks.names),
            self.layout,
            ServedPolicy.of(scorer.manifest),
            DAY,
            True,
            self.heads,
            block=256,
        )
        facts = pa.table({"profile_id": self.profiles, "facts": self.facts})
        engine(work, facts, store, FolderRuns(log), now=lambda: 1e9, **more)
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
            live = LiveService(source, DurableLog(log), None, deadline=60.0)
            transport = httpx.ASGITransport(live_app(live))
            async with httpx.AsyncClient(transport=transport, base_url="http://live") as client:
                await live.start()
                for at in range(0, self.members, PAGES):
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

    def embeddings(self, network):
        if network.encoder is None:
            return self.catalogue.embeddings
        cached = image_cache(self.catalogue, self.folder / "cache", ImageFormat(**SIZE), quiet=True)
        images = np.array(cached.images[cached.of(self.catalogue.artwork_ids)])
        return network.encoder(torch.from_numpy(images)).numpy()

    def in_torch(self):
        """The network's own scores, decided one by one as the bandit says."""
        network = self.network.eval()
        context = context_features(SPEC, self.facts)
        candidates = candidate_features(SPEC, TITLES_TABLE, ARTWORKS_TABLE)
        with torch.inference_mode():
            embeddings = self.embeddings(network)
        scores, _ = scores_in_torch(network, context, candidates, embeddings, self.records)
        keys, decided = np.asarray(profile_keys(self.profiles)), {}
        prints = BundleMembers(Scorer(self.bundle)).functionals_of(self.facts).fingerprints
        rules = DrawRules(
            self.bundle.name,
            self.policy.kind,
            self.policy.exploration,
            SALT,
            self.policy.voters(self.heads),
        )
        at = {artwork: i for i, artwork in enumerate(self.catalogue.artwork_ids)}
        for slot, title in enumerate(self.layout.title_ids.tolist()):
            names = self.layout.candidates(slot)
            mine = np.full(self.members, title)
            context = context_words(prints, candidate_words(names, [0, len(names)]), rules.word)
            epochs = epoch_numbers(keys, mine, DAY, rules.epochs.days)
            seeds = draw_seeds(keys, mine, epochs, context, SALT)
            pool = scores[:, :, [at[name] for name in names]]
            valid = np.ones((self.members, len(names)), bool)
            chances = score_probabilities(pool, valid, self.policy)
            chosen = choose(chances, uniforms(seeds))
            for row, profile in enumerate(self.profiles):
                pick = int(chosen[row])
                decided[profile, title] = (
                    names[pick],
                    float(chances[row, pick]),
                    chances[row].tolist(),
                    int(seeds[row]),
                )
        return decided

    def pools(self):
        """Members × titles, one after another: facts and candidates of each decision."""
        titles = len(self.layout.title_ids)
        facts = self.facts.take(np.repeat(np.arange(self.members), titles))
        return facts, [self.layout.candidates(slot) for slot in range(titles)] * self.members

    def keyed(self, rows):
        """Probabilities of `pools`, by profile and title."""
        titles = self.layout.title_ids.tolist()
        return dict(zip(product(self.profiles, titles), rows, strict=True))

    def of_a_file(self):
        """What `serve decide` says of the same decisions."""
        facts, candidates = self.pools()
        asked, answered = self.folder / "asked.parquet", self.folder / "answered.parquet"
        pq.write_table(pa.table({"facts": facts, "candidates": candidates}), asked)
        decide_requests(
            asked,
            answered,
            self.bundle,
            self.catalogue.root,
            self.policy.kind,
            cache=self.folder / "cache",
        )
        return self.keyed(pq.read_table(answered)["probabilities"].to_pylist())

    def in_evaluation(self):
        """What off-policy evaluation believes that the bundle does."""
        facts, candidates = self.pools()
        scored = open_bundle_scores(self.bundle, self.catalogue, self.folder / "cache")
        at = {artwork: i for i, artwork in enumerate(self.catalogue.artwork_ids)}
        rows = np.array([[at[name] for name in names] for names in candidates])
        valid = np.ones(rows.shape, bool)
        policy = scored.policy("served")
        chances = scored.probabilities(scored.members(facts), rows, valid, policy)
        return self.keyed(chances.tolist())


def decisions(log):
    """(profile, title) → what was decided."""
    table = logged(log).select(("profile_id", "title_id", *COMPARED)).to_pydict()
    keys = zip(table["profile_id"], table["title_id"], strict=True)
    return dict(zip(keys, zip(*(table[name] for name in COMPARED), strict=True), strict=True))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return Product(tmp_path_factory.mktemp("parity"), members=2000, pixels=True)


@pytest.fixture(scope="module")
def in_torch(world):
    return world.in_torch()


def test_precompute_decides_as_torch_does(world, in_torch):
    decided = world.precomputed("local", precompute_maps, workers=1)
    assert len(decided) == 10_000
    assert decided == in_torch
    assert len({action for action, *_ in decided.values()}) > 10


def test_the_live_service_decides_as_torch_does(world, in_torch):
    assert world.live() == in_torch


def test_files_and_evaluation_have_the_probabilities_of_torch(world, in_torch):
    chances = {key: probabilities for key, (_, _, probabilities, _) in in_torch.items()}
    assert world.of_a_file() == world.in_evaluation() == chances


@pytest.mark.parametrize(
    ("kind", "policy"),
    [
        *((kind, "thompson") for kind in KINDS if kind != DEFAULT),
        (DEFAULT, "greedy"),
        ("bootstrap", "epsilon_greedy"),
    ],
)
def test_all_who_decide_have_the_probabilities_of_torch(kind, policy, tmp_path):
    whole = Product(tmp_path, kind, policy)
    wanted = whole.in_torch()
    assert whole.precomputed("local", precompute_maps, workers=1) == wanted
    assert whole.live() == wanted
    chances = {key: probabilities for key, (_, _, probabilities, _) in wanted.items()}
    assert whole.of_a_file() == chances
    assert whole.in_evaluation() == chances
    certain = [max(row) == 1.0 for row in chances.values()]
    assert all(certain) if policy == "greedy" else not any(certain)
    assert len({action for action, *_ in wanted.values()}) > len(TITLES_TABLE)


@pytest.mark.filterwarnings("ignore")  # pyspark's own, at import and at shutdown
def test_spark_decides_as_torch_does(world, in_torch, monkeypatch):
    if shutil.which("java") is None:
        assert os.environ.get("CI") != "true", "java is not installed: CI needs it"
        pytest.skip("java is not installed")
    # An executor has a folder of its own: bundle and code must reach it.
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with spark_home():
        decided = world.precomputed("spark", precompute_spark, master="local-cluster[1,1,900]")
    assert decided == in_torch
