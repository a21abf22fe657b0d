"""The creative lab: what images earn is what `evaluate candidates` says, and files are files.

About 12 s of one core, half of it Chromium's.
"""

import io
from http.client import HTTPConnection

import httpx
import numpy as np
import pytest
from PIL import Image

from data import clock
from evaluate.new_artwork.value_images import value_images
from evaluate.new_artwork.what_is_known import what_is_known
from serve.scoring.scorer import Scorer
from tests.screenshots import listening
from web.app import web_app
from web.csv_routes import as_csv
from web.lab.uploads import Uploads
from web.pages_of import PagesOf
from web.same_site import BODY
from web.view.catalogue_view import FollowedView


@pytest.fixture(scope="module")
def seeing(world, story, planted, tmp_path_factory):
    """Pages of a bundle that reads pixels: three heads of four want brightness."""
    root = tmp_path_factory.mktemp("seeing")
    bundle = planted([[1.0, 1.0, 1.0]] * 3 + [[-1.0, -1.0, -1.0]], pixels=True)
    (root / "bundles").mkdir()
    (root / "bundles" / "current").symlink_to(bundle)
    followed = FollowedView(root / "bundles", world / "catalogue", root / "cache", False)
    return PagesOf(
        followed, world / "profiles.parquet", story.root / "examples", story.root / "log"
    )


@pytest.fixture(scope="module")
def lab(seeing):
    with (
        listening(web_app(seeing)) as address,
        httpx.Client(base_url=address, timeout=30) as opened,
    ):
        yield opened


