"""The Redis servers that maps lie in, one or the nodes of a cluster, each with its own health.

A node that does not answer is left alone for a while, so that its failure costs its members alone;
an answer that is about one key (of another type, forbidden) costs that key alone.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial

import redis
import redis.cluster
from redis.backoff import NoBackoff
from redis.exceptions import AskError, MovedError, NoPermissionError
from redis.retry import Retry

from data.servers.redis_server import Client, client_of
from serve.maps.store import StoreUnavailableError

CLUSTER = "redis+cluster://"
PAUSE = 1.0
"""Seconds that a node is left alone."""
TIMEOUTS = 5
"""Answers in a row that are late before a node is left alone; a refused connection is enough."""
NO_MAP = b"?"
"""What a key holds that cannot be read as a map: of another type, or forbidden."""
ASLEEP = "store_asleep"

Commands = Callable[[Client, bytes, int], object]
"""Adds one key's command to a pipeline: pipeline, key, its place among the keys."""


class Nodes:
    """Connections to a server, or to the primaries of a cluster.

    Args:
        url: `redis://host:port/db` or `redis+cluster://host:port`.
        seconds: that one command may take; none is tried again.
        clock: seconds, monotonic.

    Raises:
        BadInput: the URL is none.
    """

    def __init__(
        self, url: str, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._options = {
            "socket_timeout": seconds,
            "socket_connect_timeout": seconds,
            # A page never waits for a second try: it falls back, and the next page asks again.
            "retry": Retry(NoBackoff(), 0),
        }
        self._url, self._clock = url, clock
        self._server: Client = None
        self._cluster: Client = None
        self._late: dict[str, int] = defaultdict(int)
        self._rests_until: dict[str, float] = {}
        self._learning = threading.Lock()
        if url.startswith(CLUSTER):  # asked for its nodes later, when it is there
            client_of("redis://" + url.removeprefix(CLUSTER), "store")
        else:
            self._server = client_of(url, "store", **self._options)

    def all(self) -> list[tuple[str, Client]]:
        """Each primary's name and a client of it.

        Raises:
            StoreUnavailableError: the cluster cannot be reached.
        """
        if self._server is not None:
            return [("", self._server)]
        cluster = self._opened()
        return [(node.name, cluster.get_redis_connection(node)) for node in cluster.get_primaries()]

    def of(self, key: bytes) -> tuple[str, Client]:
        """The node that has a key: its name and a client of it."""
        if self._server is not None:
            return "", self._server
        cluster = self._opened()
        try:
            node = cluster.get_node_from_key(key)
        except redis.RedisError as error:  # no node has the key's slot
            raise StoreUnavailableError("store_down", str(error), alone=True) from error
        return node.name, cluster.get_redis_connection(node)

    def _opened(self) -> Client:
        if self._cluster is None:
            where = "redis://" + self._url.removeprefix(CLUSTER)
            self._cluster = self.ask(
                "", lambda: redis.cluster.RedisCluster.from_url(where, **self._options)
            )
        return self._cluster

    def ask(self, name: str, question: Callable[[], Client]) -> Client:
        """A node's answer.

        Raises:
            StoreUnavailableError: it did not answer, or is left alone.
            redis.ResponseError: an answer that is about a key.
        """
        if self._clock() < self._rests_until.get(name, 0.0):
            raise StoreUnavailableError(ASLEEP, "the server is left alone", alone=True)
        try:
            answer = question()
        except redis.TimeoutError as error:
            self._late[name] += 1
            if self._late[name] >= TIMEOUTS:
                self._rest(name)
            raise StoreUnavailableError(
                "store_timeout", f"Redis did not answer in time: {error}", alone=True
            ) from error
        except redis.ResponseError as error:
            self._late[name] = 0
            if is_of_a_key(error) or isinstance(error, (MovedError, AskError)):
                raise
            full = isinstance(error, redis.OutOfMemoryError)
            if not full:
                self._rest(name)
            raise StoreUnavailableError(
                "store_full" if full else "store_down", f"Redis refuses: {error}", alone=True
            ) from error
        except Exception as error:  # whatever the client may raise, a page has its images
            self._rest(name)
            raise StoreUnavailableError(
                "store_down", f"Redis cannot be reached: {error}", alone=True
            ) from error
        self._late[name] = 0
        return answer

    def _rest(self, name: str) -> None:
        self._rests_until[name] = self._clock() + PAUSE

    def ask_one(self, key: bytes, question: Callable[[Client], Client]) -> Client:
        """The answer about one key, from the node that has it; `ask` says what it raises."""
        name, client = self.of(key)
        try:
            return self.ask(name, lambda: question(client))
        except (MovedError, AskError):
            # The cluster's own client follows the key to where it went, and learns of it.
            return self.ask("moved", lambda: question(self._opened()))

    def ask_many(self, keys: Sequence[bytes], add: Commands) -> list[Client]:
        """Answers about many keys, in one round trip a node.

        An answer may be a `redis.ResponseError` that is about its key.

        Raises:
            StoreUnavailableError: a node did not answer.
        """

        def together(client: Client, places: Sequence[int]) -> list[Client]:
            with client.pipeline(transaction=False) as pipeline:
                for place in places:
                    add(pipeline, keys[place], place)
                return _whole(pipeline.execute(raise_on_error=False))

        if self._server is not None:
            return self.ask("", lambda: together(self._server, range(len(keys))))
        groups: dict[str, tuple[Client, list[int]]] = {}
        for place, key in enumerate(keys):
            name, client = self.of(key)
            groups.setdefault(name, (client, []))[1].append(place)
        answers: list[Client] = [None] * len(keys)
        for name, (client, places) in groups.items():
            given = self.ask(name, partial(together, client, places))
            for place, answer in zip(places, given, strict=True):
                answers[place] = answer
        for place, answer in enumerate(answers):
            if isinstance(answer, (MovedError, AskError)):
                answers[place] = self._followed(keys[place], place, add)
        return answers

    def _followed(self, key: bytes, place: int, add: Commands) -> Client:
        """One key's answer, from the node that it moved to."""
        cluster = self._opened()

        def question() -> Client:
            cluster.nodes_manager.initialize()
            client = cluster.get_redis_connection(cluster.get_node_from_key(key))
            with client.pipeline(transaction=False) as pipeline:
                add(pipeline, key, place)
                return _whole(pipeline.execute(raise_on_error=False))[0]

        return self.ask("moved", question)

    def look(self) -> None:
        """Learn in the background who took the place of nodes that do not answer."""
        now = self._clock()
        if self._cluster is None or all(until < now for until in self._rests_until.values()):
            return
        if self._learning.acquire(blocking=False):
            threading.Thread(target=self._learn, name="redis cluster", daemon=True).start()

    def _learn(self) -> None:
        try:
            self._cluster.nodes_manager.initialize()
        except Exception:  # not yet: the next look tries again
            return
        finally:
            self._learning.release()

    def close(self) -> None:
        """Close the connections."""
        for client in (self._server, self._cluster):
            if client is not None:
                client.close()


def is_of_a_key(error: Exception) -> bool:
    """Whether an answer is about one key, and the node is well."""
    return isinstance(error, NoPermissionError) or "WRONGTYPE" in str(error)


def _whole(answers: list[Client]) -> list[Client]:
    """Answers, unless one of them is the node's refusal of all.

    Raises:
        redis.RedisError: that refusal.
    """
    for answer in answers:
        if isinstance(answer, redis.RedisError) and not (
            is_of_a_key(answer) or isinstance(answer, (MovedError, AskError))
        ):
            raise answer
    return answers
