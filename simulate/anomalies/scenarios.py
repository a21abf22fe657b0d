"""The stories: one for each thing that goes wrong in logs, and a plain one."""

from collections.abc import Callable
from datetime import timedelta

from simulate.anomalies.record_factory import (
    FIRST_TITLE,
    KNOWN_TITLES,
    SKEW,
    TICK,
    WINDOW,
    Decided,
    Teller,
)

Story = Callable[[Teller], list[Decided]]


def plain(teller: Teller) -> list[Decided]:
    """Shown once; ignored, abandoned or watched."""
    decided = teller.decide()
    shown = teller.show(decided)
    if teller.rng.random() < 0.5:
        teller.watch(decided, shown + teller.hours(47))
    return [decided]


def duplicates(teller: Teller) -> list[Decided]:
    """Everything written twice; a kept choice logged again on a later day."""
    [decided] = plain(teller)
    again = dict(decided.rows[0])
    if teller.rng.random() < 0.5:
        again["time"] += teller.hours(72)
    decided.rows.append(again)
    for event in list(decided.events):
        late = teller.hours(20) if teller.rng.random() < 0.5 else timedelta(0)
        decided.events.append(event | {"received": event["received"] + late})
    return [decided]


def unrendered(teller: Teller) -> list[Decided]:
    """Decided ahead of time, never shown; sometimes watched all the same."""
    decided = teller.decide()
    if teller.rng.random() < 0.5:
        teller.waste(decided, decided.time + teller.hours(20))
    return [decided]


def orphans(teller: Teller) -> list[Decided]:
    """Shown and watched, but the decision never reached the log."""
    decided = teller.decide()
    decided.rows.clear()
    shown = decided.time + teller.hours(5)
    teller.event(decided, "impression", shown, shown + teller.prompt())
    teller.waste(decided, shown + teller.hours(5))
    return [decided]


def repeats(teller: Teller) -> list[Decided]:
    """Shown again and again; the first impression opens the only window."""
    decided = teller.decide()
    first = teller.show(decided)
    for _ in range(teller.rng.randint(1, 4)):
        teller.show(decided, first + teller.hours(90))
    if teller.rng.random() < 0.5:
        teller.watch(decided, first + teller.hours(47))
    else:
        teller.waste(decided, first + WINDOW + teller.hours(40))
    return [decided]


def replays(teller: Teller) -> list[Decided]:
    """Played several times, thumbs between; progress counts by its most, in any order."""
    decided = teller.decide()
    shown = teller.show(decided)
    for _ in range(teller.rng.randint(2, 5)):
        time = shown + teller.hours(47)
        teller.watch(decided, time)
        teller.event(
            decided, "thumb", time, time + teller.prompt(), thumb=teller.rng.choice((-1, 1))
        )
    return [decided]


def surfaces(teller: Teller) -> list[Decided]:
    """Played elsewhere, where the page knew no decision: the title's last impression earns it."""
    first = teller.decide()
    shown = teller.show(first, first.time + teller.hours(3))
    if teller.rng.random() < 0.5:
        teller.watch(first, shown + teller.hours(47), decision_id=None, surface="search")
        return [first]
    second = teller.decide(first, after=timedelta(hours=5) + teller.hours(10))
    again = teller.show(second, second.time + teller.hours(3))
    between = shown + teller.between(TICK, again - shown - SKEW - TICK)
    earlier, later = teller.rng.random() < 0.5, teller.rng.random() < 0.7
    if earlier:
        teller.watch(first, between, decision_id=None, surface="search")
    if later:
        teller.watch(second, again + teller.hours(47), decision_id=None, surface="search")
    return [first, second]


def late(teller: Teller) -> list[Decided]:
    """Phones that were offline: received up to four days after it happened."""
    decided = teller.decide()
    time = decided.time + teller.hours(24)
    teller.show(decided, time, time + teller.hours(96))
    watched = time + teller.hours(47)
    teller.watch(decided, watched, watched + teller.hours(96))
    return [decided]


def skew(teller: Teller) -> list[Decided]:
    """Clocks that differ: a little behind, or hours ahead of the receipt."""
    decided = teller.decide()
    if teller.rng.random() < 0.5:
        shown = teller.show(decided, decided.time - teller.between(TICK, SKEW))
        teller.watch(decided, shown - teller.between(TICK, SKEW), decided.time + teller.prompt())
        return [decided]
    received = decided.time + teller.hours(20)
    teller.show(decided, received + teller.hours(60), received)
    watched = received + teller.hours(40)
    teller.watch(decided, watched + teller.hours(60), watched)
    return [decided]


def outside(teller: Teller) -> list[Decided]:
    """Just within the window and its skew, or a microsecond outside."""
    decided = teller.decide()
    if teller.rng.random() < 0.2:  # rendered before it was decided: the clock is nonsense
        time = decided.time - SKEW - teller.between(TICK, timedelta(hours=1))
        teller.event(decided, "impression", time, decided.time + teller.prompt())
        return [decided]
    shown = teller.show(decided)
    edge = teller.rng.choice(("first", "last", "before", "after", "long after"))
    if edge == "first":
        teller.watch(decided, shown - SKEW, shown + teller.prompt())
    elif edge == "last":
        teller.watch(decided, shown + WINDOW)
    elif edge == "before":
        teller.waste(decided, shown - SKEW - TICK)
    elif edge == "after":
        teller.waste(decided, shown + WINDOW + TICK)
    else:
        teller.waste(decided, shown + WINDOW + teller.hours(30), decision_id=None)
    return [decided]


def unknown(teller: Teller) -> list[Decided]:
    """A title that the catalogue does not know: its runtime cannot lower the threshold."""
    [decided] = plain(teller)
    title = FIRST_TITLE + KNOWN_TITLES + teller.told
    for record in (*decided.rows, *decided.events):
        record["title_id"] = title
    decided.title_id = title
    return [decided]


ANOMALIES: dict[str, Story] = {
    story.__name__: story
    for story in (
        duplicates, unrendered, orphans, repeats, replays, surfaces, late, skew, outside, unknown,
    )
}  # fmt: skip
"""Name → story. Open windows and records out of order are in every log."""
