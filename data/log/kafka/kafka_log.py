"""The log in Kafka: a record counts when every broker in step has it.

What `acks=all` promises is as good as the topic is made: with three replicas and
`min.insync.replicas=2` a record that was acknowledged outlives one broker.
"""

import threading
from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from data.errors import BadInput, Unavailable
from data.log.buffer import CAPACITY, BufferedLog
from data.log.journal import Row
from data.log.kafka.kafka_address import KafkaAddress, no_broker, words
from data.log.precompute_runs import FOLDER as RUNS

ANSWERS = 5.0
"""Seconds in which a broker must answer when the log is opened."""
DELIVERED_MS = 10_000
"""Milliseconds after which what was not acknowledged counts as not logged."""

Told = Callable[[KafkaError | None, Message], None]
"""Is told what became of a record."""


class KafkaLog(BufferedLog):
    """The log in topics that many machines share; the interface of `EventLog`."""

    def __init__(
        self, address: KafkaAddress, capacity: int = CAPACITY, delivered_ms: int = DELIVERED_MS
    ) -> None:
        """Connect.

        Args:
            address: of the brokers.
            capacity: records buffered in this process before `append` refuses.
            delivered_ms: after so many milliseconds a record counts as not logged.

        Raises:
            NoServerError: no broker answers.
            BadInput: librdkafka does not take the options.
        """
        self.address, self.place = address, str(address)
        self._turn = threading.Lock()
        settings = {
            **address.told,
            "bootstrap.servers": address.brokers,
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 0,  # records come in groups already
            "message.timeout.ms": delivered_ms,
            "message.max.bytes": 8 << 20,
        }
        try:
            self._producer = Producer(settings)
        except KafkaException as error:
            raise BadInput(f"{address}: librdkafka refuses its options ({words(error)})") from None
        try:
            self._producer.list_topics(timeout=ANSWERS)
        except KafkaException as error:
            raise no_broker(address, error) from None
        super().__init__(capacity)

    def commit(self, rows: list[Row]) -> Exception | None:
        """A group of records, acknowledged by all replicas in step."""
        return self._add([(kind, None, body) for kind, body in rows])

    def write_run(self, name: str, body: bytes) -> None:
        """Append a block of precompute's decisions; acknowledged when this returns.

        Args:
            name: of the file that a drain writes.
            body: as `data.log.precompute_runs.run_bytes` makes it.

        Raises:
            Unavailable: it was not taken.
        """
        failure = self._add([(RUNS, name.encode(), body)])
        if failure is not None:
            raise Unavailable(f"the log at {self.place} did not take {name}: {failure}")

    def _add(self, entries: list[tuple[str, bytes | None, bytes]]) -> Exception | None:
        """What went wrong with any of some entries; of those before it some may be there."""
        failed = list[KafkaError]()

        def told(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failed.append(error)

        with self._turn:
            try:
                for kind, key, body in entries:
                    self._produce(self.address.topic(kind), key, body, told)
                left = self._producer.flush()
            except KafkaException as error:
                return Unavailable(f"{self.place}: {words(error)}")
        if failed or left:
            why = failed[0].str() if failed else f"{left} records were not sent"
            return Unavailable(f"{self.place}: {why}")
        return None

    def _produce(self, topic: str, key: bytes | None, body: bytes, told: Told) -> None:
        while True:
            try:
                self._producer.produce(topic, body, key, on_delivery=told)
                return
            except BufferError:  # librdkafka holds all that it may
                self._producer.poll(0.1)

    def close(self) -> None:
        """Write what is buffered, then stop."""
        super().close()
        self._producer.flush()
