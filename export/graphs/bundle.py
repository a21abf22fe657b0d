"""A trained network to a bundle folder: graphs, features, settings, and a manifest of them all."""

import copy
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.torch import save_file

from data.artwork_effects import RECORDS, ArtworkRecords
from data.bundle import BUNDLE_VERSION
from data.features import FeatureSpec
from export.graphs.architecture import architecture_of
from export.graphs.example_inputs import Probe, random_probe
from export.graphs.graphs import Parts
from export.graphs.manifest import seal
from export.graphs.model_card import model_card
from export.graphs.parity import write_graphs
from export.publish.staging import staging
from model.heads.epistemic_index import index_size
from model.network.towers import Marquee

UNPERSONALISED = pa.schema(
    [
        pa.field("title_id", pa.int64(), nullable=False),
        pa.field("artwork_id", pa.string(), nullable=False),
        pa.field("take", pa.float64(), nullable=False),  # smoothed, over all members
        pa.field("impressions", pa.int64(), nullable=False),
    ]
)
POLICY = {"kind", "epsilon", "salt"}


def write_bundle(
    network: Marquee,
    spec: FeatureSpec,
    root: Path | str,
    *,
    image: Mapping[str, int] | None,
    reward_name: str,
    policy: Mapping[str, Any],
    parent: str | None,
    metrics: Mapping[str, Any],
    unpersonalised: pa.Table,
    created: datetime | None = None,
    temperature: float = 1.0,
    data: Mapping[str, Any] | None = None,
    probes: Sequence[Probe] = (),
    records: ArtworkRecords | None = None,
) -> Path:
    """Export a network, compare it with torch, and write its bundle whole.

    The network is left as it is, wherever it is and in whichever mode.

    Args:
        network: trained; `encoder` None where artworks come as embeddings.
        spec: that its features were computed with.
        root: folder of bundles; nothing in it is changed but the new one added.
        image: height and width that the encoder was trained on; None without encoder.
        reward_name: what the logits predict.
        policy: kind, epsilon and salt.
        parent: id of the bundle that was live when training began; None if there was none.
        metrics: of training and evaluation, for the manifest and the model card.
        unpersonalised: title_id, artwork_id, take and impressions of each artwork.
        created: now if None.
        temperature: that logits are divided by for calibrated takes.
        data: about the examples, for the model card: name → value; `encoder` in it is the name
            that `model.network.image_encoder.make_encoder` knows the encoder by.
        probes: real inputs to compare with torch on, besides made-up ones.
        records: of artworks' own; None: all are judged by looks alone.

    Returns:
        The bundle's folder, `root` / its id.

    Raises:
        ValueError: the arguments contradict each other.
        ParityError: a graph does not say what torch says.
    """
    created = (created or datetime.now(UTC)).astimezone(UTC)
    if (network.encoder is None) != (image is None):
        raise ValueError(
            f"image is {image} and the network has {'no' if network.encoder is None else 'an'} "
            "encoder; give the size of its images, or None to a network without encoder"
        )
    if missing := POLICY - set(policy):
        raise ValueError(f"policy {dict(policy)} has no {min(missing)}")
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}; it must be above 0")
    shows = unpersonalised.select(UNPERSONALISED.names).cast(UNPERSONALISED)
    network = copy.deepcopy(network).cpu().eval()
    parts = Parts(network, records is not None)
    want = (network.context.rank, index_size(network.context.heads.heads))
    if records is not None and (got := (records.vectors.shape[1], records.doubts)) != want:
        raise ValueError(f"records have (rank, doubts) {got}; this network's are {want}")
    size = (image["height"], image["width"]) if image is not None else None
    width = network.architecture.embedding
    drawn = [random_probe(spec, rows, rows, size=size, embedding=width) for rows in (3, 1, 17)]
    heads, dimension = parts("context.onnx", tuple(drawn[0].context))[0].shape[1:]
    root = Path(root)
    with staging(root) as part:
        names, gap = write_graphs(parts, part, [*drawn, *probes])
        (part / "features.json").write_text(spec.to_json())
        pq.write_table(shows, part / "unpersonalised.parquet")
        if records is not None:
            records.write(part / RECORDS)
        state = {
            name: value.contiguous().clone() for name, value in network.state_dict().items()
        }  # some are shared
        save_file(state, part / "weights.safetensors")
        manifest: dict[str, Any] = {
            "created": created.isoformat(timespec="seconds"),
            "schema_version": BUNDLE_VERSION,
            "feature_fingerprint": spec.fingerprint,
            "policy": {**policy, "heads": heads},
            "calibration": {
                "bias": network.bias.detach().tolist(),
                "temperature": float(temperature),
            },
            "dimension": dimension,
            "network": architecture_of(network, (data or {}).get("encoder")),
            "records": records.said if records is not None else None,
            "image": dict(image) if image is not None else None,
            "encoder": names[0] if image is not None else None,
            "reward_name": reward_name,
            "parent": parent,
            "metrics": {**metrics, "parity_gap": gap},
        }
        (part / "model_card.md").write_text(model_card(manifest, data or {}))
        return seal(part, root, manifest)
