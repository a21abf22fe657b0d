"""Scores of a bundle through ONNX Runtime: images, artworks and members to numbers, no torch.

What a member sees of an artwork is a product of two vectors, and a match of names. Both sides are
had apart, of members and of artworks, and brought together by whoever has many of both.
"""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pyarrow as pa
from jaxtyping import Float, UInt8

from bandit.take_probability import mean_take_probability
from data.bundle import Bundle
from data.errors import BadInput
from data.features import CandidateFeatures, ContextFeatures, FeatureSpec, candidate_features
from data.shown.guessed_names import Gallery
from data.shown.with_shown import with_shown
from serve.scoring.scored import Artworks, ScoredMembers

CONTEXT = ContextFeatures._fields
INPUTS = {
    "encoder": ("image",),
    "candidate": ("embedding", *CandidateFeatures._fields),
    "context": CONTEXT,
}
"""Graph → what it is given, by name."""
BATCH = 64
"""Images or artworks worked on at a time: memory stays bounded."""


class Scorer:
    """A bundle, checked, opened and warmed.

    Args:
        bundle: its folder, or what leads to it (`data.bundle.resolve`).
        threads: of the image encoder; the other graphs are too small to share.
        judging: heads differ by what is not known of artworks, for intervals, and not by the share
            of it that they explore with.

    Raises:
        BadInput: the bundle is not whole, or its features are not what this code computes.
    """

    def __init__(self, bundle: Path | str, threads: int = 1, judging: bool = False) -> None:
        opened = Bundle.open(bundle)
        self.root, self.manifest = opened.root, opened.manifest
        self.spec = _specification(opened)
        graphs = {name: opened.file(f"{name}.onnx") for name in ("candidate", "context")}
        self._sessions = {name: _session(file, 1, opened) for name, file in graphs.items()}
        encoder = self.manifest.encoder
        if encoder is not None:
            self._sessions["encoder"] = _session(opened.file(encoder), threads, opened)
        calibration = self.manifest.calibration
        records = opened.records()
        self._records = records.judging() if records is not None and judging else records
        self.read_outs, self.row_pairs = opened.read_outs(), opened.row_pairs()
        self.asset_terms = opened.asset_terms()
        self._bias = calibration.bias
        self._temperature = calibration.temperature
        self._warm()

    @property
    def bundle_id(self) -> str:
        """The id that decisions are logged under."""
        return self.manifest.bundle_id

    @property
    def widths(self) -> tuple[int, int]:
        """Numbers of an embedding that come of pixels, and those that come with the catalogue."""
        whole = self._width("candidate", 0)
        if "encoder" not in self._sessions:
            return 0, whole
        pixels = self._sessions["encoder"].get_outputs()[0].shape[-1]
        return pixels, whole - pixels

    def embed(
        self, images: UInt8[np.ndarray, "images 3 height width"]
    ) -> Float[np.ndarray, "images embedding"]:
        """Embeddings of images.

        Raises:
            BadInput: the bundle has no encoder, or images are of another size or type.
        """
        size = self.manifest.image
        if size is None:
            raise BadInput(
                f"bundle {self.bundle_id} has no image encoder: it was trained on embeddings; "
                "give embeddings.npy with the catalogue"
            )
        want = (3, size.height, size.width)
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != want:
            raise BadInput(
                f"images are {images.dtype}{list(images.shape)}, bundle {self.bundle_id} takes "
                f"uint8[images, {', '.join(map(str, want))}]; decode them at its size"
            )
        if not len(images):
            return np.zeros((0, self.widths[0]), np.float32)
        parts = [
            self._run("encoder", images[at : at + BATCH])[0] for at in range(0, len(images), BATCH)
        ]
        return np.concatenate(parts)

    def artworks(
        self,
        embeddings: Float[np.ndarray, "artworks embedding"],
        titles: pa.Table,
        artworks: pa.Table,
        gallery: Gallery | None = None,
    ) -> Artworks:
        """Vectors and appeals of artworks, in the order of the table; by id, with their records.

        Args:
            embeddings: from `embed`, or the catalogue's own; zeros where there is no picture.
            titles: as TITLES; holds every title that `artworks` names.
            artworks: as ARTWORKS; row i has embedding i.
            gallery: tagged pictures to know names by; None: those of `artworks` and of training.

        Raises:
            BadInput: embeddings do not fit the bundle or the table, or a title is missing.
        """
        width = self._width("candidate", 0)
        if embeddings.shape != (len(artworks), width):
            raise BadInput(
                f"embeddings are {list(embeddings.shape)}; bundle {self.bundle_id} takes "
                f"[{len(artworks)}, {width}], a row for each artwork"
            )
        features = candidate_features(self.spec, titles, artworks)
        if self.read_outs is not None:
            shown = self.read_outs.read(embeddings, self.spec, titles, artworks, gallery)
            features = with_shown(features, shown)
        found = self.artworks_of(embeddings, features)
        if self._records is None:
            return found
        ids = artworks["artwork_id"].to_pylist()
        return found._replace(vectors=self._records.joined(found.vectors, ids))

    def artworks_of(
        self, embeddings: Float[np.ndarray, "artworks embedding"], features: CandidateFeatures
    ) -> Artworks:
        """The same from features that are there already, by looks alone."""
        embeddings = embeddings.astype(np.float32, copy=False)
        return Artworks.said(self._run("candidate", embeddings, *features), features)

    def vectors(
        self, embeddings: np.ndarray, titles: pa.Table, artworks: pa.Table
    ) -> Float[np.ndarray, "artworks dimension"]:
        """Vectors of artworks, as `artworks` gives them: their scores, but for names."""
        return self.artworks(embeddings, titles, artworks).vectors

    def appeals(self, titles: pa.Table, artworks: pa.Table) -> Float[np.ndarray, "artworks appeal"]:
        """The title's part of the appeal for each artwork; pixels have none in it."""
        nothing = np.zeros((len(artworks), self._width("candidate", 0)), np.float32)
        return self.artworks(nothing, titles, artworks).appeals

    def members(self, features: ContextFeatures) -> ScoredMembers:
        """Functionals and appeals of members, from `data.features.context_features`."""
        return ScoredMembers.said(self._run("context", *features), features)

    def functionals(
        self, features: ContextFeatures
    ) -> Float[np.ndarray, "members heads dimension"]:
        """Every head's functional for every member: all of the scores, but for names."""
        return self.members(features).functionals

    def takes(
        self, members: ScoredMembers, artworks: Artworks
    ) -> Float[np.ndarray, "decisions candidates"]:
        """The bundle's probability of a take for each candidate: the mean over its heads.

        Args:
            members: of decisions.
            artworks: [decisions, candidates].
        """
        title = (members.appeals[:, None] * artworks.appeals).sum(2)
        scores = members.scores(artworks) + title[:, None]
        return mean_take_probability(scores, self._bias, self._temperature)

    def _run(self, graph: str, *inputs: np.ndarray) -> list[np.ndarray]:
        session = self._sessions[graph]
        feeds = dict(zip(INPUTS[graph], map(np.ascontiguousarray, inputs), strict=True))
        return [np.asarray(output) for output in session.run(None, feeds)]

    def _width(self, graph: str, at: int) -> int:
        return self._sessions[graph].get_inputs()[at].shape[-1]

    def _warm(self) -> None:
        """Run each graph once, so that no member waits for first allocations."""
        for session in self._sessions.values():
            given = {
                node.name: np.zeros(
                    [size if isinstance(size, int) else 1 for size in node.shape],
                    TYPES[node.type],
                )
                for node in session.get_inputs()
            }
            session.run(None, given)


TYPES = {
    "tensor(float)": np.float32,
    "tensor(int64)": np.int64,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
}


def _specification(bundle: Bundle) -> FeatureSpec:
    spec = FeatureSpec.from_json(bundle.file("features.json").read_bytes())
    said = bundle.manifest.feature_fingerprint
    if spec.fingerprint != said:
        raise BadInput(
            f"bundle {bundle.root}: features.json has the fingerprint {spec.fingerprint[:12]}…, "
            f"the manifest says {said[:12]}…; this code computes other features than the model "
            "was trained on: serve it with the code that trained it, or train again"
        )
    return spec


def _session(file: Path, threads: int, bundle: Bundle) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    # Threads that spin while they wait would take the cores that pages are answered on.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises classes of its own, all of them Exception
        raise BadInput(
            f"bundle {bundle.root}: {file.name} is no graph that ONNX Runtime "
            f"{ort.__version__} can run ({str(error)[:160]}); export it again"
        ) from None
