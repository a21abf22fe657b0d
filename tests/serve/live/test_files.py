"""The files behind the URLs that the service hands out, and its documentation."""

import re
from dataclasses import replace

import pytest

from serve.live.app import live_app
from serve.live.recorder import NoLog
from serve.live.routes.files import FILES
from serve.live.service import LiveService
from serve.pictures.url import artwork_url
from tests.serve.live.test_live import Bundles, page, run, served


@pytest.fixture
def bundles(tmp_path):
    bundles = Bundles(tmp_path)
    bundles.publish("bundle-1")
    return bundles


class Odd(Bundles):
    """A catalogue whose files have names that URLs must quote."""

    def load(self, bundle):
        model = super().load(bundle)
        paths = tuple(f"covers/{at} of #1?/ü%.png" for at in range(len(model.layout.paths)))
        return replace(model, layout=replace(model.layout, paths=paths), base_url=FILES)


def test_every_url_of_an_answer_leads_to_its_file_and_nothing_else_does(tmp_path, layout):
    bundles, covers = Odd(tmp_path), tmp_path / "catalogue"
    bundles.publish("bundle-1")
    (tmp_path / "secret.txt").write_text("mine")
    for at, artwork in enumerate(layout.artwork_ids):
        file = covers / f"covers/{at} of #1?/ü%.png"
        file.parent.mkdir(parents=True)
        file.write_text(artwork)

    async def check():
        async with served(bundles, catalogue=covers) as (client, _):
            titles = [*layout.title_ids.tolist(), 999_999]
            answer = (await client.post("/v1/decide", json=page(titles=titles))).json()
            for decision in answer["decisions"]:
                got = await client.get(decision["url"])
                assert got.status_code == 200, decision
                assert got.text == decision["artwork_id"] or decision["level"] == "placeholder"
            for outside in ("secret.txt", "../secret.txt", "%2e%2e/secret.txt", "/etc/passwd", ""):
                assert (await client.get(f"/artwork/{outside}")).status_code == 404

    run(check())


def test_paths_are_quoted_where_a_url_needs_it():
    assert (
        artwork_url("https://c/", "a b/c#1?x=ü%.png") == "https://c/a%20b/c%231%3Fx=%C3%BC%25.png"
    )
    assert artwork_url("", "images/0001_2-a.png") == "images/0001_2-a.png"


def test_the_documentation_names_every_end_point_and_asks_no_other_host(bundles):
    async def check():
        async with served(bundles) as (client, _):
            text = (await client.get("/docs")).text
            for path in (await client.get("/openapi.json")).json()["paths"]:
                assert path in text
            assert "<script" not in text
            assert not re.findall(r"(?:src|href)=\"(?!/|#)", text)

    run(check())


def test_readiness_tells_a_missing_catalogue_from_a_missing_bundle(tmp_path):
    bundles = Bundles(tmp_path)

    def missing():
        raise FileNotFoundError("catalogue/titles.parquet")

    async def said():
        service = LiveService(bundles.source, NoLog())
        await service.start()
        words = bundles.source.refused
        await service.stop()
        return words

    async def check():
        assert "no bundle" in await said()
        bundles.publish("bundle-1")
        bundles.source._stamp = missing
        words = await said()
        assert "catalogue" in words
        assert "--catalogue" in words

    assert live_app(LiveService(bundles.source, NoLog()))
    run(check())
