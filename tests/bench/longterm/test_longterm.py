"""`python -m bench longterm`: what it measures is what the product promises."""

from importlib.util import find_spec

import pytest

from bench.longterm.longterm import longterm, show
from bench.longterm.trajectory_peer import peer_errors
from data.errors import BadInput


@pytest.fixture(scope="module")
def record():
    return longterm(parts="loops,artwork", seeds="3", quick=True)


def test_every_part_prints_a_table_and_what_seeds_say(record, capsys):
    show(record)
    said = capsys.readouterr().out
    assert all(word in said for word in ("over take", "regret", "way from take to oracle"))


def test_without_what_misleading_costs_all_loops_but_the_proxys_earn_the_same(record):
    rows = [row for row in record["loops"] if row.world == "nothing"]
    takes = {row.policy: row.takes_60 for row in rows}
    assert takes["play"] == pytest.approx(takes["take"], rel=0.02)
    assert takes["take"] == pytest.approx(takes["oracle"], rel=1e-9)
    assert takes["even"] < takes["take"]


def test_a_loop_for_plays_shows_what_misleads_and_earns_less(record):
    rows = {row.policy: row for row in record["loops"] if row.world == "whole"}
    assert rows["play"].misled > rows["take"].misled > rows["oracle"].misled
    assert rows["play"].takes_60 < rows["take"].takes_60 < rows["oracle"].takes_60
    assert rows["play"].survival <= rows["oracle"].survival


def test_new_artwork_is_found_sooner_by_all_that_is_seen_than_by_waiting(record):
    for posters in ("as rendered", "baited"):
        rows = [row for row in record["artwork"] if row.posters == posters]
        regret = {row.learner: row.regret for row in rows}
        assert regret["progressive"] < regret["waiting"] <= rows[0].even * 1.1


def test_how_a_play_ended_finds_new_artwork_that_misleads_sooner_than_takes_do(record):
    regret = {row.learner: row.regret for row in record["artwork"] if row.posters == "baited"}
    assert regret["progressive"] < min(regret["takes alone"], regret["two days"])


@pytest.mark.skipif(find_spec("d3rlpy") is not None, reason="d3rlpy is here: minutes of its time")
def test_without_the_peer_ours_is_measured_and_why_is_said():
    rows = peer_errors([1])
    for own, other in zip(rows[::2], rows[1::2], strict=True):
        assert abs(own.error) < 0.2
        assert "skipped: d3rlpy is not installed; pip install" in other.words()


def test_unknown_parts_and_seeds_are_refused():
    with pytest.raises(BadInput, match="--parts nothing: choose among loops"):
        longterm(parts="nothing")
    with pytest.raises(BadInput, match="--seeds one: give whole numbers"):
        longterm(seeds="one")
