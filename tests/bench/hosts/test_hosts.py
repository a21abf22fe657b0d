"""Faults of several hosts: those that take a moment are kept, and what is not kept is said."""

import os
from pathlib import Path

import pytest

from bench.hosts.fault import Account, HostFault, fails
from bench.hosts.hosts import BREAKAGES, hosts, one_fault, status, tried
from bench.optional import why_no_redis
from data.errors import BadInput

SOON = [
    "log's server with appendonly no",
    "an entry that is no record: garbage",
    "stream trimmed",
    "drain died, two take over",
    "a member's key of another type",
    "an older run ends last",
    "look-up opened without any server",
    "object store losing uploads",
    "live bundle damaged in the store: current empty",
    "a publisher's clock an hour ahead",
    "a tenth of the answers late, server",
    "a drain just killed",
]
BY_NAME = {fault.name: fault for fault in BREAKAGES}
LACKS_REDIS = pytest.mark.skipif(
    bool(why_no_redis()) and os.environ.get("CI") != "true", reason=str(why_no_redis())
)


@LACKS_REDIS
@pytest.mark.parametrize("name", SOON)
def test_a_promise_is_kept(name):
    if (why := BY_NAME[name].why_not()) and os.environ.get("CI") != "true":
        pytest.skip(why)
    row = one_fault(BY_NAME[name])
    assert row["kept"], row["broken"]


def test_every_fault_has_a_name_and_a_promise():
    assert len(BREAKAGES) == len(BY_NAME) >= 35
    assert all(fault.promise.endswith(".") for fault in BREAKAGES)


def never(_, account: Account):
    with fails(account, BadInput, "no such"):
        pass
    account.acknowledged, account.lost = 5, 1


def breaks(_, __):
    raise RuntimeError("it stopped")


def test_what_is_not_kept_is_said_and_ends_with_1():
    chosen = [HostFault(f.__name__, "Nothing.", f, lambda: None) for f in (never, breaks)]
    left_out = HostFault("elsewhere", "Nothing.", breaks, lambda: "there is none here")
    record = tried([*chosen, left_out], kills=0, seed=0)
    assert record["not_kept"] == ["never", "breaks"]
    assert record["left_out"] == {"elsewhere": "there is none here"}
    assert "did not fail" in record["faults"][0]["broken"][0]
    assert "it stopped" in record["faults"][1]["broken"][0]
    assert status(record) == 1


def test_a_name_that_no_fault_has_is_refused():
    with pytest.raises(BadInput, match="no fault has such a name"):
        hosts(only="nothing of the kind")


def test_every_fault_is_a_row_of_the_documentation():
    text = Path("docs/reliability.md").read_text()
    table = text.partition("## Several hosts")[2].partition("<!-- end of hosts -->")[0]
    rows = [line.split(" | ")[:2] for line in table.splitlines() if line.startswith("| ")][1:]
    assert rows == [[f"| {fault.name}", fault.promise] for fault in BREAKAGES]
