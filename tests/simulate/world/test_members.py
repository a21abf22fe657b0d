import numpy as np
import pytest

from data.errors import BadInput
from data.records import FACTS
from simulate.world.members import MOST_WATCHED, Members
from simulate.world.population import DAY_PARTS, DEVICES, visited_kinds


@pytest.fixture(scope="module")
def members(subjects):
    return Members.draw(4000, 9, subjects)


def test_members_of_a_seed_are_the_same_people_in_every_catalogue(members, subjects):
    fewer = subjects.only(subjects.names[::7], ())
    again = Members.draw(500, 9, fewer)
    rows = [subjects.row[name] for name in fewer.names]
    assert again.profile_ids == members.profile_ids[:500]
    assert (again.subject_tastes == members.subject_tastes[:500, rows]).all()
    assert (again.theme_tastes == members.theme_tastes[:500]).all()
    assert (again.style_tastes == members.style_tastes[:500]).all()
    assert (again.country == members.country[:500]).all()
    assert (Members.draw(500, 10, fewer).theme_tastes != again.theme_tastes).any()


def test_tastes_are_standardised(members):
    for tastes in (members.theme_tastes, members.subject_tastes, members.style_tastes):
        assert tastes.mean() == pytest.approx(0, abs=0.05)
        assert tastes.std() == pytest.approx(1, abs=0.06)


def test_tastes_for_themes_and_subjects_are_sparse(members):
    for tastes, indifferent in ((members.theme_tastes, 0.68), (members.subject_tastes, 0.89)):
        values, counts = np.unique(tastes, return_counts=True)
        assert counts.max() / tastes.size == pytest.approx(indifferent, abs=0.02)
        assert abs(values[counts.argmax()]) < 0.5


def test_facts_follow_the_schema_and_list_the_most_watched(members):
    facts = members.facts
    assert facts.type == FACTS
    assert facts.field("surface").null_count == len(members)
    first = facts[0].as_py()
    counts = [count for _, count in first["watched_cast"]]
    assert len(counts) <= MOST_WATCHED
    assert counts == sorted(counts, reverse=True)
    assert sum(count for _, count in first["watched_genres"]) == members.genres[0].sum()


def test_facts_explain_about_half_of_each_taste(members):
    rng = np.random.default_rng(0)
    device = visited_kinds(rng, DEVICES, members.device)
    part = visited_kinds(rng, DAY_PARTS, members.day_part)
    columns = [np.ones(len(members)), np.log(members.tenure_days)]
    for fact in (members.country, np.array(members.language), device, part):
        columns += [fact == value for value in np.unique(fact)[1:]]
    columns += [*np.log1p(members.genres).T]
    facts = np.stack(columns, 1).astype(float)
    for tastes in (members.style_tastes, members.theme_tastes):
        left = tastes - facts @ np.linalg.lstsq(facts, tastes, rcond=None)[0]
        explained = 1 - left.var(0) / tastes.var(0)
        assert (explained > 0.3).all()
        assert (explained < 0.7).all()


def test_there_must_be_members(subjects):
    with pytest.raises(BadInput, match="at least 1"):
        Members.draw(0, 1, subjects)
