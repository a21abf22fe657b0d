"""Decodes what people send, in a process of its own: its memory is bounded, and its time.

A small file can decode to gigabytes, and a decoder that fails can take its process with it. Pages
are answered by another process, which neither slows nor grows.
"""

import asyncio
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8

from data.errors import BadInput
from data.images.decode import decode
from data.images.format import ImageFormat
from data.images.reencode import reencoded

Made = TypeVar("Made")
MEMORY = 3 << 29
"""Bytes that decoding may take beside what the process has: the largest picture needs 1.2 × 2³⁰."""
SECONDS = 10.0
"""That a picture may take."""
STARTING = 60.0
"""That the process may take to start."""
WAITING = 4
"""Pictures that may wait; more are turned away."""
LINUX = sys.platform == "linux"
"""Elsewhere memory has no such limit, and a picture's pixels alone are bounded."""
PICTURES = 200
"""After so many the process is a new one."""


class BusyError(Exception):
    """More pictures wait than may."""


class ImageWorker:
    """One process, started by the first picture."""

    def __init__(self, memory: int = MEMORY, seconds: float = SECONDS) -> None:
        self.memory, self.seconds = memory, seconds
        self._pool: ProcessPoolExecutor | None = None
        self._one = asyncio.Lock()
        self._waiting = 0

    async def decode(self, raw: bytes, shape: ImageFormat) -> UInt8[np.ndarray, "3 h w"]:
        """The pixels of a picture, as `data.images.decode.decode` gives them.

        Raises:
            BadInput: it cannot be decoded, or not within the memory or the time that it may take.
            BusyError: others wait already.
        """
        return await self._in_turn(_decode, raw, shape)

    async def reencode(self, raw: bytes, name: str, longest: int) -> bytes:
        """A picture as a file of ours, as `data.images.reencode.reencoded` writes it.

        Raises:
            BadInput: as `decode`.
            BusyError: as `decode`.
        """
        return await self._in_turn(_reencode, raw, name, longest)

    async def _in_turn(self, work: Callable[..., Made], *asked: object) -> Made:
        if self._waiting >= WAITING:
            raise BusyError
        self._waiting += 1
        try:
            async with self._one:
                return await self._made(work, asked)
        finally:
            self._waiting -= 1

    async def _made(self, work: Callable[..., Made], asked: tuple[object, ...]) -> Made:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                1,
                mp_context=get_context("spawn"),
                initializer=_bound,
                initargs=(self.memory,),
                max_tasks_per_child=PICTURES,
            )
        loop = asyncio.get_running_loop()
        try:
            # A process that starts imports what its parent was started from: no picture's fault.
            await asyncio.wait_for(loop.run_in_executor(self._pool, _there), STARTING)
            made = loop.run_in_executor(self._pool, work, *asked)
            return await asyncio.wait_for(made, self.seconds)
        except TimeoutError:
            self.close()
            raise BadInput(
                f"the image was not decoded within {self.seconds:g} s; export it smaller"
            ) from None
        except BrokenProcessPool:
            self.close()
            raise BadInput("the image broke its decoder; export it as PNG or JPEG") from None

    def close(self) -> None:
        """End the process, whatever it does."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        processes = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()


def _there() -> None:
    """Nothing: it is done once the process is there."""


def _bound(memory: int) -> None:
    """Limit this process to what it has mapped by now and so much more."""
    if LINUX:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _decode(raw: bytes, shape: ImageFormat) -> UInt8[np.ndarray, "3 h w"]:
    try:
        return decode(raw, "sent", shape)
    except MemoryError:
        raise BadInput("the image takes too much memory; export it smaller") from None


def _reencode(raw: bytes, name: str, longest: int) -> bytes:
    try:
        return reencoded(raw, name, longest)
    except MemoryError:
        raise BadInput(f"image {name} takes too much memory; export it smaller") from None
