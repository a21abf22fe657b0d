"""A choice is an artwork; maps and live pages give its picture of the canvas asked for."""

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.catalogue import Catalogue
from data.errors import BadInput
from data.pictures import MAIN
from data.records import IMAGES
from serve.live.load_model import load_live
from serve.live.metrics import OTHER_CANVAS
from serve.live.reload import ModelSource
from serve.live.routes.files import FILES
from serve.maps.artwork_map import map_bytes
from serve.maps.command import lookup, show
from serve.maps.current import read_current
from serve.maps.lookup import Lookup
from serve.maps.open_store import open_map_store
from serve.maps.page_urls import PLACEHOLDER
from serve.pictures.layout_pictures import pictures_key
from serve.precompute.command import precompute
from tests.data.images.canvases import canvas_catalogue, picture
from tests.evaluate.planted import SIZE, plant
from tests.export.world import make_facts, variant
from tests.serve.live.test_live import run, served

DAY = date(2026, 1, 9)
TITLE = 1


@pytest.fixture
def catalogue(tmp_path) -> Catalogue:
    """c, the brightest, has a tile alone; tiles of a have text in two languages."""
    root = tmp_path / "catalogue"
    made = canvas_catalogue(root)
    more = [picture(root, "a", "tile", language=tongue) for tongue in ("nb", "en")]
    hero = {"artwork_id": "a", "canvas": "hero", "path": "images/a-hero.png"}
    rows = [row for row in made.images.to_pylist() if row["path"] != hero["path"]]
    rows = [*rows, *more, hero | {"focal_x": 0.25, "focal_y": 0.5}]
    pq.write_table(pa.Table.from_pylist(rows, IMAGES), root / "images.parquet")
    return Catalogue.read(root)


@pytest.fixture
def bundle(catalogue, tmp_path):
    """Reads portraits, and shows the brightest two times in three."""
    bundles = tmp_path / "bundles"
    made = plant(bundles, catalogue, make_facts(50), [[90.0, 90.0, 90.0]], epsilon=0.5, pixels=True)
    image = {**SIZE, "fit": "whole", "canvas": "portrait"}
    (bundles / "current").symlink_to(variant(made, bundles, image=image))
    return bundles / "current"


@pytest.fixture
def maps(catalogue, bundle, tmp_path):
    """Makes maps of a catalogue in a store; gives the report."""
    facts = make_facts(20)
    ids = pa.array([f"p{at}" for at in range(len(facts))])
    pq.write_table(pa.table({"profile_id": ids, "facts": facts}), tmp_path / "profiles.parquet")

    def make(workers: int = 1):
        return precompute(
            bundle,
            catalogue.root,
            tmp_path / "profiles.parquet",
            str(tmp_path / "maps"),
            day=str(DAY),
            workers=workers,
            cache=tmp_path / "cache",
        )

    return make


def test_a_page_is_opened_once_and_shows_its_choices_on_any_canvas(maps, tmp_path, capsys):
    report = maps()
    assert report.artworks_of_other_canvas == 1
    said = capsys.readouterr().err
    assert "1 artwork without a picture of canvas portrait is read as another" in said
    assert "1 as tile ('c' first)" in said
    store = open_map_store(str(tmp_path / "maps"), readonly=True)
    client = Lookup(store, base_url="https://img/")
    assert client.canvases == ["tile", "portrait", "hero"]
    shown, ids = [], np.array([TITLE, 99])
    for at in range(20):
        page = client.page(f"p{at}")
        main = page[TITLE]
        name = main.removeprefix("https://img/images/")[0]
        shown.append(name)
        tall, wide = page.canvas("portrait"), page.canvas("hero")
        assert main == f"https://img/images/{name}-tile.png"
        assert ("portrait" if name != "c" else "tile") in tall[TITLE]
        assert ("hero" if name == "a" else "tile") in wide[TITLE], "the nearest aspect"
        assert tall.urls(ids).tolist() == [tall[TITLE], PLACEHOLDER]
        assert client.page(f"p{at}")[TITLE] == main
    assert set(shown) == {"a", "b", "c"}
    assert client.other_canvas["portrait"] == 3 * shown.count("c")
    assert client.other_canvas["hero"] == 20 - shown.count("a")
    assert client.counts["personalised"] == 6 * 20
    store.close()


