"""Eyes that are tuned: the last blocks alone change, and what is written reads as it was learnt."""

import math

import numpy as np
import pytest
import torch

from bench.eyes.tuned import LastBlocks, Pictures, partial_loss, tune, tuned_encoder, written
from data.errors import BadInput
from data.shown.partial_softmax import PartialLabels
from model.eyes.efficientnet_lite import PUBLISHED, EfficientNetLite
from model.eyes.features import run_graph
from model.eyes.own_model import OwnModel
from tests.model.eyes.pictures import cut_outs, package

SIZE = 64, 96
FIRST_STAGES = 2 * (16 + 24 + 40 + 80 + 112)
"""Means and deviations of the channels of the stages that stay."""


def test_tuning_changes_the_last_stages_alone_and_is_read_as_a_model_of_ones_own(tmp_path):
    eye = EfficientNetLite(package())
    pictures = cut_outs("mammals-tiger", "birds-owl", size=SIZE)
    model, before = eye.graph(SIZE).model, run_graph(eye.graph(SIZE).model, 1)(pictures)
    tune(LastBlocks(model, PUBLISHED["lite0"].blocks), Pictures(pictures, np.arange(2), []), 1)
    last, middle = np.split(before, [1280], 1)
    own = OwnModel.read(written(model, SIZE, tmp_path / "lite0-self"))
    said = run_graph(own.graph(SIZE).model, 1)(pictures)
    np.testing.assert_allclose(
        said[:, 1280:][:, :FIRST_STAGES], middle[:, :FIRST_STAGES], atol=1e-4
    )
    assert np.abs(said[:, :1280] - last).mean() > 0.01
    assert np.abs(said[:, 1280:] - middle)[:, FIRST_STAGES:].mean() > 0.01


def test_a_partial_label_is_met_by_any_of_its_names():
    labels = PartialLabels(
        np.array([0, 5]), np.array([[True, True, False], [False, False, True]]), np.ones(2)
    )
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]))
    some = np.array([5, 0])  # the first row is of picture 5
    want = -(math.log(0.25) + math.log(0.2)) / 2
    assert float(partial_loss(logits, some, labels)) == pytest.approx(want, rel=1e-5)


@pytest.mark.parametrize("name", ["lite0~more+simple", "simple~self"])
def test_what_cannot_be_tuned_is_refused(name, tmp_path):
    with pytest.raises(BadInput, match="cannot be tuned"):
        tuned_encoder(name, tmp_path, tmp_path, tmp_path)
