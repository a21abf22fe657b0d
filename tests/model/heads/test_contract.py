"""What every kind of heads does, in the network and beside it: a kind that is added passes this."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import onnxruntime as ort
import pyarrow as pa
import pytest
import torch
from safetensors.torch import load_file, save_file

from bandit.choice import choose
from bandit.thompson import thompson_probabilities
from data.features import Names, NameTable, candidate_features, context_features
from data.records import FACTS
from export.graphs.graphs import NAMES, GraphParts, write_graph
from model.heads.interface import DEFAULT_KIND, KINDS
from model.heads.make_heads import OF_KIND
from model.network.lightning_module import Learner, LearnerSettings
from model.training.closed_forms import ClosedForms
from model.training.dataset import Examples
from model.training.fit_hierarchical import CatalogueArtworks
from model.training.run import TrainedNetwork, TrainingData, build_network, train_network
from model.training.settings import Fit, HeadOptions, Model, RandomEffects, Settings
from tests.export.world import ARTWORKS_TABLE, SPEC, TITLES_TABLE, make_facts, make_titles

ROWS, HEADS, EMBEDDING = 5000, 6, 5
IDS = ARTWORKS_TABLE["artwork_id"].to_pylist()
ARTWORKS = CatalogueArtworks(IDS, ARTWORKS_TABLE["title_id"].to_numpy())
LUCKY, UNLUCKY = 3, 7
"""Rows of two artworks that members take more, and less, than their content says."""
NEVER = len(IDS) - 1
"""Row of one that was never shown."""


def settings(kind, seed=1, out="unused"):
    return Settings(
        model=Model(
            encoder="features",
            rank=4,
            heads=HeadOptions(kind=kind, count=HEADS, prior=2),
            random_effects=RandomEffects(posterior_scale=1.0),
        ),
        fit=Fit(passes=8, decisions=500, rate=2e-2, progress=False),
        out=str(out),
        seed=seed,
    )


def luck(shown):
    return 1.5 * (shown == LUCKY) - 1.5 * (shown == UNLUCKY)


def examples(heads, rows=ROWS, seed=0):
    """Members of two devices, who take different halves of the artworks; two have luck."""
    rng = np.random.default_rng(seed)
    facts = make_facts(rows, seed)
    context = context_features(SPEC, facts)
    context.cast_weights[rng.random(rows) < 0.5] = 0  # who watches nobody in particular
    embeddings = np.random.default_rng(1).normal(size=(len(IDS), EMBEDDING)).astype(np.float32)
    shown = rng.integers(NEVER, size=rows)
    on_tv = np.array([device == "tv" for device in facts.field("device").to_pylist()])
    logit = np.where(on_tv == (embeddings[shown, 0] > 0), 0.5, -1.5) + luck(shown)
    return Examples(
        context,
        shown,
        (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.float32),
        np.ones(rows, np.float32),
        rng.integers(0, 2, (rows, heads)).astype(np.float32) * 2,
        candidate_features(SPEC, TITLES_TABLE, ARTWORKS_TABLE),
        embeddings,
        np.arange(len(IDS)),
    )


def data():
    return TrainingData(
        examples(1, 500),
        len(SPEC.genres),
        0.3,
        ARTWORKS,
        lambda heads: (examples(heads), examples(heads, 500, seed=1)),
    )


def trained_again(kind, folder, seed=1):
    trained = train_network(settings(kind, seed, folder), data())
    assert trained is not None
    return trained


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def trained(kind, tmp_path_factory) -> TrainedNetwork:
    return trained_again(kind, tmp_path_factory.mktemp(kind))


class Bank(NamedTuple):
    """Members and artworks, whose product, with the match of their names, is a head's logit."""

    functionals: np.ndarray
    vectors: np.ndarray
    watched: Names
    names: Names

    def scores(self):
        """[members, heads, artworks]."""
        matches = NameTable.of(self.names).matches(self.watched)
        return self.functionals @ self.vectors.T + matches[:, None]

    def means(self):
        """Of heads and members, by artwork."""
        return self.scores().mean((0, 1))


def inferred(kind) -> TrainedNetwork:
    """Beside a network that never learnt: rewards come out as it says, but for luck."""
    network = build_network(settings(kind), data()).eval()
    made = examples(network.context.heads.trained_heads)
    batch = made[np.arange(ROWS)]
    with torch.no_grad():
        logit = Learner(network).eval().logits(batch, batch.images).mean(1).numpy()
    p = 1 / (1 + np.exp(-logit - luck(made.artwork_of)))
    made.reward[:] = np.random.default_rng(3).random(ROWS) < p
    forms = ClosedForms(network, made, ARTWORKS, settings(kind).model.random_effects, seed=1)
    posterior, records, metrics = network.context.heads.infer(forms)
    return TrainedNetwork(network, records, posterior, 1.0, metrics)


