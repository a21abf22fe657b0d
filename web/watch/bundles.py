"""The bundles of a store: what each promised before it was published, and what it earned."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from evaluate.monitor.takes import MeanReward


@dataclass(frozen=True)
class BundleRecord:
    """One bundle."""

    bundle: str
    live: bool
    published: str | None
    """When its publication was decided; None: it says nothing of it."""
    reason: str
    promised: float | None
    """The estimate that the gate went by, with its 95% interval; None: there was none."""
    low: float | None
    high: float | None
    earned: MeanReward | None
    """What draws under it earned; None: the log has none."""


def bundle_records(store: Path, earned: Sequence[MeanReward]) -> list[BundleRecord]:
    """The bundles of a folder, the live one first and then the newest.

    Args:
        store: folder whose `current` points at one of them.
        earned: by bundle.
    """
    live = (store / "current").resolve()
    value = {one.group: one for one in earned}
    folders = {folder.resolve() for folder in store.iterdir() if not folder.name.startswith(".")}
    found = [
        _record(folder, folder == live, value.get(folder.name))
        for folder in {live, *folders}
        if (folder / "manifest.json").is_file()
    ]
    return sorted(found, key=lambda one: (one.live, one.bundle), reverse=True)


def _record(folder: Path, live: bool, earned: MeanReward | None) -> BundleRecord:
    told: object = None
    with suppress(OSError, ValueError):  # of a store that tells nothing, or by half
        told = json.loads((folder / "publication.json").read_text())
    said = told if isinstance(told, dict) else {}
    numbers = said.get("verdict")
    for name in ("numbers", "candidate"):
        numbers = numbers.get(name) if isinstance(numbers, dict) else None
    three = [
        numbers.get(n) if isinstance(numbers, dict) else None for n in ("value", "low", "high")
    ]
    value, low, high = (float(n) if isinstance(n, int | float) else None for n in three)
    if value is None or low is None or high is None:
        value = low = high = None  # half of it is no estimate
    when = said.get("time")
    return BundleRecord(
        folder.name,
        live,
        when if isinstance(when, str) else None,
        str(said.get("reason") or ""),
        value,
        low,
        high,
        earned,
    )
