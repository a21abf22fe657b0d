"""Pages, batches, events, maps, metrics and images asked of a live service, by a process.

`python -m bench.endurance.mixed_load PORT UNIT_PORT RATE FOLDER` goes on until it is ended, then
prints what it sent and what came back, as one JSON object. The same is asked of a second service,
which comes and goes.
"""

import http.client
import io
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import orjson
from PIL import Image

JSON = {"Content-Type": "application/json"}
COUNTRIES, DEVICES = ("FR", "DE", "US", "BR"), ("tv", "phone", "web")


class MixedLoad:
    """One connection, and what is sent over it.

    Args:
        port: of the service on 127.0.0.1.
        titles: that pages show.
        members: whose pages they are.
    """

    def __init__(self, port: int, titles: list[int], members: list[str]) -> None:
        self.port, self.titles, self.members = port, titles, members
        self.rng = random.Random(0)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.seen: Counter[str] = Counter()
        pixels = np.random.default_rng(0).integers(0, 255, (90, 160, 3), np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        self.picture = file.getvalue()

    def page(self) -> dict[str, object]:
        """A page of somebody."""
        rng = self.rng
        return {
            "profile_id": rng.choice(self.members),
            "title_ids": rng.sample(self.titles, min(len(self.titles), 8)),
            "facts": {
                "country": rng.choice(COUNTRIES),
                "device": rng.choice(DEVICES),
                "row": rng.randrange(8),
                "tenure_days": float(rng.randrange(2000)),
                "watched_genres": {"drama": float(rng.randrange(9))},
            },
            "fresh": rng.random() < 0.5,
        }

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> bytes:
        """An answer's body; its status is counted."""
        raw = orjson.dumps(body) if body is not None else None
        self.connection.request(method, path, raw, JSON | headers)
        answer = self.connection.getresponse()
        self.seen[f"status {answer.status}"] += 1
        return answer.read()

    def open_page(self, late: bool = False) -> None:
        """A page, an impression of each of its titles, sometimes a play."""
        headers = {"X-Deadline-Ms": "0"} if late else {}
        page = self.page()
        answer = orjson.loads(self.ask("POST", "/v1/decide", page, **headers))
        self.seen["pages"] += 1
        self.seen[f"reason {answer['reason']}"] += 1
        self._look(answer)
        events = [
            {
                "kind": kind,
                "decision_id": decision["decision_id"],
                "profile_id": page["profile_id"],
                "title_id": decision["title_id"],
                "artwork_id": decision["artwork_id"],
            }
            for decision in answer["decisions"]
            if decision["decision_id"]
            for kind in (("impression", "play") if self.rng.random() < 0.1 else ("impression",))
        ]
        if events:
            self.ask("POST", "/v1/events", {"events": events})
            self.seen["events"] += len(events)

    def _look(self, answer: dict[str, list[dict[str, str]]]) -> None:
        self.seen["decisions"] += len(answer["decisions"])
        self.seen["without image"] += not all(each["url"] for each in answer["decisions"])

    def open_batch(self) -> None:
        """Five pages at once."""
        answers = self.ask("POST", "/v1/decide/batch", {"requests": [self.page()] * 5})
        for answer in orjson.loads(answers):
            self.seen["pages"] += 1
            self._look(answer)

    def score(self) -> None:
        """An image that the catalogue does not have."""
        mark = "marquee-soak"
        head = f'--{mark}\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n'
        body = f"{head}Content-Type: image/png\r\n\r\n".encode() + self.picture
        body += f"\r\n--{mark}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={mark}"}
        self.connection.request("POST", f"/v1/score?title_id={self.titles[0]}", body, kind)
        answer = self.connection.getresponse()
        self.seen[f"status {answer.status}"] += 1
        answer.read()
        self.seen["images"] += 1

    def turn(self, number: int) -> None:
        """One of the mix."""
        if number % 600 == 599:
            self.score()
        elif number % 30 == 29:
            self.open_batch()
        elif number % 30 == 14:
            self.ask("GET", f"/v1/maps/{self.rng.choice(self.members)}")
        elif number % 150 == 75:
            self.ask("GET", "/metrics")
        elif number % 200 == 100:
            self.ask("POST", "/v1/decide", {"profile_id": 1, "title_ids": "none"})
        elif number % 400 == 200:  # who closes and comes again
            self.connection.close()
        else:
            self.open_page(late=number % 20 == 10)


def main(port: int, unit_port: int, rate: float, folder: Path) -> None:
    """Send until SIGTERM."""
    scene = orjson.loads((folder / "load.json").read_bytes())
    load = MixedLoad(port, scene["titles"], scene["members"])
    unit = MixedLoad(unit_port, scene["titles"], scene["members"])
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    start, number = time.monotonic(), 0
    while not ended:
        wait = start + number / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        load.turn(number)
        try:
            unit.turn(number)
        except (OSError, http.client.HTTPException):  # it is being started anew
            unit.connection.close()
        number += 1
    sys.stdout.buffer.write(orjson.dumps(dict(load.seen)))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
