"""Insights find what was planted, are not fooled by a policy that shows what is liked, and call
chance by its name."""

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.catalogue import Catalogue
from data.errors import BadInput
from data.records import ARTWORKS, EXAMPLES, FACTS, TITLES
from data.schema import Schema, read_schema
from evaluate.insights.attributes import attributes_of
from evaluate.insights.draws import COLUMNS, LoggedDraws
from evaluate.insights.effects import effects_of
from evaluate.insights.representation import represented
from evaluate.new_artwork.audience import NewMembers, own_parts, segment_values

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


def test_an_effect_is_the_weighted_difference_over_the_rest_by_its_definition(catalogue):
    """Draw by draw: means by weight, and the linearised deviation of their difference by member."""
    draws = log(catalogue, 3, 0.1)
    found = effects_of(draws, attributes_of(catalogue, Schema(), None))
    [one] = [
        each
        for each in found.audiences
        if (each.attribute, each.audience) == ("shows nobody of the cast", "country=DK")
    ]
    danish = next(part for name, part in draws.audiences if name == "country=DK")
    total, earned = (
        np.bincount(draws.among, numbers / draws.propensity)
        for numbers in (np.ones(DRAWS), draws.reward)
    )
    beyond = draws.reward - (earned / total)[draws.among]  # the title's own level
    tells, adds = np.zeros(draws.members), []
    for sign, part in ((1, danish), (-1, ~danish)):
        for side, count in ((draws.artwork % EACH != 3, 3), (draws.artwork % EACH == 3, 1)):
            weight = part * side / draws.propensity / count
            mean = weight @ beyond / weight.sum()
            adds.append(mean)
            of_draws = weight * (beyond - mean) / weight.sum()
            tells += sign * (1 if count == 3 else -1) * np.bincount(draws.member, of_draws)
    assert one.adds == pytest.approx(adds[0] - adds[1])
    assert one.over_rest == pytest.approx(adds[0] - adds[1] - adds[2] + adds[3])
    assert one.draws == danish.sum()
    assert one.members == len(set(draws.member[danish]))
    deviation = np.sqrt((tells**2).sum() * draws.members / (draws.members - 1))
    assert one.rest_high - one.over_rest == pytest.approx(1.96 * deviation)


def test_files_before_the_last_draws_are_not_read(catalogue, tmp_path, monkeypatch):
    schema = pa.schema([EXAMPLES.field(name) for name in COLUMNS])
    drawn = {"candidates": ["0-0", "0-1"], "propensity": 0.5, "reward": 1.0, "facts": {}}
    (tmp_path / "day=2026-01-01.parquet").write_bytes(b"broken")
    for day, action in ((2, "0-0"), (3, "0-1")):
        table = rows(schema, [drawn | {"profile_id": f"m{m}", "action": action} for m in range(4)])
        pq.write_table(table, tmp_path / f"day=2026-01-0{day}.parquet")
    monkeypatch.setattr("evaluate.insights.draws.MOST", 6)
    draws = LoggedDraws.read(tmp_path, catalogue)
    assert draws.artwork.tolist() == [0, 0, 1, 1, 1, 1]
    monkeypatch.setattr("evaluate.insights.draws.MOST", 9)
    with pytest.raises(BadInput, match="2026-01-01"):
        LoggedDraws.read(tmp_path, catalogue)


def test_segments_are_what_was_known_and_the_genre_watched_most():
    values = [
        {"country": "DE", "watched_genres": [("drama", 2.0), ("crime", 3.0), ("music", 3.0)]},
        {"country": "", "watched_genres": []},
        {"country": None, "watched_genres": None},
        {"country": "FR", "watched_genres": [("music", 1.0)]},
    ]
    facts = pa.array(values, FACTS)
    for part, at in ((facts, range(4)), (facts[1:], range(1, 4)), (facts[1:3], range(1, 3))):
        found = segment_values(part)
        wanted = [["DE", "unknown", "unknown", "FR"], ["crime", "unknown", "unknown", "music"]]
        assert found["country"].to_pylist() == [wanted[0][row] for row in at]
        assert found["genre"].to_pylist() == [wanted[1][row] for row in at]


def test_a_log_of_another_catalogue_is_refused(catalogue):
    schema = pa.schema([EXAMPLES.field(name) for name in COLUMNS])
    strange = {"profile_id": "m", "candidates": ["x", "y"], "action": "x", "propensity": 0.5}
    table = rows(schema, [strange | {"reward": 1.0, "facts": {}}])
    with pytest.raises(BadInput, match="no draw among several"):
        LoggedDraws.of(table, catalogue)


def test_facts_of_ones_own_are_audiences(tmp_path, catalogue):
    (tmp_path / "schema.yaml").write_text(
        "facts:\n  quarter: {kind: category}\n  likes: {kind: set}\n  born: {kind: number}\n"
    )
    there = Catalogue(tmp_path, catalogue.titles, catalogue.artworks)
    told = [{"names": ["old town" if m % 2 else "harbour"], "numbers": None} for m in range(60)]
    likes = [
        {"names": ["storm"] if m % 3 else ["mask", "storm"], "numbers": None} for m in range(60)
    ]
    born = [{"names": None, "numbers": [1940.0 + m]} for m in range(60)]
    drawn = {"candidates": ["0-0", "0-1"], "action": "0-0", "propensity": 0.5, "reward": 1.0}
    schema = pa.schema([EXAMPLES.field(name) for name in COLUMNS])
    values = [
        drawn
        | {
            "profile_id": f"m{m}",
            "facts": {"own": [("quarter", told[m]), ("likes", likes[m]), ("born", born[m])]},
        }
        for m in range(60)
    ]
    draws = LoggedDraws.of(rows(schema, values), there)
    found = {name: part.nonzero()[0].tolist() for name, part in draws.audiences}
    assert found["quarter=harbour"] == list(range(0, 60, 2))
    assert found["likes=mask"] == list(range(0, 60, 3))
    assert [len(found[name]) for name in found if "born" in name] == [20, 20, 20]
    assert found["born=over 1979.33"] == list(range(40, 60))
    assert not any("storm" in name for name in found)  # everybody likes it
    audience = NewMembers(pa.array([row["facts"] for row in values], FACTS))
    mine = own_parts(audience, read_schema(tmp_path))
    assert {name: part.nonzero()[0].tolist() for name, part in mine.items()} == found
