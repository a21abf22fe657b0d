"""`python -m simulate log`: members browse a rendered catalogue, in the public log format."""

from data.errors import BadInput
from data.schema import read_schema
from simulate.anomalies.anomalous_log import write_anomalous_log
from simulate.browsing.browse import browse_days
from simulate.browsing.day import Browsing
from simulate.browsing.habits import Habits
from simulate.browsing.log import windows_closed, write_days
from simulate.browsing.logging_policies import logging_policy
from simulate.browsing.member_memory import MemberMemory
from simulate.progress import progress_bar
from simulate.world.artwork_world import ArtworkWorld
from simulate.world.declared_facts import not_drawn
from simulate.world.switches import Switches


# Each parameter is an option of the command; most of its lines say what they mean.
def log(
    out: str,
    catalogue: str | None = None,
    members: int = 2000,
    days: int = 14,
    decisions_per_day: int = 10_000,
    policy: str = "uniform",
    epsilon: float = 0.2,
    seed: int = 1,
    competition: bool = False,
    delay_days: float = 0.0,
    keep_probabilities: bool = False,
    habits: Habits | None = None,
    switches: Switches | None = None,
    anomalies: str | None = None,
    decisions: int = 10_000,
    truth: str | None = None,
) -> dict[str, object]:
    """Let members browse a catalogue for some days; write decisions, events and their truth.

    Facts of members and pages that the catalogue's schema.yaml declares are drawn and logged; what
    else it declares and the log does not have is said in not_drawn.

    With --anomalies, a log of six days to judge a join by: everything that goes wrong in logs, and
    in --truth the examples that it must give.

    Args:
        out: new or empty folder: decisions/, events/ and truth/, by day.
        catalogue: folder that `python -m simulate catalogue` wrote.
        members: how many there are.
        days: how many days, from day 0 on.
        decisions_per_day: places on all pages of a day.
        policy: uniform, or epsilon (ε-greedy on the best unpersonalised artwork).
        epsilon: share of uniform exploration of the policy epsilon.
        seed: of members, visits and outcomes.
        competition: titles on a page compete for one play.
        delay_days: plays and progress are received so much later.
        keep_probabilities: log the probabilities of all candidates.
        habits: what members meet again, skip, and come back for.
        switches: drift, adversary, change effects, clickbait.
        anomalies: all, none, or names with commas between; the log then makes its own titles.
        decisions: how many, with --anomalies.
        truth: Parquet file for decision_id and reward of the closed examples, with --anomalies.
    """
    if anomalies is not None:
        if catalogue is not None:
            raise BadInput(f"--anomalies makes its own titles; leave out --catalogue {catalogue}")
        return {"log": out, **write_anomalous_log(decisions, seed, out, truth, anomalies)}
    if catalogue is None:
        raise BadInput(
            "--catalogue is missing: give the folder that `python -m simulate catalogue` wrote"
        )
    if truth is not None:
        raise BadInput(f"--truth {truth} goes with --anomalies; this log has its own truth/")
    if days < 1:
        raise BadInput(f"--days {days}: at least 1 is needed")
    world = ArtworkWorld.read(catalogue, members, seed)
    declared = schema_words(world)
    browsing = Browsing(
        decisions_per_day, seed, competition, delay_days, keep_probabilities, habits or Habits()
    )
    chooser = logging_policy(policy, len(world.truth.title_of), epsilon)
    memory = MemberMemory.of(world)
    logs = browse_days(world, chooser, range(days), browsing, switches, memory)
    with progress_bar("days", days) as done:
        written = write_days(logs, out, done, memory)
    closed = windows_closed(days, delay_days).isoformat()
    made = {"log": out, "members": members, "days": days, **written, "windows_closed": closed}
    return made | declared


def schema_words(world: ArtworkWorld) -> dict[str, object]:
    """What the catalogue's schema declares: what is drawn of it, and what is not."""
    schema = read_schema(world.truth.catalogue.root)
    said = {
        "drawn": [f"facts.{fact.name}" for fact in schema.facts],
        "not_drawn": not_drawn(schema, world.truth.catalogue),
    }
    return {name: names for name, names in said.items() if names}
