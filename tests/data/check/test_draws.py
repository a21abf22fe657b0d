"""`data check` sees rows that are sound one by one and wrong together."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.check.path import check_path
from data.records import DECISIONS, EVENTS, EXAMPLES

NAMES = ["a", "b", "c", "d"]
START = datetime(2026, 1, 1, tzinfo=UTC)
PROFILES, TITLES, DAYS = 400, 3, 3


def draws(seed=0):
    """Decisions of a policy with unequal probabilities, as dictionaries."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(PROFILES * TITLES * DAYS):
        day, rest = divmod(i, PROFILES * TITLES)
        p = 0.05 + 0.8 * rng.dirichlet([1.0] * 4)
        action = int(rng.choice(4, p=p))
        rows.append(
            {
                "schema_version": 2,
                "decision_id": f"{i:032x}",
                "time": START + timedelta(days=day, minutes=rest % 1000),
                "profile_id": f"p{rest // TITLES}",
                "title_id": rest % TITLES,
                "facts": {"country": "FR"},
                "candidates": NAMES,
                "action": NAMES[action],
                "propensity": float(p[action]),
                "probabilities": p.tolist(),
                "policy": "thompson",
                "bundle": "b1",
                "seed": i + 1,
                "level": "personalised",
            }
        )
    return rows


def impressions(rows):
    return [
        {
            "schema_version": 2,
            "event_id": f"i{at}",
            "kind": "impression",
            "time": row["time"],
            "received": row["time"],
            "decision_id": row["decision_id"],
            "profile_id": row["profile_id"],
            "title_id": row["title_id"],
            "artwork_id": row["action"],
        }
        for at, row in enumerate(rows)
    ]


def write(folder, rows, events):
    for kind, records, schema in (("decisions", rows, DECISIONS), ("events", events, EVENTS)):
        (folder / kind).mkdir()
        pq.write_table(pa.Table.from_pylist(records, schema), folder / kind / f"{kind}.parquet")


def test_a_log_of_draws_has_no_problem(tmp_path):
    rows = draws()
    write(tmp_path, rows, impressions(rows))
    assert check_path(tmp_path) == []


def rendered_where_it_fell_on_what_is_likely(rows, events):
    return [row for row in rows if row["propensity"] > 0.2], events


def one_id_for_two_artworks(rows, events):
    other = next(name for name in NAMES if name != rows[0]["action"])
    at = NAMES.index(other)
    copy = rows[0] | {"action": other, "propensity": rows[0]["probabilities"][at]}
    return [*rows, copy], events


def choices_that_nobody_drew(rows, events):
    sure = {"propensity": 1.0, "probabilities": None}
    return [row | sure if row["title_id"] == 1 else row for row in rows], events


def shown_with_other_artwork(rows, events):
    shifted = [NAMES[(NAMES.index(e["artwork_id"]) + 1) % 4] for e in events]
    return rows, [e | {"artwork_id": name} for e, name in zip(events, shifted, strict=True)]


def a_draw_logged_by_every_page(rows, events):
    again = [row | {"decision_id": f"f{row['decision_id'][1:]}"} for row in rows]
    return [*rows, *again], events


@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        (rendered_where_it_fell_on_what_is_likely, "mean_weight_personalised"),
        (choices_that_nobody_drew, "certain_choices"),
        (shown_with_other_artwork, "impressions_of_decisions"),
        (a_draw_logged_by_every_page, "repeated_draws"),
    ],
)
def test_rows_that_are_no_draws_are_a_problem(tmp_path, plant, kind):
    rows = draws()
    write(tmp_path, *plant(rows, impressions(rows)))
    assert kind in {problem.kind for problem in check_path(tmp_path)}


def test_an_id_that_names_two_choices_is_a_problem(tmp_path):
    rows = draws()
    write(tmp_path, *one_id_for_two_artworks(rows, impressions(rows)))
    [problem] = check_path(tmp_path, copies=True)
    assert rows[0]["decision_id"] in str(problem)


@pytest.mark.parametrize("least", [0.0, 0.2])
def test_examples_that_are_there_depending_on_what_was_drawn_are_a_problem(tmp_path, least):
    rng = np.random.default_rng(1)
    outcome = {"played": False, "minutes": 0.0, "reward_name": "take", "schema_version": 2}
    rows = [
        {name: row[name] for name in EXAMPLES.names if name in row}
        | outcome
        | {"reward": float(rng.random() < 0.1), "impressions": 1}
        for row in draws()
        if row["propensity"] > least
    ]
    folder = tmp_path / "day=2026-01-01"
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows, EXAMPLES), folder / "examples.parquet")
    assert {problem.kind for problem in check_path(tmp_path)} == (
        {"mean_weight_personalised"} if least else set()
    )