def test_several_pages_at_once_give_the_urls_of_a_canvas_and_count_as_one_by_one_do(maps, tmp_path):
    maps()
    store = open_map_store(str(tmp_path / "maps"), readonly=True)
    names = [f"p{at}" for at in range(20)]
    one, many = Lookup(store, base_url="/i/"), Lookup(store, base_url="/i/")
    # Whole maps at once; a title that is none, and a profile without a map, page by page.
    for people, ids in ((names, [TITLE]), (names[:2], [TITLE, 99]), ([*names[:2], "?"], [TITLE])):
        asked = np.array([ids] * len(people))
        for canvas, tongues in (("portrait", ()), ("hero", ("nb",)), ("tile", ("nb", "en"))):
            urls = many.urls_many(people, asked, canvas, tongues)
            pages = [one.page(name).canvas(canvas, tongues) for name in people]
            told = [page.urls(np.array(ids)).tolist() for page in pages]
            assert urls.tolist() == told
        assert many.urls_many(people, asked).tolist() == [
            one.page(name).urls(np.array(ids)).tolist() for name in people
        ]
    assert many.other_canvas == one.other_canvas
    assert many.other_canvas["hero"] > 0
    assert many.counts == one.counts
    store.close()


def test_languages_choose_among_pictures_of_a_canvas(maps, tmp_path):
    maps()
    store = open_map_store(str(tmp_path / "maps"), readonly=True)
    client = Lookup(store)
    pages = (client.page(f"p{at}") for at in range(20))
    page = next(page for page in pages if "/a-" in page[TITLE])
    expected = {(): "a-tile", ("nb",): "a-tilenb", ("fr", "en-GB"): "a-tileen", ("fr",): "a-tile"}
    for tongues, name in expected.items():
        assert page.canvas("tile", tongues)[TITLE] == f"images/{name}.png"
    chosen = page.canvas("hero", ["nb"]).picture(TITLE)
    assert (chosen.picture.canvas, chosen.as_asked) == ("hero", True)
    assert page.canvas("hero").picture(99) is None
    store.close()


def test_a_picture_more_changes_neither_maps_nor_their_layout(maps, catalogue, tmp_path):
    maps()
    store = open_map_store(str(tmp_path / "maps"))
    before = {name: store.get(name) for name in store.profiles()}
    current = read_current(store)
    rows = [*catalogue.images.to_pylist(), picture(catalogue.root, "c", "hero")]
    pq.write_table(pa.Table.from_pylist(rows, IMAGES), catalogue.root / "images.parquet")
    store.close()
    maps()
    store = open_map_store(str(tmp_path / "maps"))
    after = {name: store.get(name) for name in store.profiles()}
    assert read_current(store).layout == current.layout
    assert (
        {len(one) for one in before.values()}
        == {len(one) for one in after.values()}
        == {map_bytes(titles=1, width=2, runs=1)}
    )
    assert "images/c-hero.png" in {Lookup(store).page(name).canvas("hero")[TITLE] for name in after}
    store.put_shared(pictures_key(current.layout), b"damaged")
    client = Lookup(store)
    assert client.reasons == {"pictures_damaged": 1}
    assert client.page("p0").canvas("hero")[TITLE] == client.page("p0")[TITLE], "never none"
    assert client.other_canvas == {"hero": 1}
    store.close()


