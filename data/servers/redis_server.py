"""A Redis server that holds a log: where it is, and whether what it acknowledges is on disk.

Redis acknowledges what a kill cannot take back only if all of `SETTINGS` hold, and what the loss
of the machine cannot take back only once a replica has it as well.
"""

import re
import socket
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from data.command_line.local_path import without_password
from data.errors import BadInput, NoServerError

SCHEMES = ("redis://", "rediss://")
SETTINGS = {
    "appendonly": "yes",
    "appendfsync": "always",
    "no-appendfsync-on-rewrite": "no",
    "maxmemory-policy": "noeviction",
}
"""What a server must be set to, so that it keeps what it acknowledged."""
PATIENCE = 5.0
"""Seconds that a server may take to answer."""
REPLICA_MS = 2000
"""Milliseconds that a replica may take to have what was written."""
PREFIX = "marquee"
Client = Any
"""A client of Redis, or what it answers: its own types serve asyncio too, so say neither."""


class ForgetfulServerError(RuntimeError):
    """The server may lose what it acknowledges."""


class RedisAddress(NamedTuple):
    """Where a log is, as `redis://host:port/db?prefix=marquee&replicas=1` says."""

    url: str
    prefix: str = PREFIX
    replicas: int | None = None
    """That must hold a record before it counts as written; None: one, where there are any."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a URL.

        Raises:
            BadInput: it is none of Redis, or an option of it is not known.
        """
        try:
            parts = urlsplit(text)
        except ValueError as error:
            raise _no_address("log", text, str(error)) from None
        if "@" in parts.query:
            raise _no_address("log", text, "an @ among its options")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        prefix, replicas = options.pop("prefix", PREFIX), options.pop("replicas", None)
        if not text.startswith(SCHEMES):
            raise BadInput(f"log {without_password(text)}: give redis://host:port/db")
        if not prefix or (replicas is not None and not re.fullmatch(r"\d", replicas)):
            raise BadInput(
                f"log {without_password(text)}: prefix is a word, replicas a number from 0 to 9"
            )
        rest = parts._replace(query=urlencode(options)).geturl()
        return cls(rest, prefix, None if replicas is None else int(replicas))

    def __str__(self) -> str:
        return without_password(self.url)

    def stream(self, kind: str) -> str:
        """The stream's key."""
        return f"{self.prefix}:{kind}"

    def connect(self) -> Client:
        """A client that asks once and waits `PATIENCE` at most.

        Raises:
            NoServerError: none answers there, or none yet.
            BadInput: it wants another password, speaks no TLS, or the URL is none.
        """
        client = client_of(
            self.url,
            "log",
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            client.ping()
        except (redis.RedisError, OSError) as error:
            answered = isinstance(error, (redis.ResponseError, redis.AuthenticationError))
            raise (BadInput if answered or self._lacks_tls() else NoServerError)(
                f"no Redis log at {self} ({error}); start redis-server or mend the address"
            ) from error
        return client

    def _lacks_tls(self) -> bool:
        """Whether something listens there, so that it is TLS that it does not speak."""
        parts = urlsplit(self.url)
        if parts.scheme != "rediss":
            return False
        try:
            place = (parts.hostname or "localhost", parts.port or 6379)
            socket.create_connection(place, PATIENCE).close()
        except OSError:
            return False
        return True


def client_of(url: str, what: str, **options: object) -> Client:
    """A client of a server, which is not asked anything yet.

    Args:
        url: `redis://host:port/db`.
        what: is there, for complaints.
        options: of its connections.

    Raises:
        BadInput: the URL is none, or has options that the client does not know.
    """
    try:
        client = redis.Redis.from_url(url, **options)
        pool = client.connection_pool
        pool.connection_class(**pool.connection_kwargs)  # reaches nobody, and refuses options
    except (ValueError, TypeError, redis.RedisError) as error:
        # What a password that is not quoted was taken for is part of it.
        why = str(error).split(" as ")[0].replace("AbstractConnection.__init__() got an ", "")
        raise _no_address(what, url, why) from None
    return client


def _no_address(what: str, url: str, why: str) -> BadInput:
    return BadInput(
        f"{what} {without_password(url)} is no address of Redis ({why}); give"
        " redis://user:password@host:port/db, with : / ? # @ of a password as %3A %2F %3F %23 %40"
    )


def in_its_own_words(client: Client) -> None:
    """Let a client answer how its server is set as that says it, for the two functions below.

    The client's own reading, which knows every field, costs a sixth of appending a page.
    """
    for command in ("CONFIG GET", "INFO"):
        client.set_response_callback(command, lambda answer, **_: answer)


def settings_of(answer: Mapping[bytes, bytes] | Sequence[bytes]) -> dict[str, str]:
    """What CONFIG GET says, by either protocol."""
    if not isinstance(answer, Mapping):
        answer = dict(zip(answer[::2], answer[1::2], strict=True))
    return {name.decode(): value.decode() for name, value in answer.items()}


def info_of(answer: bytes) -> dict[str, str]:
    """What a section of INFO says."""
    lines = (line.partition(":") for line in answer.decode().splitlines())
    return {name: value for name, colon, value in lines if colon}


def why_forgetful(settings: Mapping[str, str], replication: Mapping[str, str]) -> str | None:
    """Why a server may lose what it acknowledges; None if it keeps it.

    Args:
        settings: from `settings_of`, those of `SETTINGS`.
        replication: from `info_of`, that section.
    """
    wrong = {name: settings.get(name) for name, right in SETTINGS.items()}
    wrong = {name: is_now for name, is_now in wrong.items() if is_now != SETTINGS[name]}
    if wrong:
        are = ", ".join(f"{name} is {is_now}" for name, is_now in wrong.items())
        want = ", ".join(f"{name} {SETTINGS[name]}" for name in wrong)
        return f"it may forget records that it has acknowledged ({are}); set {want}"
    if replication.get("role") != "master":
        return f"its role is {replication.get('role')}; give the address of the primary"
    return None
