"""A smaller, faster encoder beside a bundle's own, if it makes the same choices.

An embedding that is a little off moves every score a little; whether that matters is a question
of choices. So the whole policy is run on real artwork with both encoders, the same members, seeds
and draws, and the share of equal choices decides.
"""

import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
import onnxruntime as ort
import pyarrow as pa
from jaxtyping import Float, Int, UInt8

from bandit.choice import choose, decision_seeds, profile_keys, uniforms
from bandit.head_policy import HeadPolicy
from bandit.probabilities import score_probabilities
from data.bundle import Bundle
from data.catalogue import Catalogue
from data.errors import BadInput
from data.examples.stream import ExampleStream
from data.features import (
    ContextFeatures,
    FeatureSpec,
    Names,
    NameTable,
    candidate_features,
    context_features,
)
from data.images.cache import image_cache
from data.images.canvases import other_canvas_words
from data.images.left_out import left_out_words
from data.shown.with_shown import with_shown
from export.graphs.example_inputs import random_probe
from export.graphs.graphs import NAMES
from export.graphs.manifest import seal
from export.publish.staging import staging
from model.eyes.open_eyes import reads_given

LEAST = 0.995
"""Share of choices that must be equal."""
BATCH = 16
CALIBRATION = 256
"""Images that scales of activations are learnt on."""

Kind = Literal["int8", "fp16"]


def quantise(
    bundle: Path = Path("artifacts/bundles/current"),
    catalogue: Path = Path("artifacts/catalogue"),
    examples: Path | None = None,
    kind: Kind = "int8",
    out: Path = Path("artifacts/bundles"),
    decisions: int = 10_000,
    cache: Path = Path("artifacts/cache"),
) -> dict[str, str | float]:
    """Write a bundle with an int8 or fp16 encoder; exit code 1 if its choices are not the same.

    At least 99.5% of the choices must be those of the full encoder. Nothing is published by that:
    python -m export publish does it.

    Args:
        bundle: Bundle whose encoder is made smaller.
        catalogue: Artwork to learn scales on and to compare choices on.
        examples: Examples whose members are decided for; made-up members when left out.
        kind: int8 is faster on processors with VNNI; fp16 halves the file.
        out: Folder of bundles that the new one is written to.
        decisions: How many choices are compared.
        cache: Folder of decoded images.
    """
    held = Bundle.open(bundle)
    size = held.manifest.image
    if size is None:
        raise BadInput(f"bundle {held.bundle_id} has no encoder; there is nothing to make smaller")
    if reads_given(str((held.manifest.network or {}).get("encoder"))):
        raise BadInput(f"bundle {held.bundle_id} reads more than pixels; train one on pixels alone")
    shown = Catalogue.read(catalogue)
    decoded = image_cache(shown, cache, size, leave_out=True)
    images = decoded.images[list(decoded.rows.values())]
    there = [name in decoded.rows for name in shown.artwork_ids]
    artworks = shown.artworks.filter(pa.array(there))
    other = other_canvas_words(size.canvas, decoded.other_canvas)
    for words in [*left_out_words(decoded.refused), *other]:
        print(words, file=sys.stderr)
    with staging(out) as part:
        name = f"encoder.{kind}.onnx"
        WRITERS[kind](held.file("encoder.onnx"), part / name, spread(images))
        share = equal_choices(
            held, part / name, shown.titles, artworks, images, decisions, examples
        )
        if share < LEAST:
            reason = f"{share:.4f} of the choices are equal, less than {LEAST}: not written"
            return {"equal_choices": share, "reason": reason}
        for file in held.manifest.files:
            if file != name:
                shutil.copyfile(held.root / file, part / file)
        manifest = {
            k: v for k, v in held.manifest.written.items() if k not in ("files", "bundle_id")
        } | {
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "encoder": name,
            "parent": held.bundle_id,
            "metrics": {**held.manifest.metrics, f"{kind}_equal_choices": share},
        }
        written = seal(part, out, manifest)
    return {"bundle_id": written.name, "folder": str(written), "equal_choices": share}


def show(record: dict[str, str | float]) -> None:
    """Print where the bundle is; on stderr why there is none."""
    if status(record):
        print(f"refused: {record['reason']}", file=sys.stderr)
        return
    for name, value in record.items():
        print(f"{name}: {value}")


def status(record: dict[str, str | float]) -> int:
    """1 if it was refused."""
    return int("reason" in record)


