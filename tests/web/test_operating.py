"""Experiments are told, ramps stopped and bundles rolled back by whoever may. About 8 s."""

import threading
from datetime import UTC, datetime, timedelta

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.cells.ramp_state import RampState, read_states, write_states
from data.cells.written import read_experiments
from data.errors import BadInput
from export.publish.publish import publish
from serve.live.door.tokens import Token, Tokens, digest
from tests.screenshots import listening
from web.app import web_app
from web.pages_of import PagesOf
from web.session import Sessions
from web.view.catalogue_view import FollowedView
from web.watch.operations import Asking, Operations

READS, OPERATES = "r" * 43, "o" * 43
FILE = """
salt: one
experiments:
  eyes:
    control: live
    who: anna
    why: new <b>eyes</b>
    cells: {live: {share: 0.5}, new: {share: 0.5, epsilon: 0.05}}
    ramp: {cell: new, steps: [0.5, 1]}
"""
DAYS, LOOKS = 4, 5
MEMBERS = [f"m{at}" for at in range(1500)]


def examples_of(file, folder):
    """Rewards of some days in which the new cell earns a third less."""
    found = read_experiments(file)
    one = found.named("eyes")
    cells = [cell or "" for cell in found.cells_of_all(MEMBERS, one)]
    rng = np.random.default_rng(3)
    chance = np.where(np.array(cells) == "new", 0.2, 0.3)
    folder.mkdir()
    for at in range(DAYS):
        day = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=at)
        takes = rng.random((LOOKS, len(MEMBERS))) < chance
        table = pa.table(
            {
                "profile_id": MEMBERS * LOOKS,
                "cell": [one.label(cell) for cell in cells] * LOOKS,
                "time": pa.array([day] * LOOKS * len(MEMBERS), pa.timestamp("us", "UTC")),
                "reward": takes.astype(float).ravel(),
            }
        )
        pq.write_table(table, folder / f"{at}.parquet")


@pytest.fixture(scope="module")
def place(world, planted, torn, tmp_path_factory):
    root = tmp_path_factory.mktemp("operated")
    file = root / "experiments.yaml"
    file.write_text(FILE)
    write_states(file, {"eyes": RampState("new", 0, 0.5, "2026-03-01")})
    examples_of(file, root / "examples")
    publish(planted([[1.0]] * 4), root / "bundles", force=True)
    publish(torn, root / "bundles", force=True)
    held = [Token("ann", digest(READS), ("read",)), Token("oz", digest(OPERATES))]
    followed = FollowedView(root / "bundles", world / "catalogue", world / "cache", False)
    pages = PagesOf(
        followed,
        world / "profiles.parquet",
        root / "examples",
        sessions=Sessions(Tokens(held)),
        experiments=file,
    )
    with listening(web_app(pages)) as address:
        yield root, address


def client_of(address, token):
    return httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture(scope="module")
def oz(place):
    with client_of(place[1], OPERATES) as opened:
        yield opened


def told(client):
    """What the page knows, once the log has been read."""
    client.get("/api/experiments")
    for thread in threading.enumerate():
        if thread.name == "monitor":
            thread.join(60)
    [one] = client.get("/api/experiments").json()["records"]
    return one


