"""Where a file of the catalogue is had."""

from urllib.parse import quote

IN_PATHS = "/:@!$&'()*+,;=~"
"""Stands in a URL's path as it is, as letters, digits, `_`, `.` and `-` do (RFC 3986)."""


def artwork_url(base_url: str, path: str) -> str:
    """Where an artwork's file is had: its path in the catalogue, quoted, after a base."""
    return base_url + quote(path, safe=IN_PATHS)
