"""What a picture costs through each eye: torch and ONNX Runtime, on one thread and on two.

All ways take turns, and beside them one that is the same for every eye, so that costs of different
moments can be compared on a machine that does other work as well.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import nn

from bench.eyes.in_torch import InTorch
from data.images.format import ImageFormat
from export.graphs.graphs import write_graph
from model.eyes.efficientnet_lite import PUBLISHED, EfficientNetLite
from model.eyes.features import run_graph
from model.eyes.open_eyes import Eyes, is_frozen
from model.eyes.pixel_graph import PixelGraph, together
from model.eyes.simple_numbers import SimpleEye, SimpleNumbers
from model.network.image_encoder import make_encoder

BATCH = 16
USUAL = 72, 128
"""Height and width that suit the demo's pictures."""
MIB = 1 << 20
BESIDE = "beside"
"""The way that is the same for all: `lite0` alone, at the usual size, on one thread."""
Embed = Callable[[np.ndarray], object]


def cost_of(name: str, rounds: int, size: tuple[int, int] | None = None) -> dict[str, object]:
    """Numbers, graph in MB, milliseconds a picture in batches of 16, and how many times `lite0`.

    Milliseconds are of the median round and of the best one; `times_lite0` is of ONNX Runtime's
    best on one thread beside the best of `lite0` in the same rounds.

    Args:
        name: as `--model.encoder` takes it.
        rounds: batches of each way, in turn.
        size: height and width of the pictures; None: as training reads the demo's.
    """
    usual = ImageFormat(*(size or USUAL))
    if not is_frozen(name):
        torch.manual_seed(0)
        module = make_encoder(name, "none").eval()
        pictures = _pictures(usual)
        with TemporaryDirectory(prefix="marquee-eyes-") as scratch:
            raw = write_graph(module, "encoder.onnx", (pictures[:3],), Path(scratch)).read_bytes()
        parts, numbers = (_eager(module),), module(torch.from_numpy(pictures)).shape[1]
    else:
        eyes = Eyes.named(name, "none")
        usual = eyes.format(usual, told=size is not None)
        pictures = _pictures(usual)
        graphs = [eye.graph((usual.height, usual.width)) for eye in eyes.each]
        whole = together(graphs)
        raw, numbers = whole.model.SerializeToString(), whole.width
        parts = tuple(_in_torch(graph) for graph in graphs)
    ways: dict[str, tuple[int, Embed]] = {}
    for threads in (1, 2):
        if None not in parts:
            ways[f"torch_{threads}"] = threads, _each(parts)
        ways[f"onnx_{threads}"] = threads, run_graph(raw, threads)
    return {
        "height": usual.height,
        "width": usual.width,
        "numbers": numbers,
        "graph_mb": round(len(raw) / MIB, 1),
        **_milliseconds(ways, pictures, rounds),
    }


def _each(parts: Sequence[Embed | None]) -> Embed:
    def embed(images: np.ndarray) -> None:
        for part in parts:
            assert part is not None, "it was asked before"
            part(images)

    return embed


def _milliseconds(
    ways: dict[str, tuple[int, Embed]], pictures: np.ndarray, rounds: int
) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in ways}
    beside = _beside()
    given = dict.fromkeys(ways, pictures)
    if beside is not None:
        ways, taken[BESIDE] = {**ways, BESIDE: (1, beside[0])}, []
        given[BESIDE] = beside[1]
    threads_before = torch.get_num_threads()
    for _ in range(rounds + 1):  # the first warms
        for name, (threads, embed) in ways.items():
            torch.set_num_threads(threads)
            began = time.perf_counter()
            embed(given[name])
            taken[name].append(1000 * (time.perf_counter() - began) / len(pictures))
    torch.set_num_threads(threads_before)
    kept = {name: np.array(of[1:]) for name, of in taken.items()}
    found = {f"ms_{name}": round(float(np.median(of)), 2) for name, of in kept.items()}
    found |= {f"best_ms_{name}": round(float(of.min()), 2) for name, of in kept.items()}
    if beside is not None:
        found["times_lite0"] = round(float(kept["onnx_1"].min() / kept[BESIDE].min()), 2)
    return found


def _beside() -> tuple[Embed, np.ndarray] | None:
    """The way that is the same for all, and its pictures; None: the package is not there."""
    if (file := PUBLISHED["lite0"].on_disk) is None:
        return None
    shape = Eyes.named("lite0", "none").format(ImageFormat(*USUAL), told=False)
    graph = EfficientNetLite(file).graph((shape.height, shape.width))
    return run_graph(graph.model, 1), _pictures(shape)


def _in_torch(graph: PixelGraph) -> Embed | None:
    """Torch's way; None: a model of one's own is ONNX alone."""
    if graph.groups[0].name == SimpleEye().name:
        return _eager(SimpleNumbers())
    return InTorch(graph.model) if graph.groups[0].name.startswith("lite") else None


def _eager(module: nn.Module) -> Embed:
    def embed(images: np.ndarray) -> None:
        with torch.inference_mode():
            module(torch.from_numpy(images))

    return embed


def _pictures(of: ImageFormat) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (BATCH, 3, of.height, of.width), np.uint8)
