"""What a day of visits came to, by the truth."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from simulate.browsing.day import Outcomes

SUMS = ("impressions", "plays", "takes", "expected", "regret", "uniform_regret")


@dataclass
class VisitReport:
    """Sums over the day's pages."""

    pages: Counter[str] = field(default_factory=Counter)
    """How many pages were answered live, and how many for which reason were not."""
    cells: dict[str, Counter[str]] = field(default_factory=dict)
    """Cell → SUMS over its rendered places."""
    bundles: Counter[str] = field(default_factory=Counter)
    """Pages by the bundle that decided them."""
    rendered: dict[str, set[str]] = field(default_factory=dict)
    """Cell → decisions that were rendered."""
    changed: int = 0
    """Impressions of a title with other artwork than its member saw last."""
    events: int = 0

    def add(
        self, cell: str, outcomes: Outcomes, takes: Float[np.ndarray, "places candidates"],
        valid: Bool[np.ndarray, "places candidates"], changed: int, bundle: str | None,
    ) -> None:  # fmt: skip
        """Count one page."""
        shown = outcomes.rendered
        chosen = takes[np.arange(len(takes)), outcomes.choice][shown]
        best, even = takes.max(-1)[shown], (takes.sum(-1) / valid.sum(-1))[shown]
        sums = (
            shown.sum(), outcomes.played.sum(), outcomes.taken.sum(), chosen.sum(),
            (best - chosen).sum(), (best - even).sum(),
        )  # fmt: skip
        into: Counter[str] = self.cells.setdefault(cell, Counter())
        for name, value in zip(SUMS, sums, strict=True):
            into[name] += float(value)  # pyright: ignore[reportArgumentType]
        self.changed += changed
        if bundle is not None:
            self.bundles[bundle] += 1

    def told(self) -> dict[str, Any]:
        """As one object: totals, then each cell."""
        total = {name: sum(cell[name] for cell in self.cells.values()) for name in SUMS}
        return {
            **total, "artwork_changed": self.changed, "events": self.events,
            "pages": dict(self.pages), "bundles": dict(self.bundles),
            "cells": {name: dict(sums) for name, sums in self.cells.items()},
            "rendered": {name: len(ids) for name, ids in self.rendered.items()},
        }  # fmt: skip
