"""The pixels of a whole catalogue, decoded once into a cache on disk.

The cache grows and never changes: images are stored by the SHA-256 of their content, so the same
picture under two names takes one row, a new catalogue decodes only what is new, and an
interrupted build goes on where it stopped. `data/images/decode.py` says how one file is decoded.
"""

import json
import os
import struct
import subprocess
import sys
from collections.abc import Container, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, UInt8
from rich.console import Console
from rich.progress import Progress

from data.catalogue import Catalogue
from data.errors import BadInput
from data.images.canvases import canvas_aspects, canvas_pictures
from data.images.decode import (
    BACKDROP,
    FORMAT,
    aspect,
    decode,
    digest,
    load_image,
    read_bytes,
)
from data.images.format import ImageFormat
from data.images.pixel_store import PixelStore
from data.pictures import MAIN, commonest_canvas

__all__ = ["BACKDROP", "FORMAT", "ImageCache", "decode", "image_cache", "load_image"]

CHUNK = 256
"""Images decoded by one worker before they are stored: what an interruption loses."""
ASPECTS = 200
"""Pictures that a catalogue's format is chosen by, at least, where it has so many."""
SHOWN = 20
"""Refusals written out before the rest is only counted."""


class ImageCache(NamedTuple):
    """Decoded images and where each artwork's is."""

    images: UInt8[np.ndarray, "images 3 height width"]
    """A read-only memory map of every distinct image in the cache."""
    rows: dict[str, int]
    """artwork_id → row of `images`; artworks with the same content share one."""
    refused: Mapping[str, str] = MappingProxyType({})
    """artwork_id → why it has no image, of those that were left out."""
    other_canvas: Mapping[str, str] = MappingProxyType({})
    """artwork_id → the canvas whose picture it is, of those that lack the format's canvas."""

    def of(self, artwork_ids: Sequence[str]) -> Int[np.ndarray, " artworks"]:
        """The rows of `images` for these artworks.

        Raises:
            BadInput: an artwork is not in the catalogue that the cache was made for.
        """
        try:
            return np.array([self.rows[a] for a in artwork_ids], np.int64)
        except KeyError as error:
            why = self.refused.get(error.args[0], "is it in the catalogue?")
            raise BadInput(f"artwork {error} has no image; {why}") from None


def image_cache(
    catalogue: Catalogue,
    folder: Path | str,
    shape: ImageFormat = FORMAT,
    *,
    processes: int = 2,
    quiet: bool = False,
    leave_out: bool = False,
) -> ImageCache:
    """Decode the catalogue's images that the cache in `folder` lacks, and map them all.

    Writes `images-FORMAT-vN.npy` (uint8[images, 3, height, width]) and, beside it, `.sha256`, one
    line an image. Several builders may share a folder: one writes at a time.

    Args:
        catalogue: names the image files.
        folder: where the cache lies; made if it is not there.
        shape: of decoded images.
        processes: workers that decode when there is enough to do.
        quiet: show no progress on stderr.
        leave_out: an image that cannot be had costs its artworks alone, which are named in
            `refused`.

    Raises:
        BadInput: images that are missing or cannot be decoded, each by name (the first 20), or with
            `leave_out` none that can. All others are in the cache by then.
    """
    read, other = canvas_pictures(catalogue, shape.canvas)
    sources = [
        ImageSource(str(catalogue.root / one.path), one.focal if shape.fit == "crop" else None)
        for one in read
    ]
    paths = dict(zip(catalogue.artwork_ids, sources, strict=True))
    files = list(dict.fromkeys(sources))
    with PixelStore.open(Path(folder), shape) as store:
        known, refused = _digests(files)
        torn = _store_missing(store, known, processes, quiet)
        refused |= _same_content(known, torn, store.rows)
        if refused and (not leave_out or len(refused) == len(files)):
            raise BadInput(
                f"{len(refused):,} of {len(files):,} images of {catalogue.root} "
                f"are refused: {_first(list(refused.values()))}"
            )
        rows = {a: store.rows[known[path]] for a, path in paths.items() if path not in refused}
        without = {a: refused[path] for a, path in paths.items() if path in refused}
        other = {a: canvas for a, canvas in other.items() if a in rows}
        return ImageCache(store.images(), rows, without, other)


