"""Actions of dsjson: what they are called, and the numbers that describe them."""

from collections.abc import Mapping
from hashlib import blake2b

import numpy as np
import orjson

from data.importers.mapping.json_rows import at_path

NAMES = ("id", "_tag", "i.id", "_id")
"""Where an action says what it is called, the first that it has."""


def action_name(action: object, path: str | None) -> str:
    """What an action is called."""
    for name in NAMES if path is None else (path,):
        if (found := at_path(action, name)) is not None:
            return str(found)
    if path is not None:
        return ""
    content = orjson.dumps(action, option=orjson.OPT_SORT_KEYS)
    return blake2b(content, digest_size=8).hexdigest()


def action_features(value: object, path: str = "") -> dict[str, float]:
    """Numbers by name of nested features: texts and truths as name=value, 1 each."""
    if isinstance(value, Mapping):
        parts = [
            action_features(held, f"{path}.{name}".strip("."))
            for name, held in value.items()
            if not name.startswith("_")
        ]
        return {name: one for part in parts for name, one in part.items()}
    if isinstance(value, list):
        parts = [action_features(held, path) for held in value]
        return {name: one for part in parts for name, one in part.items()}
    if isinstance(value, bool | str):
        return {f"{path}={value}": 1.0}
    if isinstance(value, int | float) and np.isfinite(value):
        return {path: float(value)}
    return {}
