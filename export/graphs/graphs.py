"""The trained network as ONNX graphs."""

from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from data.features import CandidateFeatures, ContextFeatures
from export.graphs.example_inputs import Probe
from model.eyes.pixel_graph import forget_source
from model.heads.epistemic_index import index_rows
from model.network.towers import CandidateTower, ContextTower, Marquee

CONTEXT = [*ContextFeatures._fields]
CANDIDATE = ["embedding", *CandidateFeatures._fields]
NAMES = {
    "encoder.onnx": (["image"], ["embedding"]),
    "candidate.onnx": (CANDIDATE, ["vector", "appeal", "named"]),
    "context.onnx": (CONTEXT, ["functionals", "appeal", "watched"]),
}
"""Graph → names of what goes in and of what comes out."""


class WithIndex(nn.Module):
    """The context tower, and after its functionals what reads artworks' random effects."""

    def __init__(self, context: ContextTower) -> None:
        super().__init__()
        self.context = context
        self.index: Tensor
        self.register_buffer("index", index_rows(context.heads.heads))

    def forward(
        self, dense: Tensor, cast_ids: Tensor, cast_weights: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """[decisions, heads, dimension], and the rest of what the tower says."""
        functionals, effect, watched = self.context(dense, cast_ids, cast_weights)
        index = self.index.expand(functionals.shape[0], -1, -1)
        return torch.cat([functionals, index], 2), effect, watched


class WithDoubt(nn.Module):
    """The candidate tower, room for a record's intercept, and what content leaves open."""

    def __init__(self, candidate: CandidateTower, doubt: Tensor) -> None:
        super().__init__()
        self.candidate = candidate
        self.doubt: Tensor
        self.register_buffer("doubt", doubt.detach())

    def forward(
        self,
        embedding: Tensor,
        title: Tensor,
        cast_ids: Tensor,
        cast_weights: Tensor,
        title_cast_ids: Tensor,
        title_cast_weights: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """[artworks, dimension], and the rest of what the tower says."""
        tags = cast_ids, cast_weights, title_cast_ids, title_cast_weights
        vector, effect, named = self.candidate(embedding, title, *tags)
        vector = nn.functional.pad(vector, (0, 1))
        if self.doubt.shape[1]:
            content = self.candidate.content(embedding, title)
            vector = torch.cat([vector, content @ self.doubt[:-1] + self.doubt[-1]], 1)
        return vector, effect, named


class GraphParts:
    """The network cut where the graphs are: each part and what it says to the same inputs.

    Args:
        network: in evaluation.
        records: whether artworks have random effects, which join the vectors.
    """

    def __init__(self, network: Marquee, records: bool = False) -> None:
        self.encoder = network.encoder
        context, candidate = network.context, network.candidate
        if records:
            context, candidate = WithIndex(context), WithDoubt(candidate, network.doubt)
        self.modules: dict[str, nn.Module] = {
            "candidate.onnx": candidate,
            "context.onnx": context,
        }
        if self.encoder is not None:
            self.modules = {"encoder.onnx": self.encoder, **self.modules}
        for module in self.modules.values():
            module.eval()

    @torch.inference_mode()
    def inputs(self, probe: Probe) -> dict[str, tuple[np.ndarray, ...]]:
        """What each graph is given for a probe; a graph's inputs are torch's, not ONNX's."""
        given: dict[str, tuple[np.ndarray, ...]] = {}
        if self.encoder is not None and probe.images is not None:
            given["encoder.onnx"] = (probe.images,)
            parts = torch.from_numpy(probe.images).split(64)
            embeddings = torch.cat([self.encoder(part) for part in parts]).numpy()
        else:
            assert probe.embeddings is not None, "a probe has images or embeddings"
            embeddings = probe.embeddings
        given["candidate.onnx"] = (embeddings, *probe.candidates)
        given["context.onnx"] = tuple(probe.context)
        return given

    @torch.inference_mode()
    def __call__(self, name: str, inputs: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        """What a part says in torch."""
        outputs = self.modules[name](*(torch.from_numpy(np.ascontiguousarray(x)) for x in inputs))
        return tuple(x.numpy() for x in (outputs if isinstance(outputs, tuple) else (outputs,)))


def write_graph(part: nn.Module, name: str, sample: tuple[np.ndarray, ...], folder: Path) -> Path:
    """Write the graph of one part.

    Args:
        part: of the network, in evaluation.
        name: of the graph.
        sample: inputs of three rows or so; only their shapes matter.
        folder: to write to.
    """
    inputs, outputs = NAMES[name]
    torch.onnx.export(
        part,
        tuple(torch.from_numpy(np.array(x)) for x in sample),
        str(folder / name),
        input_names=inputs,
        output_names=outputs,
        dynamic_shapes=tuple(_shapes(inputs)),
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    model = onnx.load(folder / name)
    forget_source(model)
    onnx.save(model, folder / name)
    return folder / name


def _shapes(names: list[str]) -> list[dict[int, object]]:
    """Which axes may vary; one that goes by the name of an earlier input's takes its name."""
    free = torch.export.Dim.DYNAMIC
    return [{0: "rows" if name == names[0] else free} for name in names]
