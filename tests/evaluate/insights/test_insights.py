"""Insights find what was planted, are not fooled by a policy that shows what is liked, and call
chance by its name."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from data.catalogue import Catalogue
from data.errors import BadInput
from data.records import ARTWORKS, EXAMPLES, TITLES
from data.schema import Schema
from evaluate.insights.attributes import attributes_of
from evaluate.insights.draws import COLUMNS, LoggedDraws
from evaluate.insights.effects import effects_of
from evaluate.insights.representation import represented

TITLE_COUNT, EACH, DRAWS, MEMBERS = 12, 4, 9_000, 3_000
DAY = date(2026, 1, 1)


def rows(schema, values):
    return pa.Table.from_pylist(
        [{field.name: row.get(field.name) for field in schema} for row in values], schema
    )


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    """Titles of four artworks: two dark, one of the others shows the star."""
    titles = [
        {"title_id": t, "name": f"t{t}", "genres": ["drama"], "cast": ["star", "extra", "third"]}
        | {"popularity": 1.0, "default_artwork_id": f"{t}-0"}
        for t in range(TITLE_COUNT)
    ]
    artworks = [
        {"artwork_id": f"{t}-{a}", "title_id": t, "path": f"{t}-{a}.png", "added_day": DAY}
        | {"tone": "dark" if a < 2 else "bright", "cast_shown": ["star"] if a == 3 else []}
        for t in range(TITLE_COUNT)
        for a in range(EACH)
    ]
    root = tmp_path_factory.mktemp("insights")
    return Catalogue(root, rows(TITLES, titles), rows(ARTWORKS, artworks))


def log(catalogue, seed, effect):
    """Draws by a policy that shows dark to those in DK, who take more of it, and of everything."""
    rng = np.random.default_rng(seed)
    member = rng.integers(0, MEMBERS, DRAWS)
    danish = member % 3 == 0
    title = rng.integers(0, TITLE_COUNT, DRAWS)
    likes_dark = np.where(danish, 0.42, 0.08)
    chances = np.stack([likes_dark, likes_dark, 0.5 - likes_dark, 0.5 - likes_dark], 1)
    shown = (rng.random(DRAWS)[:, None] > chances.cumsum(1)).sum(1).clip(0, EACH - 1)
    take = 0.1 + 0.2 * danish + effect * danish * (shown < 2)
    schema = pa.schema([EXAMPLES.field(name) for name in COLUMNS])
    values = [
        {"profile_id": f"m{m}", "candidates": [f"{t}-{a}" for a in range(EACH)]}
        | {"action": f"{t}-{a}", "propensity": p, "reward": r}
        | {"facts": {"country": "DK" if dk else "SE"}}
        for m, t, a, p, r, dk in zip(
            member.tolist(),
            title.tolist(),
            shown.tolist(),
            chances[np.arange(DRAWS), shown].tolist(),
            (rng.random(DRAWS) < take).astype(float).tolist(),
            danish.tolist(),
            strict=True,
        )
    ]
    return LoggedDraws.of(rows(schema, values), catalogue)


def test_what_was_planted_is_found_for_whom_it_was(catalogue):
    draws = log(catalogue, 1, 0.15)
    found = effects_of(draws, attributes_of(catalogue, Schema(), None))
    first = next(one for one in found.audiences if one.audience == "country=DK")
    assert first.attribute in ("tone: dark", "tone: bright")
    sign = 1 if first.attribute == "tone: dark" else -1
    assert first.chance < 0.001
    assert first.low <= sign * 0.15 <= first.high
    assert first.rest_low <= sign * 0.15 <= first.rest_high
    [whole] = [one for one in found.everybody if one.attribute == "tone: dark"]
    assert whole.low <= 0.05 <= whole.high  # a third are Danish


def test_a_policy_that_shows_it_to_those_who_take_more_makes_no_finding(catalogue):
    """By plain means dark earns twice as much here; of four logs at most one finds anything."""
    attributes = attributes_of(catalogue, Schema(), None)
    found = 0
    for seed in range(4):
        draws = log(catalogue, 100 + seed, 0.0)
        dark = np.isin(draws.artwork % EACH, [0, 1])
        assert draws.reward[dark].mean() > 1.5 * draws.reward[~dark].mean()
        effects = effects_of(draws, attributes)
        every = [*effects.everybody, *effects.audiences]
        found += any(one.chance <= 0.05 for one in every)
    assert found <= 1


def test_who_is_shown_to_whom_beside_their_part(catalogue):
    [star] = represented(log(catalogue, 2, 0.0), catalogue, Schema())
    assert (star.kind, star.name) == ("person", "star")
    assert star.part == pytest.approx(1 / 3)
    assert star.offered == pytest.approx(1 / 4)
    assert (star.most, star.least) == ("country=SE", "country=DK")
    assert star.most_shown == pytest.approx(0.42, abs=0.02)
    assert star.least_shown == pytest.approx(0.08, abs=0.02)
    assert star.low <= 2 / 3 * 0.42 + 1 / 3 * 0.08 <= star.high


def test_a_log_of_another_catalogue_is_refused(catalogue):
    schema = pa.schema([EXAMPLES.field(name) for name in COLUMNS])
    strange = {"profile_id": "m", "candidates": ["x", "y"], "action": "x", "propensity": 0.5}
    table = rows(schema, [strange | {"reward": 1.0, "facts": {}}])
    with pytest.raises(BadInput, match="no draw among several"):
        LoggedDraws.of(table, catalogue)
