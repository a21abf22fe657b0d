"""A local time in one table and UTC in another are seen by how far apart they lie."""

from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from data.check.path import check_path
from simulate.anomalies.forms import put
from tests.data.reading.tables import write


@pytest.mark.parametrize(
    ("hours", "words"), [(9, "come before their decision"), (-8, "8.0 hours after"), (0, None)]
)
def test_local_times_of_decisions_are_named(hours, words, tmp_path):
    moved = pa.scalar(timedelta(hours=hours))
    log = write(tmp_path / "log", lambda d, e: (put(d, "time", pc.add(d["time"], moved)), e))
    said = " ".join(map(str, check_path(log)))
    assert words in said if words else not said


def test_local_times_of_impressions_are_named(tmp_path):
    def late(decisions, events):
        shown = pc.equal(events["kind"], "impression")
        moved = pc.add(events["time"], pa.scalar(timedelta(hours=9)))
        for name in ("time", "received"):
            events = put(events, name, pc.if_else(shown, moved, events[name]))
        return decisions, events

    said = " ".join(map(str, check_path(write(tmp_path / "log", late))))
    assert "engagements come before their impression" in said
