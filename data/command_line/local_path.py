"""What an option may name: a file or folder of this machine, or a URL."""

import re
from pathlib import Path

URL = re.compile(r"[A-Za-z][A-Za-z0-9+._-]+:{1,2}[/A-Za-z]|rediss?:")
"""A scheme of two letters or more: `s3://bucket`, `s3:/bucket`, `simplecache::s3://bucket`."""


def is_url(text: str) -> bool:
    """Whether a text is a URL, or was meant as one."""
    return URL.match(text) is not None and not text.startswith("lmdb:")


def without_password(url: str) -> str:
    """A URL as it may be printed: an `@` in its password is no end of it, however it is written.

    A path stays as it is.
    """
    if not is_url(url):
        return url
    hidden = re.sub(r"^([^:]*:/{0,2}).*@", r"\1…@", url, flags=re.DOTALL)
    return re.sub(r"(?i)(password=)[^&#]*", r"\1…", hidden)


def local_path(text: str) -> Path:
    """A file or folder of this machine.

    Raises:
        ValueError: a URL, which as a path would be a folder of that name; or nothing, as of a
            variable that is not set, which would be the folder that the command runs in.
    """
    if is_url(text):
        shown = without_password(text)
        raise ValueError(f"{shown} is a URL; this option takes a file or folder of this machine")
    if not text:
        raise ValueError("it names nothing; give . for the folder that the command runs in")
    return Path(text)
