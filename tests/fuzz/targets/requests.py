"""Pages and events as somebody's code sends them, asked of the application that serves.

What is accepted is logged, and what is logged must be what the log's reader takes.
"""

import asyncio
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson

from data.features import CATEGORIES, FeatureSpec, context_features
from data.log import roll
from data.reading.facts_json import facts_array
from data.sound import unsound_facts
from serve.live.app import live_app
from serve.live.recorder import DurableLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from serve.live.snapshot import LiveModel
from serve.scoring.member_model import MemberFunctionals
from tests.fuzz.kind import Kind
from tests.fuzz.mutations import of_bytes, of_json
from tests.serve.world import DAY, Members, make_layout, make_model

ROLLED = 5_000
"""Cases between two rolls of what was logged."""
FACTS = {
    "country": "FR",
    "language": "fr",
    "device": "tv",
    "surface": "home",
    "row": 2,
    "column": 3,
    "day_part": "evening",
    "tenure_days": 3.0,
    "watched_genres": {"drama": 2.0},
    "watched_cast": [["Ada", 1.0], {"key": "Bo", "value": 2}],
}
SPEC = FeatureSpec({name: ["a"] for name in CATEGORIES}, ["drama"], ["dark"], 1.0, 1.0, 0.0, 1.0)
EVENTS = [
    {"kind": "impression", "row": 1, "column": 2, "device": "tv", "surface": "home"},
    {"kind": "play", "artwork_id": "7-0", "decision_id": "d", "event_id": "e"},
    {"kind": "progress", "minutes": 12.5, "time": 1_700_000_000_000_000},
    {"kind": "thumb", "thumb": -1},
]


class FeatureMembers(Members):
    """Functionals that follow from the features that a bundle would read."""

    def functionals_of(self, facts):
        dense = context_features(SPEC, facts).dense
        first = np.nan_to_num(dense).sum(1)[:, None, None]
        made = np.ones((len(facts), self.heads, self.dimension), np.float32) * np.float32(first)
        return MemberFunctionals(made, np.arange(len(facts), dtype=np.int64))


def model(bundle: str) -> LiveModel:
    return replace(make_model(bundle), members=FeatureMembers())


class Asked:
    """The application of a service, asked in this thread."""

    def __init__(self):
        folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
        bundle = folder / "bundle-1"
        bundle.mkdir()
        (bundle / "manifest.json").write_text("whole")
        (folder / "current").symlink_to(bundle)
        self.log = folder / "log"
        self.loop, self.cases = asyncio.new_event_loop(), 0
        source = ModelSource(folder / "current", lambda found: model(found.name))
        self.service = LiveService(source, DurableLog(self.log), deadline=20.0)
        self.app = live_app(self.service)
        self.loop.run_until_complete(self.service.start())

    def post(self, path: str, body: bytes) -> None:
        status, answer = self.loop.run_until_complete(self._post(path, body))
        assert status < 500, (status, answer[:200])
        if status == 200:
            orjson.loads(answer)
        elif status == 422:
            assert "Traceback" not in answer.decode()
        self.cases += 1
        if self.cases % ROLLED == 0:
            assert roll(self.log)["rejected"] == 0

    async def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        headers = [(b"content-type", b"application/json"), (b"host", b"live")]
        headers += [(b"content-length", str(len(body)).encode())]
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
        scope |= {"query_string": b"", "raw_path": path.encode(), "scheme": "http", "root_path": ""}
        scope |= {"client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "http_version": "1.1"}
        waiting, sent = [{"type": "http.request", "body": body, "more_body": False}], []

        async def receive():
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        await self.app(scope, receive, send)
        parts = [one.get("body", b"") for one in sent if one["type"] == "http.response.body"]
        return sent[0]["status"], b"".join(parts)


def facts():
    asked = Asked()

    def read(raw: bytes) -> None:
        asked.post("/v1/decide", raw)
        asked.post("/v1/decide/batch", b'{"requests":[' + raw + b"]}")
        try:
            said = json.loads(raw)["facts"]
        except (ValueError, KeyError, TypeError, IndexError, RecursionError):
            return
        if said is None or isinstance(said, dict):
            rows = facts_array([said])
            unsound_facts(rows)
            assert np.isfinite(context_features(SPEC, rows).dense).all()

    titles = make_layout().title_ids.tolist()
    page = {"profile_id": "ada", "title_ids": titles[:3], "facts": FACTS, "day": DAY}
    others = (
        {"fresh": True, "cell": "b", "request_id": "r"},
        {"profiling": False},
        {"canvas": ["tile", "main"], "languages": ["nb", "en-GB"]},
    )
    pages = [page, *(page | other for other in others)]
    return Kind(read, [orjson.dumps(one) for one in pages], [of_json, of_json, of_json, of_bytes])


def events():
    asked = Asked()
    each = [{"profile_id": "ada", "title_id": 7} | one for one in EVENTS]
    batches = [{"events": [one]} for one in each] + [{"events": each}]
    seeds = [orjson.dumps(one) for one in batches]
    return Kind(lambda raw: asked.post("/v1/events", raw), seeds, [of_json, of_json, of_bytes])


TARGETS = {"facts": facts, "events": events}
