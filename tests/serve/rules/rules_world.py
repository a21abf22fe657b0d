"""Rules of every effect about the small catalogue of `tests.serve.world`, and members of lands."""

import numpy as np
import pyarrow as pa

from data.records import FACTS
from data.rules.traits import ArtworkTraits
from data.rules.written import parse_rules
from serve.rules.layout_rules import LayoutRules
from tests.serve.world import make_layout

NOON = 20_500 * 86_400_000_000 + 43_200_000_000
"""Of the day that the world's pages are of, in microseconds."""
MINUTE = 60_000_000


def make_traits(layout):
    """Odd ranks are dark; every artwork has a tile, and those of rank 0 have German text."""
    ranks = [rank for count in layout.counts.tolist() for rank in range(count)]
    return ArtworkTraits(
        layout.artwork_ids,
        np.repeat(layout.title_ids, layout.counts).tolist(),
        {"tone": [frozenset({"dark" if rank % 2 else "light"}) for rank in ranks]},
        [frozenset({"tile"}) for _ in ranks],
        [frozenset({"de"} if rank == 0 else ()) for rank in ranks],
    )


def written(**rules):
    """Rules of a mapping id → lines."""
    text = "rules:\n" + "".join(
        f"  {name}:\n    who: me@example.com\n    why: a test\n"
        + "".join(f"    {line}\n" for line in lines.splitlines() if line)
        for name, lines in rules.items()
    )
    return parse_rules(text.encode(), "rules.yaml")


def every_effect(layout):
    """Rules of all effects, whose conditions cut across each other."""
    title = layout.title_ids.tolist()  # slot s has 1 + s % 6 candidates
    return {
        "germany": f"effect: deny\nabout: {{text_language: de, title: [{title[5]}, {title[4]}]}}\n"
        "where: {country: DE}",
        "licence": f"effect: allow\nabout: {{artwork: {title[5]}-5}}\nwhere: {{country: FR}}",
        "week": f"effect: pin\nabout: {{artwork: {title[3]}-1}}\nwhere: {{country: DE}}",
        "new": f"effect: floor\nshare: 0.3\nabout: {{artwork: {title[9]}-2}}",
        "shy": f"effect: cap\nshare: 0.05\nabout: {{title: {title[10]}, tag: {{tone: dark}}}}",
        "home": f"effect: deny\nabout: {{artwork: {title[11]}-0}}\nwhere: {{surface: home}}",
    }


def rules_of(layout=None, **rules):
    layout = layout or make_layout()
    return LayoutRules.of(written(**rules or every_effect(layout)), make_traits(layout), layout)


def land(member):
    """Country of a member, by number: every third is in Germany, and of some nothing is known."""
    return ("DE", "FR", None)[member % 3]


def lands(count):
    """Members as `make_facts` has them, of several countries."""
    rows = [{"country": land(i), "tenure_days": float(i)} for i in range(count)]
    ids = pa.array([f"profile-{i:04d}" for i in range(count)])
    return pa.table({"profile_id": ids, "facts": pa.array(rows, FACTS)})