def picture(level, size=(320, 180), **options):
    """A PNG of one light with some grain, so that no two are the same."""
    noise = np.random.default_rng(level).integers(0, 6, (size[1], size[0], 3))
    out = io.BytesIO()
    pixels = np.clip(noise + level, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(out, "PNG", **options)
    return out.getvalue()


def sent(lab, title, *files, path="/api/lab"):
    return lab.post(
        path, data={"title": str(title)}, files=[("images", (name, raw)) for name, raw in files]
    )


def test_an_unseen_image_earns_what_the_command_says_and_brightness_is_wanted(seeing, lab, story):
    title = story.catalogue.title_ids[3]
    got = sent(lab, title, ("white.png", picture(250)), ("black.png", picture(0)))
    assert got.status_code == 200, got.text
    found = got.json()
    names = {one["image"]: one["name"] for one in found["about"]}
    images = {names[one["image"]]: one for one in found["value"]["images"]}
    assert images["white.png"]["expected_take"] > images["black.png"]["expected_take"]
    bundle, cache = seeing.view().folder, seeing.followed.cache
    scorer, catalogue = Scorer(bundle, judging=True), seeing.view().catalogue
    known = what_is_known(scorer, catalogue, title, None, cache)
    files = [seeing.uploads.of(digest).file for digest in names]
    told = value_images(
        scorer, catalogue, title, files, seeing.audience(), clock.today(), cache, known
    )
    for one in told.images:
        mine = images[names[one.name.removesuffix(".webp")]]
        assert mine["expected_take"] == pytest.approx(one.expected_take, rel=1e-5)
        assert mine["adds"][0] == pytest.approx(one.adds.value, abs=1e-7)
        assert mine["beats"] == pytest.approx(dict(one.beats), rel=1e-5)
    again = lab.get("/api/lab", params={"title": title, "image": list(names)}).json()
    assert again["value"]["images"][0]["adds"] == found["value"]["images"][0]["adds"]
    assert str(seeing.followed.cache) not in got.text


def test_what_gives_pause_is_said_and_neighbours_are_told_by_the_log(lab, story):
    title, other = story.catalogue.title_ids[3], story.catalogue.title_ids[5]
    [*mine] = story.catalogue.candidates(other, clock.today())
    paths = dict(
        zip(story.catalogue.artwork_ids, story.catalogue.artworks["path"].to_pylist(), strict=True)
    )
    own = (story.catalogue.root / paths[mine[0]]).read_bytes()
    about = sent(lab, title, ("dark.png", picture(2)), ("own.webp", own)).json()["about"]
    words = {one["name"]: " ".join(one["warnings"]) for one in about}
    assert "dark at thumbnail size" in words["dark.png"]
    assert f"nearly the same picture as {mine[0]}" in words["own.webp"]
    assert "nearly the same" not in words["dark.png"]
    [own_one] = [one for one in about if one["name"] == "own.webp"]
    first = own_one["neighbours"][0]
    assert first["artwork_id"] == mine[0]
    record = lab.get("/api/title", params={"title": other}).json()
    [known] = [one for one in record["artworks"] if one["artwork_id"] == mine[0]]
    assert (first["draws"], first["reward"]) == (known["draws"], known["reward"])


def test_a_bad_file_is_a_sentence_and_good_ones_beside_it_are_judged(lab, story):
    title = story.catalogue.title_ids[3]
    bad = sent(lab, title, ("letter <b>.txt", b"Dear all"))
    assert bad.status_code == 422
    assert "letter <b>.txt cannot be decoded" in bad.json()["detail"]
    page = sent(lab, title, ("letter <b>.txt", b"Dear all"), ("ok.png", picture(90)), path="/lab")
    assert page.status_code == 200
    assert "letter &lt;b&gt;.txt cannot be decoded" in page.text
    assert "ok.png" in page.text
    assert "Content-Security-Policy" in page.headers
    assert "style=" not in page.text
    assert sent(lab, title, path="/lab").status_code == 422
    gone = lab.get("/api/lab", params={"title": title, "image": "../../etc/passwd"})
    assert "not kept any more" in gone.json()["detail"]


def test_what_is_kept_of_a_file_is_its_pixels(seeing, lab, story):
    secret = b"MARQUEE-SECRET-NOTE"
    raw = picture(120, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0") + secret
    got = sent(lab, story.catalogue.title_ids[3], ("note.png", raw)).json()
    digest = got["about"][0]["image"]
    kept = lab.get("/lab/picture", params={"image": digest})
    assert kept.headers["content-type"] == "image/webp"
    assert secret not in kept.content
    with Image.open(io.BytesIO(kept.content)) as whole:
        assert (whole.format, whole.size) == ("WEBP", (320, 180))
        assert not whole.getexif()
    crop = lab.get("/lab/picture", params={"image": digest, "aspect": 1.0})
    with Image.open(io.BytesIO(crop.content)) as square:
        assert square.width == square.height


def test_other_sites_send_nothing(lab, story):
    title = str(story.catalogue.title_ids[3])
    ask = {"data": {"title": title}, "files": [("images", ("a.png", picture(1)))]}
    other = {"Origin": "https://evil.example"}, {"Origin": "null"}
    for headers in (*other, {"Sec-Fetch-Site": "cross-site"}):
        assert lab.post("/api/lab", headers=headers, **ask).status_code == 403
    own = {"Origin": str(lab.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    assert lab.post("/api/lab", headers=own, **ask).status_code == 200
    asked = HTTPConnection(lab.base_url.host, lab.base_url.port, timeout=10)
    asked.putrequest("POST", "/api/lab")
    asked.putheader("Content-Length", str(BODY + 1))
    asked.endheaders()
    refused = asked.getresponse()
    assert refused.status == 413
    refused.close()
    asked.close()


def test_uploads_are_bounded(tmp_path):
    kept = Uploads(tmp_path / "lab", most=3)
    digests = [kept.keep(bytes([n]) * 10, f"{n}").digest for n in range(6)]
    assert len(list((tmp_path / "lab").iterdir())) == 3
    assert kept.of(digests[-1]).name == "5"


def test_a_spreadsheet_runs_no_text():
    text = as_csv([{"name": "=HYPERLINK(1)", "n": -1.5, "many": ["+a", "b"]}])
    assert as_csv([{"shown": {"a": 1}, "@SUM(1)": 0.5}]).startswith("shown_a,'@SUM(1)")
    assert text.splitlines() == ["name,n,many", "'=HYPERLINK(1),-1.5,'+a; b"]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 360)])
def test_a_creative_drops_an_image_and_the_monitor_says_what_the_log_does(
    seeing, story, walk, scheme, width, tmp_path
):
    page, fine = walk(scheme, width)
    (tmp_path / "new.png").write_bytes(picture(200))
    with listening(web_app(seeing)) as address:
        page.goto(f"{address}/title?title={story.catalogue.title_ids[3]}")
        page.get_by_role("link", name="Judge a new image for this title").click()
        fine()
        page.get_by_label("Images").set_input_files(tmp_path / "new.png")
        page.get_by_role("button", name="Judge").click()
        page.get_by_role("heading", name="new.png").wait_for()
        for closed in page.locator("summary").all():
            closed.click()
        fine()
        assert page.get_by_text("Nearest in the catalogue").count() == 1
        page.get_by_role("link", name="Monitor").click()
        page.get_by_role("heading", name="Reward a draw, by day").wait_for(timeout=60_000)
        fine()
        assert page.locator("figure").count() >= 1


def test_the_monitor_counts_what_the_log_has(seeing, lab, story):
    while (found := lab.get("/api/monitor").json())["reading"]:
        pass
    rows = story.examples.to_pandas()
    assert found["trouble"] is None
    by_day = rows.groupby(rows["time"].dt.strftime("%Y-%m-%d"))["reward"]
    assert [one["day"] for one in found["days"]] == list(by_day.groups)
    for one, mean in zip(found["days"], by_day.mean(), strict=True):
        assert one["value"] == pytest.approx(mean)
        assert one["low"] < mean < one["high"]
    [live] = [one for one in lab.get("/api/bundles").json() if one["live"]]
    assert live["bundle"] == seeing.view().folder.name
    for table in ("monitor", "rewards", "bundles"):
        assert len(lab.get(f"/csv/{table}").text.splitlines()) > 1


def test_parts_of_images_add_up_to_what_why_says_and_greedy_takes_the_best(lab):
    home = lab.get("/api/home", params={"member": "m3"}).json()
    tile = next(one for one in home["rows"][0]["tiles"][0] if one["candidates"] > 1)
    asked = {"member": "m3", "title": tile["title_id"]}
    why = lab.get("/api/why", params=asked).json()
    maps = {
        one["artwork_id"]: lab.get(
            "/api/saliency", params=asked | {"artwork": one["artwork_id"]}
        ).json()
        for one in why["candidates"]
    }
    parts = why["parts"]
    apart = maps[parts["shown"]]["score"] - maps[parts["next"]]["score"]
    assert apart == pytest.approx(parts["difference"], abs=1e-3)
    choices = {one["policy"]: one["artwork_id"] for one in why["others"]}
    assert choices["greedy"] == max(maps, key=lambda name: maps[name]["score"])
    assert len({round(one["title_part"], 5) for one in maps.values()}) == 1
    lost = [cell for row in maps[parts["shown"]]["lost"] for cell in row]
    assert max(map(abs, lost)) > 0
    got = lab.get("/saliency/picture", params=asked | {"artwork": parts["shown"]})
    assert got.headers["content-type"] == "image/webp"
    none = lab.get("/api/saliency", params=asked | {"artwork": "../x"})
    assert "has no artwork" in none.json()["detail"]


def in_every_setting(page, fine):
    """The page as it is there, in both colours, on a phone and on a desk."""
    for scheme in ("light", "dark"):
        for width in (360, 1440):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.set_viewport_size({"width": width, "height": 900})
            fine()


def test_maps_of_images_are_a_page(seeing, walk):
    page, fine = walk("dark", 360)
    with listening(web_app(seeing)) as address:
        page.goto(f"{address}/?member=m3")
        page.locator(".strip a").first.click()
        page.get_by_role("link", name="What counts in the images").click()
        in_every_setting(page, fine)
        assert page.get_by_role("img", name="counts").count() > 1


def test_insights_are_counted_once_and_shown_as_page_data_and_csv(seeing, lab, walk):
    page, fine = walk("light", 360)
    with listening(web_app(seeing)) as address:
        page.goto(f"{address}/insights")
        page.get_by_role("heading", name="For everybody").wait_for()
        in_every_setting(page, fine)
    found = lab.get("/api/insights").json()["insights"]
    names = {one["attribute"] for one in found["effects"]["everybody"]}
    assert "bright" in names
    table = lab.get("/csv/insights").text.splitlines()
    asked = found["effects"]["everybody"] + found["effects"]["audiences"]
    assert len(table) == 1 + len(asked) == 1 + found["asked"]
