"""Who looks: under another name where a salt is set, and not at all where they opted out."""

from data.log import roll
from data.privacy.pseudonym import Pseudonyms
from serve.live.recorder import DurableLog
from serve.maps.lookup import Lookup
from tests.data.log.log_rows import rolled
from tests.serve.live.test_live import Bundles, page, run, served
from tests.serve.maps.test_lookup import publish, put
from tests.serve.precompute.test_precompute import logged

NAMES = Pseudonyms("a salt of some length")


def test_pages_and_events_are_logged_under_the_same_name_and_never_the_id(tmp_path):
    bundles = Bundles(tmp_path)
    bundles.publish("bundle-1")
    decided = {}

    async def check():
        log = DurableLog(tmp_path / "log")
        async with served(bundles, log, names=NAMES) as (client, _):
            decided.update((await client.post("/v1/decide", json=page("anna"))).json())
            late = {"X-Deadline-Ms": "0"}
            await client.post("/v1/decide", json=page("anna"), headers=late)
            event = {"kind": "play", "profile_id": "anna", "title_id": 5}
            await client.post("/v1/events", json={"events": [event]})
            assert decided["logged"]

    run(check())
    roll(tmp_path / "log")
    rows = logged(tmp_path / "log")
    assert set(rows["profile_id"].to_pylist()) == {NAMES.of("anna")}
    assert {d["decision_id"] for d in decided["decisions"]} <= set(rows["decision_id"].to_pylist())
    assert rolled(tmp_path / "log", "events")["profile_id"].to_pylist() == [NAMES.of("anna")]
    files = [file for file in (tmp_path / "log").rglob("*") if file.is_file()]
    assert not [file for file in files if b"anna" in file.read_bytes()]


def test_a_look_up_finds_the_map_under_the_name(store, layout):
    publish(store, layout)
    put(store, layout, NAMES.of("anna"), layout.starts[1:] - 1)
    client, ids = Lookup(store, names=NAMES), layout.title_ids.astype("int64")
    mine = client.urls("anna", ids).tolist()
    assert mine == [layout.paths[at - 1] for at in layout.starts[1:]]
    assert list(client.page("anna").urls(ids)) == mine
    assert client.urls_many(["anna"], ids[None]).tolist() == [mine]


def test_who_opted_out_gets_what_all_get_and_leaves_no_trace(tmp_path):
    bundles = Bundles(tmp_path)
    bundles.publish("bundle-1")

    async def check():
        log = DurableLog(tmp_path / "log")
        async with served(bundles, log) as (client, _):
            answers = [
                (await client.post("/v1/decide", json=page(name, profiling=False))).json()
                for name in ("anna", "bert")
            ]
            assert answers[0] == answers[1]
            assert (answers[0]["reason"], answers[0]["logged"]) == ("opted_out", False)
            assert {d["level"] for d in answers[0]["decisions"]} <= {"unpersonalised", "default"}
            assert all(d["url"] for d in answers[0]["decisions"])
            wrong = await client.post("/v1/decide", json=page(profiling="no"))
            assert wrong.status_code == 422
        assert roll(tmp_path / "log")["decisions"] == 0

    run(check())
