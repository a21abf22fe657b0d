"""What the live service counts of itself, as the monitor says it. About 2 s."""

import httpx
import pytest

from data.errors import BadInput
from serve.live.app import live_app
from serve.live.door.tokens import Token, Tokens
from serve.live.recorder import NoLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from tests.screenshots import listening
from web.app import web_app
from web.command import web
from web.pages_of import PagesOf
from web.watch.live_service import live_seen

PAGES = 7


def refused(bundle):
    raise BadInput(f"{bundle} is no bundle")


@pytest.fixture
def known(world, pages, story):
    """Pages beside a live service that can decide nothing, and the service's address."""
    service = LiveService(ModelSource(world / "bundles" / "current", refused), NoLog())
    with listening(live_app(service)) as live:
        beside = PagesOf(
            pages.followed, world / "profiles.parquet", None, log=story.root / "log", live=live
        )
        with listening(web_app(beside)) as address, httpx.Client(base_url=address) as client:
            yield client, live


def times_of(client, reason):
    found = client.get("/api/live").json()
    assert found["trouble"] is None
    return found, sum(one["times"] for one in found["fell_back"] if one["reason"] == reason)


def test_pages_that_fell_back_are_told_by_reason_and_how_long_they_took(known, story):
    client, live = known
    before, earlier = times_of(client, "no_model")
    body = {"profile_id": "m3", "title_ids": story.catalogue.title_ids[:3]}
    for _ in range(PAGES):
        assert httpx.post(f"{live}/v1/decide", json=body).json()["reason"] == "no_model"
    after, now = times_of(client, "no_model")
    assert (now - earlier, after["pages"] - before["pages"]) == (PAGES, PAGES)
    shares = [one["share"] for one in after["fell_back"] if one["reason"] == "no_model"]
    assert sum(shares) == pytest.approx(now / after["pages"])
    spent = after["milliseconds"]
    assert 0 < spent["p50"] <= spent["p95"] <= spent["p99"]
    page = client.get("/monitor").text
    assert "no model" in page
    assert "The live service, since it started" in page
    assert f",{now}," in client.get("/csv/live").text


def test_a_service_that_asks_for_a_token_is_sent_the_one_of_the_environment(world, monkeypatch):
    service = LiveService(ModelSource(world / "bundles" / "current", refused), NoLog())
    with listening(live_app(service, tokens=Tokens([Token.of("pages", "secret")]))) as live:
        monkeypatch.delenv("MARQUEE_TOKEN", raising=False)
        assert "start the pages with one in MARQUEE_TOKEN" in str(live_seen(live).trouble)
        monkeypatch.setenv("MARQUEE_TOKEN", "secret")
        assert live_seen(live).trouble is None


def test_a_service_that_is_gone_is_a_sentence_and_the_rest_of_the_page_stays(pages, world, story):
    gone = PagesOf(pages.followed, None, None, log=story.root / "log", live="http://127.0.0.1:9/")
    with listening(web_app(gone)) as address:
        assert "does not say how it is" in httpx.get(f"{address}/api/live").json()["trouble"]
        page = httpx.get(f"{address}/monitor").text
    assert "does not say how it is" in page
    assert "Bundles: promised and earned" in page
    with pytest.raises(BadInput, match="--live ftp"):
        web(world / "bundles", world / "catalogue", live="ftp://127.0.0.1")
