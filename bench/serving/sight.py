"""Eyes: pictures a second as training looks at a catalogue, beside ONNX Runtime's bare rate.

The limit is one batch, run again and again. Looking at a catalogue also reads pixels from disk,
hashes them, writes vectors, and fits and applies the leading directions.
"""

import os
import resource
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.measured import in_own_process
from data.errors import BadInput
from data.images.format import ImageFormat
from model.eyes.efficientnet_lite import package_file
from model.eyes.features import BATCH, run_graph
from model.eyes.frozen_encoder import look
from model.eyes.open_eyes import Eyes
from model.eyes.pixel_graph import together

MIB = 1 << 20


def sight(
    encoder: str = "auto",
    weights: str = "none",
    pictures: int = 2_000,
    height: int = 144,
    width: int = 256,
    rounds: int = 20,
    quick: bool = False,
) -> dict[str, object]:
    """Pictures a second and the most memory, for a tenth of the pictures and for all.

    Made-up pictures lie in one file, as decoded ones do. `share` is the rate of looking at all of
    them over that of bare batches in the same process, measured before and after. `growth_mb` is
    how much more memory of its own (`own_mb`, the most while it looks) the process takes for all
    than for a tenth; `peak_mb` has pages of the mapped pictures in it, which are the system's.

    Args:
        encoder: Eyes, as --model.encoder names them; auto: those that are installed.
        weights: Of them, as --model.weights.
        pictures: How many.
        height: Of a picture, in pixels; a model of your own has its own.
        width: Of a picture, in pixels.
        rounds: Bare batches before and after, of which the median counts.
        quick: Few pictures, to see that it works.
    """
    if encoder == "auto":
        encoder = "simple" if package_file() is None else "lite0+simple"
    if quick:
        pictures, rounds = min(pictures, 80), 2
    if pictures < 20:
        raise BadInput(f"--pictures {pictures}: give 20 or more")
    each = Eyes.named(encoder, weights).each
    own = next((eye.size for eye in each if eye.size is not None), (height, width))
    result: dict[str, object] = {"load": round(os.getloadavg()[0], 1), "encoder": encoder}
    result |= {"pictures": pictures, "height": own[0], "width": own[1]}
    with TemporaryDirectory(prefix="marquee-sight-") as scratch:
        _make(Path(scratch) / "pictures.npy", pictures, own)
        given = encoder, weights, scratch, rounds
        few, _ = in_own_process(_looked, pictures // 10, *given)
        looked, spent = in_own_process(_looked, pictures, *given)
        growth = round(float(str(looked["own_mb"])) - float(str(few["own_mb"])), 1)
        result |= looked | {"growth_mb": growth, "peak_mb": round(spent.peak_bytes / MIB)}
    return result


class OwnMemory:
    """The most memory of this process's own while it is watched, in MiB.

    Pages of files that are mapped are none of it: the system takes them back when it wants to.
    """

    def __init__(self) -> None:
        self.most, self._page = 0.0, resource.getpagesize() / MIB
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "OwnMemory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            resident, shared = Path("/proc/self/statm").read_text().split()[1:3]
            self.most = max(self.most, (int(resident) - int(shared)) * self._page)
            if self._ended.wait(0.05):
                return


def _make(file: Path, count: int, size: tuple[int, int]) -> None:
    """Pictures of coarse colours, each another, on disk."""
    images = np.lib.format.open_memmap(file, "w+", np.uint8, (count, 3, *size))
    rng = np.random.default_rng(0)
    for at in range(count):
        coarse = rng.integers(0, 256, (3, 6, 8), np.uint8)
        tall = np.repeat(coarse, -(-size[0] // 6), 1)[:, : size[0]]
        images[at] = np.repeat(tall, -(-size[1] // 8), 2)[..., : size[1]]
    images.flush()


def _looked(count: int, encoder: str, weights: str, scratch: str, rounds: int) -> dict[str, object]:
    """What it took to look at the first pictures of the file."""
    images = np.load(Path(scratch) / "pictures.npy", mmap_mode="r")
    size = images.shape[2], images.shape[3]
    eyes = Eyes.named(encoder, weights)
    graph = together([eye.graph(size) for eye in eyes.each])
    batch = np.ascontiguousarray(images[:BATCH])
    threads = len(os.sched_getaffinity(0))
    ways = {one: run_graph(graph.model, one) for one in sorted({1, threads})}
    bare: dict[int, list[float]] = {one: [] for one in ways}

    def measure() -> None:
        for _ in range(rounds):
            for one, embed in ways.items():
                began = time.perf_counter()
                embed(batch)
                bare[one].append((time.perf_counter() - began) / len(batch))

    measure()
    began = time.perf_counter()
    shape = ImageFormat(*size)
    cache = Path(scratch) / f"cache-{count}"
    with OwnMemory() as own:
        looked = look(eyes, shape, images, np.arange(count), cache)
    seconds = time.perf_counter() - began
    measure()
    best = {one: float(np.median(taken)) for one, taken in bare.items()}
    return {
        "own_mb": round(own.most, 1),
        "numbers": looked.numbers,
        "embedding": looked.encoder.embedding,
        "graph_mb": round(len(looked.encoder.graph) / MIB, 1),
        "threads": threads,
        **{f"bare_ms_{one}_threads": round(1000 * taken, 2) for one, taken in best.items()},
        "bare_pictures_per_second": round(1 / best[threads]),
        "pictures_per_second": round(count / seconds),
        "share": round(count / seconds * best[threads], 2),
    }
