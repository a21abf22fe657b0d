"""One bundle is live, whole and compared with what it replaced, whoever publishes at once."""

import multiprocessing
import threading

import fsspec
import pytest

from data.bundle import Bundle, resolve
from data.errors import BadInput
from export.publish.anchor import anchor
from export.publish.open_store import open_store
from export.publish.publish import list_bundles, prune, publish, rollback, verify
from export.publish.staging import staging
from tests.export.small import Verdict, gate, publisher, small_bundle


@pytest.fixture(params=["folder", "file", "url"])
def store(request, tmp_path):
    if request.param != "url":
        return f"{'file://' if request.param == 'file' else ''}{tmp_path / 'store'}"
    return request.getfixturevalue("memory_store")


@pytest.fixture
def bundles(tmp_path):
    """Four bundles, each the child of the one before."""
    made, parent = [], None
    for number in range(1, 5):
        made.append(small_bundle(tmp_path / "made", number, parent))
        parent = made[-1].name
    return made


def live(store):
    return open_store(store).live()


def test_the_first_bundle_goes_live(store, bundles):
    assert not publish(bundles[0], store, gate=gate("refused")).published
    said = publish(bundles[0], store, gate=gate("undecided"))
    assert said.published
    assert said.previous is None
    assert live(store) == bundles[0].name
    with open_store(store).at_hand(bundles[0].name) as folder:
        assert Bundle.open(folder).manifest == Bundle.open(bundles[0]).manifest
    assert publish(bundles[0], store).reason == "it is live already"


def test_a_child_replaces_its_parent_and_can_be_rolled_back(store, bundles):
    for made in bundles[:3]:
        assert publish(made, store).published
    assert live(store) == bundles[2].name
    assert rollback(store).bundle_id == bundles[1].name
    assert rollback(store).bundle_id == bundles[0].name
    with pytest.raises(BadInput, match="nothing was live before"):
        rollback(store)
    assert rollback(store, to=bundles[2].name).previous == bundles[0].name
    assert live(store) == bundles[2].name
    rows = list_bundles(store)
    assert [row["bundle_id"] for row in rows] == [b.name for b in bundles[:3]]
    assert [row["live"] for row in rows] == [False, False, True]
    assert [row["previous"] for row in rows] == [None, bundles[0].name, bundles[1].name]


def test_a_bundle_that_was_compared_with_another_does_not_go_live(store, bundles):
    publish(bundles[0], store)
    publish(bundles[1], store)
    said = publish(bundles[3], store)  # its parent is the third
    assert not said.published
    assert bundles[1].name in said.reason
    assert live(store) == bundles[1].name
    assert publish(bundles[3], store, gate=gate("passed")).published


def test_the_gate_decides_unless_it_is_overridden_on_record(store, bundles):
    publish(bundles[0], store)
    refused = publish(bundles[1], store, gate=gate("refused"))
    assert not refused.published
    assert refused.verdict["verdict"] == "refused"
    assert live(store) == bundles[0].name
    assert bundles[1].name not in open_store(store).ids()
    forced = publish(bundles[1], store, gate=gate("refused"), force=True)
    assert forced.published
    assert forced.forced
    assert live(store) == bundles[1].name
    noted = open_store(store).noted(bundles[1].name)
    assert noted["forced"] is True
    assert noted["verdict"]["live"] == bundles[0].name
    assert noted["verdict"]["reason"] == f"{bundles[1].name} over {bundles[0].name}"
    assert verify(store) == {bundles[0].name: "", bundles[1].name: ""}
    assert not publish(bundles[2], store, gate=gate("passed"), force=True).forced


def test_what_the_log_cannot_tell_stays_out_unless_it_is_asked_in(store, bundles):
    publish(bundles[0], store)
    stays = publish(bundles[1], store, gate=gate("undecided"))
    assert not stays.published
    assert stays.verdict["verdict"] == "undecided"
    assert live(store) == bundles[0].name
    asked_in = publish(bundles[1], store, gate=gate("undecided"), undecided="publish")
    assert asked_in.published
    assert not asked_in.forced
    assert open_store(store).noted(bundles[1].name)["verdict"]["verdict"] == "undecided"
    assert not publish(bundles[2], store, gate=gate("refused"), undecided="publish").published


