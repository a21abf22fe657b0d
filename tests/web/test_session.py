"""Signing in: who has no token sees nothing, and what a token is not for is said. About 3 s."""

import httpx
import orjson
import pytest

from serve.live.door.tokens import Token, Tokens, digest
from tests.screenshots import listening
from web.app import web_app
from web.pages_of import PagesOf
from web.session import COOKIE, Sessions
from web.tokens_file import TokensFile

READS, WRITES = "r" * 43, "w" * 43


@pytest.fixture(scope="module")
def guarded(pages, world, story):
    held = [Token("ann", digest(READS), ("read",)), Token("bob", digest(WRITES), ("write",))]
    sessions = Sessions(Tokens(held))
    shut = PagesOf(
        pages.followed, world / "profiles.parquet", story.root / "examples", sessions=sessions
    )
    with listening(web_app(shut)) as address:
        yield address


@pytest.fixture
def client(guarded):
    with httpx.Client(base_url=guarded) as opened:
        yield opened


def test_nothing_is_told_to_whom_nobody_knows(client):
    for path in ("/", "/why", "/title", "/titles", "/lab", "/monitor", "/thumbnail", "/docs"):
        got = client.get(path)
        assert got.status_code == 303, path
        assert got.headers["location"].startswith("/sign-in?next=")
    for path in ("/api/home", "/api/titles", "/csv/home", "/openapi.json"):
        assert client.get(path).status_code == 401, path
    assert client.post("/lab", data={"title": "1"}).status_code == 401
    wrong = {"Authorization": "Bearer nobody's"}
    assert client.get("/api/titles", headers=wrong).status_code == 401
    guessed = {"Cookie": f"{COOKIE}=guessed"}
    assert client.get("/titles", headers=guessed).status_code == 303


def test_a_program_shows_its_token_and_a_person_signs_in_and_out(client):
    held = {"Authorization": f"Bearer {READS}"}
    assert client.get("/api/titles", headers=held).status_code == 200
    assert client.post("/sign-in", data={"token": "none"}).status_code == 401
    got = client.post("/sign-in", data={"token": READS, "next": "/titles?name=a"})
    assert (got.status_code, got.headers["location"]) == (303, "/titles?name=a")
    said = got.headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=lax" in said
    assert READS not in said
    page = client.get("/titles")
    assert page.status_code == 200
    assert "ann" in page.text
    cookie = client.cookies[COOKIE]
    client.post("/sign-out")
    assert client.get("/titles", headers={"Cookie": f"{COOKIE}={cookie}"}).status_code == 303


def test_a_token_that_may_not_read_is_told_so(client):
    got = client.get("/titles", headers={"Authorization": f"Bearer {WRITES}"})
    assert got.status_code == 403
    assert "bob" in got.text
    assert "needs" in got.text


@pytest.mark.parametrize("next", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_signing_in_leads_nowhere_else(client, next):
    got = client.post("/sign-in", data={"token": READS, "next": next})
    assert got.headers["location"] == "/"


def test_another_site_signs_nobody_in(client):
    headers = {"Origin": "https://evil.example"}
    assert client.post("/sign-in", data={"token": READS}, headers=headers).status_code == 403


def test_a_session_ends_with_its_token_and_an_empty_file_opens_nothing(pages, world, tmp_path):
    file = tmp_path / "tokens.yaml"

    def give_out(*scopes):
        held = [{"name": "ann", "sha256": digest(READS), "scopes": scopes}] if scopes else []
        file.write_bytes(orjson.dumps(held))

    give_out("read", "rules")
    sessions = Sessions(TokensFile(file))
    shut = PagesOf(pages.followed, world / "profiles.parquet", None, sessions=sessions)
    bearer = {"Authorization": f"Bearer {READS}"}
    with listening(web_app(shut)) as address, httpx.Client(base_url=address) as client:

        def seen():
            return client.get("/titles").status_code

        client.post("/sign-in", data={"token": READS})
        assert seen() == 200
        give_out("write")
        assert seen() == 403
        give_out("read")
        assert seen() == 200
        give_out()
        assert seen() == 303
        assert client.get("/api/titles").status_code == 401
        assert client.get("/api/titles", headers=bearer).status_code == 401
        give_out("read")
        file.write_text("- {name")
        assert seen() == 303
        file.unlink()
        assert seen() == 303
        give_out("read")
        assert seen() == 200
