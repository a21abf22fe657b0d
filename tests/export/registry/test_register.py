"""Bundles in a real MLflow registry, in SQLite: 6 s where MLflow is installed."""

import warnings
from importlib.util import find_spec

import numpy as np
import pytest

from data.bundle import Bundle
from data.catalogue import Catalogue
from data.errors import BadInput
from export.registry.register import register, show
from tests.evaluate.planted import plant
from tests.export.world import ARTWORKS_TABLE, TITLES_TABLE, make_facts, variant

needs_mlflow = pytest.mark.skipif(find_spec("mlflow") is None, reason="mlflow is not installed")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    root = tmp_path_factory.mktemp("registered")
    catalogue = Catalogue(root / "catalogue", TITLES_TABLE, ARTWORKS_TABLE)
    return plant(root, catalogue, make_facts(9), np.zeros((2, 4)))


@pytest.fixture
def quiet(monkeypatch, tmp_path):
    """MLflow warns of itself; its artifacts go beside the database."""
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@needs_mlflow
def test_a_version_holds_the_bundle_and_says_where_it_came_from(tmp_path, quiet, bundle, capsys):
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "_join.json").write_text("{}")
    first = register(bundle, uri, alias="live")
    name = Bundle.open(bundle).manifest.bundle_id
    next_night = variant(bundle, tmp_path, parent=name, metrics={"validation_loss": 0.4})
    second = register(next_night, uri, alias="live", examples=tmp_path / "examples")
    again = register(bundle, uri)
    assert (first.version, first.new, first.parent) == ("1", True, None)
    assert (second.version, second.new, second.parent) == ("2", True, "1")
    assert (again.version, again.new, again.source) == ("1", False, first.source)

    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    live = client.get_model_version_by_alias("marquee", "live")
    assert str(live.version) == "2"
    assert live.tags["marquee.parent"] == name
    assert live.tags["marquee.parent_version"] == "1"
    assert len(live.tags["marquee.examples_sha256"]) == 64
    run = client.get_run(live.run_id)
    assert run.data.metrics["validation_loss"] == 0.4
    assert run.data.params["policy"] == "thompson"
    brought = client.download_artifacts(live.run_id, "bundle", str(tmp_path))
    assert Bundle.open(brought).manifest.bundle_id == second.bundle
    show(second)
    assert "trained while version 1 was live" in capsys.readouterr().out


@needs_mlflow
def test_what_a_registry_refuses_is_said_in_a_sentence(tmp_path, quiet, bundle):
    with pytest.raises(BadInput, match="registry nonsense"):
        register(bundle, "nonsense://x")


def test_what_cannot_be_registered_is_refused_before_it_is_asked(tmp_path, bundle):
    with pytest.raises(BadInput, match="no _join"):
        register(bundle, examples=tmp_path)
    with pytest.raises(BadInput, match="letters, digits"):
        register(bundle, name="it's")
    if find_spec("mlflow") is None:
        with pytest.raises(BadInput, match="not installed"):
            register(bundle)
