"""`python -m data kafka URL`: a log in Kafka, moved into Parquet by day."""

from pathlib import Path

from data.errors import BadInput
from data.log.embedded import DATABASE
from data.log.precompute_runs import FOLDER as RUNS
from data.log.roll import roll_command, status
from data.privacy.pseudonym import Pseudonyms

__all__ = ["kafka", "status"]


def kafka(
    source: str, log: Path = Path("artifacts/log"), keep_runs: bool = False
) -> dict[str, object]:
    """Move what a log in Kafka holds into Parquet by day, where the join reads it.

    Whoever wrote to its topics: live services, precompute, and others that send events. Nothing is
    moved twice, however often it is cut off; it needs the extra `kafka`.

    Args:
        source: kafka://host:port,host:port/prefix, with ?options=FILE for options of librdkafka.
        log: The log's folder; made if it is not there.
        keep_runs: Leave precompute's runs in runs/, as `python -m data roll` does.
    """
    try:
        # Kafka's package is optional.
        from data.log.kafka.kafka_address import KafkaAddress
        from data.log.kafka.kafka_drain import drain
    except ModuleNotFoundError as error:
        raise BadInput(f"{error.name} is not installed; `pip install -e '.[kafka]'`") from None
    names = Pseudonyms.from_environment()
    moved = drain(KafkaAddress.parse(source), log, names.of if names else None)
    rolled: dict[str, object] = {}
    if (log / DATABASE).is_file() or (log / RUNS).is_dir():  # what else is in the folder
        rolled = roll_command(log, keep_runs=keep_runs)
        for name, count in rolled.items():
            if isinstance(count, int):
                moved[name] = moved.get(name, 0) + count
    return {**rolled, **moved}
