"""Opening bundles, from where serving looks for it; `data.bundle` has the format and its checks."""

from data.bundle import Bundle, resolve

__all__ = ["Bundle", "resolve"]
