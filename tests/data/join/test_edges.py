"""Where the join's definition has an edge: one story on each side of it, all in one log.

Members stand for stories: each has decisions and events of its own, and what the join makes of them
is (played, minutes, thumb, impressions) of each decision that becomes an example.
"""

from datetime import timedelta

import pytest

from data.join.join import join
from data.join.open_engine import EngineSettings
from tests.data.join.test_join import NOON, decision, event, examples, hours, log, shown, watched

SKEW, WINDOW, HORIZON = timedelta(minutes=5), hours(48), timedelta(days=30)
HAIR, SECOND = timedelta(microseconds=1), timedelta(seconds=1)
NOW, MIDNIGHT = NOON + timedelta(days=80), NOON + hours(12)
NOTHING, SEEN = {}, {"d": (False, 0, 0, 1)}
LATER = decision("e", NOON + hours(5))


def took(minutes=10, at="d", **others):
    """One example that somebody watched, or that and others."""
    return {at: (True, minutes, 0, 1), **others}


def play(at, name="d", **said):
    return event("play", at, name, **said)


def thumb(value, after=1, **said):
    return event("thumb", NOON + hours(after), "d", thumb=value, **said)


def free(at, minutes=10, **said):
    """An engagement that names no decision."""
    return watched(minutes, at, None, **said)


def pair(at):
    """Two draws of one title, seen one after the other, and an engagement of neither."""
    return [shown(), shown(LATER["time"], "e"), free(at)]


OTHER = {"e": (False, 0, 0, 1)}
STORIES = {
    "shown as early as clocks differ": ([], [shown(NOON - SKEW)], SEEN),
    "shown before it was decided": ([], [shown(NOON - SKEW - HAIR)], NOTHING),
    "shown at the last moment": ([], [shown(NOON + HORIZON - HAIR)], SEEN),
    "shown too late": ([], [shown(NOON + HORIZON)], NOTHING),
    "shown by a clock that runs ahead": ([], [shown(NOON + HORIZON, received=NOON)], SEEN),
    "received too late": ([], [shown(NOON + HORIZON - HAIR, received=NOON + HORIZON)], SEEN),
    "never shown": ([], [watched(10)], NOTHING),
    "shown without saying which": ([], [shown(name=None)], NOTHING),
    "its artwork shown": ([], [shown(artwork_id="x")], SEEN),
    "another artwork shown, twice": (
        [],
        [shown(artwork_id="y"), shown(NOON + SECOND, artwork_id="y")],
        NOTHING,
    ),
    "another title shown": ([], [shown(title_id=8)], NOTHING),
    "shown to somebody else": ([], [shown(profile_id="somebody")], NOTHING),
    "seen without playing": ([], [shown(), event("impression", NOON, None)], SEEN),
    "engaged as early as clocks differ": ([], [shown(), watched(10, NOON - SKEW)], took()),
    "engaged before it was shown": ([], [shown(), watched(10, NOON - SKEW - HAIR)], SEEN),
    "engaged at the last moment": ([], [shown(), watched(10, NOON + WINDOW)], took()),
    "engaged too late": ([], [shown(), watched(10, NOON + WINDOW + HAIR)], SEEN),
    "engaged by a clock that runs ahead": (
        [],
        [shown(), watched(10, NOON + hours(99), received=NOON + WINDOW)],
        took(),
    ),
    "received a month after": ([], [shown(), watched(10, received=NOON + HORIZON)], took()),
    "engaged with another title": ([], [shown(), watched(10, title_id=8)], SEEN),
    "engaged by somebody else": ([], [shown(), watched(10, profile_id="somebody")], SEEN),
    "watched on and on": (
        [],
        [shown(), *(watched(m, NOON + hours(m)) for m in (5, 30, 20))],
        took(30),
    ),
    "minutes of a play": ([], [shown(), play(NOON, minutes=50.0)], took(0)),
    "liked": ([], [shown(), thumb(1)], {"d": (False, 0, 1, 1)}),
    "liked at last": (
        [],
        [shown(), thumb(-1), thumb(1, 2)],
        {"d": (False, 0, 1, 1)},
    ),
    "disliked": ([], [shown(), thumb(-1)], {"d": (False, 0, -1, 1)}),
    "a thumb of another kind": ([], [shown(), watched(10, thumb=1)], took()),
    "minutes of another kind": ([], [shown(), thumb(-1, minutes=9.0)], {"d": (False, 0, -1, 1)}),
    "shown on several pages": (
        [],
        [shown(), shown(), shown(NOON + WINDOW), shown(NOON + WINDOW + HAIR)],
        {"d": (False, 0, 0, 2)},
    ),
    "the first page opens the window": (
        [],
        [shown(NOON + hours(2)), shown(NOON + hours(1)), watched(10, NOON + hours(49) + HAIR)],
        {"d": (False, 0, 0, 2)},
    ),
    "logged again on a later day": ([decision("d", NOON + hours(24))], [shown()], SEEN),
    "logged again, and shown by the copy": (
        [decision("d", NOON + hours(24))],
        [shown(NOON + HORIZON)],
        NOTHING,
    ),
    "decided at midnight": (
        [decision("e", MIDNIGHT)],
        [shown(), shown(MIDNIGHT, "e")],
        SEEN | OTHER,
    ),
    "an id of two artworks": ([decision("d", action="y")], [shown()], NOTHING),
    "an id of two titles": ([decision("d", title_id=8)], [shown()], NOTHING),
    "an id of two members": ([decision("d", profile_id="somebody")], [shown()], NOTHING),
    "a free play, before the second page": ([LATER], pair(NOON + hours(5) - HAIR), took() | OTHER),
    "a free play, at the second page": (
        [LATER],
        pair(NOON + hours(5)),
        SEEN | took(at="e"),
    ),
    "a free play, between two pages": (
        [decision("e")],
        [shown(), shown(NOON + SKEW, "e"), free(NOON + SECOND)],
        took() | OTHER,
    ),
    "a free play, as early as clocks differ": ([], [shown(), free(NOON - SKEW)], took()),
    "a free play, before all": ([], [shown(), free(NOON - SKEW - HAIR)], SEEN),
    "a free play, at the last moment": ([], [shown(), free(NOON + WINDOW)], took()),
    "a free play, too late": ([], [shown(), free(NOON + WINDOW + HAIR)], SEEN),
    "a free play of another title": ([], [shown(), free(NOON + SECOND, title_id=8)], SEEN),
    "a free play of somebody else": ([], [shown(), free(NOON + SECOND, profile_id="him")], SEEN),
    "a free play of a page that nothing decided": (
        [],
        [shown(), shown(NOON + hours(1), "gone"), free(NOON + hours(2))],
        SEEN,
    ),
    "a free play, said twice": ([], 2 * [free(NOON + SECOND, 3)] + [shown()], took(3)),
    "a free play of two": (
        [],
        [shown(), free(NOON + SECOND, 3), free(NOON + 2 * SECOND, 7)],
        took(7),
    ),
}


