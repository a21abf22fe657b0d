"""What a client's connection holds, while it is there and when it is gone."""

import asyncio
import gc
import socket
import struct

import pytest
import uvicorn

from serve.live.door.connection import AHEAD, Connection
from serve.live.door.door import Door
from serve.live.door.tokens import Tokens

REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


async def answer(scope, receive, send):
    """An application that says `ok`."""
    await receive()
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


def listening(check, application=answer):
    """Run a check of a port, behind which an application answers."""

    async def run():
        with socket.socket() as own:
            own.bind(("127.0.0.1", 0))
            own.listen()
            config = uvicorn.Config(
                application, http=Connection, loop="uvloop", lifespan="off", log_level="error"
            )
            config.timeout_keep_alive, config.timeout_graceful_shutdown = 75, 5
            server = uvicorn.Server(config)
            task = asyncio.create_task(server.serve(sockets=[own]))
            try:
                async with asyncio.timeout(20):
                    await check(own.getsockname()[1])
            finally:
                server.should_exit = True
                await task

    asyncio.run(run())


def reset(one):
    """Close a connection without a goodbye."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


def connections():
    gc.collect()
    return sum(type(each) is Connection for each in gc.get_objects())


def test_a_client_that_resets_its_connections_leaves_nothing_behind():
    async def check(port):
        loop = asyncio.get_running_loop()
        before = connections()
        for _ in range(50):
            with socket.socket() as one:
                one.setblocking(False)
                await loop.sock_connect(one, ("127.0.0.1", port))
                await loop.sock_sendall(one, REQUEST)
                assert (await loop.sock_recv(one, 4096)).startswith(b"HTTP/1.1 200")
                reset(one)
        while connections() > before:
            await asyncio.sleep(0)

    listening(check)


@pytest.mark.parametrize("count", [AHEAD, AHEAD * 3])
def test_requests_that_come_before_an_answer_are_answered_up_to_a_number(count):
    async def check(port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        # The first is taken in at once, and does not wait.
        writer.write(REQUEST * (count + 1))
        answers = b""
        while answers.count(b"HTTP/1.1 200") <= count and b"HTTP/1.1 400" not in answers:
            more = await reader.read(65536)
            answers += more
            assert more, f"closed after {answers!r}"
        writer.close()
        assert (b"HTTP/1.1 400" in answers) == (count > AHEAD)

    listening(check)


class Reader:
    """An application that takes a body, says how long it is, and waits for the client to go."""

    def __init__(self):
        self.heard = asyncio.Queue()

    async def __call__(self, scope, receive, send):
        body = (await receive())["body"]
        text = str(len(body)).encode()
        headers = [(b"content-length", str(len(text) + 1).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": text, "more_body": True})
        await self.heard.put((body, (await receive())["type"]))


@pytest.mark.parametrize("pieces", [[b"[1,2,3]"], [b"[1", b",2,", b"3]"], [b"", b"[1,2,3]"]])
def test_a_body_passes_the_door_once_whether_it_comes_with_the_head_or_after_it(pieces):
    reader = Reader()

    async def check(port):
        incoming, outgoing = await asyncio.open_connection("127.0.0.1", port)
        outgoing.write(
            b"POST /v1/decide HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: 7\r\n\r\n" + pieces[0]
        )
        for piece in pieces[1:]:
            await outgoing.drain()
            await asyncio.sleep(0.02)  # so that it is a piece of its own
            outgoing.write(piece)
        assert (await incoming.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert await incoming.readexactly(1) == b"7"
        outgoing.close()
        assert await reader.heard.get() == (b"[1,2,3]", "http.disconnect")

    listening(check, Door(reader, Tokens(())))


def test_a_body_that_comes_with_the_head_is_held_to_its_routes_size():
    async def check(port):
        incoming, outgoing = await asyncio.open_connection("127.0.0.1", port)
        chunk = b"x" * 16
        outgoing.write(
            b"POST /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"10\r\n" + chunk + b"\r\n0\r\n\r\n"
        )
        assert (await incoming.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413")
        outgoing.close()

    listening(check, Door(answer, Tokens(())))
