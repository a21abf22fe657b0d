"""A live service with a log, its maps and a server that fails now and then, for both clients."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.catalogue import Catalogue
from serve.live.app import live_app
from serve.live.door.tokens import Token, Tokens, digest
from serve.live.load_model import load_live
from serve.live.recorder import DurableLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from serve.precompute.command import precompute
from tests.evaluate.planted import plant
from tests.export.world import ARTWORKS_TABLE, TITLES_TABLE, make_facts
from tests.screenshots import listening

DAY = date(2026, 1, 20)
TOKEN = "for-page-servers"
ORIGIN = "https://shop.example.com"
CLIENTS = Path(__file__).parents[2] / "clients"
INSTALLED = ("numpy", "numpy.libs", "lmdb", "redis", "async_timeout")
"""What a page server has beside the client and the standard library."""


@dataclass(frozen=True)
class Running:
    """A service that listens."""

    url: str
    maps: str
    log: Path


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    root = tmp_path_factory.mktemp("clients")
    catalogue, profiles = root / "catalogue", root / "profiles.parquet"
    catalogue.mkdir()
    Catalogue(catalogue, TITLES_TABLE, ARTWORKS_TABLE).write()
    looks = np.random.default_rng(2).normal(size=(len(ARTWORKS_TABLE), 16))
    np.save(catalogue / "embeddings.npy", looks.astype(np.float32))
    facts, ids = make_facts(9), [f"m{row}" for row in range(9)]
    rows = {"profile_id": ids, "facts": facts, "profiling": pa.nulls(9, pa.bool_())}
    pq.write_table(pa.table(rows), profiles)
    bundle = plant(root, Catalogue.read(catalogue), facts, np.zeros((8, 16)), reads=6)
    (root / "current").symlink_to(bundle)
    options = {"day": DAY.isoformat(), "workers": 0, "cache": root / "cache", "foreign": True}
    options["rows"] = 4  # which look-ups title by title read as maps without
    precompute(bundle, catalogue, profiles, str(root / "maps"), **options)
    source = ModelSource(
        root / "current",
        lambda found: load_live(found, catalogue, root / "cache", DAY, "/i/", foreign=True),
    )
    service = LiveService(source, DurableLog(str(root / "log")), deadline=20.0)
    tokens = Tokens([Token("pages", digest(TOKEN))])
    with listening(live_app(service, tokens, [ORIGIN])) as url:
        yield Running(url, str(root / "maps"), root / "log")


@dataclass
class Flaky:
    """A server that answers as a test says, one answer a request, and keeps what was sent."""

    url: str
    answers: list = field(default_factory=list)
    """Of (status, body), or None: the connection is closed."""
    bodies: list = field(default_factory=list)


@contextmanager
def flaky_server():
    flaky = Flaky("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            flaky.bodies.append(json.loads(raw))
            answer = flaky.answers.pop(0)
            if answer is None:
                self.close_connection = True
                return
            body = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    flaky.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield flaky
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)


@pytest.fixture
def flaky():
    with flaky_server() as server:
        yield server


@pytest.fixture(scope="session")
def clean(tmp_path_factory):
    """Runs a program that sees the wheel and what it depends on, and nothing else."""
    place = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip"]
    build = [*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*build, "-w", str(place), str(CLIENTS / "python")], check=True)
    [wheel] = place.glob("*.whl")
    packages = next(Path(p) for p in sys.path if (Path(p) / "numpy").is_dir())
    for name in INSTALLED:
        if (packages / name).exists():
            (place / name).symlink_to(packages / name)

    def run(program, *arguments):
        begin = f"import sys; sys.path += [{str(wheel)!r}, {str(place)!r}]\n"
        words = [sys.executable, "-I", "-S", "-c", begin + program, *arguments]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """Runs a module that sees the package as npm packs it, and nothing else."""
    if shutil.which("node") is None:
        assert os.environ.get("CI") != "true", "node is not installed: CI needs it"
        pytest.skip("node is not installed")
    place = tmp_path_factory.mktemp("npm")
    into = place / "node_modules" / "marquee-client"
    if shutil.which("npm") is None:  # as it would pack them
        into.mkdir(parents=True)
        packed = json.loads((CLIENTS / "typescript" / "package.json").read_text())["files"]
        for name in ("package.json", *packed):
            shutil.copy(CLIENTS / "typescript" / name, into)
    else:
        npm = ["npm", "pack", "--silent", "--offline", "--pack-destination", str(place)]
        env = {**os.environ, "HOME": str(place)}
        subprocess.run(
            [*npm, str(CLIENTS / "typescript")], check=True, capture_output=True, env=env
        )
        [archive] = place.glob("*.tgz")
        with tarfile.open(archive) as opened:
            opened.extractall(into.parent, filter="data")
        (into.parent / "package").rename(into)

    def run(program, *arguments):
        (place / "program.mjs").write_text(program)
        words = ["node", str(place / "program.mjs"), *arguments]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=place)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