def test_the_anchor_stays_where_it_was_put_and_every_gate_sees_it(store, bundles):
    seen = []

    def watching(candidate, current, floor):
        seen.append(None if floor is None else Bundle.open(floor).bundle_id)
        return Verdict("passed")

    with pytest.raises(BadInput, match="no live bundle"):
        anchor(store)
    publish(bundles[0], store, gate=watching)
    publish(bundles[1], store, gate=watching)
    assert anchor(store).bundle_id == bundles[1].name
    publish(bundles[2], store, gate=watching)
    publish(bundles[3], store, gate=watching)
    assert seen == [None, None, bundles[1].name, bundles[1].name]
    rows = list_bundles(store)
    assert [row["bundle_id"] for row in rows if row["anchor"]] == [bundles[1].name]
    rollback(store)
    assert prune(store, keep=1) == [bundles[0].name]
    assert anchor(store, bundles[2].name).previous == bundles[1].name
    with pytest.raises(BadInput, match="has no bundle 'lost'"):
        anchor(store, "lost")
    damage(store, bundles[3].name)
    with pytest.raises(BadInput, match="not made the anchor"):
        anchor(store, bundles[3].name)
    assert open_store(store).anchor() == bundles[2].name


def test_another_bundle_gone_live_meanwhile_is_compared_too(store, bundles):
    publish(bundles[0], store)
    compared = []

    def slow(candidate, current, anchor):
        compared.append(current.name)
        if len(compared) == 1:
            publish(bundles[1], store)
        return Verdict("passed")

    said = publish(bundles[3], store, gate=slow)
    assert compared == [bundles[0].name, bundles[1].name]
    assert said.previous == bundles[1].name


def test_a_gate_that_cannot_judge_stops_it(store, bundles):
    publish(bundles[0], store)

    def broken(candidate, current, anchor):
        raise BadInput("no log")

    with pytest.raises(BadInput, match="no log"):
        publish(bundles[1], store, gate=broken)
    assert live(store) == bundles[0].name
    assert publish(bundles[1], store, gate=broken, force=True).reason.endswith("no log")


def test_the_live_bundle_and_the_one_before_survive_pruning(store, bundles):
    for made in bundles:
        publish(made, store)
    rollback(store, to=bundles[1].name)
    assert prune(store, keep=1) == [bundles[2].name]
    assert [row["bundle_id"] for row in list_bundles(store)] == [
        bundles[0].name,
        bundles[1].name,
        bundles[3].name,
    ]
    assert rollback(store).bundle_id == bundles[0].name
    with pytest.raises(BadInput, match="at least one"):
        prune(store, keep=0)


def test_only_what_is_there_and_whole_is_rolled_back_to(store, bundles):
    publish(bundles[0], store)
    publish(bundles[1], store)
    with pytest.raises(BadInput, match="has no bundle 'lost'"):
        rollback(store, to="lost")
    damage(store, bundles[0].name)
    assert "SHA-256" in verify(store)[bundles[0].name]
    assert verify(store, bundles[1].name) == {bundles[1].name: ""}
    with pytest.raises(BadInput, match="not rolled back"):
        rollback(store)
    assert live(store) == bundles[1].name


def damage(store, name):
    filesystem, root = fsspec.url_to_fs(store)
    raw = bytearray(filesystem.cat_file(f"{root}/{name}/features.json"))
    raw[0] ^= 1
    filesystem.pipe_file(f"{root}/{name}/features.json", bytes(raw))


def test_a_broken_live_bundle_is_replaced_by_what_may_be_the_first(store, bundles):
    publish(bundles[0], store)
    damage(store, bundles[0].name)
    refused = publish(bundles[2], store, gate=gate("refused"))
    assert not refused.published
    assert refused.reason.startswith("the live bundle is broken: ")
    assert refused.reason.endswith(f"{bundles[2].name} over None")
    assert live(store) == bundles[0].name
    assert "broken" in publish(bundles[2], store, gate=gate("undecided")).reason
    assert live(store) == bundles[2].name
    assert publish(bundles[0], store, gate=gate("passed")).published
    assert verify(store)[bundles[0].name] == ""
    damage(store, bundles[0].name)
    assert publish(bundles[3], store).published  # nobody was asked, and nothing can be compared


