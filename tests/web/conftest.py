"""The story of tests/evaluate: a rendered catalogue, its members and what they did; on pages."""

import os
import shutil

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from data.catalogue import Catalogue
from data.records import PROFILES
from tests.evaluate.conftest import planted, story, torn
from tests.screenshots import listening
from web.app import web_app
from web.pages_of import PagesOf
from web.view.catalogue_view import FollowedView

__all__ = ["planted", "story", "torn"]
ODD = "<script>alert('é')</script> & \"co\" 100% ?a=b#c/d"
"""The name of a member and of a title."""
LONG = "The Very Long and Winding Title of Everything That Was Ever Made, Part Two: The Return"


@pytest.fixture(scope="session")
def world(story, torn, tmp_path_factory):
    """The story with odd names, and a bundle for it that is published."""
    root = tmp_path_factory.mktemp("web")
    shutil.copytree(story.root / "catalogue", root / "catalogue")
    before = Catalogue.read(root / "catalogue")
    names = before.titles["name"].to_pylist()
    names[0], names[1] = ODD, LONG
    at = before.titles.schema.get_field_index("name")
    titles = before.titles.set_column(at, "name", pa.array(names))
    Catalogue(root / "catalogue", titles, before.artworks).write()
    facts = story.world.members.facts
    ids = [ODD, *(f"m{row}" for row in range(1, len(facts)))]
    rows = pa.table(
        {"profile_id": ids, "facts": facts, "profiling": pa.nulls(len(facts), pa.bool_())}
    )
    pq.write_table(rows.cast(PROFILES), root / "profiles.parquet")
    (root / "bundles").mkdir()
    (root / "bundles" / "current").symlink_to(torn)
    return root


@pytest.fixture(scope="session")
def pages(world, story):
    followed = FollowedView(world / "bundles", world / "catalogue", world / "cache", False)
    return PagesOf(followed, world / "profiles.parquet", story.root / "examples")


@pytest.fixture(scope="session")
def client(pages):
    with listening(web_app(pages)) as address, httpx.Client(base_url=address) as opened:
        yield opened


@pytest.fixture(scope="module")
def browser():
    """Chromium, for one file: while it is there, its thread runs no other loop of asyncio."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        assert os.environ.get("CI") != "true", "chromium is not installed: CI needs it"
        pytest.skip("chromium is not installed")
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def walk(browser):
    """Opens a page of a colour and width: the page, and what holds it to be fine as it is."""
    contexts = []

    def opened(scheme, width):
        trouble = []
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: trouble.append(said.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        # What somebody leaves behind by going on is no failure.
        page.on(
            "requestfailed",
            lambda request: None if "ABORTED" in request.failure else trouble.append(request.url),
        )
        page.on("response", lambda got: trouble.append(got.url) if got.status >= 400 else None)

        def fine():
            page.wait_for_load_state("networkidle")
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(wide) <= 0, page.url
            found = Axe().run(page).response["violations"]
            serious = [one["id"] for one in found if one["impact"] in ("serious", "critical")]
            assert not serious, (page.url, serious)
            assert not trouble, (page.url, trouble)

        return page, fine

    yield opened
    for context in contexts:
        context.close()
