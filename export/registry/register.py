"""`python -m export register`: a bundle as a version of a model in an MLflow registry.

A version holds every file of the bundle, its manifest's settings and metrics, and its lineage: the
bundle that was live when its training began, by the version that it has there, the features, the
examples and the code. What is registered already is found again and not written twice.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.bundle import Bundle
from data.bundle.manifest import Manifest
from data.command_line.local_path import without_password
from data.errors import BadInput, NoServerError, first_line

BUNDLE = "marquee.bundle_id"
"""Tag of a version, by which it is found again."""
FOLDER = "bundle"
"""Of a run's artifacts: what the version is of."""
RUNS = "marquee"
"""The experiment that runs are in."""
NAME = re.compile(r"[\w .-]{1,200}")


@dataclass(frozen=True)
class Registered:
    """A version of a model in a registry."""

    name: str
    version: str
    bundle: str
    source: str
    """Where its files are, as the registry has it."""
    parent: str | None
    """Version of the bundle that was live when training began; null: it is not registered."""
    alias: str | None
    new: bool
    """False: the bundle had been registered before."""


def register(
    bundle: Path = Path("artifacts/bundles/current"),
    registry: str = "sqlite:///artifacts/mlflow.db",
    name: str = "marquee",
    alias: str | None = None,
    examples: Path | None = None,
) -> Registered:
    """Put a bundle into an MLflow registry, as a version that says where it came from.

    It needs the extra `mlflow`. Of several who register one bundle at once each may make a version.

    Args:
        bundle: Folder of the bundle.
        registry: MLflow's server, as http://host:5000, or a database, as sqlite:///FILE.
        name: Of the model that this is a version of.
        alias: That the version gets, taken from the one that had it: live, for instance.
        examples: Folder of examples that it was trained on: their join's record is kept with it.
    """
    if not NAME.fullmatch(name):
        raise BadInput(f"--name {name!r:.80}: use letters, digits, blanks, points and dashes")
    opened = Bundle.open(bundle)
    manifest, at = opened.manifest, without_password(registry)
    joined = None if examples is None else _joined(examples)
    with _asking(at) as client_of:
        client = client_of(registry)
        found = _versions(client, name)
        parent = found.get(manifest.parent or "")
        made = found.get(manifest.bundle_id)
        version, new = made, made is None
        if version is None:
            tags = _lineage(manifest, parent and parent.version, examples, joined)
            version = _added(client, name, opened, tags)
        if alias is not None:
            client.set_registered_model_alias(name, alias, version.version)
    return Registered(
        name,
        str(version.version),
        manifest.bundle_id,
        str(version.source),
        None if parent is None else str(parent.version),
        alias,
        new,
    )


def show(made: Registered) -> None:
    """Print what was registered for people."""
    word = "registered as" if made.new else "is there already:"
    print(f"bundle {made.bundle} {word} {made.name} version {made.version}, {made.source}")
    if made.parent is not None:
        print(f"trained while version {made.parent} was live")
    if made.alias is not None:
        print(f"{made.alias} is version {made.version} now")


@contextmanager
def _asking(at: str) -> Iterator[Any]:
    """MLflow's client, its errors in our words.

    Raises:
        BadInput: MLflow is not installed, or refuses what it is asked.
        NoServerError: the registry does not answer.
    """
    try:
        from mlflow import MlflowClient  # pyright: ignore[reportMissingImports]
        from mlflow.exceptions import MlflowException  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise BadInput("MLflow is not installed; `pip install -e '.[mlflow]'` has it") from None
    try:
        yield lambda registry: MlflowClient(tracking_uri=registry, registry_uri=registry)
    except MlflowException as error:
        words = first_line(error)
        if "API request to" in words or "Connection" in words:
            raise NoServerError(f"registry {at} does not answer ({words}); try later") from None
        raise BadInput(f"registry {at} refuses it: {words}") from None
    except OSError as error:
        raise NoServerError(f"registry {at} cannot be used ({first_line(error)})") from None


def _versions(client: Any, name: str) -> dict[str, Any]:
    """A model's versions by the bundles that they are, the newest of each."""
    found = client.search_model_versions(f"name = '{name}'")
    ordered = sorted(found, key=lambda version: int(version.version))
    return {one.tags[BUNDLE]: one for one in ordered if BUNDLE in one.tags}


def _added(client: Any, name: str, opened: Bundle, tags: Mapping[str, str]) -> Any:
    """A new version; where the registry fails half-way, a run without a version stays."""
    manifest = opened.manifest
    experiment = client.get_experiment_by_name(RUNS)
    number = client.create_experiment(RUNS) if experiment is None else experiment.experiment_id
    run = client.create_run(number, tags=dict(tags), run_name=manifest.bundle_id)
    for key, value in _settings(manifest).items():
        client.log_param(run.info.run_id, key, value)
    for key, value in manifest.metrics.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            client.log_metric(run.info.run_id, key, float(value))
    client.log_artifacts(run.info.run_id, str(opened.root), FOLDER)
    client.set_terminated(run.info.run_id)
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    source = f"{run.info.artifact_uri}/{FOLDER}"
    return client.create_model_version(name, source, run.info.run_id, tags=dict(tags))


def _lineage(
    manifest: Manifest, parent: object, examples: Path | None, joined: str | None
) -> dict[str, str]:
    """Where a bundle came from, as tags."""
    texts = {key: value for key, value in manifest.metrics.items() if isinstance(value, str)}
    said = {
        BUNDLE: manifest.bundle_id,
        "marquee.created": manifest.created,
        "marquee.parent": manifest.parent,
        "marquee.parent_version": parent,
        "marquee.features": manifest.feature_fingerprint,
        "marquee.encoder": manifest.encoder_version,
        "marquee.reward": manifest.reward_name,
        "marquee.examples": examples,
        "marquee.examples_sha256": joined,
        **{f"marquee.{key}": value for key, value in texts.items()},
    }
    return {key: str(value) for key, value in said.items() if value is not None}


def _settings(manifest: Manifest) -> dict[str, object]:
    policy, network = manifest.policy, manifest.network or {}
    return {
        "policy": policy.head_policy.kind,
        "epsilon": policy.head_policy.exploration,
        "schema_version": manifest.schema_version,
        **{
            f"network.{key}": value
            for key, value in network.items()
            if isinstance(value, str | int | float)
        },
    }


def _joined(examples: Path) -> str:
    """SHA-256 of what a join says of the examples that it made.

    Raises:
        BadInput: there are none.
    """
    try:
        return hashlib.sha256((examples / "_join.json").read_bytes()).hexdigest()
    except OSError as error:
        raise BadInput(
            f"--examples {examples}: no _join.json ({error.strerror}); give what `python -m data "
            "join` made"
        ) from None
