"""Days of visits at a small real server: what members did is what the truth of their draws says."""

import json
import threading
from collections import defaultdict
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pyarrow.parquet as pq
import pytest

from data.errors import BadInput
from data.join.rewards import TAKE_MINUTES, TAKE_SHARE
from simulate.browsing.browse import browse_days
from simulate.browsing.day import Browsing
from simulate.browsing.habits import NO_HABITS, Habits
from simulate.browsing.log import read_expected, write_days
from simulate.browsing.logging_policies import Uniform
from simulate.browsing.member_memory import MemberMemory
from simulate.named_rng import named_seed
from simulate.visits.draw_takes import draw_takes
from simulate.visits.looks import TitleLook
from simulate.visits.visit import VisitFiles, Visitors, visit_day
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.switches import Switches

DAYS = 5
HOUR = 3_600_000_000


class Draws(ThreadingHTTPServer):
    """Draws an artwork evenly for each profile and title, for good, and keeps what is reported."""

    def __init__(self, world):
        super().__init__(("127.0.0.1", 0), Handler)
        truth = world.truth
        rows, valid = truth.candidates(0)
        names = np.array(truth.catalogue.artwork_ids)
        self.pools = {
            int(title): names[row[real]].tolist()
            for title, row, real in zip(truth.title_ids, rows, valid, strict=True)
        }
        self.events = {}

    def choice(self, profile, title):
        pool = self.pools.get(title) or [""]  # launched later: nothing of the catalogue is shown
        artwork = pool[named_seed(profile, title) % len(pool)]
        names = {"title_id": title, "artwork_id": artwork, "decision_id": f"{profile} {title}"}
        return names | {"level": "personalised"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/v1/events":
            self.server.events |= {event["event_id"]: event for event in asked["events"]}
            self.answer({})
        else:
            choices = [self.server.choice(asked["profile_id"], t) for t in asked["title_ids"]]
            more = {"reason": None, "bundle": "b", "logged": True}
            self.answer({"decisions": choices, **more})

    def answer(self, content):
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


def lived(world, out, habits, switches=None, competition=False):
    """The server after some days, and the truth that was written of its draws."""
    browsing = Browsing(2500, 9, competition, habits=habits)
    server = lived_days(world, out, range(DAYS), browsing, switches)
    expected = read_expected(out / "log").to_pydict()
    truth = dict(zip(*expected.values(), strict=True))
    assert len(truth) == len(expected["decision_id"])
    return server, truth


def lived_days(world, out, days, browsing, switches=None):
    """The server after members have visited it, and all that was to come has come."""
    server = Draws(world)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        visitors = Visitors(world, browsing, 0.0, switches or Switches())
        files = VisitFiles(out / "clock", out / "visits", out / "log")
        url = f"http://127.0.0.1:{server.server_address[1]}"
        for day in days:
            visit_day(visitors, day, url, files)
        visit_day(visitors, days.stop, url, files, close=True)
    finally:
        server.shutdown()
        server.server_close()
    return server


def rewards_of(server, world):
    """By the join's rules: a take within 48 hours of the first impression; and all impressions."""
    first, impressions = {}, defaultdict(int)
    events = sorted(server.events.values(), key=lambda event: event["time"])
    for event in events:
        if event["kind"] == "impression":
            first.setdefault(event["decision_id"], event["time"])
            impressions[event["decision_id"]] += 1
    runtime = dict(zip(world.truth.title_ids.tolist(), world.truth.runtime, strict=True))
    taken = {
        event["decision_id"]
        for event in events
        if event["kind"] == "progress"
        and event["minutes"] >= min(TAKE_MINUTES, TAKE_SHARE * runtime[event["title_id"]])
        and event["time"] <= first[event["decision_id"]] + 48 * HOUR
    }
    return {name: float(name in taken) for name in first}, impressions


@pytest.fixture(scope="module")
def steady_world(catalogue):
    return ArtworkWorld.read(catalogue, members=250, seed=6)


@pytest.mark.parametrize(
    ("habits", "switches", "competition"),
    [
        (Habits(), Switches(), False),
        (Habits(), Switches(change_cost=0.8), False),
        (replace(NO_HABITS, persistence=1.0), Switches(), False),
        (Habits(), Switches(), True),
    ],
    ids=["habits", "change cost", "nobody skips", "competition"],
)
def test_draws_earn_what_their_truth_says(steady_world, habits, switches, competition, tmp_path):
    server, truth = lived(steady_world, tmp_path, habits, switches, competition)
    rewards, impressions = rewards_of(server, steady_world)
    assert rewards.keys() == truth.keys()
    earned, expected, often = [], [], []
    for name, reward in rewards.items():
        profile, title = name.split()
        pool = server.pools[int(title)]
        at = pool.index(server.choice(profile, int(title))["artwork_id"])
        earned.append(reward)
        expected.append(truth[name][at])
        often.append(impressions[name])
    earned, expected = np.array(earned), np.array(expected)
    noise = np.sqrt((expected * (1 - expected)).sum())
    assert np.mean(often) > 1.2
    assert abs(earned.sum() - expected.sum()) < 3 * noise
    # One look alone explains half of it: the test can tell.
    assert noise < 0.06 * expected.sum()
    # How often a draw is rendered hangs on its reward, as it must not without habits.
    often, taken = np.array(often), earned > 0
    assert (often[taken].mean() < often[~taken].mean() - 0.1) == habits.skip
    plays = [e for e in server.events.values() if e["kind"] == "play"]
    pairs = {(event["profile_id"], event["title_id"]) for event in plays}
    assert (len(pairs) == len(plays)) == habits.skip


def test_visits_go_on_from_what_members_did_in_a_simulated_log(steady_world, tmp_path):
    """Who has played something in the log's days does not look at it in the days of visits."""
    memory = MemberMemory.of(steady_world)
    browsing = Browsing(8000, 9)
    logs = browse_days(steady_world, Uniform(), range(4), browsing, None, memory)
    write_days(logs, tmp_path / "log", memory=memory)
    events = pq.ParquetDataset(sorted((tmp_path / "log" / "events").rglob("*.parquet")))
    rows = events.read(columns=["kind", "profile_id", "title_id"]).to_pylist()
    played = {(r["profile_id"], r["title_id"]) for r in rows if r["kind"] == "play"}
    server = lived_days(steady_world, tmp_path, range(4, 5), browsing)
    seen = {
        (event["profile_id"], event["title_id"])
        for event in server.events.values()
        if event["kind"] == "impression"
    }
    assert len(played) > 300
    assert len({pair[0] for pair in seen} & {pair[0] for pair in played}) > 100
    assert not seen & played


def test_a_look_after_the_window_and_one_elsewhere_count_as_they_should(world):
    """By hand: two looks of a draw, between them one at another draw, and one that is too late."""
    member, title = 3, 2
    pool = world.truth.candidates(0)[0][title][:3].tolist()
    other, cost = pool[1], 0.7
    names = ("mine", "theirs", "mine", "mine")
    looks = [
        TitleLook(hours * HOUR, hours // 24, member, title, name, shown, True, last, offset)
        for hours, name, shown, last, offset in zip(
            (1, 5, 20, 60),
            names,
            (pool[0], other, pool[0], pool[0]),
            (-1, 7, 7, 7),
            (0.1, 0.0, -0.2, 0.0),
            strict=True,
        )
    ]
    got = draw_takes({"mine": pool}, looks, lambda day: world, cost)["mine"]
    for artwork, take in zip(pool, got, strict=True):
        differs = cost * (artwork != other)
        first, second = (
            float(world.play_probability(member, artwork, offset))
            for offset in (0.1, -0.2 - differs)
        )
        between = float(world.play_probability(member, other, -differs))
        enjoy = float(world.enjoy_probability(member, artwork))
        # A few of the second look's plays come so late that the window has closed.
        most = enjoy * (first + (1 - first) * (1 - between) * second)
        least = enjoy * (first + (1 - first) * (1 - between) * second * 0.9)
        assert least < take < most


def test_neighbours_are_refused_where_a_draw_is_shown_on_several_pages(world):
    with pytest.raises(BadInput, match=r"--switches\.neighbour -0\.3: .* leave it away"):
        Visitors(world, Browsing(100), 0.0, Switches(neighbour=-0.3))