def catalogue_format(
    catalogue: Catalogue, canvas: str | None = None, fit: str = "whole"
) -> ImageFormat:
    """The format that suits a catalogue's pictures, as `ImageFormat.of_aspects` has it.

    Some hundreds of them are looked at, evenly spread; what cannot be read says nothing.

    Args:
        catalogue: whose pictures.
        canvas: of the pictures that are read; None: that which most artworks have.
        fit: of the format.

    Raises:
        BadInput: no picture is of that canvas.
    """
    if canvas is None:
        canvas = commonest_canvas(catalogue.pictures)
    elif canvas != MAIN and canvas not in (known := canvas_aspects(catalogue)):
        raise BadInput(
            f"canvas {canvas!r} is of no picture of {catalogue.root}; there are {', '.join(known)}"
        )
    read, other = canvas_pictures(catalogue, canvas)
    pairs = zip(catalogue.artwork_ids, read, strict=True)
    names = list(dict.fromkeys(picture.path for name, picture in pairs if name not in other))
    aspects = []
    for name in names[:: max(1, len(names) // ASPECTS)]:
        with suppress(BadInput):
            aspects.append(aspect(catalogue.root / name))
    return ImageFormat.of_aspects(aspects, fit, canvas)


class ImageSource(NamedTuple):
    """What is decoded."""

    file: str
    focal: tuple[float, float] | None
    """What is cropped about; None: the middle, or nothing is cropped."""


def _digests(files: Sequence[ImageSource]) -> tuple[dict[ImageSource, str], dict[ImageSource, str]]:
    """What each file is cached by, or why it cannot be read."""
    known, refused = dict[ImageSource, str](), dict[ImageSource, str]()
    for source in files:
        try:
            known[source] = digest(read_bytes(source.file), source.focal)
        except BadInput as refusal:
            refused[source] = str(refusal)
    return known, refused


def _store_missing(
    store: PixelStore, known: dict[ImageSource, str], processes: int, quiet: bool
) -> dict[str, tuple[str, str]]:
    """Decode and store what the store lacks, one file of each content.

    Args:
        store: to add to.
        known: what files are cached by; brought up to date where one has changed since.
        processes: workers that decode.
        quiet: show no progress.

    Returns:
        What was refused, by what it is cached by → the file that was tried, and why.
    """
    torn = dict[str, tuple[str, str]]()
    wanted = {known[n]: n for n in reversed(known) if known[n] not in store.rows}
    missing = list(reversed(wanted.values()))
    # Rows are added in catalogue order, so a first build maps artwork i to row i.
    console = Console(stderr=True)
    with Progress(console=console, disable=quiet or not missing, transient=True) as progress:
        bar = progress.add_task("decoding artwork", total=len(missing))
        chunks = [missing[i : i + CHUNK] for i in range(0, len(missing), CHUNK)]
        decoded = _decoded(chunks, store.format, processes)
        for chunk, results in zip(chunks, decoded, strict=True):
            for source, (sha, result) in zip(chunk, results, strict=True):
                if isinstance(result, str):
                    torn[known[source]] = source.file, result
                else:
                    known[source] = sha
            store.append({sha: r for sha, r in results if not isinstance(r, str)})
            progress.advance(bar, len(chunk))
    return torn


def _same_content(
    known: Mapping[ImageSource, str], torn: Mapping[str, tuple[str, str]], stored: Container[str]
) -> dict[ImageSource, str]:
    """Why files were not stored: of those with the same content one was tried."""
    refused = dict[ImageSource, str]()
    for source, sha in known.items():
        if sha in torn:
            tried, why = torn[sha]
            refused[source] = why.replace(tried, source.file)
        elif sha not in stored:
            refused[source] = f"{source.file} changed while it was read; try again"
    return refused


def _first(refusals: list[str]) -> str:
    more = f"; and {len(refusals) - SHOWN:,} more" if len(refusals) > SHOWN else ""
    return "; ".join(refusals[:SHOWN]) + more


Decoded = list[tuple[str, "UInt8[np.ndarray, '3 h w'] | str"]]
"""For each file: what it is cached by and pixels, or "" and why it was refused."""


def _decoded(
    jobs: list[list[ImageSource]], shape: ImageFormat, processes: int
) -> Iterator[Decoded]:
    """Decode lists of files, in order; in worker processes when there are several lists."""
    if len(jobs) <= 1 or processes <= 1:
        for job in jobs:
            yield [_here(source, shape) for source in job]
        return
    with ThreadPoolExecutor(processes) as pool:
        yield from pool.map(lambda job: _elsewhere(job, shape), jobs)


def _here(
    source: ImageSource, shape: ImageFormat
) -> tuple[str, "UInt8[np.ndarray, '3 h w'] | str"]:
    try:
        content = read_bytes(source.file)
        pixels = decode(content, source.file, shape, source.focal)
        return digest(content, source.focal), pixels
    except BadInput as refusal:
        return "", str(refusal)


def _elsewhere(files: list[ImageSource], shape: ImageFormat) -> Decoded:
    """Decode in a worker process, which imports Pillow and NumPy alone."""
    root = str(Path(__file__).resolve().parents[2])
    done = subprocess.run(
        [sys.executable, "-m", "data.images.decode"],
        input=json.dumps({"paths": files, "format": asdict(shape)}).encode(),
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": root},
        cwd=Path.cwd(),
        check=True,
    )
    results: Decoded = []
    left = memoryview(done.stdout)
    size = 3 * shape.height * shape.width
    for _ in files:
        if left[0]:
            pixels = np.frombuffer(left[33 : 33 + size], np.uint8)
            results.append((left[1:33].hex(), pixels.reshape(3, shape.height, shape.width)))
            left = left[33 + size :]
        else:
            (length,) = struct.unpack("<I", left[1:5])
            results.append(("", bytes(left[5 : 5 + length]).decode()))
            left = left[5 + length :]
    return results
