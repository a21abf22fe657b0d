"""A cluster of Redis nodes on this machine."""

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.servers import RedisServer, wait_until
from data.servers.free_port import free_port

NODE = ("--cluster-enabled", "yes", "--cluster-require-full-coverage", "no")
NODE += ("--cluster-node-timeout", "2000")


@contextmanager
def cluster(
    folder: Path, durable: bool = True, options: Sequence[str] = NODE
) -> Iterator[list[RedisServer]]:
    """A cluster of three nodes.

    Args:
        folder: for what they keep.
        durable: a node that is killed comes back with what it had.
        options: of each node.

    Raises:
        RuntimeError: they do not become one.
    """
    nodes = []
    try:
        for number in range(3):
            (folder / f"node-{number}").mkdir()
            bus = ("--cluster-port", str(free_port()))
            nodes.append(RedisServer(folder / f"node-{number}", durable, (*options, *bus)))
        addresses = [f"127.0.0.1:{node.port}" for node in nodes]
        make = ["redis-cli", "--cluster", "create", *addresses, "--cluster-yes"]
        subprocess.run(make, check=True, capture_output=True, timeout=60)
        # redis is an optional package
        from redis import Redis

        for node in nodes:
            with Redis(port=node.port) as client:
                whole = wait_until(lambda c=client: c.cluster("info")["cluster_state"] == "ok")
            if whole is None:
                raise RuntimeError(f"{node.url} is of no whole cluster")
        yield nodes
    finally:
        for node in nodes:
            node.stop(signal.SIGKILL)
