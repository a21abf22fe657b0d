"""A schema beside a rendered catalogue: its facts are drawn, and nothing that happens is moved."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.check.path import check_path
from data.errors import BadInput
from data.own_facts import fact_values
from data.schema import read_schema
from data.schema.propose import propose
from simulate.browsing.command import log
from simulate.world.artwork_world import ArtworkWorld

SCHEMA = """
facts:
  age: {kind: number}
  spent: {kind: number, scale: log}
  kids: {kind: number, scale: steps}
  plan: {kind: category}
  hobbies: {kind: set}
  liked: {kind: counts, match: artworks.tags}
  taste: {kind: vector}
  weather: {kind: category, known_at: request}
titles:
  mood: {kind: category}
artworks:
  tags: {kind: set}
events:
  share: {}
"""
TAGS = ["sea", "noir", "gold"]


@pytest.fixture(scope="module")
def place(catalogue, tmp_path_factory):
    """A rendered catalogue with a schema, a log of it, and one of the same without the schema."""
    root = tmp_path_factory.mktemp("declared")
    shutil.copytree(catalogue, root / "catalogue")
    few = {"members": 150, "days": 2, "decisions_per_day": 900, "policy": "epsilon"}
    log(str(root / "plain"), str(root / "catalogue"), **few)
    (root / "catalogue" / "schema.yaml").write_text(SCHEMA)
    with pytest.raises(
        BadInput, match=r"schema\.yaml: facts\.liked counts names of artworks\.tags"
    ):
        log(str(root / "log"), str(root / "catalogue"), **few)
    assert not (root / "log").exists()
    file = root / "catalogue" / "artworks.parquet"
    artworks = pq.read_table(file)
    tags = pa.array([[TAGS[row % 3]] for row in range(len(artworks))])
    pq.write_table(artworks.append_column("tags", tags), file)
    said = log(str(root / "log"), str(root / "catalogue"), **few)
    return root, said


def rows_of(root, folder, kind):
    return pa.concat_tables(map(pq.read_table, sorted((root / folder / kind).rglob("*.parquet"))))


def test_every_declared_fact_is_drawn_and_what_is_not_drawn_is_said(place):
    root, said = place
    schema = read_schema(root / "catalogue")
    assert said["drawn"] == [f"facts.{fact.name}" for fact in schema.facts]
    assert said["not_drawn"] == ["titles.mood", "events.share"]
    assert check_path(root / "log", root / "catalogue") == []
    facts = rows_of(root, "log", "decisions")["facts"].combine_chunks()
    for fact in schema.facts:
        values = fact_values(facts.field("own"), fact.name)
        assert 0.8 < values.there.mean() < 1, fact.name
    assert set(fact_values(facts.field("own"), "liked").distinct) == set(TAGS)
    kinds = {one.fact.name: one.fact.kind for one in propose(root / "catalogue", root / "log")[0]}
    assert kinds == {f.name: f.kind for f in schema.facts} | {"tags": "set"}


def test_members_keep_their_facts_and_pages_have_their_own(place):
    root, _ = place
    table = rows_of(root, "log", "decisions")
    own = table["facts"].combine_chunks().field("own").to_pylist()
    seen: dict[tuple, set] = {}
    for who, when, facts in zip(
        table["profile_id"].to_pylist(), table["time"].to_pylist(), own, strict=True
    ):
        for name, value in facts:
            of = (who, when, name) if name == "weather" else (who, name)
            seen.setdefault(of, set()).add(json.dumps(value))
    assert all(len(values) == 1 for values in seen.values())
    weathers: dict[str, set] = {}
    for (who, *_, name), values in seen.items():
        if name == "weather":
            weathers.setdefault(who, set()).update(values)
    assert max(map(len, weathers.values())) > 1
    shown = rows_of(root, "log", "events")
    told = {
        (kind, name)
        for kind, facts in zip(shown["kind"].to_pylist(), shown["own"].to_pylist(), strict=True)
        for name, _ in facts or ()
    }
    assert told == {("impression", "weather")}


def test_nothing_that_members_do_is_moved(place):
    root, _ = place
    for kind, less in (("decisions", ["facts"]), ("events", ["own"]), ("truth", [])):
        files = [
            pa.concat_tables(
                pq.ParquetFile(file).read()
                for file in sorted((root / one / kind).rglob("*.parquet"))
            ).drop(less)
            for one in ("plain", "log")
        ]
        assert files[0].equals(files[1]), kind


def test_facts_tell_of_tastes(place):
    world = ArtworkWorld.read(place[0] / "catalogue", 3000, 1)
    own = world.members.facts.field("own")
    age = fact_values(own, "age")
    tastes = world.members.style_tastes[age.number_rows]
    design = np.c_[np.ones(len(tastes)), tastes]
    left = age.numbers - design @ np.linalg.lstsq(design, age.numbers, rcond=None)[0]
    assert 0.35 < 1 - left.var() / age.numbers.var() < 0.65
    assert not fact_values(own, "weather").there.any(), "there is no page"
