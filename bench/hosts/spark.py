"""Executors of Spark that die, or share nothing with the driver: rows of `bench.hosts`."""

from pathlib import Path

from bench.hosts.fault import Account, HostFault
from bench.optional import why_no_spark
from bench.spark.maps import maps_on_executors
from bench.spark.spark_home import spark_home

EXECUTORS = "local-cluster[2,1,900]"


def _die(folder: Path, account: Account) -> None:
    """Precompute by executors with folders of their own; one dies, and a day later the driver."""
    with spark_home():
        found = maps_on_executors(folder, EXECUTORS)
    account.numbers |= found
    account.acknowledged, account.pages = found["decisions"], found["maps"]
    account.must(found["executors_killed"] == found["drivers_killed"] == 1, "nothing was killed")
    account.must(not found["different"], f"{found['different']} maps are not the local engine's")
    account.must(
        not found["decisions_different"],
        f"{found['decisions_different']} decisions are in one log only",
    )
    account.must(found["resumed_at"] > 0, "the run began again at the first block")


BREAKAGES = (
    HostFault(
        "Spark executors without a shared folder: one killed, then the driver",
        "Maps and log are those of one machine, and the run goes on where it was.",
        _die,
        why_no_spark,
    ),
)
