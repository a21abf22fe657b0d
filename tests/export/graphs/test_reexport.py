"""Weights and a bundle of the same training make a new bundle."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from data.bundle import Bundle
from data.errors import BadInput
from data.features import context_features
from export.graphs.architecture import build, network_of, read_weights, said_of
from export.graphs.reexport import bundle as export_again
from serve.scoring.scorer import Scorer
from tests.export.world import (
    ARTWORKS_TABLE,
    SPEC,
    make_bundle,
    make_facts,
    make_network,
    make_records,
)


def test_a_checkpoint_is_exported_with_all_else_of_the_bundle(bundle, tmp_path):
    trained = make_network(seed=9)
    state = {f"network.{k}": v for k, v in trained.state_dict().items()}
    torch.save({"state_dict": state | {"names.weight": torch.ones(2)}}, tmp_path / "best.ckpt")
    said = export_again(tmp_path / "best.ckpt", bundle, tmp_path / "bundles")
    new = Bundle.open(tmp_path / "bundles" / said["bundle_id"])
    old = Bundle.open(bundle)
    assert new.manifest.parent == old.bundle_id
    for name in ("policy", "feature_fingerprint", "image", "network", "reward_name"):
        assert new.manifest.written[name] == old.manifest.written[name]
    facts = context_features(SPEC, make_facts(5))
    with torch.no_grad():
        want, *_ = trained.eval().context(*map(torch.from_numpy, facts))
    np.testing.assert_allclose(Scorer(new.root).functionals(facts), want.numpy(), atol=1e-4)


@pytest.mark.parametrize(
    "changed",
    [
        {"heads": 5},
        {"kind": "point", "heads": 1},
        {"kind": "dropout"},
        {"kind": "hierarchical"},
        {"encoder": False},
    ],
    ids=["heads", "point", "dropout", "hierarchical", "no encoder"],
)
def test_a_network_of_any_kind_is_made_again(bundle, changed):
    from export.graphs.architecture import architecture_of

    network = make_network(**changed)
    said = architecture_of(network, None)
    again = build(said, network.state_dict())
    facts = [torch.from_numpy(x) for x in context_features(SPEC, make_facts(3))]
    torch.testing.assert_close(again.context(*facts), network.eval().context(*facts))
    if changed.get("encoder") is not False:
        with pytest.raises(BadInput, match="weights are of another network"):
            build(said, network_of(Bundle.open(bundle)).state_dict())


def test_records_stay_with_the_weights_that_they_were_fitted_beside(network, tmp_path):
    like = make_bundle(tmp_path / "like", network=network, records=make_records())
    state = {k: v.clone() for k, v in make_network(seed=9).state_dict().items()}
    save_file(state, tmp_path / "other.safetensors")
    same = Bundle.open(export_again(None, like, tmp_path / "same")["folder"])
    other = Bundle.open(export_again(tmp_path / "other.safetensors", like, tmp_path)["folder"])
    assert same.manifest.records == Bundle.open(like).manifest.records
    names = ARTWORKS_TABLE["artwork_id"].to_pylist()
    dimension = same.manifest.dimension
    nothing = np.zeros((len(names), dimension), np.float32)
    assert (same.records().joined(nothing, names) == make_records().joined(nothing, names)).all()
    assert other.records() is None
    assert other.manifest.dimension == dimension - 8


def test_weights_of_before_names_met_by_equality_are_refused(bundle):
    state = network_of(Bundle.open(bundle)).state_dict()
    state["candidate.names.table.weight"] = torch.zeros(4096, 24)
    with pytest.raises(BadInput, match="of a time when names met by random vectors"):
        build(said_of(Bundle.open(bundle)), state)


def test_files_that_are_no_weights_are_refused(tmp_path):
    (tmp_path / "empty.ckpt").touch()
    (tmp_path / "text.safetensors").write_text("not tensors, though long enough to be read")
    save_file({"a": torch.ones(3)}, tmp_path / "whole.safetensors")
    raw = (tmp_path / "whole.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(raw[:-4])
    torch.save({"weights": torch.ones(2)}, tmp_path / "other.ckpt")
    torch.save({"state_dict": {"a": Surprise()}}, tmp_path / "code.ckpt")
    for name in ("empty.ckpt", "text.safetensors", "cut.safetensors", "other.ckpt", "code.ckpt"):
        with pytest.raises(BadInput, match=name):
            read_weights(tmp_path / name)
    with pytest.raises(BadInput, match="no weights at"):
        read_weights(tmp_path / "missing.ckpt")


class Surprise:
    """What a checkpoint could run if more than tensors were read."""

    def __reduce__(self):
        return print, ("run",)
