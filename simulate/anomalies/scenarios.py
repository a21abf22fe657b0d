"""The scenarios: one for each thing that goes wrong in logs, and a plain one.

A scenario knows its own outcome, because it says of each record whether it counts.
"""

from collections.abc import Callable
from datetime import timedelta

from simulate.anomalies.record_factory import (
    FIRST_TITLE,
    KNOWN_TITLES,
    SKEW,
    TICK,
    WINDOW,
    DecisionRecords,
    RecordFactory,
)

Scenario = Callable[[RecordFactory], list[DecisionRecords]]


def plain(factory: RecordFactory) -> list[DecisionRecords]:
    """Shown once; ignored, abandoned or watched."""
    decision = factory.decide()
    shown = factory.show(decision)
    if factory.rng.random() < 0.5:
        factory.watch(decision, shown + factory.hours(47))
    return [decision]


def duplicates(factory: RecordFactory) -> list[DecisionRecords]:
    """Everything written twice; a kept choice logged again on a later day."""
    [decision] = plain(factory)
    again = dict(decision.rows[0])
    if factory.rng.random() < 0.5:
        again["time"] += factory.hours(72)
    decision.rows.append(again)
    for event in list(decision.events):
        late = factory.hours(20) if factory.rng.random() < 0.5 else timedelta(0)
        decision.events.append(event | {"received": event["received"] + late})
    return [decision]


def unrendered(factory: RecordFactory) -> list[DecisionRecords]:
    """Decided ahead of time, never shown; sometimes watched all the same."""
    decision = factory.decide()
    if factory.rng.random() < 0.5:
        factory.watch_in_vain(decision, decision.time + factory.hours(20))
    return [decision]


def orphans(factory: RecordFactory) -> list[DecisionRecords]:
    """Shown and watched, but the decision never reached the log."""
    decision = factory.decide()
    decision.rows.clear()
    shown = decision.time + factory.hours(5)
    factory.event(decision, "impression", shown, shown + factory.prompt())
    factory.watch_in_vain(decision, shown + factory.hours(5))
    return [decision]


def repeats(factory: RecordFactory) -> list[DecisionRecords]:
    """Shown again and again; the first impression opens the only window."""
    decision = factory.decide()
    first = factory.show(decision)
    for _ in range(factory.rng.randint(1, 4)):
        factory.show(decision, first + factory.hours(90))
    if factory.rng.random() < 0.5:
        factory.watch(decision, first + factory.hours(47))
    else:
        factory.watch_in_vain(decision, first + WINDOW + factory.hours(40))
    return [decision]


def replays(factory: RecordFactory) -> list[DecisionRecords]:
    """Played several times, thumbs between; progress counts by its most, in any order."""
    decision = factory.decide()
    shown = factory.show(decision)
    for _ in range(factory.rng.randint(2, 5)):
        time = shown + factory.hours(47)
        factory.watch(decision, time)
        factory.event(
            decision, "thumb", time, time + factory.prompt(), thumb=factory.rng.choice((-1, 1))
        )
    return [decision]


def surfaces(factory: RecordFactory) -> list[DecisionRecords]:
    """Played elsewhere, where the page knew no decision: the title's last impression earns it."""
    first = factory.decide()
    shown = factory.show(first, first.time + factory.hours(3))
    if factory.rng.random() < 0.5:
        factory.watch(first, shown + factory.hours(47), decision_id=None, surface="search")
        return [first]
    second = factory.decide(first, after=timedelta(hours=5) + factory.hours(10))
    again = factory.show(second, second.time + factory.hours(3))
    between = shown + factory.between(TICK, again - shown - SKEW - TICK)
    earlier, later = factory.rng.random() < 0.5, factory.rng.random() < 0.7
    if earlier:
        factory.watch(first, between, decision_id=None, surface="search")
    if later:
        factory.watch(second, again + factory.hours(47), decision_id=None, surface="search")
    return [first, second]


def late(factory: RecordFactory) -> list[DecisionRecords]:
    """Phones that were offline: received up to four days after it happened."""
    decision = factory.decide()
    time = decision.time + factory.hours(24)
    factory.show(decision, time, time + factory.hours(96))
    watched = time + factory.hours(47)
    factory.watch(decision, watched, watched + factory.hours(96))
    return [decision]


def skew(factory: RecordFactory) -> list[DecisionRecords]:
    """Clocks that differ: a little behind, or hours ahead of the receipt."""
    decision = factory.decide()
    if factory.rng.random() < 0.5:
        shown = factory.show(decision, decision.time - factory.between(TICK, SKEW))
        factory.watch(
            decision, shown - factory.between(TICK, SKEW), decision.time + factory.prompt()
        )
        return [decision]
    received = decision.time + factory.hours(20)
    factory.show(decision, received + factory.hours(60), received)
    watched = received + factory.hours(40)
    factory.watch(decision, watched + factory.hours(60), watched)
    return [decision]


def outside(factory: RecordFactory) -> list[DecisionRecords]:
    """Just within the window and its skew, or a microsecond outside."""
    decision = factory.decide()
    if factory.rng.random() < 0.2:  # rendered before it was decided: the clock is nonsense
        time = decision.time - SKEW - factory.between(TICK, timedelta(hours=1))
        factory.event(decision, "impression", time, decision.time + factory.prompt())
        return [decision]
    shown = factory.show(decision)
    edge = factory.rng.choice(("first", "last", "before", "after", "long after"))
    if edge == "first":
        factory.watch(decision, shown - SKEW, shown + factory.prompt())
    elif edge == "last":
        factory.watch(decision, shown + WINDOW)
    elif edge == "before":
        factory.watch_in_vain(decision, shown - SKEW - TICK)
    elif edge == "after":
        factory.watch_in_vain(decision, shown + WINDOW + TICK)
    else:
        factory.watch_in_vain(decision, shown + WINDOW + factory.hours(30), decision_id=None)
    return [decision]


def unknown(factory: RecordFactory) -> list[DecisionRecords]:
    """A title that the catalogue does not know: its runtime cannot lower the threshold."""
    [decision] = plain(factory)
    title = FIRST_TITLE + KNOWN_TITLES + factory.decided
    for record in (*decision.rows, *decision.events):
        record["title_id"] = title
    decision.title_id = title
    return [decision]


ANOMALIES: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (
        duplicates,
        unrendered,
        orphans,
        repeats,
        replays,
        surfaces,
        late,
        skew,
        outside,
        unknown,
    )
}
"""Name → scenario. Open windows and records out of order are in every log."""
