"""What a day of visits came to, by the truth."""

from collections import Counter
from dataclasses import dataclass, field

from simulate.browsing.value import Value
from simulate.visits.told import ToldWorth

SUMS = ("impressions", "plays", "takes", "expected", "regret", "uniform_regret")
"""What is reported of a page's value."""


@dataclass
class VisitReport:
    """Sums over the day's pages."""

    pages: Counter[str] = field(default_factory=Counter)
    """How many pages were answered live, and how many for which reason were not."""
    cells: dict[str, dict[str, float]] = field(default_factory=dict)
    """Cell → SUMS over its rendered places."""
    bundles: Counter[str] = field(default_factory=Counter)
    """Pages by the bundle that decided them."""
    told: dict[str, dict[str, float]] = field(default_factory=dict)
    """Cell → sums of `simulate.visits.told.ToldWorth`; empty where pages show artwork alone."""
    rendered: dict[str, set[str]] = field(default_factory=dict)
    """Cell → decisions that were rendered."""
    changed: int = 0
    """Impressions of a title with other artwork than its member saw last."""
    events: int = 0

    def add(self, cell: str, value: Value, changed: int, bundle: str | None) -> None:
        """Count one page."""
        sums = self.cells.setdefault(cell, dict.fromkeys(SUMS, 0.0))
        for name in SUMS:
            sums[name] += float(getattr(value, name))
        self.changed += changed
        if bundle is not None:
            self.bundles[bundle] += 1

    def add_told(self, cell: str, worth: ToldWorth) -> None:
        """Count what synopses of one page were worth."""
        sums = self.told.setdefault(cell, dict.fromkeys(ToldWorth._fields, 0.0))
        for name, value in worth._asdict().items():
            sums[name] += value

    def record(self) -> dict[str, object]:
        """As one object: totals, then each cell."""
        return {
            **{name: sum(cell[name] for cell in self.cells.values()) for name in SUMS},
            "artwork_changed": self.changed,
            "events": self.events,
            "pages": dict(self.pages),
            "bundles": dict(self.bundles),
            "cells": self.cells,
            "rendered": {name: len(ids) for name, ids in self.rendered.items()},
            **({"synopses": self.told} if self.told else {}),
        }
