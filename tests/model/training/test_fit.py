from dataclasses import replace

import lightning as L
import numpy as np
import pytest
import torch

from data.errors import BadInput
from data.features import CandidateFeatures, ContextFeatures
from model.heads.interface import KINDS
from model.network.image_encoder import ImageEncoder
from model.network.lightning_module import Learner, LearnerSettings
from model.network.towers import Architecture, Marquee
from model.training.dataset import Examples
from model.training.fit import fit
from model.training.settings import Fit

ARTWORKS, DECISIONS = 12, 3000
QUICK = Fit(epochs=2, visits=1, artworks=6, passes=2, decisions=500, validate_every=1, half="no")


class Mean(torch.nn.Module):
    """The mean colour: an encoder that trains in no time."""

    def forward(self, x):
        return x.mean((2, 3))


def network(kind: str = "bootstrap") -> Marquee:
    L.seed_everything(1, verbose=False)
    encoder = ImageEncoder(Mean(), 3, None)
    made = Architecture(3, 2, 4, 2, 16, kind, heads=4, rank=4, prior=2)
    return Marquee(encoder, made)


def examples(rows: int = DECISIONS, seed: int = 0, heads: int = 4) -> Examples:
    """Members of two kinds: one takes what is red, the other what is blue."""
    rng = np.random.default_rng(seed)
    red = np.arange(ARTWORKS) % 2 == 0
    images = np.zeros((ARTWORKS, 3, 16, 16), np.uint8)
    images[red, 0] = images[~red, 2] = 220
    shown = rng.integers(ARTWORKS, size=rows)
    wants_red = rng.random(rows) < 0.5
    reward = rng.random(rows) < np.where(wants_red == red[shown], 0.6, 0.1)
    dense = np.stack([wants_red, ~wants_red], 1).astype(np.float32)
    nobody = np.zeros((rows, 8), np.int64), np.zeros((rows, 8), np.float32)
    title = np.full((ARTWORKS, 4), 0.5, np.float32)
    untagged = np.zeros((ARTWORKS, 8), np.int64), np.zeros((ARTWORKS, 8), np.float32)
    return Examples(
        ContextFeatures(dense, *nobody),
        shown,
        reward.astype(np.float32),
        np.ones(rows, np.float32),
        rng.integers(0, 2, (rows, heads)).astype(np.float32) * 2,
        CandidateFeatures(title, *untagged, *untagged),
        images,
        np.arange(ARTWORKS),
    )


def preferred(learner: Learner) -> np.ndarray:
    """Mean logit of [wants red, wants blue] × [red, blue]."""
    data = examples()
    rows = [
        int(np.flatnonzero((data.context.dense[:, 0] == want) & (data.artwork_of == art))[0])
        for want in (1, 0)
        for art in (0, 1)
    ]
    learner.eval()
    with torch.no_grad():
        batch = data[np.array(rows)]
        return learner.logits(batch, learner.embed(batch.images)).mean(1).numpy().reshape(2, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_members_who_take_different_artwork_are_told_apart(tmp_path, kind):
    learner = Learner(network(kind), LearnerSettings(rate=2e-2))
    heads = learner.network.context.heads.trained_heads
    data, later = examples(heads=heads), examples(800, 1, heads)
    metrics = fit(learner, data, later, QUICK, tmp_path, seed=1)
    logits = preferred(learner)
    assert logits[0, 0] > logits[0, 1] + 0.5
    assert logits[1, 1] > logits[1, 0] + 0.5
    assert metrics["towers_loss"] < 0.6
    assert learner.network.encoder is not None


def test_the_same_seed_trains_the_same_network(tmp_path):
    logits = []
    for name in ("a", "b"):
        learner = Learner(network())
        fit(learner, examples(1000), examples(300, 1), QUICK, tmp_path / name, seed=1)
        logits.append(preferred(learner))
    np.testing.assert_allclose(logits[0], logits[1], rtol=1e-5)


class CutOff(Exception):
    """The machine is gone."""


class Mortal(Learner):
    """Notes the epochs that it begins, and is cut off as one of them does."""

    def __init__(self, network, dies_at=None):
        super().__init__(network)
        self.dies_at, self.begun = dies_at, []

    def on_train_epoch_start(self):
        stage = "towers" if self.network.encoder is None else "encoder"
        self.begun.append((stage, self.current_epoch))
        if self.begun[-1] == self.dies_at:
            raise CutOff


@pytest.mark.parametrize("dies_at", [("encoder", 1), ("towers", 1)])
def test_a_run_that_was_cut_off_goes_on_and_ends_with_the_weights_of_one_that_was_not(
    tmp_path, dies_at
):
    data, later, settings = examples(1000), examples(300, 1), replace(QUICK, epochs=3, passes=3)
    whole = Mortal(network())
    fit(whole, data, later, settings, tmp_path / "whole", seed=1)
    assert whole.begun == [(stage, at) for stage in ("encoder", "towers") for at in range(3)]
    with pytest.raises(CutOff):
        fit(Mortal(network(), dies_at), data, later, settings, tmp_path / "cut", seed=1)
    resumed = Mortal(network())
    fit(resumed, data, later, replace(settings, resume=True), tmp_path / "cut", seed=1)
    assert resumed.begun == whole.begun[whole.begun.index(dies_at) :]
    state = resumed.state_dict()
    for name, value in whole.state_dict().items():
        assert torch.equal(state[name], value), name


def test_there_must_be_something_to_go_on_from(tmp_path):
    settings = Fit(resume=True)
    with pytest.raises(BadInput, match="leave it out"):
        fit(Learner(network()), examples(10), examples(10), settings, tmp_path, seed=1)