def of_story(number, row):
    """A row of a story as one of its own member; who is somebody else stays so."""
    mine = {"profile_id": f"member {number}"} if row["profile_id"] == "ada" else {}
    for name in ("decision_id", "event_id"):
        if row.get(name) is not None:
            mine[name] = f"{number:02} {row[name]}"
    return row | mine


@pytest.fixture(scope="module")
def rows():
    """Decisions and events of all stories."""
    decisions, events = [], []
    for number, (more, said, _) in enumerate(STORIES.values()):
        decisions += [of_story(number, row) for row in (decision(), *more)]
        events += [of_story(number, row) for row in said]
    return decisions, events


def found(folder, **how):
    """What became of each story, and what was set aside."""
    report = join(
        folder,
        None,
        folder / "out",
        now=NOW,
        reward="liked=CAST(thumb AS DOUBLE)",
        engine=EngineSettings(**how),
    )
    told = {name: {} for name in STORIES}
    for row in examples(folder / "out"):
        number, name = row["decision_id"].split()
        came = (row["played"], row["minutes"], row["reward"], row["impressions"])
        told[list(STORIES)[int(number)]][name] = came
    return told, report


EXPECTED = {name: expected for name, (_, _, expected) in STORIES.items()}
SET_ASIDE = {
    "an id that names two things": 3,
    "another artwork": 2,
    "another profile or title": 2,
}


@pytest.mark.parametrize("batch", [10**6, 1], ids=["days at once", "a day at a time"])
def test_each_edge_is_where_the_definition_has_it(rows, batch, tmp_path):
    told, report = found(log(tmp_path, *rows), batch_decisions=batch)
    assert told == EXPECTED
    assert report.set_aside == SET_ASIDE


def test_each_edge_stays_where_it_is_when_events_come_later(rows, tmp_path):
    decisions, events = rows
    found(log(tmp_path, decisions[::2], events[::2]))
    log(tmp_path, decisions[1::2], events[1::2], part="b")
    assert found(tmp_path)[0] == EXPECTED
    log(tmp_path / "late", decisions)
    found(tmp_path / "late")
    log(tmp_path / "late", events=events, part="b")
    assert found(tmp_path / "late")[0] == EXPECTED


PAGE = {"device": "tv", "surface": "home", "row": 2, "column": 3}


@pytest.mark.parametrize("order", [1, -1])
def test_of_copies_the_one_that_knows_more_is_taken(order, tmp_path):
    """Writing is at least once, and one of two writers may have known less."""
    made = {"bundle": "b1", "cell": "new"}
    decisions, events = [], []
    for number, lacking in enumerate([*PAGE, *made]):
        name = str(number)
        for said in ({}, {lacking: None}):
            page, decided = PAGE | said, made | said
            decisions.append(decision(name, **{key: decided[key] for key in made}))
            events.append(shown(name=name, **{key: page[key] for key in PAGE}))
    log(tmp_path, decisions[::order], events[::order])
    join(tmp_path, None, tmp_path / "out", now=NOW)
    rows = examples(tmp_path / "out")
    assert [row["decision_id"] for row in rows] == list("012345")
    for row in rows:
        assert {name: row["facts"][name] for name in PAGE} == PAGE
        assert {name: row[name] for name in made} == made
