"""`make screenshots`: the README's and the docs' pictures, from what `make demo` made.

Pictures have 256 colours: repositories keep every version of them for ever.
"""

import io
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from fastapi import FastAPI
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from data.catalogue import Catalogue
from simulate.posters.subjects import Subjects
from simulate.world.catalogue import write_catalogue
from web.app import web_app
from web.pages_of import PagesOf
from web.view.catalogue_view import FollowedView

ROOT = Path(__file__).parents[1]
DEMO, DOCS = ROOT / "artifacts" / "demo", ROOT / "docs"
SEED, PATIENCE_MS = 77, 180_000
WIDTH, HEIGHT = 1120, 1160


def main() -> None:
    """Write docs/report.png, home.png, why.png, lab.png and monitor.png.

    Raises:
        SystemExit: there is no demo, or no Chromium.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise SystemExit("error: chromium is not on PATH; install it, then make screenshots")
    if not (DEMO / "report.html").is_file():
        raise SystemExit(f"error: there is no {DEMO / 'report.html'}; run make demo first")
    followed = FollowedView(DEMO / "bundles", DEMO / "catalogue", ROOT / "artifacts/cache", False)
    pages = PagesOf(followed, DEMO / "profiles.parquet", DEMO / "examples", DEMO / "log")
    with (
        sync_playwright() as play,
        listening(web_app(pages)) as address,
        TemporaryDirectory() as folder,
    ):
        browser = play.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.set_default_timeout(PATIENCE_MS)
        take(page, (DEMO / "report.html").resolve().as_uri(), "report.png")
        take(page, address, "home.png", 860)
        page.locator("li.differs a").first.click()
        take(page, page.url, "why.png", 820)
        page.goto(f"{address}/titles")
        page.locator("ul.grid a").nth(3).click()
        page.get_by_role("link", name="Judge a new image").click()
        page.get_by_label("Images").set_input_files(new_image(Path(folder)))
        page.get_by_role("button", name="Judge").click()
        page.get_by_role("heading", name="new.webp").wait_for()
        judged = page.get_by_role("link", name="This result").get_attribute("href")
        take(page, f"{address}{judged}", "lab.png", 900)
        page.goto(f"{address}/monitor")
        page.get_by_role("heading", name="Reward a draw, by day").wait_for(timeout=300_000)
        take(page, page.url, "monitor.png", 980)
        browser.close()


def new_image(folder: Path) -> Path:
    """An image that no title of the demo has."""
    write_catalogue(Subjects.read(ROOT / "sample/artwork"), 10, 4, SEED, folder / "fresh", 0)
    made = Catalogue.read(folder / "fresh")
    (folder / "new.webp").write_bytes((made.root / made.artworks["path"][21].as_py()).read_bytes())
    return folder / "new.webp"


def take(page: Page, address: str, name: str, height: int = HEIGHT) -> None:
    """A picture of the top of a page, once all of it is there."""
    page.set_viewport_size({"width": WIDTH, "height": height})
    page.goto(address)
    page.wait_for_load_state("networkidle")
    taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    taken.quantize(256, Image.Quantize.MEDIANCUT).save(DOCS / name, optimize=True)
    print(f"docs/{name}  {(DOCS / name).stat().st_size // 1024} KB")


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """The address of an application that listens on a free port of this machine."""
    config = uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=10)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise SystemExit("error: the pages did not start")
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(60)
        if thread.is_alive():
            raise SystemExit("error: the pages do not end")


if __name__ == "__main__":
    main()
