"""An address of Redis that is none is said to be so before anything is asked, without passwords."""

import pytest

from bench.optional import why_no_redis
from data.errors import BadInput
from data.log.open_log import open_log
from serve.maps.open_store import open_map_store

if why_no_redis() is not None:
    pytest.skip(f"{why_no_redis()}: addresses of Redis are not tested", allow_module_level=True)

UNQUOTED = ["s3c/ret@p", "s3c?ret", "s3c#ret", "s3c:ret@p", "s3c?ret@p"]
"""Passwords that end the address where they are not quoted."""


@pytest.mark.parametrize("opened", [open_log, open_map_store], ids=["log", "store"])
@pytest.mark.parametrize("password", UNQUOTED)
def test_a_password_that_is_not_quoted_is_refused_and_never_printed(password, opened):
    with pytest.raises(BadInput, match=r"Redis") as caught:
        # A port that nobody can have, for a password that is read whole.
        opened(f"redis://:{password}@h:99999/0")
    assert "s3c" not in str(caught.value)
    assert "ret" not in str(caught.value)


@pytest.mark.parametrize("opened", [open_log, open_map_store], ids=["log", "store"])
@pytest.mark.parametrize(
    "rest", ["[::1/0", "h:x/0", "h/0?foo=1", "h/0?db=x", "h/0?socket_timeout=x"]
)
def test_an_address_that_no_client_can_use_is_refused_when_it_is_opened(rest, opened):
    with pytest.raises(BadInput, match="no address of Redis"):
        opened(f"redis://{rest}")


@pytest.mark.parametrize("opened", [open_log, open_map_store], ids=["log", "store"])
def test_the_password_of_a_url_of_something_else_is_not_printed(opened):
    with pytest.raises(BadInput, match="folder") as caught:
        opened("postgres://me:s3cret@h/0")
    assert "s3cret" not in str(caught.value)
