"""A policy in the simulated world: it decides, is logged, waits for its rewards, learns; every day.

    browse ─► log ─► join (what was received by midnight) ─► renew the policy ─► next day

Everything runs on the public files: the log that a day leaves is the log that the join reads, and
the policy learns from the join's examples alone.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from data.examples.stream import ExampleStream
from data.join.join import join
from loop.day_log import LATER, append_day
from loop.named_policies import Learning, open_policy
from loop.state import LoopState, Moment, Row, Step
from simulate.browsing.browse import browse
from simulate.browsing.day import Browsing, DayLog
from simulate.browsing.member_memory import MemberMemory
from simulate.browsing.value import value_of
from simulate.posters.subjects import Subjects
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.catalogue import write_catalogue
from simulate.world.switches import Switches, world_on
from simulate.world.titles import START

MIDNIGHT = datetime(START.year, START.month, START.day, tzinfo=UTC)
CUT_OUTS = Path(__file__).parents[1] / "sample" / "artwork"
TITLES, ARTWORKS = 40, 6
"""Of the catalogue that is rendered where none is given."""


@dataclass(frozen=True)
class PolicyLoopSettings:
    """What a loop is begun with, and goes on with."""

    learning: Learning
    catalogue: Path | None = None
    """Folder that `python -m simulate catalogue` wrote; a small one is rendered if None."""
    members: int = 2000
    browsing: Browsing = field(default_factory=Browsing)
    switches: Switches = field(default_factory=Switches)

    def record(self) -> dict[str, object]:
        """As options have them."""
        return {
            **asdict(self.learning),
            **asdict(self.browsing),
            "catalogue": None if self.catalogue is None else str(self.catalogue),
            "members": self.members,
            "switches": asdict(self.switches),
        }


class PolicyLoop:
    """A loop that is under way in a folder.

    Args:
        out: the folder of everything.
        settings: what it was begun with.

    Raises:
        BadInput: the folder holds something else, or there is no such catalogue.
    """

    def __init__(self, out: Path, settings: PolicyLoopSettings) -> None:
        self.out, self.settings = out, settings
        self.log, self.examples = out / "log", out / "examples"
        self.state = LoopState.open(out, settings.record())
        seed = settings.browsing.seed
        self.catalogue = settings.catalogue or _rendered(out / "catalogue", seed)
        self.world = ArtworkWorld.read(self.catalogue, settings.members, seed)
        self.policy = open_policy(settings.learning, self.world, self.catalogue, out)

    def run(
        self, days: int, progress: Callable[[Moment], object] = lambda moment: None
    ) -> list[Row]:
        """Go on until so many days are over; what there is to say of each."""
        steps = Step("browse", self._browse), Step("join", self._join), Step("renew", self._renew)
        self.state.run(lambda day: steps, days, progress)
        return self.state.rows[:days]

    def _browse(self, day: int) -> None:
        """A day of pages, decided by the policy as it was renewed last night."""
        self.policy.restore(self._stream(), self.state.bundle)
        switches = self.settings.switches
        world = world_on(self.world, switches, day)
        memory = self._memory(day)
        log = browse(world, self.policy, day, self.settings.browsing, memory, switches.change_cost)
        append_day(log, self.log, self.out / LATER, self.policy.bundle)
        memory.write(self._memory_file(day + 1))
        self._memory_file(day - 1).unlink(missing_ok=True)
        self.state.rows[day:] = [day_row(log) | {"bundle": self.policy.bundle}]

    def _join(self, day: int) -> None:
        """The examples that are closed by the end of the day."""
        now = MIDNIGHT + timedelta(days=day + 1)
        reward = self.settings.learning.reward
        joined = join(self.log, self.catalogue, self.examples, now=now, reward=reward)
        self.state.rows[day] |= {"examples": joined.examples, "waiting": joined.waiting}

    def _renew(self, day: int) -> None:
        """Let the policy publish what it learnt, if it is one that publishes."""
        stream = self._stream()
        if stream is not None:
            self.policy.restore(None, self.state.bundle)
            self.state.bundle = self.policy.renew(stream) or self.state.bundle

    def _stream(self) -> ExampleStream | None:
        """The examples to learn from; None while there is none."""
        if not any(self.examples.glob("day=*/*.parquet")):
            return None
        window, decay = self.settings.learning.window, self.settings.learning.decay
        return ExampleStream(self.examples, size=4096, buffer=4096, window_days=window, decay=decay)

    def _memory_file(self, day: int) -> Path:
        return self.out / f"members-before-{day}.npz"

    def _memory(self, day: int) -> MemberMemory:
        if day:
            return MemberMemory.read(self._memory_file(day))
        return MemberMemory.of(self.world)


def day_row(log: DayLog) -> Row:
    """What a day was worth: over its rendered decisions, by the truth.

    regret and uniform_regret are sums of expected takes that the best candidate had more than the
    chosen one, and than one drawn evenly.
    """
    value = value_of(log.takes, log.requests.valid, log.outcomes)
    count = max(1, value.impressions)
    return {
        "day": log.day,
        "decisions": log.decisions.num_rows,
        "impressions": value.impressions,
        "plays": value.plays,
        "takes": value.takes,
        "take_fraction": value.takes / count,
        "expected": value.expected / count,
        "regret": value.regret,
        "uniform_regret": value.uniform_regret,
    }


def _rendered(folder: Path, seed: int) -> Path:
    """The loop's own catalogue, rendered from the sample's cut-outs if it is not there yet."""
    if not folder.is_dir():
        write_catalogue(Subjects.read(CUT_OUTS), TITLES, ARTWORKS, seed, folder)
    return folder
