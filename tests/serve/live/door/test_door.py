"""What a request must pass before the service sees it."""

import asyncio
import socket
import subprocess
import sys
import time

import httpx
import orjson
import pytest

from data.servers.free_port import free_port
from serve.live.door.door import Door
from serve.live.door.rates import RateLimits
from serve.live.door.routes import ROUTES
from serve.live.door.tokens import Token, Tokens, digest, read_tokens
from tests.serve.live.test_live import Bundles, page, run, served

READER = Token("reader", digest("r"), ("read",))
WRITER = Token("writer", digest("w"), ("write",))
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def bundles(tmp_path):
    bundles = Bundles(tmp_path)
    bundles.publish("bundle-1")
    return bundles


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_every_end_point_asks_for_a_token_but_those_that_say_how_the_service_is(bundles):
    async def check():
        async with served(bundles, tokens=[READER, WRITER]) as (client, _):
            paths = (await client.get("/openapi.json", headers=bearer("r"))).json()["paths"]
            asked = {"/docs", "/openapi.json", "/no/such/path", *paths}
            open_to_all = {"/healthz", "/readyz", "/static/placeholder.svg"}
            for path in asked:
                method = "POST" if "post" in paths.get(path, {}) else "GET"
                got = await client.request(method, path)
                assert (got.status_code == 401) == (path not in open_to_all), path
            wrong = await client.get("/metrics", headers=bearer("x"))
            assert wrong.status_code == 401

    run(check())


def test_who_writes_events_cannot_read_maps_and_who_reads_cannot_decide(bundles):
    async def check():
        async with served(bundles, tokens=[READER, WRITER]) as (client, _):
            decided = await client.post("/v1/decide", json=page(), headers=bearer("w"))
            assert decided.status_code == 200
            for token, method, path in (
                ("w", "GET", "/v1/maps/someone"),
                ("w", "GET", "/metrics"),
                ("r", "POST", "/v1/decide"),
                ("r", "POST", "/v1/events"),
            ):
                got = await client.request(method, path, headers=bearer(token))
                assert got.status_code == 403, path
                assert "no scope" in got.json()["detail"]

    run(check())


def test_a_token_makes_as_many_requests_as_it_may():
    token = Token("t", digest("t"), rate=2.0)
    limits = RateLimits(10.0)
    assert [limits.wait(token, 10.0) for _ in range(3)] == [0, 0, 0.5]
    assert limits.wait(token, 10.5) == 0
    assert limits.wait(token, 10.5) > 0
    assert limits.wait(Token("free", digest("f")), 10.5) == 0


def test_too_many_requests_are_told_when_to_come_again(bundles):
    async def check():
        slow = Token("slow", digest("s"), rate=0.01)
        async with served(bundles, tokens=[slow]) as (client, _):
            answers = [await client.get("/metrics", headers=bearer("s")) for _ in range(2)]
            assert [a.status_code for a in answers] == [200, 429]
            assert int(answers[1].headers["Retry-After"]) > 1

    run(check())


@pytest.mark.parametrize("path", ["/v1/decide", "/v1/decide/batch", "/v1/events"])
def test_a_page_of_another_site_cannot_post(bundles, path):
    async def check():
        async with served(bundles, origins=["https://home"]) as (client, _):
            body = orjson.dumps(page())
            plain = await client.post(path, content=body, headers={"Content-Type": "text/plain"})
            assert plain.status_code == 415
            assert (await client.post(path, content=body)).status_code == 415
            for origin, refused in (
                ("https://evil", True),
                ("null", True),
                ("https://home", False),
                ("http://live", False),
            ):
                got = await client.post(path, content=body, headers=JSON | {"Origin": origin})
                assert (got.status_code == 403) == refused, origin

    run(check())


@pytest.mark.parametrize("deadline", ["nan", "inf", "-1", "soon", ""])
@pytest.mark.parametrize("path", ["/v1/decide", "/v1/decide/batch"])
def test_a_deadline_that_is_none_is_refused_and_holds_no_place(bundles, path, deadline):
    async def check():
        async with served(bundles) as (client, _):
            body = page() if path == "/v1/decide" else {"requests": [page()]}
            for _ in range(30):  # more than may be open
                got = await client.post(path, json=body, headers={"X-Deadline-Ms": deadline})
                assert got.status_code == 422
            good = (await client.post("/v1/decide", json=page())).json()
            assert good["reason"] is None

    run(check())


class Behind:
    """An application that says how often it was asked, and what for."""

    def __init__(self):
        self.bodies = []

    async def __call__(self, scope, receive, send):
        self.bodies.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def through(door, messages, path="/v1/decide", headers=(), patience=5.0):
    """The status of a request whose body arrives as these messages, then never."""
    read, sent = 0, []

    async def receive():
        nonlocal read
        if read == len(messages):
            await asyncio.Event().wait()
        read += 1
        return messages[read - 1]

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "path": path,
        "method": "POST",
        "headers": [(b"content-type", b"application/json"), *headers],
    }
    async with asyncio.timeout(patience):
        await door(scope, receive, send)
    return (sent[0]["status"] if sent else None), read


