"""A first map says what it can tell by what columns hold, and asks the rest."""

import pyarrow as pa
import pytest
import yaml

from data.importers.mapping.import_files import import_files
from data.importers.mapping.propose import scaled
from data.importers.mapping.values import as_text, list_in
from tests.data.importers.worlds import made_catalogue, write_csv


def proposed(tmp_path, rows, **options):
    file = write_csv(tmp_path / "log.csv", rows, delimiter=";")
    map = tmp_path / "MAP.yaml"
    map.unlink(missing_ok=True)
    asks = import_files([str(file)], map, propose=True, **options).asks
    return asks, map.read_text()


def rows():
    return [
        {
            **{"c1": f"m{at % 7}", "c2": ["dune", "emma"][at % 2], "c3": "ab"[at // 2 % 2]},
            **{"moment": "2026-03-20T10:00Z", "outcome": ["0", "0,5", "1"][at % 3]},
            **{"mode": ["pick", "explore"][at % 5 == 0], "play": "not a number"},
            **{"mood": ["calm", "wild", "sad"][at % 3], "scores": "0,5 1 -2"},
            **{"tags": "x|y" if at % 2 else "z", "note": f"note {at}", "empty": ""},
        }
        for at in range(40)
    ]


def test_titles_and_artworks_are_known_by_the_catalogue(tmp_path):
    catalogue = made_catalogue(tmp_path)
    asks, text = proposed(tmp_path, rows(), catalogue=catalogue)
    map = yaml.safe_load(text)
    assert (map["title_id"], map["action"]) == ("c2", "c3")
    assert map["reward"] == "outcome"  # and not `play`, which holds no reward
    assert asks == ["profile_id", "propensity"]
    asks, text = proposed(tmp_path, rows())
    assert "action" in asks
    assert yaml.safe_load(text)["title_id"] == "play"  # by how it is called alone


def test_other_columns_are_lines_for_a_person_to_take_or_leave(tmp_path):
    _, text = proposed(tmp_path, rows())
    assert yaml.safe_load(text)["facts"] is None
    assert 'csv: {decimal: ","}' in text
    assert "# propensity: {random: mode, equals: [explore]}   # if that marks them: pick" in text
    said = {line.split(":")[0]: line for line in text.splitlines() if line.startswith("#  ")}
    assert "{column: mood, kind: category}   # calm, wild, sad" in said["#  mood"]
    assert "kind: vector, separator: ' '}   # 3 numbers" in said["#  scores"]
    assert "kind: set, separator: '|'}" in said["#  tags"]
    assert "# note: nothing is made of it: 40 different texts in 40 rows" in text
    assert "# empty: nothing is made of it: no value is there" in text


def test_a_reward_beyond_what_is_learnt_is_proposed_with_its_scale(tmp_path):
    for values, said in (
        (["0", "12,5", "30"], {"column": "reward", "half": 21.25}),
        (["1", "5", "3"], {"column": "reward", "range": [1, 5]}),
        (["-3", "0,5", "1"], {"column": "reward", "range": [-3, 1]}),
        (["0", "0,5", "1"], "reward"),
    ):
        told = [{"reward": values[at % 3], "calm": "0,5"} for at in range(9)]
        _, text = proposed(tmp_path, told)
        assert yaml.safe_load(text)["reward"] == said


def test_a_member_is_found_by_an_id_and_no_fact_is_one_that_does_not_hold_its_values(tmp_path):
    told = [
        {
            **{"member_level": ["gold", "none"][at % 2], "visitor": f"v {at % 8}"},
            **{"slot": ["lottery", "curated"][at % 2], "landing_page": ["a", "b"][at % 2]},
            **{"position": at % 4, "account_age": f"{at % 20}.5", "reward": at % 2},
        }
        for at in range(40)
    ]
    _, text = proposed(tmp_path, told)
    map = yaml.safe_load(text)
    assert map["profile_id"] == "visitor"
    assert map["facts"] == {"column": "position", "tenure_days": "account_age"}
    for name in ("slot", "landing_page", "member_level"):
        assert f"#  {name}: {{column: {name}, kind: category}}" in text
    assert "# propensity: {random: slot, equals: [lottery]}" in text


def test_lists_are_read_as_python_and_numpy_print_them(tmp_path):
    told = [
        {
            **{"reward": at % 2, "tags": ["['noir', 'sea']", "[]"][at % 2]},
            **{"taste": "[ 0.1 -2.\n  3e-2]", "seen": "{'crime': 2, 'sea': 1.5}"},
        }
        for at in range(20)
    ]
    _, text = proposed(tmp_path, told)
    said = {line.split(":")[0]: line for line in text.splitlines() if line.startswith("#  ")}
    assert "{column: tags, kind: set}   # lists of noir, sea" in said["#  tags"]
    assert "{column: taste, kind: vector}   # 3 numbers" in said["#  taste"]
    assert "{column: seen, kind: counts}" in said["#  seen"]


@pytest.mark.parametrize(
    "numbers",
    [[5.0, 5.0], [-3.0, -3.0], [-1.5, 123.4562, 7.25], [-12345678.0, 12345671.0], [1.0, 4.0, 5.0]],
)
def test_every_reward_that_was_looked_at_lies_in_the_proposed_range(numbers):
    least, most = map(float, yaml.safe_load(scaled("paid", numbers) or "")["reward"]["range"])
    assert least < most
    assert least <= min(numbers)
    assert most >= max(numbers)


def test_a_set_has_one_order_in_every_process():
    names = [f"name {at}" for at in range(10)]
    assert list_in(str(set(names)), None) == names


@pytest.mark.parametrize("number", [float("inf"), -float("inf"), 1e30, 2.0**63, float("nan"), 1.5])
def test_numbers_that_are_no_whole_ones_of_64_bits_are_texts_too(number):
    assert [float(text) for text in as_text(pa.array([number, 2.0, 3.0])).to_pylist()] == (
        pytest.approx([number, 2.0, 3.0], nan_ok=True)
    )
    assert as_text(pa.array([7.0, None])).to_pylist() == ["7", None]
