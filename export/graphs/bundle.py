"""A trained network to a bundle folder: graphs, features, settings, and a manifest of them all."""

import copy
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.torch import save_file
from torch import Tensor

from data.artwork_effects import RECORDS, ArtworkRecords
from data.bundle import BUNDLE_VERSION
from data.features import FeatureSpec
from data.images.format import ImageFormat
from data.records import titles_like
from data.shown.read_outs import READ_OUTS, ReadOuts
from export.graphs.architecture import architecture_of
from export.graphs.description import BundleDescription
from export.graphs.example_inputs import Probe, random_probe
from export.graphs.graphs import GraphParts
from export.graphs.manifest import seal
from export.graphs.model_card import model_card
from export.graphs.parity import write_graphs
from export.publish.staging import staging
from model.heads.epistemic_index import index_size
from model.increments.kept_posterior import POSTERIOR, KeptPosterior
from model.network.towers import Marquee

ENCODER = "encoder.onnx"
UNPERSONALISED = pa.schema(
    [
        pa.field("title_id", pa.int64(), nullable=False),
        pa.field("artwork_id", pa.string(), nullable=False),
        pa.field("take", pa.float64(), nullable=False),  # smoothed, over all members
        pa.field("impressions", pa.int64(), nullable=False),
    ]
)


# Each of the last is a file of the bundle.
def write_bundle(
    network: Marquee,
    spec: FeatureSpec,
    root: Path | str,
    description: BundleDescription,
    unpersonalised: pa.Table,
    *,
    probes: Sequence[Probe] = (),
    records: ArtworkRecords | None = None,
    posterior: KeptPosterior | None = None,
    read_outs: ReadOuts | None = None,
) -> Path:
    """Export a network, compare it with torch, and write its bundle whole.

    Args:
        network: trained, and left as it is; `encoder` None where artworks come as embeddings.
        spec: that its features were computed with.
        root: folder of bundles; nothing in it is changed but the new one added.
        description: what the manifest says beside.
        unpersonalised: title_id, artwork_id, take and impressions of each artwork.
        probes: real inputs to compare with torch on, besides made-up ones.
        records: of artworks' own; None: all are judged by their pixels alone.
        posterior: that days can be added to; nothing that serves reads it.
        read_outs: of pictures, that its features are made with; None: none are.

    Returns:
        The bundle's folder, `root` / its id.

    Raises:
        ValueError: the arguments contradict each other.
        ParityError: a graph does not say what torch says.
    """
    _check(network, description, records)
    network = copy.deepcopy(network).cpu().eval()
    parts, shows = GraphParts(network, records is not None), _as_published(unpersonalised)
    drawn = [_probe(spec, rows, description.image, network) for rows in (3, 1, 17)]
    with staging(Path(root)) as part:
        _, gap = write_graphs(parts, part, [*drawn, *probes])
        _write_frozen(description, part)
        (part / "features.json").write_text(spec.to_json())
        pq.write_table(shows, part / "unpersonalised.parquet")
        if records is not None:
            records.write(part / RECORDS)
        if posterior is not None:
            posterior.write(part / POSTERIOR)
        if read_outs is not None:
            read_outs.write(part / READ_OUTS)
        save_file(_weights(network), part / "weights.safetensors")
        heads, dimension = parts("context.onnx", tuple(drawn[0].context))[0].shape[1:]
        metrics = {**description.metrics, "parity_gap": gap}
        bias, temperature = network.bias.detach().tolist(), float(description.temperature)
        manifest = {
            **_described(description, heads),
            "feature_fingerprint": spec.fingerprint,
            "calibration": {"bias": bias, "temperature": temperature},
            "dimension": dimension,
            "network": architecture_of(network, description.encoder),
            "records": records.said if records is not None else None,
            "encoder": ENCODER if description.image is not None else None,
            "metrics": metrics,
        }
        card = model_card(description, heads, spec.fingerprint, metrics, records)
        (part / "model_card.md").write_text(card)
        return seal(part, Path(root), manifest)


def _write_frozen(description: BundleDescription, part: Path) -> None:
    """The encoder's graph, where it is none of the network's."""
    if description.frozen is not None:
        (part / ENCODER).write_bytes(description.frozen.graph)


def _as_published(unpersonalised: pa.Table) -> pa.Table:
    """What is said of artworks beside the model, in its schema."""
    shows = unpersonalised.select(UNPERSONALISED.names)
    return shows.cast(titles_like(UNPERSONALISED, shows.schema))


def _weights(network: Marquee) -> dict[str, Tensor]:
    """Copies: some are shared, and a file holds each once."""
    return {name: value.contiguous().clone() for name, value in network.state_dict().items()}


def _probe(spec: FeatureSpec, rows: int, image: ImageFormat | None, network: Marquee) -> Probe:
    size, made = None, network.architecture
    if image is not None and network.encoder is not None:
        size = image.height, image.width
    return random_probe(
        spec, rows, rows, size=size, embedding=made.embedding, shown=sum(made.shown)
    )


def _check(
    network: Marquee, description: BundleDescription, records: ArtworkRecords | None
) -> None:
    """Refuse what contradicts itself.

    Raises:
        ValueError: it does.
    """
    image, temperature = description.image, description.temperature
    blind = network.encoder is None and description.frozen is None
    if blind != (image is None):
        raise ValueError(
            f"image is {image} and the network has {'no' if blind else 'an'} "
            "encoder; give the size of its images, or None to a network without encoder"
        )
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}; it must be above 0")
    want = (network.context.rank, index_size(network.context.heads.heads))
    if records is not None and (got := (records.vectors.shape[1], records.draws)) != want:
        raise ValueError(f"records have (rank, draws) {got}; this network's are {want}")


def _described(description: BundleDescription, heads: int) -> dict[str, object]:
    policy = description.head_policy
    return {
        "created": description.when,
        "schema_version": BUNDLE_VERSION,
        "policy": {
            "kind": policy.kind,
            "epsilon": policy.epsilon,
            "salt": description.salt,
            "heads": heads,
        },
        "image": None if description.image is None else asdict(description.image),
        "reward_name": description.reward_name,
        "parent": description.parent,
    }
