"""Whether the slots of each page are all there, once each, and agree on what stood beside them.

A row is judged by the product of its slots' propensities, so one that is missing, comes twice or
names another neighbour makes a wrong weight of sound rows.
"""

from collections.abc import Iterator
from pathlib import Path

from data.check.log_views import view_pages
from data.check.pages.flaw import Flaw, Unit, flawed
from data.problem import Problem
from data.reading.duckdb_session import reading

PAGE = Unit("page", "page", "and {count:,} more pages are wrong in such a way")
WRITE = "log every slot of a page together, numbered from 0 in reading order"
HALF = Flaw(
    "page_slot",
    """
    SELECT coalesce(page_id, 'of decision ' || min(decision_id)),
           CASE WHEN page_id IS NULL THEN 'has a page_slot and no page_id'
                WHEN count(page_slot) < count(*) THEN 'has a row without a page_slot'
                ELSE 'has the page_slot ' || min(page_slot) END
    FROM pages WHERE page_id IS NULL OR page_slot IS NULL OR page_slot < 0 GROUP BY page_id
    """,
    "give page_id and page_slot both or neither, slots from 0",
)
TWICE = Flaw(
    "page_slot",
    """
    SELECT page_id, 'has slot ' || page_slot || ' twice, by decisions ' || min(decision_id)
           || ' and ' || max(decision_id)
    FROM pages WHERE page_id IS NOT NULL AND page_slot IS NOT NULL
    GROUP BY page_id, page_slot HAVING min(decision_id) <> max(decision_id)
    """,
    "give each page that is decided a page_id of its own, and each slot of it one decision",
)
OF_TWO = Flaw(
    "page_id",
    """
    SELECT page_id, 'is of the profiles ' || min(profile_id) || ' and ' || max(profile_id)
    FROM pages WHERE page_id IS NOT NULL
    GROUP BY page_id HAVING min(profile_id) <> max(profile_id)
    """,
    "give each page that is decided a page_id of its own",
)
MISSING = Flaw(
    "page_slot",
    """
    SELECT page_id, CASE
        WHEN count(DISTINCT page_slot) <= max(page_slot)
            THEN 'has ' || count(DISTINCT page_slot) || ' slots, of which the last is numbered '
                 || max(page_slot)
        ELSE 'ends at slot ' || max(page_slot) || ', which names something on its right' END
    FROM pages WHERE page_id IS NOT NULL AND page_slot >= 0 GROUP BY page_id
    HAVING count(DISTINCT page_slot) <= max(page_slot)
        OR arg_max(right_artwork IS NOT NULL, page_slot)
    """,
    WRITE,
)
BESIDE = Flaw(
    "left_artwork",
    """
    SELECT one.page_id, 'shows ' || one.action || ' in slot ' || one.page_slot || ' and '
           || two.action || ' in the next, which name '
           || coalesce(two.left_artwork, 'nothing') || ' and '
           || coalesce(one.right_artwork, 'nothing') || ' as their neighbours'
    FROM pages one JOIN pages two
      ON one.page_id = two.page_id AND two.page_slot = one.page_slot + 1
    WHERE two.left_artwork IS DISTINCT FROM one.action
       OR one.right_artwork IS DISTINCT FROM two.action
    """,
    "log left_artwork and right_artwork as they stood there, null at a page's ends",
)
FIRST = Flaw(
    "left_artwork",
    """
    SELECT page_id, 'names ' || min(left_artwork) || ' on the left of its first slot'
    FROM pages WHERE page_id IS NOT NULL AND page_slot = 0 AND left_artwork IS NOT NULL
    GROUP BY page_id
    """,
    "leave left_artwork null in slot 0: nothing stands before it",
)
CHANCE = Flaw(
    "slot_propensity",
    """
    SELECT coalesce(page_id, 'of decision ' || min(decision_id)),
           'has a slot_propensity of ' || min(slot_propensity)
    FROM pages WHERE slot_propensity IS NOT NULL
      AND NOT (slot_propensity > 0 AND slot_propensity <= 1)
    GROUP BY page_id
    """,
    "log the probability of the slot's artwork whatever its neighbours are, above 0 and at most 1",
)
OF_ROWS = (HALF, TWICE, OF_TWO, BESIDE, FIRST, CHANCE)


def problems_of_pages(rows: Path, examples: bool = False) -> Iterator[Problem]:
    """What is wrong with the pages of a log, or of joined examples; none where none is named.

    Args:
        rows: folder of a log, of examples, or their file.
        examples: a slot may be missing, since what was not seen is no example.
    """
    with reading(rows) as connection:
        if not view_pages(connection, rows):
            return
        for flaw in OF_ROWS if examples else (*OF_ROWS, MISSING):
            yield from flawed(connection, flaw, rows, PAGE)
