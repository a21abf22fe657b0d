"""`python -m tests.fuzz.service`: the live service over HTTP, by what its own documentation says.

schemathesis makes requests of `/openapi.json`, good ones, bad ones, and chains of them by links: a
decision that was made is reported as seen, and its title is scored and looked up. An answer of 5xx,
of a status that is not documented, or of another shape than documented is a failure.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from bench.servers import wait_until
from data.catalogue import Catalogue
from data.servers.free_port import free_port
from tests.structure import ROOT

DECIDE = "decide_v1_decide_post"
EVENTS = "events_v1_events_post"
SCORE = "score_v1_score_post"
MAPS = "artwork_map_v1_maps__profile_id__get"
CHOSEN = "$response.body#/decisions/0/"


def with_links(schema: dict, known: list[int]) -> dict:
    """The documentation, what can be asked of an answer, and which pages are good."""
    seen = {"kind": "impression", "profile_id": "$request.body#/profile_id"}
    seen |= {name: CHOSEN + name for name in ("decision_id", "title_id", "artwork_id")}
    answers = schema["paths"]["/v1/decide"]["post"]["responses"]
    answers["200"]["links"] = {
        "seen": {"operationId": EVENTS, "requestBody": {"events": [seen]}},
        "scored": {"operationId": SCORE, "parameters": {"query.title_id": CHOSEN + "title_id"}},
        "looked up": {
            "operationId": MAPS,
            "parameters": {"path.profile_id": "$request.body#/profile_id"},
        },
    }
    page = schema["components"]["schemas"]["DecideRequest"]
    asked = page["properties"]
    asked["title_ids"] |= {"items": {"enum": known}, "minItems": 1, "maxItems": 20}
    asked["profile_id"] |= {"pattern": "^[a-z]{1,20}$"}
    asked["profiling"] = {"enum": [True, True, False]}
    asked["day"] = {"type": "null"}
    texts = {name: {"type": ["string", "null"]} for name in ("country", "device", "surface")}
    numbers = {"tenure_days": {"type": ["number", "null"]}, "row": {"enum": [None, 0, 7]}}
    facts = {"properties": texts | numbers, "additionalProperties": False}
    asked["facts"] = {"type": "object"} | facts
    return schema


def main() -> None:
    """Start the service on the folders of `make demo`, ask it, and end with what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=1_000, help="of each end point, a phase")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bundles", type=Path, default=Path("artifacts/demo/bundles"))
    parser.add_argument("--catalogue", type=Path, default=Path("artifacts/demo/catalogue"))
    parser.add_argument("--out", type=Path, default=Path("artifacts/fuzz"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    titles = Catalogue.read(asked.catalogue).title_ids[:20]
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        folders = ("--bundles", asked.bundles, "--catalogue", asked.catalogue)
        served = ("--log", f"{scratch}/log", "--cache", f"{scratch}/cache", "--port", port)
        patient = ("--deadline-ms", 5000)
        command = [sys.executable, "-m", "serve", "live", *folders, *served, *patient]
        with (asked.out / "service.log").open("w") as log:
            service = subprocess.Popen(list(map(str, command)), cwd=ROOT, stderr=log, stdout=log)
        try:
            if wait_until(lambda: _ready(url), 120) is None:
                raise SystemExit(f"the service did not start: {asked.out / 'service.log'}")
            schema = Path(scratch) / "openapi.json"
            with urllib.request.urlopen(f"{url}/openapi.json", timeout=30) as answer:
                schema.write_text(json.dumps(with_links(json.load(answer), titles)))
            code = _ask(schema, url, asked.examples, asked.seed)
            if service.poll() is not None or not _ready(url):
                raise SystemExit("the service does not answer any more")
        finally:
            service.terminate()
            service.wait()
        rolled = [sys.executable, "-m", "data", "roll", "--log", f"{scratch}/log", "--json"]
        moved = json.loads(subprocess.run(rolled, cwd=ROOT, capture_output=True, check=True).stdout)
        print(f"rolled: {moved['decisions']} decisions, {moved['events']} events")
        if moved["rejected"] or moved["damaged"]:
            raise SystemExit(f"what was accepted cannot be read: {moved}")
    raise SystemExit(code)


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=30) as answer:
            return answer.status == 200
    except OSError:
        return False


def _ask(schema: Path, url: str, examples: int, seed: int) -> int:
    checks = "not_a_server_error,status_code_conformance,content_type_conformance"
    program = str(Path(sys.executable).with_name("schemathesis"))
    options = ["--checks", f"{checks},response_schema_conformance", "--continue-on-failure"]
    options += ["--max-examples", str(examples), "--seed", str(seed), "--warnings", "off"]
    options += ["--max-response-time", "10", "--suppress-health-check", "all", "--no-shrink"]
    return subprocess.run(
        [program, "run", str(schema), "--url", url, *options], cwd=ROOT
    ).returncode


if __name__ == "__main__":
    main()