def test_a_broken_anchor_stops_the_gate_and_no_floor_vanishes_in_silence(store, bundles):
    publish(bundles[0], store)
    anchor(store)
    publish(bundles[1], store, gate=gate("passed"))
    damage(store, bundles[0].name)
    with pytest.raises(BadInput, match=r"the anchor .* is broken .*export anchor --bundle"):
        publish(bundles[2], store, gate=gate("passed"))
    assert live(store) == bundles[1].name
    anchor(store)
    assert publish(bundles[2], store, gate=gate("passed")).published


def test_a_damaged_bundle_is_not_published(store, bundles):
    publish(bundles[0], store)
    (bundles[1] / "features.json").write_text("{}")
    with pytest.raises(BadInput, match=r"features\.json"):
        publish(bundles[1], store)
    assert live(store) == bundles[0].name


def test_a_lost_link_is_told_and_mended(store, bundles):
    publish(bundles[0], store)
    publish(bundles[1], store)
    filesystem, root = fsspec.url_to_fs(store)
    filesystem.rm_file(f"{root}/current")
    with pytest.raises(BadInput, match=f"name one with --to.*{bundles[1].name}"):
        rollback(store)
    assert rollback(store, to=bundles[1].name).published
    assert live(store) == bundles[1].name


def test_a_bundle_is_found_by_its_id(store, bundles):
    publish(bundles[0], store)
    publish(bundles[1], store)
    rollback(store)
    assert publish(bundles[1].name, store).published
    with pytest.raises(BadInput, match="no bundle at"):
        publish("never-made", store)


def test_an_upload_that_was_cut_off_is_no_bundle(bundles):
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    for name in Bundle.open(bundles[0]).manifest.files:
        memory.pipe_file(f"/cut/{bundles[0].name}/{name}", b"part")
    assert list_bundles("memory://cut") == []
    assert publish(bundles[0], "memory://cut").published
    assert verify("memory://cut") == {bundles[0].name: ""}
    memory.store.clear()


def test_what_a_killed_writer_left_is_cleared_and_what_is_being_written_is_not(tmp_path, bundles):
    store = tmp_path / "store"
    left = store / ".part-left"
    left.mkdir(parents=True)
    (left / "context.onnx").write_text("half")
    with staging(store) as part:
        publish(bundles[0], store)
        assert part.is_dir()
    assert not left.exists()
    assert not part.exists()


@pytest.mark.parametrize(
    "url",
    ["nowhere://bundles", "simplecache::memory://b", "s3:/b/x", "github://b/x", "file://bundles"],
)
def test_an_unknown_protocol_is_refused(url, bundles, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(BadInput, match="is no place for bundles"):
        publish(bundles[0], url)
    assert set(tmp_path.rglob("*")) == before


def test_publishers_at_once_leave_one_whole_bundle(tmp_path):
    store = tmp_path / "store"
    made = [small_bundle(tmp_path / "made", n) for n in range(1, 13)]
    fork = multiprocessing.get_context("spawn")
    start = fork.Barrier(4, timeout=60)
    others = [
        fork.Process(target=publisher, args=(store, made[n::3], start), daemon=True)
        for n in range(3)
    ]
    for other in others:
        other.start()
    seen, stop = set(), threading.Event()

    def look():
        while not stop.is_set():
            if (store / "current").exists():
                seen.add(Bundle.open(resolve(store / "current")).bundle_id)

    watcher = threading.Thread(target=look, daemon=True)
    start.wait()
    watcher.start()
    for other in others:
        other.join(60)
    stop.set()
    watcher.join(60)
    assert [other.exitcode for other in others] == [0, 0, 0]
    assert set(verify(store).values()) == {""}
    assert seen <= {b.name for b in made}
    assert (store / "current").readlink().name in {b.name for b in made}
    order = {row["bundle_id"]: row["previous"] for row in list_bundles(store)}
    assert len(order) == 12
    chain, at = [], open_store(store).live()
    while at is not None:
        chain.append(at)
        at = order[at]
    assert len(chain) == 12  # each replaced exactly the one that it was compared with


def test_what_cannot_run_is_not_pointed_at(store, bundles, tmp_path):
    publish(bundles[0], store)
    broken = small_bundle(tmp_path / "made", 5, parent=bundles[0].name, graph=b"\x08\x07no graph")
    with pytest.raises(BadInput, match=r"context\.onnx is no graph"):
        publish(broken, store, force=True)
    assert live(store) == bundles[0].name
    assert [row["bundle_id"] for row in list_bundles(store)] == [bundles[0].name]
