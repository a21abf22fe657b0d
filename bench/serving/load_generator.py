"""A load generator for HTTP on this machine: an open loop, or a closed one.

In an open loop requests leave when they are due, and latency counts from then, not from when a free
connection took them: a stalled service cannot hide its own queue. In a closed one each connection
sends when it has been answered.
"""

import asyncio
import multiprocessing
import selectors
import time
from collections import Counter, deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Load(NamedTuple):
    """What came of a stretch of load."""

    seconds: np.ndarray  # latency of each answer
    statuses: Counter[int]
    reasons: Counter[str]  # of answers that were not decided live
    sent: int
    offered: float  # requests a second that were actually due and sent
    without_image: int = 0  # answers with fewer images than titles; looked at if told how many

    def milliseconds(self, percentile: float) -> float:
        """A percentile of the latency."""
        return round(float(np.percentile(self.seconds, percentile)) * 1000, 3)


class _Connection(asyncio.Protocol):
    def __init__(self, run: "_Run") -> None:
        self.run, self.due, self.buffer = run, 0.0, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def send(self, request: bytes, due: float) -> None:
        self.due, self.buffer = due, b""
        self.transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        at = self.buffer.lower().find(b"content-length:", 0, head)
        if at < 0:
            raise RuntimeError(f"an answer without a length: {self.buffer[:200]!r}")
        length = int(self.buffer[at + 15 : self.buffer.find(b"\r\n", at)])
        if len(self.buffer) - head - 4 >= length:
            self.run.answered(self, self.buffer)

    def connection_lost(self, exc: Exception | None) -> None:
        self.run.lost()


class _Run:
    def __init__(
        self, requests: Sequence[bytes], rate: float | None, seconds: float, titles: int
    ) -> None:
        self.requests, self.titles = requests, titles
        self.without_image = 0
        self.total = 0 if rate is None else int(rate * seconds)
        self.until = 0.0  # of a closed loop: when nothing more is sent
        self.free: deque[_Connection] = deque()
        self.late: deque[float] = deque()
        self.taken: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.reasons: Counter[str] = Counter()
        self.sent = 0
        self.done = asyncio.Event()

    def due(self, when: float) -> None:
        if self.free:
            self._send(self.free.popleft(), when)
        else:
            self.late.append(when)

    def _send(self, connection: _Connection, when: float) -> None:
        connection.send(self.requests[self.sent % len(self.requests)], when)
        self.sent += 1

    def answered(self, connection: _Connection, answer: bytes) -> None:
        self.taken.append(time.perf_counter() - connection.due)
        self.statuses[int(answer[9:12])] += 1
        at = answer.find(b'"reason":"')
        if at >= 0:
            self.reasons[answer[at + 10 : answer.find(b'"', at + 10)].decode()] += 1
        if self.titles:
            images = answer.count(b'"url":"') - answer.count(b'"url":""')
            self.without_image += images < self.titles
        now = time.perf_counter()
        if self.late:
            self._send(connection, self.late.popleft())
        elif now < self.until:
            self._send(connection, now)
        else:
            self.free.append(connection)
        if len(self.taken) >= max(self.total, self.sent if self.until else 0):
            self.done.set()

    def lost(self) -> None:
        if not self.done.is_set():
            self.statuses[0] += 1
            self.total -= 1
            if len(self.taken) >= self.total:
                self.done.set()


def load(
    port: int,
    requests: Sequence[bytes],
    rate: float | None,
    seconds: float,
    connections: int = 64,
    titles: int = 0,
) -> Load:
    """Send requests to 127.0.0.1 from a process of its own, and wait for all answers.

    Args:
        port: of the service.
        requests: sent in turn, over and over.
        rate: requests a second; None: each connection sends when it has been answered.
        seconds: length of the stretch.
        connections: kept open throughout.
        titles: titles on every page, to look for an image of each; 0 does not look.
    """
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_load, (port, list(requests), rate, seconds, connections, titles))


def _load(
    port: int,
    requests: list[bytes],
    rate: float | None,
    seconds: float,
    connections: int,
    titles: int,
) -> Load:
    # epoll waits whole milliseconds, rounded up: requests would leave that late, and the service
    # would be charged for it. select() waits microseconds.
    with asyncio.Runner(loop_factory=_precise_loop) as runner:
        return runner.run(_drive(port, requests, rate, seconds, connections, titles))


def _precise_loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


async def _drive(
    port: int,
    requests: list[bytes],
    rate: float | None,
    seconds: float,
    connections: int,
    titles: int,
) -> Load:
    loop, run = asyncio.get_running_loop(), _Run(requests, rate, seconds, titles)
    for _ in range(connections):
        _, protocol = await loop.create_connection(lambda: _Connection(run), "127.0.0.1", port)
        run.free.append(protocol)
    start = time.perf_counter()
    if rate is None:
        run.until = start + seconds
        for _ in range(connections):
            run.due(time.perf_counter())
        await asyncio.wait_for(run.done.wait(), seconds + 30)
    for index in range(run.total):
        when = start + index / (rate or 1)
        wait = when - time.perf_counter()
        if wait > 0 or index % 64 == 0:
            await asyncio.sleep(max(wait, 0))
        run.due(when)
    sending = time.perf_counter() - start
    await asyncio.wait_for(run.done.wait(), 30)
    return Load(
        np.array(run.taken),
        run.statuses,
        run.reasons,
        run.sent,
        run.sent / sending,
        run.without_image,
    )


def post(path: str, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    """A POST request's bytes on a connection that is kept open."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
