"""The trained network as ONNX graphs, each refused when it does not equal torch."""

from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor, nn

from model.network import Marquee

TOLERANCE = 1e-4


class Product(nn.Module):
    """Scores of every head for every candidate; a masked candidate gets −10⁹."""

    def __init__(self, network: Marquee) -> None:
        super().__init__()
        self.context = network.context

    def forward(
        self, dense: Tensor, cast_ids: Tensor, cast_weights: Tensor, vectors: Tensor, mask: Tensor
    ) -> Tensor:
        """[decisions, heads, candidates]."""
        functionals, _ = self.context(dense, cast_ids, cast_weights)
        scores = functionals @ vectors.transpose(1, 2)
        return scores.masked_fill(~mask[:, None], -1e9)


def write_graphs(
    network: Marquee, folder: Path, *, context: int, title: int, cast: int, size: tuple[int, int]
) -> list[str]:
    """Write encoder, candidate, context and scorer graphs, and give their file names.

    Raises:
        RuntimeError: a graph's output is further than `TOLERANCE` from torch's.
    """
    network = network.cpu().eval()
    rank = network.context.rank + network.context.prior.shape[1]
    draw = torch.Generator().manual_seed(0)

    def bag(rows: int) -> tuple[Tensor, Tensor]:
        buckets = network.context.cast.table.num_embeddings
        ids = torch.randint(0, buckets, (rows, cast), generator=draw)
        return ids, torch.rand((rows, cast), generator=draw)

    image = torch.randint(0, 256, (3, 3, *size), generator=draw, dtype=torch.uint8)
    facts = (torch.randn((5, context), generator=draw), *bag(5))
    shown = (torch.randn((3, 64), generator=draw), torch.randn((3, title), generator=draw), *bag(3))
    pool = (torch.randn((5, 4, rank), generator=draw), torch.rand((5, 4), generator=draw) < 0.7)
    tags = ["title", "cast_ids", "cast_weights"]
    context_names = ["dense", "cast_ids", "cast_weights"]
    graphs = {
        "encoder.onnx": (network.encoder, (image,), ["image"], ["embedding"]),
        "candidate.onnx": (network.candidate, shown, ["embedding", *tags], ["vector", "appeal"]),
        "context.onnx": (network.context, facts, context_names, ["functionals", "appeal"]),
        "scorer.onnx": (
            Product(network),
            (*facts, *pool),
            [*context_names, "vectors", "mask"],
            ["scores"],
        ),
    }
    for name, (part, inputs, names, outputs) in graphs.items():
        rows = torch.export.Dim("rows", min=1)
        shapes = [
            {0: rows, 1: torch.export.Dim("candidates", min=1)}
            if n in ("vectors", "mask")
            else {0: rows}
            for n in names
        ]
        torch.onnx.export(
            part,
            inputs,
            str(folder / name),
            input_names=names,
            output_names=outputs,
            dynamic_shapes=tuple(shapes),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        _check_parity(folder / name, part, inputs, names)
    return list(graphs)


def _check_parity(
    file: Path, part: nn.Module, inputs: tuple[Tensor, ...], names: list[str]
) -> None:
    session = ort.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    got = session.run(None, {n: x.numpy() for n, x in zip(names, inputs, strict=True)})
    with torch.no_grad():
        want = part(*inputs)
    for mine, theirs in zip(got, want if isinstance(want, tuple) else (want,), strict=True):
        gap = float(np.abs(np.asarray(mine) - theirs.numpy()).max())
        if not gap <= TOLERANCE:
            raise RuntimeError(f"{file.name}: ONNX is {gap:.2g} from torch, over {TOLERANCE}")
