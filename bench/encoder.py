"""The image encoder: ONNX Runtime beside torch eager, int8 beside fp32."""

import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

BATCH = 16


def encoder(
    backbone: str = "mobilenet_v3_small",
    image: int = 128,
    titles: int = 200,
    threads: int = 2,
    onnx: Path | None = None,
    json: bool = False,
) -> dict[str, Any]:
    """Images a second at batch 16 and the latency of one image, on the same threads.

    A torchvision backbone with random weights is exported and measured beside itself. Choices
    are compared on made-up pictures: 6 candidates a title, 16 heads of random functionals.

    Args:
        backbone: Any of torchvision's by name.
        image: Side of the image in pixels.
        titles: Titles whose choices are compared between fp32 and int8.
        threads: Threads of torch and of ONNX Runtime.
        onnx: A bundle's encoder.onnx to measure in place of a fresh export; no torch beside it.
        json: Print one JSON object and nothing else.
    """
    del json
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        result: dict[str, Any] = {"threads": threads, "batch": BATCH}
        fp32 = Path(folder) / "fp32.onnx"
        if onnx is None:
            eager, shape = _export(backbone, image, fp32, threads)
            result |= {"backbone": backbone, "image": image}
        else:
            eager, fp32 = None, onnx
            shape = _shape(onnx)
        pictures = _pictures(rng, titles * 6, shape)
        int8 = _quantised(fp32, Path(folder), pictures[:64])
        session, small = _session(fp32, threads), _session(int8, threads)
        result["ort_images_per_second"] = round(_rate(session, pictures))
        result["ort_one_image_ms"] = _one(session, pictures)
        result["int8_images_per_second"] = round(_rate(small, pictures))
        result["int8_one_image_ms"] = _one(small, pictures)
        result["int8_ratio"] = _ratio(result, "int8", "ort")
        if eager is not None:
            result["torch_images_per_second"] = round(_rate(eager, pictures))
            result["torch_one_image_ms"] = _one(eager, pictures)
            result["ratio_to_torch"] = _ratio(result, "ort", "torch")
        result["int8_equal_choices"] = _equal_choices(rng, session, small, pictures, titles)
        return result


def _ratio(result: dict[str, Any], above: str, below: str) -> float:
    return round(result[f"{above}_images_per_second"] / result[f"{below}_images_per_second"], 2)


def _export(
    backbone: str, image: int, target: Path, threads: int
) -> tuple[Callable[[np.ndarray], np.ndarray], tuple[int, ...]]:
    """The backbone in torch eager, also written as ONNX; both take uint8 images."""
    import torch
    from torchvision.models import get_model

    class Encoder(torch.nn.Module):
        """Normalises inside, as a bundle's encoder does."""

        def __init__(self) -> None:
            super().__init__()
            self.body = get_model(backbone, weights=None)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            """Features of images."""
            return self.body(images.float() / 127.5 - 1)

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    module = Encoder().eval()
    example = torch.zeros(2, 3, image, image, dtype=torch.uint8)
    batch = {"images": {0: "batch"}, "embedding": {0: "batch"}}
    torch.onnx.export(
        module,
        (example,),
        str(target),
        input_names=["images"],
        output_names=["embedding"],
        dynamic_axes=batch,
        dynamo=False,
    )

    def eager(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return module(torch.from_numpy(images)).numpy()

    return eager, (3, image, image)


def _shape(path: Path) -> tuple[int, ...]:
    import onnx

    sizes = onnx.load(path).graph.input[0].type.tensor_type.shape.dim
    return tuple(size.dim_value for size in sizes[1:])


def _session(path: Path, threads: int) -> Callable[[np.ndarray], np.ndarray]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: np.asarray(session.run(None, {name: images})[0])


def _quantised(fp32: Path, folder: Path, images: np.ndarray) -> Path:
    """int8 weights and activations, a scale a channel, calibrated on pictures."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    name = onnx.load(fp32).graph.input[0].name

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.left: Iterator[np.ndarray] = iter(np.split(images, len(images) // BATCH))

        def get_next(self) -> dict:
            batch = next(self.left, None)
            return {} if batch is None else {name: batch}

    ready, target = folder / "ready.onnx", folder / "int8.onnx"
    quant_pre_process(str(fp32), str(ready), skip_symbolic_shape=True)
    quantize_static(
        str(ready),
        str(target),
        Reader(),
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        extra_options={"WeightSymmetric": True},
    )
    return target


def _pictures(rng: np.random.Generator, count: int, shape: tuple[int, ...]) -> np.ndarray:
    """Blurred colour blocks: smoother than noise, so that features differ as pictures' do."""
    _, height, width = shape
    coarse = rng.integers(0, 256, (count, 3, 6, 6)).astype(np.uint8)
    tall = np.repeat(coarse, -(-height // 6), 2)[:, :, :height]
    return np.ascontiguousarray(np.repeat(tall, -(-width // 6), 3)[..., :width])


def _rate(embed: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> float:
    """Images a second, the best of twelve short rounds: others may use these cores too."""
    embed(images[:BATCH])
    best = float("inf")
    for _ in range(12):
        start = time.perf_counter()
        for at in range(0, 4 * BATCH, BATCH):
            embed(images[at : at + BATCH])
        best = min(best, time.perf_counter() - start)
    return 4 * BATCH / best


def _one(embed: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> float:
    """Median latency of one image in ms."""
    taken = []
    for at in range(50):
        start = time.perf_counter()
        embed(images[at : at + 1])
        taken.append(time.perf_counter() - start)
    return round(float(np.median(taken)) * 1000, 3)


def _equal_choices(
    rng: np.random.Generator,
    fp32: Callable[[np.ndarray], np.ndarray],
    int8: Callable[[np.ndarray], np.ndarray],
    images: np.ndarray,
    titles: int,
) -> float:
    """Share of (title, head) whose best of six candidates is the same."""
    chosen = []
    functionals = None
    for embed in (fp32, int8):
        parts = [embed(images[at : at + BATCH]) for at in range(0, len(images), BATCH)]
        vectors = np.concatenate(parts)
        if functionals is None:
            functionals = rng.normal(size=(vectors.shape[1], 16))
        chosen.append((vectors @ functionals).reshape(titles, 6, 16).argmax(1))
    return round(float((chosen[0] == chosen[1]).mean()), 4)
