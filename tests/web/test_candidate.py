"""An image of the lab becomes a candidate, and is drawn by its floor at once. About 8 s."""

import shutil

import httpx
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from data.catalogue import Catalogue
from tests.screenshots import listening
from tests.web.test_lab import picture, sent
from web.app import web_app
from web.pages_of import PagesOf
from web.view.catalogue_view import FollowedView


@pytest.fixture
def place(world, planted, tmp_path):
    shutil.copytree(world / "catalogue", tmp_path / "catalogue")
    (tmp_path / "catalogue" / "embeddings.npy").unlink()
    file = tmp_path / "catalogue" / "artworks.parquet"
    own = pq.read_table(file)
    rated = own.append_column("stars", pa.array(range(len(own)), pa.int16()))
    pq.write_table(rated, file)
    (tmp_path / "rules.yaml").touch()
    bundle = planted([[1.0, 1.0, 1.0]] * 4, pixels=True, epsilon=0.0)
    (tmp_path / "bundles").mkdir()
    (tmp_path / "bundles" / "current").symlink_to(bundle)
    places = tmp_path / "bundles", tmp_path / "catalogue", tmp_path / "cache"
    followed = FollowedView(*places, False, tmp_path / "rules.yaml")
    pages = PagesOf(followed, world / "profiles.parquet", None)
    with (
        listening(web_app(pages)) as address,
        httpx.Client(base_url=address, timeout=30) as opened,
    ):
        yield tmp_path, opened


def chances(client, title):
    got = client.get("/api/why", params={"member": "m3", "title": title}).json()
    return {one["artwork_id"]: one["probability"] for one in got["candidates"]}


def test_an_image_of_the_lab_is_drawn_by_its_floor_until_its_rules_end(place, walk):
    root, client = place
    catalogue = Catalogue.read(root / "catalogue")
    title = catalogue.title_ids[3]
    before = pq.read_table(root / "catalogue" / "artworks.parquet")
    answer = sent(client, title, ("black.png", picture(0)))
    digest = answer.json()["about"][0]["image"]

    page, fine = walk("light", 360)
    page.goto(f"{client.base_url}/lab?title={title}&image={digest}")
    page.get_by_role("link", name="Add it as a candidate").click()
    fine()
    page.get_by_label("Its id").fill("night")
    page.get_by_label("Who wants it").fill("cara")
    page.get_by_label("Why").fill("a darker try")
    page.get_by_role("button", name="Add it").click()
    page.wait_for_load_state()
    assert page.url.endswith(f"/title?title={title}"), page.inner_text("main")
    fine()

    after = pq.read_table(root / "catalogue" / "artworks.parquet")
    assert after.slice(0, len(before)).equals(before)
    assert after.schema == before.schema
    last = after.slice(len(before)).to_pylist()[0]
    assert (last["artwork_id"], last["title_id"], last["stars"]) == ("night", title, None)
    assert (root / "catalogue" / last["path"]).is_file()
    now = chances(client, title)
    assert now["night"] == pytest.approx(0.05, abs=1e-9)
    assert sum(now.values()) == pytest.approx(1, abs=1e-9)
    for rule in client.get("/api/rules").json()["rules"]:
        asked = {"rule": rule["id"], "why": "enough", "who": "cara"}
        assert client.post("/rules/end", data=asked).status_code == 303
    assert chances(client, title)["night"] == 0
    told = [one["what"] for one in client.get("/api/audit").json()]
    assert sorted(told) == ["added", "added", "artwork added", "ended", "ended"]


def test_what_cannot_be_a_candidate_changes_nothing(place):
    root, client = place
    file = root / "catalogue" / "artworks.parquet"
    catalogue = Catalogue.read(root / "catalogue")
    title = catalogue.title_ids[3]
    taken = catalogue.artworks.filter(pc.field("title_id") == title)
    digest = sent(client, title, ("black.png", picture(0))).json()["about"][0]["image"]
    first = taken["artwork_id"][0].as_py()
    pin = {"effect": "floor", "artwork": first, "share": "0.97", "why": "sure", "who": "cara"}
    assert client.post("/rules", data=pin).status_code == 303
    before = file.read_bytes(), (root / "rules.yaml").read_bytes()
    asked = {"title": str(title), "image": digest, "artwork": "new", "why": "w", "who": "cara"}
    for change, words in (
        ({"artwork": first}, first),
        ({"floor": "0.9"}, "cap 0.2: give shares"),
        ({"days": "900"}, "900 days"),
        ({"floor": "0.1"}, "contradict"),
        ({"image": "0" * 32}, "not kept any more"),
        ({"why": " "}, "write it, in 500"),
    ):
        got = client.post("/lab/add", data=asked | change)
        assert got.status_code == 422, change
        assert words in got.text, (change, got.text[-1500:])
        assert (file.read_bytes(), (root / "rules.yaml").read_bytes()) == before, change
    assert not list((root / "catalogue" / "added").glob("*"))
    # The same pixels are an artwork of another title: what is taken back leaves its file.
    other = asked | {"title": str(catalogue.title_ids[4]), "artwork": "elsewhere"}
    assert client.post("/lab/add", data=other).status_code == 303
    assert client.post("/lab/add", data=asked | {"floor": "0.1"}).status_code == 422
    assert (root / "catalogue" / "added" / f"{digest}.webp").is_file()
