"""An S3 server that falls ill on demand: moto's, behind a door that spoils what it answers.

`python -m bench.hosts.ill_store PORT FILE` serves on 127.0.0.1. What FILE says at each request is
done to it: `ILLNESS`, or `ILLNESS:PART` for those alone whose path has PART in it; nothing: well.
"""

import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path

HANG = 3.0
"""Seconds that a server takes which hangs."""
Environ = dict[str, object]
Start = Callable[[str, list[tuple[str, str]]], object]
Application = Callable[[Environ, Start], Iterable[bytes]]


class IllApplication:
    """A WSGI application before another one."""

    def __init__(self, well: Application, file: Path) -> None:
        self.well, self.file = well, file

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answer, or do what the file says."""
        illness, _, part = self.file.read_text().strip().partition(":")
        if not illness or part not in str(environ["PATH_INFO"]):
            return self.well(environ, start)
        act = getattr(self, f"_{illness}")
        return act(environ, start)

    def _failing(self, _: Environ, start: Start) -> Iterable[bytes]:
        start("500 Internal Server Error", [("Content-Length", "2")])
        return [b"ah"]

    def _forbidding(self, _: Environ, start: Start) -> Iterable[bytes]:
        start("403 Forbidden", [("Content-Length", "2")])
        return [b"no"]

    def _dropping(self, environ: Environ, _: Start) -> Iterable[bytes]:
        _hang_up(environ)
        raise ConnectionAbortedError

    def _hanging(self, environ: Environ, start: Start) -> Iterable[bytes]:
        time.sleep(HANG)
        return self._dropping(environ, start)

    def _cutting(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Half of each answer, though its length says otherwise."""
        body = b"".join(self.well(environ, start))

        def half() -> Iterator[bytes]:
            yield body[: len(body) // 2]
            _hang_up(environ)

        return half()

    def _garbling(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Other bytes than were asked for, as many."""
        return [b"".join(self.well(environ, start)).translate(bytes(range(255, -1, -1)))]

    def _tearing(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Half of what is written is kept, and all of it acknowledged."""
        if environ["REQUEST_METHOD"] != "PUT":
            return self.well(environ, start)
        # moto reads to the length that it is told
        environ["CONTENT_LENGTH"] = str(int(str(environ["CONTENT_LENGTH"])) // 2)
        for name in [n for n in environ if n.startswith("HTTP_X_AMZ_") or "MD5" in n]:
            if "CHECKSUM" in name or "TRAILER" in name or "DECODED" in name or "MD5" in name:
                del environ[name]
        return self.well(environ, start)

    def _losing(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Nothing that is written is kept, and all of it acknowledged."""
        if environ["REQUEST_METHOD"] != "PUT":
            return self.well(environ, start)
        start("200 OK", [("ETag", '"0"'), ("Content-Length", "0")])
        return [b""]

    def _deaf(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """What is written is kept, and the answer is lost."""
        list(self.well(environ, start))
        return self._dropping(environ, start)


def _hang_up(environ: Environ) -> None:
    connection = environ["werkzeug.socket"]
    assert isinstance(connection, socket.socket)
    connection.shutdown(socket.SHUT_RDWR)


def main() -> None:
    """Serve until killed."""
    # moto is an optional package
    moto = import_module("moto.server")
    from werkzeug.serving import run_simple

    port, file = int(sys.argv[1]), Path(sys.argv[2])
    well = moto.DomainDispatcherApplication(moto.create_backend_app)
    run_simple("127.0.0.1", port, IllApplication(well, file), threaded=True)


if __name__ == "__main__":
    main()
