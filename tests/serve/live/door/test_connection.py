"""What a client's connection holds, while it is there and when it is gone."""

import asyncio
import gc
import socket
import struct

import pytest
import uvicorn

from serve.live.door.connection import AHEAD, Connection

REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


async def answer(scope, receive, send):
    """An application that says `ok`."""
    await receive()
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


def listening(check):
    """Run a check of a port, behind which the application answers."""

    async def run():
        with socket.socket() as own:
            own.bind(("127.0.0.1", 0))
            own.listen()
            config = uvicorn.Config(
                answer, http=Connection, loop="uvloop", lifespan="off", log_level="error"
            )
            config.timeout_keep_alive = 75
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
    return sum(isinstance(each, Connection) for each in gc.get_objects())


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
