"""Bundles: published models on disk, each with a manifest that vouches for every byte.

May import `bandit` and the root of `data`.
"""

from data.bundle.folder import ANCHOR, CURRENT, PUBLICATION, Bundle, resolve
from data.bundle.manifest import (
    BUNDLE_VERSION,
    MANIFEST,
    NAME,
    NAMES_MEET_EXACTLY,
    FileEntry,
    Manifest,
    content_hash,
    entry,
)

__all__ = [
    "ANCHOR",
    "BUNDLE_VERSION",
    "CURRENT",
    "MANIFEST",
    "NAME",
    "NAMES_MEET_EXACTLY",
    "PUBLICATION",
    "Bundle",
    "FileEntry",
    "Manifest",
    "content_hash",
    "entry",
    "resolve",
]
