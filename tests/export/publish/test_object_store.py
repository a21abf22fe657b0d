"""Publishers and machines that pull, on a real S3 server that falls ill under them."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bench.hosts.object_store import URL, object_store, why_no_object_store
from bench.servers import wait_until
from data.bundle import Bundle
from data.errors import BadInput, Unavailable
from export.publish.open_store import open_store
from export.publish.publish import list_bundles, publish, verify
from export.publish.pull import pull_once
from tests.export.small import gate, small_bundle

ROOT = Path(__file__).parents[3]
if why_no_object_store() and os.environ.get("CI") != "true":
    pytest.skip(f"{why_no_object_store()}: stores by URL are not tested", allow_module_level=True)
if why_no_object_store():
    pytest.fail(f"{why_no_object_store()}, and CI must test object stores", pytrace=False)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with object_store(tmp_path_factory.mktemp("objects")) as server:
        yield server


@pytest.fixture
def store(server, request):
    server.well()
    yield f"{URL}-{request.node.name.translate(str.maketrans('[]', '--'))}"
    server.well()


@pytest.fixture
def bundles(tmp_path):
    first = small_bundle(tmp_path / "built", 1)
    return [first, small_bundle(tmp_path / "built", 2, parent=first.name)]


def test_what_one_publishes_others_pull(store, bundles, tmp_path):
    for bundle in bundles:
        assert publish(bundle, store).published
        assert pull_once(store, tmp_path / "here").bundle_id == bundle.name
    assert Bundle.open(tmp_path / "here" / "current").bundle_id == bundles[1].name
    assert verify(store) == {bundle.name: "" for bundle in bundles}


def test_publishers_at_once_replace_what_each_was_compared_with(store, tmp_path):
    made = [small_bundle(tmp_path / "made", n) for n in range(1, 7)]
    work = [
        threading.Thread(target=lambda b=b: publish(b, store, gate=gate("passed")), daemon=True)
        for b in made
    ]
    for each in work:
        each.start()
    for each in work:
        each.join(60)
    order = {row["bundle_id"]: row["previous"] for row in list_bundles(store)}
    chain, at = [], open_store(store).live()
    while at is not None:
        chain.append(at)
        at = order[at]
    assert sorted(chain) == sorted(bundle.name for bundle in made)


@pytest.mark.parametrize("illness", ["failing", "forbidding", "dropping", "cutting", "garbling"])
def test_a_store_that_fails_changes_nothing_anywhere(illness, server, store, bundles, tmp_path):
    publish(bundles[0], store)
    pull_once(store, tmp_path / "here")
    with server.being(illness):
        with pytest.raises(Unavailable, match="does not answer as it should"):
            publish(bundles[1], store)
        with pytest.raises(Unavailable, match="does not answer as it should"):
            pull_once(store, tmp_path / "here")
    assert Bundle.open(tmp_path / "here" / "current").bundle_id == bundles[0].name
    assert publish(bundles[1], store).published
    assert pull_once(store, tmp_path / "here").bundle_id == bundles[1].name


@pytest.mark.parametrize("illness", ["tearing", "losing"])
def test_an_upload_that_is_not_kept_is_not_pointed_at(illness, server, store, bundles):
    publish(bundles[0], store)
    with (
        server.being(f"{illness}:.onnx"),
        pytest.raises(Unavailable, match="did not keep what was uploaded"),
    ):
        publish(bundles[1], store)
    assert open_store(store).live() == bundles[0].name
    assert publish(bundles[1], store).published


def test_what_was_damaged_since_is_mended_by_publishing_and_pulling(store, bundles, tmp_path):
    name, here = bundles[0].name, tmp_path / "here"
    publish(bundles[0], store)
    pull_once(store, here)
    files = open_store(store).files
    files.write(b"half", name, "context.onnx")
    (here / name / "context.onnx").write_bytes(b"half")
    with pytest.raises(BadInput, match=r"context\.onnx"):
        pull_once(store, here)
    publish(bundles[0], store)
    pull_once(store, here)
    assert Bundle.open(here / "current").bundle_id == name
    files.write(b"\xff\xfe", "current")
    with pytest.raises(BadInput, match="has no bundle"):
        pull_once(store, here)
    assert publish(bundles[0], store).published
    assert pull_once(store, here).bundle_id == name


def test_current_is_not_replaced_where_it_is_not_what_it_was(store, bundles):
    publish(bundles[0], store)
    files = open_store(store).files
    condition = files.condition("current")
    files.write(b"another\n", "current")
    with pytest.raises(FileExistsError):
        files.replace(b"mine\n", condition, "current")
    assert files.read("current") == b"another\n"
    files.replace(b"another\n", condition, "current")  # its answer was lost: it is there
    files.replace(b"mine\n", files.condition("current"), "current")
    none = files.condition("anchor")  # nobody has one yet
    files.write(b"first\n", "anchor")
    with pytest.raises(FileExistsError):
        files.replace(b"second\n", none, "anchor")


def test_who_pulls_for_ever_outlives_the_store_and_says_each_kind_once(
    server, store, bundles, tmp_path
):
    publish(bundles[0], store)
    here, said, counts = tmp_path / "here", tmp_path / "said", tmp_path / "pull.prom"
    options = ["--to", here, "--every", "0.2", "--metrics", counts]
    command = [sys.executable, "-m", "export", "pull", store, *map(str, options)]
    with said.open("w") as words:
        puller = subprocess.Popen(command, stderr=words, cwd=ROOT)
    in_a_row = "marquee_pull_failures_in_a_row "

    def failures():
        text = counts.read_text() if counts.is_file() else ""
        return int(text.partition(in_a_row)[2].partition("\n")[0] or -1)

    try:
        assert wait_until(lambda: failures() == 0) is not None
        for illness in ("failing", "dropping", "cutting"):
            server.ill(illness)
            assert wait_until(lambda: failures() >= 3) is not None
            server.well()
            assert wait_until(lambda: failures() == 0) is not None
        publish(bundles[1], store)
        assert wait_until(lambda: (here / bundles[1].name).is_dir()) is not None
        assert puller.poll() is None
    finally:
        puller.kill()
        puller.wait(30)
    text = said.read_text()
    assert text.count("well again") == 3
    assert 3 <= text.count("what is here stays") <= 6
