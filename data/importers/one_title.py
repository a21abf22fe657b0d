"""Logs of choices that are no artwork: one title, and each action an artwork described by numbers.

What is known of a decision becomes facts of the log's own, which the catalogue's schema declares.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from data.atomic_write import whole_file
from data.catalogue import EMBEDDINGS, Catalogue
from data.records import ARTWORKS, EXAMPLES, FACTS, SCHEMA_VERSION, TITLES

TITLE = 1
LARGEST = 256
"""Numbers that describe an action at most; more names are added up by a hash."""


def described(features: Sequence[Mapping[str, float]]) -> Float[np.ndarray, "actions features"]:
    """Features by name as float32, a column a name, in the order in which names first come."""
    names = list(dict.fromkeys(name for one in features for name in one)) or ["constant"]
    place = {name: at % LARGEST for at, name in enumerate(names)}
    rows = np.zeros((len(features), min(len(names), LARGEST)), np.float32)
    for row, one in zip(rows, features, strict=True):
        for name, value in one.items():
            row[place[name]] += value
    return rows


def write_one_title(
    folder: Path, name: str, actions: Sequence[str], features: np.ndarray, day: date
) -> None:
    """A catalogue of one title, whose artworks are actions with embeddings.

    Args:
        folder: that is there.
        name: of the title.
        actions: their ids, the first one the title's default.
        features: float32, a row an action.
        day: from which on all of them are candidates.
    """
    title = {
        "title_id": TITLE,
        "name": name,
        "genres": [],
        "cast": [],
        "popularity": 1.0,
        "launch_day": day,
        "runtime_minutes": 1.0,
        "default_artwork_id": actions[0],
    }
    rows = [
        {"artwork_id": one, "title_id": TITLE, "path": EMBEDDINGS, "added_day": day}
        for one in actions
    ]
    with whole_file(folder / EMBEDDINGS) as part, part.open("wb") as file:
        np.save(file, features.astype(np.float32))
    tables = (pa.Table.from_pylist([title], TITLES), pa.Table.from_pylist(rows, ARTWORKS))
    Catalogue(folder, *tables).write()


def example(
    decision_id: str,
    time: datetime,
    profile_id: str,
    facts: Mapping[str, object],
    candidates: Sequence[str],
    action: str,
    propensity: float,
    reward: float,
) -> dict[str, object]:
    """A row of EXAMPLES of the one title.

    Args:
        decision_id: of the decision.
        time: of the decision.
        profile_id: who asked.
        facts: fields of FACTS by name; the others are not known.
        candidates: ids of the actions that there were.
        action: the one that was chosen.
        propensity: its probability; 1 of several: a rule chose.
        reward: what came of it; above 0 it was `played`.
    """
    ruled = propensity == 1 and len(candidates) > 1
    known: dict[str, object] = {
        "decision_id": decision_id,
        "time": time,
        "profile_id": profile_id,
        "title_id": TITLE,
        "facts": {field.name: facts.get(field.name) for field in FACTS},
        "candidates": candidates,
        "action": action,
        "propensity": propensity,
        "policy": "rule" if ruled else "imported",
        "level": "unpersonalised" if ruled else "personalised",
        "played": reward > 0,
        "minutes": 0.0,
        "reward": reward,
        "reward_name": "reward",
        "impressions": 1,
        "schema_version": SCHEMA_VERSION,
    }
    return {name: known.get(name) for name in EXAMPLES.names}
