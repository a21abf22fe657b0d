"""`python -m export bundle`: a bundle from a checkpoint, with everything else of an earlier one."""

from pathlib import Path

import pyarrow.parquet as pq

from data.bundle import Bundle
from data.bundle.asset_terms import ASSET_TERMS
from data.features import FeatureSpec
from export.graphs.architecture import build, read_weights, said_of
from export.graphs.bundle import write_bundle
from export.graphs.description import BundleDescription
from export.graphs.rows import replaced_with_rows
from export.graphs.with_part import replaced_with
from model.eyes.frozen_encoder import FrozenEncoder
from model.eyes.open_eyes import is_frozen
from model.increments.kept_posterior import POSTERIOR, KeptPosterior


def bundle(
    weights: Path | None = None,
    like: Path = Path("artifacts/bundles/current"),
    out: Path = Path("artifacts/bundles"),
) -> dict[str, object]:
    """Export weights as a new bundle; it is not published by that.

    Network, features, policy and the unpersonalised takes are those of --like: a bundle of the
    same training. So are artworks' own records, the posterior that days are added to, and what
    neighbours do and kinds add, if the weights are --like's: they say what those leave unsaid.
    Every graph is compared with torch, and refused if it says something else.

    Args:
        weights: Lightning checkpoint or .safetensors file; --like's own when left out, to export
            it again with the libraries that are installed now.
        like: Bundle that says what the weights belong to.
        out: Folder of bundles.
    """
    held = Bundle.open(like)
    manifest = held.manifest
    state = read_weights(weights or held.file("weights.safetensors"))
    # Records are beside the very network that they were fitted beside.
    records = held.records() if weights is None else None
    keeps = weights is None and POSTERIOR in manifest.files
    encoder = said_of(held)["encoder"]
    frozen = encoder is not None and is_frozen(encoder)
    written = write_bundle(
        build(said_of(held), state),
        FeatureSpec.from_json(held.file("features.json").read_bytes()),
        out,
        BundleDescription(
            image=manifest.image,
            reward_name=manifest.reward_name,
            head_policy=manifest.policy.head_policy,
            salt=manifest.policy.salt,
            parent=held.bundle_id,
            metrics={},
            temperature=manifest.calibration.temperature,
            data={"weights": str(weights.name) if weights else "those of the parent"},
            encoder=encoder,
            frozen=FrozenEncoder.of_bundle(held) if frozen else None,
        ),
        pq.ParquetFile(held.file("unpersonalised.parquet")).read(),
        records=records,
        posterior=KeptPosterior.read_from(held.file(POSTERIOR)) if keeps else None,
        read_outs=held.read_outs(),
    )
    if weights is None and (pairs := held.row_pairs()) is not None:
        written = replaced_with_rows(written, pairs)  # of the very vectors that it was learnt on
    if weights is None and (terms := held.asset_terms()) is not None:
        written = replaced_with(written, ASSET_TERMS, terms.write)
    new = Bundle.open(written)
    return {
        "bundle_id": new.bundle_id,
        "folder": str(written),
        "parity_gap": new.manifest.metrics["parity_gap"],
    }
