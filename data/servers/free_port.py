"""A port to listen on, for a server that cannot be told to take any."""

import secrets
import socket
from pathlib import Path

LOWEST = 10_240
"""Below it are the ports of well-known services, and the last that browsers refuse."""
HANDED_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""Which ports Linux gives to connections, the first and the last."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, outside those that the system hands out.

    The system gives one of its own to every connection: it may be taken between the asking and the
    listening. Worse, who knocks at such a port until somebody listens is given it for their own
    end sooner or later, talks to themselves, and keeps the server from it.
    """
    first = int(HANDED_OUT.read_text().split()[0]) if HANDED_OUT.is_file() else 32_768
    if first - LOWEST < 1_000:  # a system that hands out nearly all
        return _listened_at(0)
    while True:
        try:
            return _listened_at(LOWEST + secrets.randbelow(first - LOWEST))
        except OSError:
            continue


def _listened_at(port: int) -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", port))
        return tried.getsockname()[1]