def spread(images: UInt8[np.ndarray, "artworks 3 height width"]) -> np.ndarray:
    """Images from all over the catalogue to learn scales on, whole batches of them."""
    count = max(BATCH, min(CALIBRATION, len(images)) // BATCH * BATCH)
    return np.ascontiguousarray(images[np.linspace(0, len(images) - 1, count).astype(int)])


def write_int8(full: Path, target: Path, images: UInt8[np.ndarray, "some 3 height width"]) -> None:
    """8-bit weights and activations in all convolutions but the first, which sees the pixels.

    Args:
        full: the encoder.
        target: file to write.
        images: whole batches to learn scales of activations on.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.left: Iterator[np.ndarray] = iter(np.split(images, len(images) // BATCH))

        def get_next(self) -> dict:
            batch = next(self.left, None)
            return {} if batch is None else {"image": batch}

    ready = target.with_suffix(".ready")
    try:
        quant_pre_process(str(full), str(ready), skip_symbolic_shape=True)
        nodes = onnx.load(ready).graph.node
        quantize_static(
            str(ready),
            str(target),
            Reader(),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=[node.name for node in nodes if node.op_type == "Conv"][:1],
        )
    finally:
        ready.unlink(missing_ok=True)


def write_fp16(full: Path, target: Path, images: UInt8[np.ndarray, "some 3 height width"]) -> None:
    """16-bit weights and activations; pixels come and embeddings go as before."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    del images
    onnx.save(convert_float_to_float16(onnx.load(full), keep_io_types=True), target)


WRITERS: dict[str, Callable[[Path, Path, np.ndarray], None]] = {
    "int8": write_int8,
    "fp16": write_fp16,
}


def equal_choices(
    bundle: Bundle,
    encoder: Path,
    titles: pa.Table,
    artworks: pa.Table,
    images: UInt8[np.ndarray, "artworks 3 height width"],
    decisions: int,
    examples: Path | None,
) -> float:
    """Share of the policy's choices that another encoder leaves as they are.

    Args:
        bundle: with the full encoder.
        encoder: the other.
        titles: of a catalogue.
        artworks: that there are images of.
        images: one for each artwork, in the same order.
        decisions: how many, over all titles alike.
        examples: whose members are decided for; None: made up.
    """
    spec = FeatureSpec.from_json(bundle.file("features.json").read_bytes())
    features, read_outs = candidate_features(spec, titles, artworks), bundle.read_outs()
    pools = _pools(artworks)
    members = -(-decisions // len(pools))
    candidate = outputs(bundle.file("candidate.onnx"))
    asked = ContextFeatures(*_members(spec, members, examples))
    functionals, _, *watched = outputs(bundle.file("context.onnx"))(*asked)
    records, ids = bundle.records(), artworks["artwork_id"].to_pylist()
    policy = bundle.manifest.policy
    chosen = []
    for embed in (graph(bundle.file("encoder.onnx")), graph(encoder)):
        parts = [images[at : at + BATCH] for at in range(0, len(images), BATCH)]
        embeddings, given = np.concatenate([embed(part) for part in parts]), features
        if read_outs is not None:
            given = with_shown(features, read_outs.read(embeddings, spec, titles, artworks))
        vectors, _, *named = candidate(embeddings, *given)
        if records is not None:
            vectors = records.joined(vectors, ids)
        scores = functionals @ vectors.T
        if named:  # of before names met by equality there are none
            shown = Names(np.concatenate([given.cast_ids, given.title_cast_ids], 1), named[0])
            matches = NameTable.of(shown).matches(Names(asked.cast_ids, watched[0]))
            scores += matches[:, None]
        chosen.append(_choices(scores, pools, policy.head_policy, policy.salt))
    return float((chosen[0] == chosen[1]).mean())


def _choices(
    scores: Float[np.ndarray, "members heads artworks"],
    pools: list[tuple[int, Int[np.ndarray, " candidates"]]],
    policy: HeadPolicy,
    salt: int,
) -> Int[np.ndarray, " decisions"]:
    keys = profile_keys([f"member-{at}" for at in range(len(scores))])
    chosen = []
    for title, rows in pools:
        valid = np.ones((len(scores), len(rows)), bool)
        draws = uniforms(decision_seeds(keys, np.full(len(keys), title), 0, salt))
        chances = score_probabilities(scores[:, :, rows], valid, policy)
        chosen.append(choose(chances, draws))
    return np.concatenate(chosen)


def _pools(artworks: pa.Table) -> list[tuple[int, Int[np.ndarray, " candidates"]]]:
    """Titles of several artworks, with the rows of these."""
    rows_of: dict[int, list[int]] = defaultdict(list)
    for row, title in enumerate(artworks["title_id"].to_pylist()):
        rows_of[title].append(row)
    chosen = [(title, np.array(rows)) for title, rows in rows_of.items() if len(rows) > 1]
    if not chosen:
        raise BadInput("no title of the catalogue has two artworks; there is nothing to choose")
    return chosen


def _members(spec: FeatureSpec, count: int, examples: Path | None) -> tuple[np.ndarray, ...]:
    if examples is None:
        return tuple(random_probe(spec, count, 0, embedding=1).context)
    facts: list[pa.StructArray] = []
    for _, rows in ExampleStream(examples, columns=("facts",)).rows():
        facts += rows["facts"].chunks
        if sum(map(len, facts)) >= count:
            break
    return tuple(context_features(spec, pa.concat_arrays(facts)[:count]))


def graph(file: Path, threads: int = 0) -> Callable[..., np.ndarray]:
    """A bundle's graph as a function to its first output; see `outputs`."""
    run = outputs(file, threads)
    return lambda *inputs: run(*inputs)[0]


def outputs(file: Path, threads: int = 0) -> Callable[..., list[np.ndarray]]:
    """A bundle's graph as a function to its outputs.

    Args:
        file: any of `export.graphs.NAMES`, or another encoder.
        threads: 0: as many as there are cores.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    names = NAMES.get(file.name, NAMES["encoder.onnx"])[0]

    def run(*inputs: np.ndarray) -> list[np.ndarray]:
        given = dict(zip(names, inputs, strict=True))
        return [np.asarray(output) for output in session.run(None, given)]

    return run
