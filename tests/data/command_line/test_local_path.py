"""A URL is never taken for a folder of that name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from data.command_line.local_path import is_url, local_path, without_password

URLS = ["s3://bucket/x", "s3:/bucket/x", "redis://h:1/0", "simplecache::s3://b"]
URLS += ["hdfs://n/a", "a_b://c", "redis:1.2.3.4"]
PATHS = ["artifacts/log", "/tmp/a:b/c", "a:b", "c:/log", "day=1/x", "./s3:/x", "lmdb:maps"]


@pytest.mark.parametrize("text", URLS)
def test_a_url_is_no_path(text):
    assert is_url(text)
    with pytest.raises(ValueError, match="is a URL"):
        local_path(text)


@pytest.mark.parametrize("text", PATHS)
def test_a_path_is_no_url(text):
    assert not is_url(text)
    assert str(local_path(text)) == text.removeprefix("./")


SECRETS = ["redis://:s3cret@h:1/0", "redis:s3cret@h", "redis://h/0?username=a&password=s3cret"]
SECRETS += ["ftp://me:s3c@ret@h/x", "simplecache::s3://key:s3cret@b", "redis://h/0?PASSWORD=s3cret"]


@pytest.mark.parametrize("url", SECRETS)
def test_a_url_is_printed_without_its_password_however_that_is_given(url):
    assert "ret" not in without_password(url)
    assert without_password(url).startswith(url.partition(":")[0])


@pytest.mark.parametrize("path", [*PATHS, "/tmp/a:b@c"])
def test_a_path_is_printed_as_it_is(path):
    assert without_password(path) == path


@pytest.mark.parametrize(
    "command",
    [
        ["data", "join", "s3://b/log", "--out", "o"],
        ["data", "join", "log", "--out", "s3://b/o"],
        ["data", "roll", "--log", "redis://h/0"],
        ["serve", "live", "--log", "s3://b/log"],
        ["serve", "precompute", "--profiles", "s3://b/p"],
        ["serve", "live", "--log", ""],
        ["serve", "lookup", "m", "--store", ""],
        ["data", "join", "--log", "l", "--catalogue", "c", "--out", ""],
        ["export", "list", "--store", ""],
    ],
    ids=" ".join,
)
def test_a_place_that_an_option_does_not_know_is_refused_and_nothing_made(command, tmp_path):
    here = os.environ | {"PYTHONPATH": str(Path.cwd())}
    words = [sys.executable, "-m", *command]
    done = subprocess.run(words, cwd=tmp_path, env=here, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    said = ("URL", "give a folder", "names nothing")
    assert any(words in done.stderr for words in said), done.stderr
    assert list(tmp_path.iterdir()) == []
