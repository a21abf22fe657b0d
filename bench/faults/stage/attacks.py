"""What one client can do to the live service in the hope that others notice."""

import contextlib
import io
import socket
import struct
import time
import zlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

import orjson

NOTICED = "Pages of others are decided."


class Attack(NamedTuple):
    """Something done over and over."""

    what: str
    once: Callable[[int, float], int]
    """Does it to a port, for no longer than until then (monotonic); how often it did."""
    promise: str = NOTICED


def head(path: str, length: int | str, kind: str = "application/json", more: str = "") -> bytes:
    """The head of a POST request."""
    lines = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n{more}"
    return f"{lines}Content-Length: {length}\r\n\r\n".encode()


def _open(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 5)


def _answer(one: socket.socket, limit: float = 5.0) -> bytes:
    """Whatever comes first."""
    one.settimeout(limit)
    with contextlib.suppress(OSError):
        return one.recv(65536)
    return b""


def _sent(port: int, *parts: bytes) -> int:
    """Send a request and read what comes back."""
    with _open(port) as one, contextlib.suppress(OSError):
        for part in parts:
            one.sendall(part)
        _answer(one)
    return 1


def _member(facts: Mapping[str, object], titles: int = 40) -> bytes:
    page = {"profile_id": "attacker", "title_ids": list(range(1, titles + 1)), "facts": facts}
    return orjson.dumps({**page, "fresh": True})


def impossible_facts(port: int, _: float) -> int:
    """Pages with facts that cannot be."""
    done = 0
    for facts in ({"tenure_days": -1}, {"watched_genres": {"a": -1.0}}, {"tenure_days": 1e39}):
        body = _member(facts)
        done += _sent(port, head("/v1/decide", len(body)) + body)
    return done


GREEDY_BATCH = b'{"requests":[' + b"[1]," * 8_000_000 + b"[1]]}"


def greedy_batch(port: int, _: float) -> int:
    """A batch of 32 MB."""
    return _sent(port, head("/v1/decide/batch", len(GREEDY_BATCH)), GREEDY_BATCH[: 1 << 21])


def full_batch(port: int, _: float) -> int:
    """A batch of 64 whole pages, as large as is taken."""
    pages = b",".join([_member({"country": "FR"}, 300)] * 64)
    body = b'{"requests":[' + pages + b"]}"
    return _sent(port, head("/v1/decide/batch", len(body)) + body)


def endless_events(port: int, _: float) -> int:
    """Events of 200 MB, with a stated length and without."""
    events = b'{"events":[' + b"{}," * 400_000
    chunked = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    chunked += b"Transfer-Encoding: chunked\r\n\r\n"
    part = b"%x\r\n%s\r\n" % (len(events), events)
    return _sent(port, head("/v1/events", 200_000_000), events) + _sent(port, chunked, part, part)


def odd_deadlines(port: int, _: float) -> int:
    """Pages with deadlines that are none."""
    body, done = _member({}), 0
    for text in ("nan", "-1", "inf", "1e999", "soon"):
        more = f"X-Deadline-Ms: {text}\r\n"
        done += _sent(port, head("/v1/decide", len(body), more=more) + body)
    return done


def slow_bodies(port: int, until: float) -> int:
    """Three hundred bodies of which a byte comes now and then."""
    held = []
    with contextlib.suppress(OSError):
        for _ in range(300):
            one = _open(port)
            one.sendall(head("/v1/decide", 200_000) + b"{" * 1000)
            held.append(one)
        while time.monotonic() < until:
            for one in held:
                with contextlib.suppress(OSError):
                    one.sendall(b" ")
            time.sleep(0.3)
    for one in held:
        one.close()
    return len(held)


def half_open(port: int, until: float) -> int:
    """Three hundred connections on which nothing comes, or half a head."""
    held = []
    with contextlib.suppress(OSError):
        for number in range(300):
            one = _open(port)
            if number % 2:
                one.sendall(b"POST /v1/decide HTTP/1.1\r\nHost:")
            held.append(one)
    time.sleep(max(0.0, min(1.0, until - time.monotonic())))
    for one in held:
        one.close()
    return len(held)