def test_an_experiment_that_does_harm_is_told_and_its_ramp_stopped(place, oz, walk):
    root, address = place
    one = told(oz)
    live, new = one["cells"]
    assert (live["share"], new["share"], new["decides"]) == (0.5, 0.5, "epsilon 0.05")
    assert new["said"]["advice"] == "stop"
    look = new["result"]
    assert look["high"] < 0
    assert look["difference"] == pytest.approx(-0.1, abs=0.03)
    assert len(look["looks"]) == DAYS
    csv = oz.get("/csv/experiments").text
    assert csv.count("eyes,new,") == DAYS
    html = oz.get("/experiments").text
    assert "new &lt;b&gt;eyes&lt;/b&gt;" in html

    page, fine = walk("dark", 360)
    page.goto(f"{address}/sign-in?next=/experiments")
    page.get_by_label("Token").fill(OPERATES)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Experiments: which cell earns more").wait_for()
    fine()
    page.get_by_role("link", name="Stop it").click()
    fine()
    page.get_by_label("Why").fill("it earns less")
    page.get_by_role("button", name="Stop it").click()
    page.wait_for_url("**/experiments#eyes")
    state = read_states(root / "experiments.yaml")["eyes"]
    assert (state.phase, state.share) == ("stopped", 0.0)
    assert "oz: it earns less" in state.why
    again = oz.post("/experiments/stop", data={"name": "eyes", "why": "once more"})
    assert again.status_code == 422
    assert "stopped already" in again.text
    changes = [(c["what"], c["by"], c["why"]) for c in oz.get("/api/audit").json()]
    assert changes[-1] == ("ramp stopped", "oz", "it earns less")
    assert changes[0][0] == "refused"


def test_a_bundle_is_rolled_back_after_a_question_and_not_past_what_was_seen(place, oz, walk):
    root, address = place
    live, earlier = [one["bundle"] for one in oz.get("/api/bundles").json()]
    assert (root / "bundles" / "current").resolve().name == live
    asked = {"bundle": earlier, "seen": earlier, "why": "worse"}
    moved = oz.post("/bundles/live", data=asked)
    assert moved.status_code == 422
    assert "look again" in moved.text
    assert (root / "bundles" / "current").resolve().name == live
    for name in ("../../etc", "current"):
        unknown = oz.post("/bundles/live", data=asked | {"bundle": name, "seen": live})
        assert unknown.status_code == 422
        assert "here is no bundle" in unknown.text

    page, fine = walk("light", 1440)
    page.goto(f"{address}/sign-in?next=/bundles/live?bundle={earlier}")
    page.get_by_label("Token").fill(OPERATES)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Make this bundle live?").wait_for()
    fine()
    page.get_by_label("Why").fill("the new one is worse")
    page.get_by_role("button", name="Make it live").click()
    page.wait_for_url("**/monitor#bundles")
    assert (root / "bundles" / "current").resolve().name == earlier
    newest = oz.get("/api/audit").json()[0]
    assert (newest["what"], newest["rules"], newest["by"]) == ("rolled back", [live, earlier], "oz")
    shown = oz.get("/api/bundles").json()[0]
    assert (shown["bundle"], shown["live"]) == (earlier, True)


def test_who_may_only_look_is_told_what_it_needs(place):
    root, address = place
    before = (root / "bundles" / "current").resolve(), read_states(root / "experiments.yaml")
    with client_of(address, READS) as ann:
        assert ann.get("/experiments").status_code == 200
        for path, sent in (
            ("/bundles/live", {"bundle": "any", "seen": "any", "why": "w"}),
            ("/experiments/stop", {"name": "eyes", "why": "w"}),
        ):
            got = ann.post(path, data=sent)
            assert got.status_code == 403
            assert "needs" in got.text
            assert "publish" in got.text
            assert ann.get(path).status_code == 403
    assert before == (
        (root / "bundles" / "current").resolve(),
        read_states(root / "experiments.yaml"),
    )


def test_of_two_who_move_the_live_bundle_at_once_the_later_is_told(place, planted):
    bundles = place[0] / "bundles"
    publish(planted([[1.0]] * 2 + [[-1.0]] * 2, epsilon=0.1), bundles, force=True)
    live = (bundles / "current").resolve().name
    others = [path.name for path in bundles.iterdir() if path.name.startswith("planted")]
    others.remove(live)
    together, told = threading.Barrier(2), []

    def move(bundle):
        together.wait(10)
        try:
            told.append(Operations(bundles).make_live(bundle, live, Asking("zoe", "worse", "")))
        except BadInput as error:
            told.append(str(error))

    threads = [threading.Thread(target=move, args=(one,), daemon=True) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted("look again" in words for words in told) == [False, True]
