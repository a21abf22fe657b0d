"""Look-ups by how many ask, and what is multiplied from that."""

import pytest

from bench.hosts.by_hosts import by_hosts, sized
from bench.hosts.rates import rates
from bench.optional import why_no_redis
from data.errors import BadInput

LACKS_REDIS = pytest.mark.skipif(bool(why_no_redis()), reason=str(why_no_redis()))


def test_many_hosts_are_a_multiplication():
    row = {
        "clients": 2,
        "pages_a_second": 1,
        "client_us": 10.0,
        "servers_us": 2.5,
        "personalised": 1.0,
    }
    # 500,000 pages of 40 images a second; three nodes would be 70% busy.
    assert sized(row, 1_600.0) == {
        "page_server_cores": 5.0,
        "nodes_for_lookups": 3,
        "gigabytes": 208,
    }


@LACKS_REDIS
@pytest.mark.parametrize("hosts", [[], [0, 1]])
def test_no_hosts_measure_nothing(hosts):
    with pytest.raises(BadInput, match="give numbers of processes"):
        rates(hosts=hosts)


@LACKS_REDIS
def test_every_page_of_two_hosts_at_once_is_personalised_and_costs_something():
    found = by_hosts([2], 500, 0.1, ["cluster"])["cluster"]
    assert found["bytes_a_member"] > 1_000
    for call in ("16 pages a call", "a page a call"):
        [row] = found[call]["by_clients"]
        assert row["clients"] == 2
        assert row["personalised"] == 1.0
        assert min(row["client_us"], row["servers_us"], row["pages_a_second"]) > 0