def deaf(port: int, until: float) -> int:
    """Pages over and over on one connection, of which no answer is ever read."""
    body, done = _member({}, 300), 0
    request = head("/v1/decide", len(body)) + body
    with _open(port) as one, contextlib.suppress(OSError):
        one.settimeout(0.5)
        while time.monotonic() < until and done < 5000:
            one.sendall(request)
            done += 1
    return done


def large_facts(port: int, _: float) -> int:
    """Pages with a quarter of a megabyte of genres."""
    body = _member({"watched_genres": {f"genre {n}": 1.0 for n in range(11_000)}}, 8)
    return _sent(port, head("/v1/decide", len(body)) + body)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bomb(side: int) -> bytes:
    """A PNG of so many zeros of RGBA, 16 bits each, in next to no bytes."""
    packer, file = zlib.compressobj(9), io.BytesIO()
    row = bytes(1 + side * 8)
    for _ in range(side):
        file.write(packer.compress(row))
    file.write(packer.flush())
    header = struct.pack(">IIBBBBB", side, side, 16, 6, 0, 0, 0)
    parts = _chunk(b"IHDR", header) + _chunk(b"IDAT", file.getvalue()) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


BOMB: list[bytes] = []


def image_bombs(port: int, _: float) -> int:
    """Images that are small to send and large to decode, four at once."""
    if not BOMB:
        BOMB.append(bomb(4000))
    mark = '--m\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    body = mark.encode() + BOMB[0] + b"\r\n--m--\r\n"
    held = []
    for _ in range(4):
        one = _open(port)
        one.sendall(head("/v1/score?title_id=1", len(body), "multipart/form-data; boundary=m"))
        one.sendall(body)
        held.append(one)
    for one in held:
        _answer(one, 15)
        one.close()
    return len(held)


def endless_image(port: int, _: float) -> int:
    """An image of a hundred gigabytes, by its length."""
    kind = "multipart/form-data; boundary=m"
    return _sent(port, head("/v1/score?title_id=1", 100_000_000_000, kind), bytes(1 << 20))


def nonsense(port: int, _: float) -> int:
    """Requests that are no HTTP, no JSON, no UTF-8, or nested without end."""
    done = _sent(port, bytes(range(256)) * 20)
    for body in (b"[" * 100_000, b'{"profile_id":"\\ud800","title_ids":[1]}', b"\xff\xfe{}", b""):
        done += _sent(port, head("/v1/decide", len(body)) + body)
    odd = {"requests": [{"profile_id": "a", "title_ids": [10**30], "cell": {"a": 1}}]}
    body = repr(odd).replace("'", '"').encode()
    return done + _sent(port, head("/v1/decide/batch", len(body)) + body)


def hurried(port: int, until: float) -> int:
    """Two hundred pages at once on one connection, before any answer is read."""
    body = _member({})
    with _open(port) as one, contextlib.suppress(OSError):
        one.sendall((head("/v1/decide", len(body)) + body) * 200)
        while time.monotonic() < until:
            if not _answer(one, 0.2):
                break
    return 200


def other_peoples_maps(port: int, _: float) -> int:
    """Maps of names that nobody has."""
    done = 0
    for name in ("%00unpersonalised", "nobody", "a" * 4000, "%F0%28%8C%28", "..%2F..%2Fetc"):
        done += _sent(port, f"GET /v1/maps/{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return done


ATTACKS = {
    name: Attack(act.__doc__ or "", act)
    for name, act in {
        "impossible facts": impossible_facts,
        "greedy batch": greedy_batch,
        "full batch": full_batch,
        "endless events": endless_events,
        "odd deadlines": odd_deadlines,
        "slow bodies": slow_bodies,
        "half open": half_open,
        "deaf": deaf,
        "large facts": large_facts,
        "image bombs": image_bombs,
        "endless image": endless_image,
        "nonsense": nonsense,
        "pipelined": hurried,
        "maps of nobody": other_peoples_maps,
    }.items()
}