@torch.no_grad()
def bank_of(trained, facts=None, candidates=None, embeddings=None, ids=IDS):
    """As a bundle serves it, with records."""
    made = examples(1, 40, seed=5)
    facts = made.context if facts is None else context_features(SPEC, facts)
    candidates = made.candidates if candidates is None else candidates
    embeddings = made.images if embeddings is None else embeddings
    parts = GraphParts(trained.network.eval(), trained.records is not None)
    vectors, _, weights = parts("candidate.onnx", (embeddings, *candidates))
    if trained.records is not None and len(vectors) == len(IDS):
        vectors = trained.records.joined(vectors, ids)
    functionals, _, watched = parts("context.onnx", tuple(facts))
    shown = np.concatenate([candidates.cast_ids, candidates.title_cast_ids], 1)
    return Bank(functionals, vectors, Names(facts.cast_ids, watched), Names(shown, weights))


def probabilities(scores, valid):
    return thompson_probabilities(scores, np.broadcast_to(valid, scores[:, 0].shape), 0.1)


def test_every_kind_is_known_by_its_name():
    assert set(OF_KIND) == set(KINDS)
    assert DEFAULT_KIND in KINDS
    assert all(heads.kind == name for name, heads in OF_KIND.items())


def test_the_bank_has_a_functional_for_each_head_and_training_one_for_each_loss(kind):
    network = build_network(settings(kind), data())
    heads, context = network.context.heads, network.context
    facts = [torch.from_numpy(column) for column in examples(1, 9).context]
    for training, count in ((False, heads.heads), (True, heads.trained_heads)):
        functionals, *_ = context.train(training)(*facts)
        assert functionals.shape[:2] == (9, count)
    assert heads.learnt(context.features(*facts)).shape == (9, heads.trained_heads, heads.rank)


def test_an_absent_candidate_is_never_chosen_and_changes_nothing(trained):
    bank = bank_of(trained)
    best = bank.functionals.mean((0, 1))[None] * 100  # beyond what any artwork is worth
    rows = np.array([0, 0, 1, 2, 3, 4])
    with_absent = bank._replace(
        vectors=np.concatenate([best, bank.vectors[:5]]), names=bank.names.at(rows)
    )
    valid = np.array([False, True, True, True, False, True])
    p = probabilities(with_absent.scores(), valid)
    assert (p[:, ~valid] == 0).all()
    present = bank._replace(vectors=with_absent.vectors[valid], names=with_absent.names.at(valid))
    np.testing.assert_allclose(p[:, valid], probabilities(present.scores(), np.ones(4, bool)))


def test_candidates_in_another_order_have_their_scores_in_that_order(trained):
    made, bank = examples(1, 10), bank_of(trained)
    order = np.random.default_rng(0).permutation(len(IDS))
    candidates = type(made.candidates)(*(column[order] for column in made.candidates))
    again = bank_of(
        trained,
        candidates=candidates,
        embeddings=made.images[order],
        ids=[IDS[row] for row in order],
    )
    np.testing.assert_allclose(again.scores(), bank.scores()[:, :, order], atol=1e-5)


def test_the_same_seed_gives_the_same_functionals(trained, kind, tmp_path):
    first, again = bank_of(trained), bank_of(trained_again(kind, tmp_path / "again"))
    assert (first.functionals == again.functionals).all()
    assert (first.vectors == again.vectors).all()
    one, other = (build_network(settings(kind, seed), data()) for seed in (1, 2))
    facts = [torch.from_numpy(column) for column in examples(1, 9).context]
    assert not torch.equal(one.eval().context(*facts)[0], other.eval().context(*facts)[0])


def test_weights_that_were_saved_are_the_same_network_again(trained, kind, tmp_path):
    state = {name: value.clone() for name, value in trained.network.state_dict().items()}
    save_file(state, tmp_path / "weights.safetensors")
    fresh = build_network(settings(kind, seed=9), data())
    fresh.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    again = bank_of(replace(trained, network=fresh))
    assert (again.scores() == bank_of(trained).scores()).all()


