from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
import torch

from data.features import CandidateFeatures, ContextFeatures
from export.graphs.graphs import GraphParts
from model.heads.epistemic_index import INDEX
from model.network.lightning_module import Learner
from model.network.towers import Architecture, ColumnMatch, Marquee
from model.training.dataset import Examples
from model.training.fit_hierarchical import CatalogueArtworks, fit_hierarchical
from model.training.fit_random_effects import RecordEffects

COUNT, NEVER, EACH, HEADS, FACTS, LOOKS = 40, 6, 4, 20, 3, 4
IDS = [f"a{i:02d}" for i in range(COUNT)]
ROWS = 60_000
OWN = MappingProxyType({"a03": 1.2, "a05": -1.2})
"""What two artworks are worth to all, beyond their looks."""


ARTWORKS = CatalogueArtworks(IDS, np.arange(COUNT) // EACH + 1)


def learner(kind="hierarchical", matches=()):
    torch.manual_seed(3)
    made = Architecture(LOOKS, FACTS, 4, 2, 16, kind, HEADS, rank=6, prior=2, matches=matches)
    network = Marquee(None, made)
    for part in (network.candidate.title_effect[-1], network.context.title_effect):
        torch.nn.init.zeros_(part.weight)
        torch.nn.init.zeros_(part.bias)
    return Learner(network.eval())


def worth(looks, dense, shown):
    """True logits: looks meet facts, two artworks have something of their own."""
    taste = np.random.default_rng(5).normal(0, 0.5, (FACTS, LOOKS))
    own = np.array([OWN.get(name, 0.0) for name in IDS])
    return -2.0 + np.einsum("rf,fl,rl->r", dense, taste, looks[shown]) + own[shown]


def examples(seed=0, rows=ROWS):
    """Every artwork but the last few was shown to anyone; names 1 to 3 are watched and tagged."""
    rng = np.random.default_rng(seed)
    looks = np.random.default_rng(1).normal(size=(COUNT, LOOKS)).astype(np.float32)
    dense = rng.normal(size=(rows, FACTS)).astype(np.float32)
    shown = rng.integers(COUNT - NEVER, size=rows)
    watched, weight = np.zeros((rows, 8), np.int64), np.zeros((rows, 8), np.float32)
    watched[:, 0], weight[:, 0] = rng.integers(1, 4, rows), 1
    tagged, says = np.zeros((COUNT, 8), np.int64), np.zeros((COUNT, 8), np.float32)
    tagged[:, 0], says[:, 0] = 1 + np.arange(COUNT) % 3, 1
    all_names = np.tile([1, 2, 3, 0, 0, 0, 0, 0], (COUNT, 1))
    share = np.where(all_names > 0, np.float32(1 / 3), np.float32(0))
    match = 1.0 * (watched[:, 0] == tagged[shown, 0])
    p = 1 / (1 + np.exp(-worth(looks, dense, shown) - match))
    return Examples(
        ContextFeatures(dense, watched, weight),
        shown,
        (rng.random(rows) < p).astype(np.float32),
        np.ones(rows, np.float32),
        np.ones((rows, 1), np.float32),
        CandidateFeatures(np.full((COUNT, 4), 0.5, np.float32), tagged, says, all_names, share),
        looks,
        np.arange(COUNT),
    )


def fitted(net, made, scale):
    heads = net.network.context.heads
    posterior = fit_hierarchical(net.network, heads, made, ARTWORKS)
    return replace(posterior, scale=scale).records()


@pytest.fixture(scope="module")
def inferred():
    net = learner()
    return net, fitted(net, examples(), 0.2)


def scores(net, records, dense, artworks, watched, like=None):
    """Logits of every head for members with these facts, who watch one name: [rows, heads]."""
    rows = len(artworks)
    ids, weights = np.zeros((rows, 8), np.int64), np.zeros((rows, 8), np.float32)
    ids[:, 0], weights[:, 0] = watched, 1
    context = ContextFeatures(dense, ids, weights)
    of = (like or examples(rows=rows)).some(slice(0, rows))
    made = replace(of, context=context, artwork_of=artworks)
    batch = made[np.arange(rows)]
    with torch.no_grad():
        said = net.logits(batch, batch.images)
    return (said + RecordEffects(records, IDS).logits(net, batch, artworks)).numpy()


def test_what_each_member_is_worth_shown_what_is_found(inferred):
    net, records = inferred
    rng = np.random.default_rng(2)
    artworks = np.arange(COUNT - NEVER)
    looks = examples(rows=10).images
    gaps = []
    for _ in range(20):
        dense = np.tile(rng.normal(size=FACTS).astype(np.float32), (len(artworks), 1))
        said = scores(net, records, dense, artworks, watched=1).mean(1)
        true = worth(looks, dense, artworks) + (1 + artworks % 3 == 1)
        gaps.append(np.corrcoef(said, true)[0, 1])
    assert np.median(gaps) > 0.95


def test_artwork_never_shown_is_judged_by_its_content(inferred):
    net, records = inferred
    rng = np.random.default_rng(3)
    artworks = np.arange(COUNT - NEVER, COUNT)
    looks = examples(rows=10).images
    assert not set(records.artwork_ids) & set(IDS[-NEVER:])
    gaps = []
    for _ in range(20):
        dense = np.tile(rng.normal(size=FACTS).astype(np.float32), (NEVER, 1))
        said = scores(net, records, dense, artworks, watched=2).mean(1)
        gaps.append(
            np.corrcoef(said, worth(looks, dense, artworks) + (1 + artworks % 3 == 2))[0, 1]
        )
    assert np.median(gaps) > 0.9


def test_artwork_that_names_whom_the_member_watches_is_worth_more(inferred):
    net, records = inferred
    artworks = np.arange(3)
    plain = np.zeros((3, FACTS), np.float32)
    by_name = np.stack([scores(net, records, plain, artworks, w).mean(1) for w in (1, 2, 3)])
    gains = np.diag(by_name) - (by_name.sum(0) - np.diag(by_name)) / 2
    assert ((gains > 0.6) & (gains < 1.4)).all()


def test_numbers_of_members_meet_those_of_artworks_that_nobody_has_seen():
    """Where only their products tell what an artwork is worth to whom, and embeddings nothing."""
    made, rng = examples(rows=20_000), np.random.default_rng(8)
    made.candidates.dense[:, 2:] = rng.normal(0, 0.5, (COUNT, 2))
    made.images[:] = 0
    net = learner(matches=(ColumnMatch((1, 2), (2, 3)),))
    net.network.context.standardise(torch.from_numpy(made.context.dense))
    meets = np.einsum("rm,am->ra", made.context.dense[:, 1:], made.candidates.dense[:, 2:])
    p = 1 / (1 + np.exp(2 - 0.7 * meets[np.arange(len(made)), made.artwork_of]))
    made.reward[:] = rng.random(len(made)) < p
    records = fitted(net, made, 0.1)
    assert net.network.candidate.worth.detach()[0].item() == pytest.approx(0.7, abs=0.1)
    new = np.arange(COUNT - NEVER, COUNT)
    members = made.context.dense[:50]
    said = np.stack(
        [scores(net, records, np.tile(row, (NEVER, 1)), new, 1, made).mean(1) for row in members]
    )
    apart, true = said - said.mean(1, keepdims=True), meets[:50, new]
    true = true - true.mean(1, keepdims=True)
    assert np.corrcoef(apart.ravel(), true.ravel())[0, 1] > 0.9


@pytest.mark.parametrize("cast", [True, False])
def test_a_catalogue_without_tags_or_names_is_learnt_from_as_well(cast):
    made = examples(rows=10_000)
    no_tags = made.candidates._replace(cast_weights=np.zeros_like(made.candidates.cast_weights))
    if not cast:
        no_tags = no_tags._replace(title_cast_weights=np.zeros_like(no_tags.cast_weights))
    net = learner()
    records = fitted(net, replace(made, candidates=no_tags), 0.1)
    artworks = np.arange(COUNT - NEVER)
    dense = np.tile(np.float32([1.0, -1.0, 0.5]), (len(artworks), 1))
    said = scores(net, records, dense, artworks, 1).mean(1)
    assert np.corrcoef(said, worth(made.images, dense, artworks))[0, 1] > 0.8
    assert np.abs(said).max() < 20


def test_heads_differ_by_the_doubt_of_records_and_for_others_by_what_content_leaves_open(inferred):
    net, records = inferred
    assert records.draws == INDEX
    vectors = GraphParts(net.network, records=True)(
        "candidate.onnx", (examples(rows=10).images, *examples(rows=10).candidates)
    )[0]
    spread = np.linalg.norm(records.joined(vectors, IDS)[:, -INDEX:], axis=1)
    np.testing.assert_allclose(spread[:-NEVER], records.explored * records.deviations, rtol=1e-3)
    assert (spread[:-NEVER] < records.prior_explored * records.prior).all()
    by_content = np.linalg.norm(vectors[:, -INDEX:], axis=1)
    assert (by_content[-NEVER:] > 0).all()
    assert np.ptp(by_content[-NEVER:]) > 0.1 * by_content[-NEVER:].mean()


def test_the_scale_is_a_factor_on_what_explores_and_nothing_else():
    few = examples(rows=3000)
    warm, cold = (fitted(learner(), few, t) for t in (0.2, 0.1))
    np.testing.assert_allclose(warm.explored, 2 * cold.explored, rtol=1e-4)
    assert warm.prior_explored == pytest.approx(2 * cold.prior_explored)
    np.testing.assert_allclose(warm.vectors, cold.vectors, atol=1e-4)
    np.testing.assert_allclose(warm.doubt, cold.doubt, atol=1e-4)
