"""The image encoder: ONNX Runtime beside torch eager and beside what the processor can do.

The limit is the rate of a bare matrix product: an encoder of few, large convolutions comes near it
in torch already, and then nothing is to be had from another runtime. An encoder of many small ones
is held up by torch's calls, and gains most.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from data.bundle import Bundle
from data.catalogue import Catalogue
from data.errors import BadInput
from data.images.cache import image_cache
from export.graphs.architecture import network_of
from export.graphs.graphs import write_graph
from export.graphs.quantise import equal_choices, graph, write_int8
from model.network.image_encoder import make_encoder

BATCH = 16
Embed = Callable[[np.ndarray], np.ndarray]


class Repeats(NamedTuple):
    """How hard it is measured."""

    threads: int
    rounds: int  # single batches of each way, of which the best counts


def encoder(
    backbone: str = "mobilenet_v3_small",
    image: int = 128,
    bundle: Path | None = None,
    catalogue: Path | None = None,
    cache: Path = Path("artifacts/cache"),
    threads: int = 2,
    titles: int = 200,
    quick: bool = False,
) -> dict[str, object]:
    """Images a second at batch 16 and the latency of one image, on the same threads.

    An encoder with random weights is exported as bundles are, and measured beside itself in torch
    eager. A bundle's own encoder is measured the same way when one is given. `load` is the number
    of processes that wanted a core when it began: above 1, ratios are not to be trusted.

    Args:
        backbone: Any that --model.encoder takes.
        image: Side of its image in pixels.
        bundle: A bundle to measure as well.
        catalogue: Artwork for the share of equal choices of int8 and fp32; made-up pictures if
            not given.
        cache: Folder of decoded images.
        threads: Threads of torch and of ONNX Runtime.
        titles: Made-up titles of 6 artworks whose choices are compared.
        quick: Few, small pictures, and each measured a few times: to see that it works.
    """
    if catalogue is not None and bundle is None:
        raise BadInput("--catalogue is for choices of a bundle: give --bundle as well")
    rounds = 60
    if quick:
        image, titles, rounds, threads = min(image, 64), min(titles, 4), 3, 1
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    module = make_encoder(backbone, "none", 64)
    pictures = _pictures(titles * 6, (image, image))
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = None  # statistics of these pictures, as after training on them
    with torch.no_grad():
        module.train()(torch.from_numpy(pictures[:64]))
    result: dict[str, object] = {"load": round(os.getloadavg()[0], 1), "threads": threads}
    result |= {"batch": BATCH, "backbone": backbone, "image": image}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        fp32 = write_graph(module.eval(), "encoder.onnx", (pictures[:3],), folder)
        result |= _measure(module, fp32, folder, pictures, Repeats(threads, rounds))
        if bundle is not None:
            opened = Bundle.open(bundle)
            shown = None if catalogue is None else Catalogue.read(catalogue)
            images = _images(opened, shown, cache, titles)
            own = _of_bundle(opened, shown, images, folder, Repeats(threads, rounds))
            result |= {"bundle_id": opened.bundle_id}
            result |= {f"bundle_{name}": value for name, value in own.items()}
    return result


def _images(bundle: Bundle, shown: Catalogue | None, cache: Path, titles: int) -> np.ndarray:
    """A catalogue's artwork at the size that a bundle's encoder reads, or made-up pictures."""
    size = bundle.manifest.image
    if size is None:
        raise BadInput(f"bundle {bundle.bundle_id} has no encoder; give one that reads images")
    height, width = size.height, size.width
    if shown is None:
        return _pictures(titles * 6, (height, width))
    cached = image_cache(shown, cache, size)
    return np.ascontiguousarray(cached.images[cached.of(list(shown.artwork_ids))])


def _of_bundle(
    bundle: Bundle, shown: Catalogue | None, images: np.ndarray, folder: Path, repeats: Repeats
) -> dict[str, float]:
    module = network_of(bundle).encoder
    if module is None:
        raise BadInput(
            f"the encoder of bundle {bundle.bundle_id} learnt nothing, so torch has none of it to "
            "measure beside; python -m bench sight measures such ones"
        )
    measured = _measure(module, bundle.file("encoder.onnx"), folder, images, repeats)
    if shown is not None:
        share = equal_choices(
            bundle, folder / "int8.onnx", shown.titles, shown.artworks, images, 10_000, None
        )
        measured["int8_equal_choices"] = round(share, 4)
    return measured


def _measure(
    module: torch.nn.Module, fp32: Path, folder: Path, pictures: np.ndarray, repeats: Repeats
) -> dict[str, float]:
    """One encoder three ways, turn about, so that whoever else uses these cores disturbs all."""
    int8 = folder / "int8.onnx"
    write_int8(fp32, int8, pictures[:64])

    def eager(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return module(torch.from_numpy(images)).numpy()

    ways: dict[str, Embed] = {
        "torch": eager,
        "ort": graph(fp32, repeats.threads),
        "int8": graph(int8, repeats.threads),
    }
    rates = _rates(ways, pictures, repeats.rounds)
    limit = _limit(module, pictures[:BATCH])
    return {
        **{f"{way}_images_per_second": round(rate) for way, rate in rates.items()},
        **{f"{way}_one_image_ms": _one(embed, pictures) for way, embed in ways.items()},
        "ratio_to_torch": round(rates["ort"] / rates["torch"], 2),
        "int8_ratio_to_torch": round(rates["int8"] / rates["torch"], 2),
        "limit_images_per_second": round(limit),
        "torch_share_of_limit": round(rates["torch"] / limit, 2),
        "ort_share_of_limit": round(rates["ort"] / limit, 2),
        "int8_equal_choices": _equal_choices(ways["ort"], ways["int8"], pictures),
    }


def _rates(ways: dict[str, Embed], images: np.ndarray, rounds: int) -> dict[str, float]:
    """Images a second of each way, its best of many single batches."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(rounds):
        for way, embed in ways.items():
            start = time.perf_counter()
            embed(images[:BATCH])
            best[way] = min(best[way], time.perf_counter() - start)
    return {way: BATCH / taken for way, taken in best.items()}