def part(body, more=True):
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.mark.parametrize("path", sorted(ROUTES))
def test_no_more_of_a_body_is_read_than_its_route_takes(path):
    async def check():
        behind, limit = Behind(), ROUTES[path].body
        door = Door(behind, Tokens(()))
        endless = [part(b"x" * 4096)] * (limit // 4096 + 1000)
        status, read = await through(door, endless, path)
        assert status == 413
        assert read <= limit // 4096 + 1
        said = [(b"content-length", str(limit + 1).encode())]
        assert await through(door, endless, path, said) == (413, 0)
        assert not behind.bodies
        whole = [part(b"y" * limit, more=False)]
        assert (await through(door, whole, path))[0] == 200
        assert behind.bodies == [b"y" * limit]

    asyncio.run(check())


def test_a_body_that_does_not_come_is_given_up():
    async def check():
        behind = Behind()
        door = Door(behind, Tokens(()), body_seconds=0.05)
        assert (await through(door, [part(b"{")]))[0] == 408
        assert not behind.bodies
        assert (await through(door, [part(b"{}", more=False)]))[0] == 200

    asyncio.run(check())


def test_a_request_whose_connection_closed_midway_is_not_carried_out():
    async def check():
        behind = Behind()
        messages = [part(b'{"profile_id"'), {"type": "http.disconnect"}]
        assert (await through(Door(behind, Tokens(())), messages))[0] is None
        assert not behind.bodies

    asyncio.run(check())


def test_bodies_that_are_being_read_at_once_have_a_limit_together():
    async def check():
        behind = Behind()
        door = Door(behind, Tokens(()), body_seconds=1.0)
        held = [
            asyncio.create_task(through(door, [part(b"x" * (8 << 20))], "/v1/score"))
            for _ in range(8)
        ]
        await asyncio.sleep(0)
        assert (await through(door, [part(b"x" * (1 << 20))], "/v1/score"))[0] == 503
        assert [status for status, _ in await asyncio.gather(*held)] == [408] * 8
        assert (await through(door, [part(b"{}", more=False)]))[0] == 200

    asyncio.run(check())


def test_a_token_is_given_once_and_its_hash_is_what_stays(tmp_path):
    file = tmp_path / "tokens.yaml"

    def token(*options):
        return subprocess.run(
            [sys.executable, "-m", "serve", "token", *options, "--file", file, "--json"],
            capture_output=True,
            text=True,
            check=False,
        )

    first = orjson.loads(token("pages", "--scopes", "write", "--rate", "100").stdout)
    second = orjson.loads(token("creatives", "--scopes", "read").stdout)
    again = orjson.loads(token("pages", "--scopes", "write").stdout)
    kept = file.read_text()
    assert not any(made["token"] in kept for made in (first, second, again))
    tokens = Tokens(read_tokens(file))
    holders = [tokens.holder(f"Bearer {made['token']}".encode()) for made in (first, second, again)]
    assert holders[0] is None, "it was replaced"
    assert [holder.scopes for holder in holders[1:] if holder] == [("read",), ("write",)]
    wrong = token("x", "--scopes", "admin")
    assert (wrong.returncode, file.read_text()) == (2, kept)
    assert "admin" in wrong.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- just words", "is no token"),
        ("name: a", "must be a list"),
        ("- {name: a, sha256: short}", "64 hexadecimal digits"),
        ("- {name: a, sha256: 7, scopes: [read]}", "are text"),
        (f"- {{name: a, sha256: {'a' * 64}, rate: .nan}}", "above 0"),
        (f"- {{name: a, sha256: {'a' * 64}, scopes: []}}", "scopes"),
        ("[" * 5000, "no YAML"),
    ],
)
def test_a_file_that_holds_no_tokens_is_refused_by_name(tmp_path, text, words):
    (tmp_path / "t.yaml").write_text(text)
    with pytest.raises(ValueError, match=words) as refused:
        read_tokens(tmp_path / "t.yaml")
    assert "t.yaml" in str(refused.value) or "token a" in str(refused.value)


SERVICE = """
import sys
from serve.live.server import listen

if __name__ == "__main__":
    listen("bench.serving.live_app:unlogged", "127.0.0.1", int(sys.argv[1]))
"""


def test_a_real_server_goes_on_beside_clients_that_do_not_finish(tmp_path):
    port = free_port()
    server = subprocess.Popen([sys.executable, "-c", SERVICE, str(port)], stderr=subprocess.DEVNULL)
    slow = []
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline, "the service did not start"
        head = b"POST /v1/decide HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        for _ in range(50):
            one = socket.create_connection(("127.0.0.1", port), 30)
            one.sendall(head + b"Content-Length: 1000\r\n\r\n{")
            slow.append(one)
        big = socket.create_connection(("127.0.0.1", port), 30)
        slow.append(big)
        big.sendall(head + b"Content-Length: 200000000\r\n\r\n{")
        assert big.recv(1000).startswith(b"HTTP/1.1 413")
        assert httpx.get(f"http://127.0.0.1:{port}/readyz").status_code in (200, 503)
        for one in slow[:-1]:
            assert one.recv(1000).startswith(b"HTTP/1.1 408")
    finally:
        for one in slow:
            one.close()
        server.terminate()
        server.wait(40)