def test_the_command_prints_a_canvas_and_refuses_one_that_there_is_not(maps, tmp_path, capsys):
    maps()
    store = str(tmp_path / "maps")
    plain = lookup("p1", store=store)
    assert plain.titles[str(TITLE)].canvas is None
    tall = lookup("p1", store=store, canvas="portrait", base_url="https://img/")
    [image] = tall.titles.values()
    assert image.url.startswith("https://img/images/")
    assert image.canvas == ("tile" if tall.other_canvas else "portrait")
    assert lookup("p1", store=store, canvas=MAIN).other_canvas == 0
    show(tall)
    assert f"\t{image.canvas}\n" in capsys.readouterr().out
    with pytest.raises(BadInput, match=r"--canvas poster: .* there are tile, portrait, hero"):
        lookup("p1", store=store, canvas="poster")


class Served:
    """A source of the live model of a catalogue."""

    def __init__(self, bundle, catalogue, cache):
        def load(folder):
            return load_live(folder, catalogue.root, cache, DAY, FILES)

        self.source = ModelSource(bundle, load)


def test_live_answers_give_every_canvas_that_is_asked_for(catalogue, bundle, maps, tmp_path):
    maps()
    store = open_map_store(str(tmp_path / "maps"), readonly=True)
    world = Served(bundle, catalogue, tmp_path / "cache")
    page = {"profile_id": "x", "title_ids": [TITLE, 99], "fresh": True}

    async def check():
        async with served(world, store=store, catalogue=catalogue.root) as (client, live):

            async def decided(path="/v1/decide", **more):
                got = await client.post(path, json=page | more)
                assert got.status_code == 200, got.text
                return got.json()["decisions"]

            for decision in await decided():
                assert "pictures" not in decision
            for more in ({}, {"profiling": False}, {"fresh": False}):
                asked = {"canvas": ["portrait", "hero"], "languages": ["nb"], "request_id": "r"}
                first, outside = await decided(**asked, **more)
                name, pictures = first["artwork_id"], first["pictures"]
                assert list(pictures) == ["portrait", "hero"]
                assert first["url"] == pictures["portrait"]["url"]
                own = [one.canvas for one in catalogue.pictures["abc".index(name)]]
                for canvas, one in pictures.items():
                    assert one["canvas"] == (canvas if canvas in own else "tile")
                    assert f"{name}-{one['canvas']}" in one["url"]
                    assert (await client.get(one["url"])).status_code == 200
                assert outside["pictures"]["hero"] == {
                    **{"url": PLACEHOLDER, "canvas": None, "language": None, "focal": None}
                }
            before = OTHER_CANVAS.labels("unknown")._value.get()
            live.batcher.queue = 0  # sheds
            [first, _] = await decided(canvas="unheard of", title_ids=[TITLE, 99])
            assert first["pictures"]["unheard of"]["canvas"] == "tile"
            live.batcher.queue = 10
            mapped = await client.get("/v1/maps/p1", params={"canvas": ["tile", "hero"]})
            [one] = mapped.json()["titles"]
            assert list(one["pictures"]) == ["tile", "hero"]
            assert one["url"] == one["pictures"]["tile"]["url"]
            assert "pictures" not in (await client.get("/v1/maps/p1")).json()["titles"][0]
            wrongs = ({"canvas": 0}, {"canvas": ""}, {"canvas": ["x"] * 9}, {"languages": "nb"})
            for wrong in wrongs:
                assert (await client.post("/v1/decide", json=page | wrong)).status_code == 422
            assert OTHER_CANVAS.labels("unknown")._value.get() == before + 1
            counted = (await client.get("/metrics")).text
            assert 'marquee_other_canvas_total{canvas="portrait"}' in counted
            assert "marquee_artworks_read_as_other_canvas 1.0" in counted

    run(check())
    store.close()


def test_a_focal_point_travels_with_its_picture(catalogue, bundle, tmp_path):
    model = load_live(bundle, catalogue.root, tmp_path / "cache", DAY)
    at = model.layout.artwork_ids.index("a")
    assert model.pictures.choose(at, "hero", []).picture.focal == (0.25, 0.5)
    assert model.pictures.choose(at, "portrait", []).picture.focal is None
