"""A small catalogue with a known model, for the tests of serving."""

import numpy as np
import pyarrow as pa

from bandit.head_policy import HeadPolicy
from data.records import FACTS
from serve.live.snapshot import LiveModel
from serve.maps.layout import Layout
from serve.scoring.member_model import MemberFunctionals
from serve.scoring.served_policy import ServedPolicy

DAY = 20_500


def make_layout(titles=12, most=6, seed=0, drop=()):
    """Titles with 1 … `most` candidates; `drop` leaves artworks out."""
    rng = np.random.default_rng(seed)
    ids = np.sort(rng.choice(2**31, titles, replace=False)).tolist()
    candidates = {
        title: [
            (f"{title}-{rank}", f"{title}/{rank}.jpg")
            for rank in range(1 + slot % most)
            if f"{title}-{rank}" not in drop
        ]
        for slot, title in enumerate(ids)
    }
    titles_table = pa.table(
        {"title_id": ids, "default_artwork_id": [f"{title}-0" for title in ids]}
    )
    return Layout.build(titles_table, candidates)


class Members:
    """Functionals that follow from `tenure_days` alone, the same in every process."""

    def __init__(self, heads=16, dimension=8):
        self.heads, self.dimension = heads, dimension

    def functionals_of(self, facts):
        tenure = np.asarray(facts.field("tenure_days")).astype(np.int64)
        return MemberFunctionals(
            np.stack(
                [
                    np.random.default_rng(t).normal(size=(self.heads, self.dimension))
                    for t in tenure.tolist()
                ]
            ).astype(np.float32),
            tenure,
        )


def make_vectors(layout, dimension=8):
    """A vector that follows from the artwork's id, whatever else is in the catalogue."""
    return np.stack(
        [
            np.random.default_rng(list(name.encode())).normal(size=dimension)
            for name in layout.artwork_ids
        ]
    ).astype(np.float32)


def make_facts(count, first=0):
    rows = [
        {"country": "FR", "device": "tv", "tenure_days": float(first + i)} for i in range(count)
    ]
    ids = pa.array([f"profile-{first + i:04d}" for i in range(count)])
    return pa.table({"profile_id": ids, "facts": pa.array(rows, FACTS)})


def make_policy(bundle="bundle-1", kind="thompson"):
    return ServedPolicy(bundle, HeadPolicy(kind, 0.05), 7)


def make_model(bundle="bundle-1", layout=None, best=True):
    layout = layout or make_layout()
    ordinals = layout.starts[1:] - 1 if best else None
    return LiveModel(
        make_policy(bundle), layout, make_vectors(layout), Members(), ordinals, base_url="/i/"
    )
