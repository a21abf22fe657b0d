"""Rates of two checkouts: what cannot be compared is refused, or said to be of one alone."""

from pathlib import Path

import pytest

from bench.hosts.against import comparison
from bench.hosts.rates import rates
from bench.optional import why_no_redis
from data.errors import BadInput


@pytest.mark.skipif(bool(why_no_redis()), reason=str(why_no_redis()))
def test_a_folder_that_is_no_checkout_is_refused(tmp_path):
    with pytest.raises(BadInput, match="give a checkout"):
        rates(against=tmp_path)
    with pytest.raises(BadInput, match="1 at least"):
        rates(against=Path(), rounds=0)


def test_ratios_are_of_rounds_and_what_the_other_cannot_do_has_none():
    # Each round is twice as fast, whatever the machine did to it meanwhile.
    both = {"before": [10.0, 100.0, 1.0], "now": [20.0, 200.0, 2.0]}
    assert comparison(both) == {"now": 20.0, "before": 10.0, "ratio": 2.0}
    assert comparison({"now": [3.0]}) == {"now": 3.0, "before": None, "ratio": None}