@pytest.mark.filterwarnings("ignore")  # the exporter's own deprecations
def test_onnx_gives_the_same_functionals_and_the_same_choices(trained, tmp_path):
    bank = bank_of(trained)
    parts = GraphParts(trained.network.eval(), trained.records is not None)
    file = write_graph(
        parts.modules["context.onnx"], "context.onnx", tuple(examples(1, 3).context), tmp_path
    )
    session = ort.InferenceSession(file, providers=["CPUExecutionProvider"])
    facts = tuple(examples(1, 40, seed=5).context)
    names = NAMES["context.onnx"][0]
    said = session.run(None, dict(zip(names, facts, strict=True)))
    functionals, _, watched = map(np.asarray, said)
    np.testing.assert_allclose(functionals, bank.functionals, atol=1e-4)
    np.testing.assert_allclose(watched, bank.watched.weights, atol=1e-4)
    same = bank._replace(functionals=functionals, watched=Names(bank.watched.ids, watched))
    draws = np.random.default_rng(0).random(40)
    for title in range(0, len(IDS), 4):
        valid = np.ones(4, bool)
        own = [which.scores()[..., title : title + 4] for which in (bank, same)]
        both = [probabilities(scores, valid) for scores in own]
        assert (choose(both[0], draws) == choose(both[1], draws)).all()


def test_a_category_that_training_never_saw_and_a_new_title_are_scored(trained):
    strangers = pa.array([{"country": "XX", "device": "fridge"}, {}], FACTS)
    titles = make_titles(6).slice(5)  # with a name, and a title id, of its own
    artworks = ARTWORKS_TABLE.slice(0, 4).set_column(
        ARTWORKS_TABLE.schema.get_field_index("title_id"),
        ARTWORKS_TABLE.schema.field("title_id"),
        pa.array([titles["title_id"][0].as_py()] * 4, pa.int64()),
    )
    candidates = candidate_features(SPEC, titles, artworks)
    bank = bank_of(trained, strangers, candidates, examples(1, 1).images[:4])
    assert np.isfinite(bank.scores()).all()
    p = probabilities(bank.scores(), np.ones(4, bool))
    np.testing.assert_allclose(p.sum(1), 1)


def test_a_step_along_the_gradient_lowers_the_loss(kind):
    network = build_network(settings(kind), data())
    learner = Learner(network, LearnerSettings(rate=1e-3)).train()
    batch = examples(network.context.heads.trained_heads)[np.arange(500)]
    optimiser = torch.optim.SGD((p for p in learner.parameters() if p.requires_grad), 1e-2)
    losses = []
    for _ in range(4):
        optimiser.zero_grad()
        loss, _ = learner.loss(batch)
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]


def test_training_tells_members_and_artworks_apart(trained):
    bank, made = bank_of(trained), examples(1, 40, seed=5)
    likes = made.images[:, 0] > 0
    on_tv = np.array([d == "tv" for d in make_facts(40, 5).field("device").to_pylist()])
    worth = bank.scores().mean(1)
    plain = np.setdiff1d(np.arange(NEVER), [LUCKY, UNLUCKY])
    gaps = worth[:, plain][:, likes[plain]].mean(1) - worth[:, plain][:, ~likes[plain]].mean(1)
    assert gaps[on_tv].mean() > gaps[~on_tv].mean() + 0.3


def test_artworks_that_were_shown_have_records_in_which_luck_is_found(kind):
    trained = inferred(kind)
    records = trained.records
    assert records is not None
    assert list(records.artwork_ids) == IDS[:NEVER]
    assert records.vectors.shape == (NEVER, trained.network.context.rank)
    assert np.median(records.deviations) < records.prior
    plain = build_network(settings(kind), data())
    gains = (
        bank_of(trained).means() - bank_of(replace(trained, network=plain, records=None)).means()
    )
    assert gains[:NEVER].argmax() == LUCKY
    assert gains[:NEVER].argmin() == UNLUCKY


def test_rewards_that_come_later_move_what_artworks_are_worth(kind):
    trained = inferred(kind)
    before = bank_of(trained).means()
    later = examples(trained.network.context.heads.trained_heads, 600, seed=7)
    later.artwork_of[:] = np.arange(600) % 2 + 9  # of one title
    later.artwork_of[-10:] = NEVER  # it waits for a training
    later.reward[:] = later.artwork_of == 10
    trained.posterior.observe(later, np.arange(600))
    records = trained.posterior.records()
    gains = bank_of(replace(trained, records=records)).means() - before
    assert gains[10] - gains[9] > 0.3
    assert gains[10] == gains.max()
    assert gains[9] == gains.min()
    assert records is not None
    assert len(records.artwork_ids) == NEVER
