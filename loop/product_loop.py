"""The whole product on one machine, day after day, with real processes.

    precompute ─► live service ◄─ members over HTTP ─► log ─► roll ─► join ─► train ─► publish
        ▲                                                                        │
        └──────────────────────────── next day ◄─────────────────────────────────┘

Each step is a command that a scheduler can run as well; `OUT/commands.log` shows them all. The
members are simulated, and so is the clock that records are stamped by: a week takes minutes.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from data.clock import turn
from data.days import moment_us
from data.features import FeatureSpec
from loop.audit import day_counts
from loop.draw_value import draw_value
from loop.product_steps import ProductLoopSettings, ProductSteps
from loop.state import STATE, LoopState, Moment, Row, Step
from simulate.world.titles import START

CLOSED_AFTER = timedelta(days=4)
"""Every window of a day has closed, and every phone has reported, so long after it."""


class ProductLoop:
    """A loop that is under way in a folder.

    Args:
        out: the folder of everything.
        settings: what it was begun with.
        deadline_ms: of a live page.

    Raises:
        BadInput: the folder holds something else.
    """

    def __init__(self, out: Path, settings: ProductLoopSettings, deadline_ms: float) -> None:
        self.settings = settings
        if not (out / STATE).is_file():
            settings.steering.check()
        self.state = LoopState.open(out.resolve(), settings.record())
        self.product = ProductSteps(out.resolve(), settings, deadline_ms)
        self.product.nights.begin()

    def run(self, progress: Callable[[Moment], object] = lambda moment: None) -> list[Row]:
        """Go on until all live days are over and counted; what there is to say of each."""
        last = self.settings.days
        self.state.run(self.steps, last + 2, progress)
        return self.state.rows[: last + 1]

    def steps(self, day: int) -> list[Step]:
        """Day 0 is a history of evenly chosen artwork, and a model of it.

        The day after the last live one waits for what is still to come of them all.
        """
        product = self.product
        nights = {"probation": self._probation, "ramp": self._ramp}
        steered = {name: nights[name] for name in product.nights.steps}
        learn = {"join": self._join, **steered, "train": self._train, "estimate": self._estimate}
        if day == 0:
            begin = {"render": lambda day: product.render(), "browse": lambda day: product.browse()}
            steps = begin | learn
        elif day <= self.settings.days:
            live = {"precompute": self._precompute, "visit": self._visit}
            steps = live | {"roll": lambda day: product.roll()} | learn
        else:
            steps = {
                "close": lambda day: product.visit(self._number(day), close=True),
                "roll": lambda day: product.roll(),
                "join": lambda day: product.join(self.midnight(day) + CLOSED_AFTER),
                "count": self._count,
            }
        return [Step(name, self._on_the_clock(action)) for name, action in steps.items()]

    def midnight(self, day: int) -> datetime:
        """When a live day begins; day 0 is the history, which ends where day 1 begins."""
        at = START + timedelta(days=self._number(max(day, 1)))
        return datetime(at.year, at.month, at.day, tzinfo=UTC)

    def _number(self, day: int) -> int:
        """A live day's number in the simulation."""
        return self.settings.history + day - 1

    def _on_the_clock(self, action: Callable[[int], object]) -> Callable[[int], None]:
        """An action that begins at its day's midnight."""

        def act(day: int) -> None:
            turn(self.product.clock, moment_us(self.midnight(day)))
            action(day)

        return act

    def _precompute(self, day: int) -> None:
        printed = self.product.precompute(self.midnight(day).date())
        names = ("profiles", "decisions", "kept", "artwork_changed")
        self.state.row(day)["precomputed"] = {name: printed[name] for name in names}

    def _visit(self, day: int) -> None:
        bundle = self.product.bundle.name
        self.state.row(day).update(self.product.visit(self._number(day)), bundle=bundle)

    def _join(self, day: int) -> None:
        joined = self.product.join(self.midnight(day + 1))
        self.state.row(day).update({name: joined[name] for name in ("examples", "waiting")})

    def _probation(self, day: int) -> None:
        said = self.product.nights.probation(self.midnight(day + 1).date())
        names = ("written", "taken_out", "left_out", "rules")
        self.state.row(day)["probation"] = {name: said[name] for name in names}

    def _ramp(self, day: int) -> None:
        self.state.row(day)["ramps"] = self.product.nights.ramp(self.midnight(day + 1).date())

    def _train(self, day: int) -> None:
        self.product.train(() if day else self.settings.train_first)

    def _estimate(self, day: int) -> None:
        bundle = self.product.bundle.name
        self.state.row(day)["offline"] = {"bundle": bundle, **self.product.estimate()}

    def _count(self, day: int) -> None:
        """Count every live day at every station, and what its draws were worth."""
        spec = FeatureSpec.from_json((self.product.bundle / "features.json").read_bytes())
        for live in range(1, day):
            sent = self.product.sent(self._number(live))
            counts = day_counts(sent, self.product.log, self.product.examples, spec)
            folder = f"day={self.midnight(live).date()}"
            value = draw_value(sent, self.product.log, folder)
            self.state.row(live).update(counts=counts._asdict(), online=value._asdict())
