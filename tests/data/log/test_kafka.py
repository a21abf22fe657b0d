"""The log in Kafka, against brokers that speak its protocol: librdkafka's own, in this process.

They answer over TCP as brokers do, with partitions, offsets and acknowledgements, and can be told
to fail. Left out where confluent-kafka is not installed. About 4 s.
"""

import json
import os
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from data.errors import BadInput, NoServerError
from data.log.open_log import open_log, open_runs
from data.streams.command import kafka

try:
    import confluent_kafka

    from data.log.kafka import kafka_drain
    from data.log.kafka.kafka_address import KafkaAddress
    from data.log.kafka.kafka_log import KafkaLog
    from data.log.kafka.positions import Positions
except ImportError:
    assert os.environ.get("CI") != "true", "confluent-kafka is not installed: CI needs it"
    pytest.skip("confluent-kafka is not installed", allow_module_level=True)

NOW = 1_770_000_000_000_000


@pytest.fixture(scope="module")
def brokers():
    """Three brokers, by address; MARQUEE_TEST_KAFKA names real ones in their place."""
    if real := os.environ.get("MARQUEE_TEST_KAFKA"):
        yield real
        return
    made = confluent_kafka.Producer(
        {"bootstrap.servers": "none", "test.mock.num.brokers": 3, "log_level": 0}
    )
    found = made.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{one.host}:{one.port}" for one in found)
    made.flush()


@pytest.fixture
def place(brokers, request):
    name = f"t{abs(hash(request.node.name)) % 10**9}-{os.getpid()}"
    return f"kafka://{brokers}/{name}"


def event(at, **more):
    return {
        "event_id": f"e{at}",
        "kind": "play",
        "time": NOW + at,
        "received": NOW + at,
        "profile_id": f"m{at % 3}",
        "title_id": at,
    } | more


def produced(place, bodies, kind="events", partition=-1):
    address = KafkaAddress.parse(place)
    producer = confluent_kafka.Producer({"bootstrap.servers": address.brokers, "acks": "all"})
    for body in bodies:
        producer.produce(address.topic(kind), body, partition=partition)
    assert producer.flush(20) == 0


def drained(folder, kind="events"):
    files = sorted((folder / kind).rglob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def ids(folder):
    return sorted(row["event_id"] for row in drained(folder))


def test_what_a_service_logs_is_drained_once(place, tmp_path):
    log = open_log(place)
    assert isinstance(log, KafkaLog)
    for at in range(40):
        log.append("events", [event(at)]).result(20)
    log.close()
    first = kafka(place, tmp_path)
    assert (first["events"], first["lost"], first["damaged"]) == (40, 0, 0)
    assert ids(tmp_path) == sorted(f"e{at}" for at in range(40))
    assert kafka(place, tmp_path)["events"] == 0
    log = open_log(place)
    log.append("events", [event(40)]).result(20)
    log.close()
    assert kafka(place, tmp_path)["events"] == 1
    assert len(ids(tmp_path)) == 41


def test_a_drain_that_is_cut_off_between_file_and_position_writes_nothing_twice(
    place, tmp_path, monkeypatch
):
    produced(place, [json.dumps(event(at)).encode() for at in range(30)])
    whole = Positions.write
    writes = []

    def cut(self):
        writes.append(self.moving)
        if len(writes) == 4:  # the second batch's file is there, and this is not
            raise KeyboardInterrupt
        whole(self)

    monkeypatch.setattr(Positions, "write", cut)
    with pytest.raises(KeyboardInterrupt):
        kafka_drain.drain(KafkaAddress.parse(place), tmp_path, batch=4)
    before = ids(tmp_path)
    assert 0 < len(before) < 30
    monkeypatch.undo()
    produced(place, [json.dumps(event(at)).encode() for at in range(30, 35)])
    kafka_drain.drain(KafkaAddress.parse(place), tmp_path)
    assert ids(tmp_path) == sorted(f"e{at}" for at in range(35))


def test_events_of_others_get_what_they_leave_out(place, tmp_path, monkeypatch):
    monkeypatch.setenv("MARQUEE_PROFILE_SALT", "s" * 40)
    own = {"kind": "play", "profile_id": "m1", "title_id": 7, "minutes": 3.0}
    produced(place, [json.dumps(own).encode(), b"nonsense", b'{"kind": 3}'])
    said = kafka(place, tmp_path)
    [row] = drained(tmp_path)
    assert (row["kind"], row["title_id"], row["minutes"]) == ("play", 7, 3.0)
    assert row["profile_id"] != "m1"
    assert len(row["event_id"]) == 32
    assert abs((datetime.now(UTC) - row["received"]).total_seconds()) < 600
    assert (said["damaged"], said["rejected"]) == (1, 1)
    again = kafka_drain.drain(KafkaAddress.parse(place), tmp_path / "other")
    assert again["events"] == 1
    assert drained(tmp_path / "other")[0]["event_id"] == row["event_id"]


def test_blocks_of_precompute_arrive_as_files(place, tmp_path):
    runs = open_runs(place)
    runs.write_run("block-1.parquet", b"of precompute")
    runs.close()
    moved = kafka_drain.drain(KafkaAddress.parse(place), tmp_path)
    assert moved["runs"] == 1
    assert (tmp_path / "runs" / "block-1.parquet").read_bytes() == b"of precompute"


def test_what_is_not_acknowledged_is_not_logged(monkeypatch, tmp_path, capfd):
    monkeypatch.setattr("data.log.kafka.kafka_log.ANSWERS", 0.3)
    made = confluent_kafka.Producer(
        {"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 0}
    )
    [broker] = made.list_topics(timeout=10).brokers.values()
    address = KafkaAddress(f"{broker.host}:{broker.port}", "gone")
    log = KafkaLog(address, delivered_ms=500)
    log.append("events", [event(0)]).result(20)
    del made  # the broker goes
    ticket = log.append("events", [event(1)])
    assert ticket.exception(20) is not None
    log.close()
    with pytest.raises(NoServerError, match="no broker answers"):
        open_log("kafka://127.0.0.1:9/none")
    monkeypatch.setattr("data.log.kafka.kafka_drain.ANSWERS", 0.3)
    with pytest.raises(NoServerError, match="no broker answers"):
        kafka("kafka://127.0.0.1:9/none", tmp_path)
    assert capfd.readouterr() == ("", "")  # librdkafka would print a line each try


def test_addresses_and_options_are_refused_in_a_sentence(tmp_path):
    options = tmp_path / "kafka.properties"
    options.write_text("# ours\nsecurity.protocol = SSL\n")
    good = KafkaAddress.parse(f"kafka://a:1,b:2/marquee?options={options}")
    assert (good.brokers, good.options) == ("a:1,b:2", {"security.protocol": "SSL"})
    assert good.topic("events") == "marquee.events"
    options.write_text("acks = 0\n")
    with pytest.raises(BadInput, match="line 1: 'acks' is set by the log"):
        KafkaAddress.parse(f"kafka://a:1/marquee?options={options}")
    for wrong in ("kafka://a:1", "kafka://a:1/x?acks=0", "kafka:///x"):
        with pytest.raises(BadInput, match="write kafka://"):
            KafkaAddress.parse(wrong)