def _limit(module: torch.nn.Module, images: np.ndarray, side: int = 1536) -> float:
    """Images a second if every multiplication went as fast as in one large fp32 product."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        module(torch.from_numpy(images))
    left = torch.ones(side, side)
    best = float("inf")
    for _ in range(10):
        start = time.perf_counter()
        torch.mm(left, left)
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best / (counter.get_total_flops() / len(images))


def _one(embed: Embed, images: np.ndarray) -> float:
    """Median latency of one image in ms."""
    taken = []
    for at in range(min(50, len(images))):
        start = time.perf_counter()
        embed(images[at : at + 1])
        taken.append(time.perf_counter() - start)
    return round(float(np.median(taken)) * 1000, 3)


def _pictures(count: int, size: tuple[int, int]) -> np.ndarray:
    """Blurred colour blocks: smoother than noise, so that features differ as pictures' do."""
    height, width = size
    coarse = np.random.default_rng(0).integers(0, 256, (count, 3, 6, 6)).astype(np.uint8)
    tall = np.repeat(coarse, -(-height // 6), 2)[:, :, :height]
    return np.ascontiguousarray(np.repeat(tall, -(-width // 6), 3)[..., :width])


def _equal_choices(full: Embed, small: Embed, images: np.ndarray) -> float:
    """Share of (title, head) whose best of six pictures is the same, for 16 random heads."""
    images = images[: len(images) // 6 * 6]
    best = []
    for embed in (full, small):
        parts = [embed(images[at : at + BATCH]) for at in range(0, len(images), BATCH)]
        vectors = np.concatenate(parts)
        functionals = np.random.default_rng(1).normal(size=(vectors.shape[1], 16))
        best.append((vectors @ functionals).reshape(-1, 6, 16).argmax(1))
    return round(float((best[0] == best[1]).mean()), 4)
