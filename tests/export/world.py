"""A tiny network with a catalogue and members for it."""

import shutil
from dataclasses import fields
from datetime import UTC, date, datetime

import numpy as np
import orjson
import pyarrow as pa
import torch

from bandit.head_policy import HeadPolicy
from data.artwork_effects import ArtworkRecords
from data.features import CAST_BUCKETS, FeatureSpec, candidate_features, context_features
from data.images.format import ImageFormat
from data.records import ARTWORKS, FACTS, TITLES
from export.graphs.bundle import write_bundle
from export.graphs.description import BundleDescription
from export.graphs.manifest import seal
from export.publish.staging import staging
from model.heads.epistemic_index import index_rows, index_size
from model.network.image_encoder import make_encoder
from model.network.names import NameWeights, every_match
from model.network.towers import Architecture, Marquee

SIZE = {"height": 36, "width": 64}
GENRES = ["birds", "noir", "space"]
CREATED = datetime(2026, 1, 10, 12, tzinfo=UTC)


def make_titles(count=5):
    return pa.Table.from_pylist(
        [
            {
                "title_id": 10 + i,
                "name": f"Title {i}",
                "genres": [GENRES[i % 3]],
                "cast": ["crow", "owl"][: 1 + i % 2],
                "popularity": 1.0 / (i + 1),
                "launch_day": date(2026, 1, 1),
                "runtime_minutes": 90.0,
                "default_artwork_id": f"{10 + i}-0",
            }
            for i in range(count)
        ],
        TITLES,
    )


def make_artworks(titles=5, each=4):
    return pa.Table.from_pylist(
        [
            {
                "artwork_id": f"{10 + i}-{j}",
                "title_id": 10 + i,
                "path": f"{10 + i}-{j}.webp",
                "added_day": date(2026, 1, 1),
                "withdrawn_day": None,
                "cast_shown": None if j == 0 else ["crow", "owl"][: 1 + j % 2],
                "tone": [None, "dark", "light"][j % 3],
            }
            for i in range(titles)
            for j in range(each)
        ],
        ARTWORKS,
    )


def make_facts(count, seed=0):
    rng = np.random.default_rng(seed)
    return pa.array(
        [
            {
                "country": str(rng.choice(["NZ", "FR", "BR"])),
                "device": [None, "tv", "phone"][int(rng.integers(3))],
                "tenure_days": float(rng.exponential(300)),
                "watched_genres": [(g, float(rng.integers(1, 9))) for g in GENRES],
                "watched_cast": [("crow", float(rng.integers(1, 5)))],
            }
            for _ in range(count)
        ],
        FACTS,
    )


TITLES_TABLE, ARTWORKS_TABLE = make_titles(), make_artworks()
SPEC = FeatureSpec.learn(make_facts(50), TITLES_TABLE, ARTWORKS_TABLE)


def make_images(count, seed=0):
    shape = (count, 3, SIZE["height"], SIZE["width"])
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def make_network(seed=0, heads=8, encoder=True, kind="bootstrap"):
    context = context_features(SPEC, make_facts(1)).dense.shape[1]
    title = candidate_features(SPEC, TITLES_TABLE, ARTWORKS_TABLE).dense.shape[1]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Marquee(
            make_encoder("cnn", "none", 16) if encoder else None,
            Architecture(16, context, title, len(SPEC.genres), CAST_BUCKETS, kind, heads),
        )
        if encoder:  # statistics as after training
            with torch.no_grad():
                network.encoder.train()(torch.from_numpy(make_images(32)))
    return network


def unpersonalised():
    return pa.table(
        {
            "title_id": ARTWORKS_TABLE["title_id"],
            "artwork_id": ARTWORKS_TABLE["artwork_id"],
            "take": np.linspace(0.05, 0.2, len(ARTWORKS_TABLE)),
            "impressions": np.full(len(ARTWORKS_TABLE), 100),
        }
    )


def make_records(heads=8, known=15):
    """Records of the first artworks; own parts are as large as what the towers say."""
    rng = np.random.default_rng(4)
    return ArtworkRecords(
        ARTWORKS_TABLE["artwork_id"].to_pylist()[:known],
        rng.normal(0, 0.2, (known, 24)).astype(np.float32),
        rng.normal(0, 0.2, known).astype(np.float32),
        rng.normal(0, 0.04, (known, index_size(heads))).astype(np.float32),
        rng.uniform(0.5, 1.5, known).astype(np.float32),
        0.25,
        1.25,
    )


def with_records(functionals, vectors, records):
    """Functionals and vectors of the towers, in torch, as records make them longer."""
    level = index_rows(functionals.shape[1]).expand(len(functionals), -1, -1)
    padded = torch.nn.functional.pad(vectors, (0, records.more)).numpy()
    joined = records.joined(padded, ARTWORKS_TABLE["artwork_id"].to_pylist())
    return torch.cat([functionals, level], 2), torch.from_numpy(joined)


def scores_in_torch(network, context, candidates, embeddings, records=None):
    """The network's own score of every artwork to every member, by each head, and takes."""
    facts, given = (list(map(torch.from_numpy, part)) for part in (context, candidates))
    with torch.inference_mode():
        vectors, appeals, weights = network.candidate(torch.as_tensor(embeddings), *given)
        functionals, appeal, watched = network.context(*facts)
        if records is not None:
            functionals, vectors = with_records(functionals, vectors, records)
        names = NameWeights(network.candidate.names(*given[1:]).ids, weights)
        match = every_match(NameWeights(facts[1], watched), names)
        scores = functionals @ vectors.T + match[:, None]
        takes = (scores + (appeal @ appeals.T)[:, None] + network.bias).sigmoid().mean(1)
    return scores.numpy(), takes.numpy()


def make_bundle(root, seed=0, encoder=True, parent=None, created=CREATED, **changed):
    described = {
        "image": ImageFormat(**SIZE) if encoder else None,
        "reward_name": "take",
        "head_policy": HeadPolicy("thompson", 0.05),
        "salt": 7,
        "parent": parent,
        "metrics": {"validation_loss": 0.4},
        "created": created,
    }
    described |= {
        field.name: changed.pop(field.name)
        for field in fields(BundleDescription)
        if field.name in changed
    }
    return write_bundle(
        changed.pop("network", None) or make_network(seed, encoder=encoder),
        SPEC,
        root,
        BundleDescription(**described),
        **{"unpersonalised": unpersonalised()} | changed,
    )


def variant(bundle, root, **changed):
    """The same model under another id, as another training would give."""
    manifest = orjson.loads((bundle / "manifest.json").read_bytes()) | changed
    with staging(root) as part:
        for name in manifest["files"]:
            shutil.copyfile(bundle / name, part / name)
        return seal(part, root, manifest)


def day(number):
    """When a bundle of that day was created."""
    return datetime(2026, 1, number, tzinfo=UTC).isoformat()
