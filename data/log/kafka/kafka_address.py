"""Where a log in Kafka is: brokers, a prefix of topics, and librdkafka's own options."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

from data.errors import BadInput, NoServerError

URL = re.compile(r"kafka://(?P<brokers>[^/?#@\s]+)/(?P<prefix>[\w.-]{1,200})(?:\?(?P<query>.*))?")
OURS = ("bootstrap.servers", "acks", "enable.idempotence", "enable.auto.commit", "group.id")
"""Options on which it rests that nothing is lost or twice."""


@dataclass(frozen=True)
class KafkaAddress:
    """Brokers and topics of a log."""

    brokers: str
    """host:port, several by commas."""
    prefix: str
    """Topics are PREFIX.decisions, PREFIX.events and PREFIX.runs."""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, url: str) -> "KafkaAddress":
        """Of `kafka://host:port,host:port/prefix?options=FILE`; the file has `name = value` lines.

        Raises:
            BadInput: it is none, the file cannot be read, or it sets what may not be set.
        """
        found = URL.fullmatch(url)
        query = dict(parse_qsl(found["query"] or "")) if found else {}
        if found is None or query.keys() - {"options"}:
            raise BadInput(
                f"log {url.partition('?')[0]:.200}: write kafka://host:port/prefix, with "
                "?options=FILE for what librdkafka is to be told (security.protocol and the like)"
            )
        options = _options(Path(query["options"])) if "options" in query else {}
        return cls(found["brokers"], found["prefix"], options)

    @property
    def told(self) -> dict[str, str]:
        """What librdkafka is told besides; what it would print is said where it matters."""
        return {"log_level": "0", **self.options}

    def topic(self, kind: str) -> str:
        """The topic of a kind of records."""
        return f"{self.prefix}.{kind}"

    def __str__(self) -> str:
        return f"kafka://{self.brokers}/{self.prefix}"


def words(error: Exception) -> str:
    """What an error of confluent-kafka says, without what it is made of."""
    cause = error.args[0] if error.args else error
    told = getattr(cause, "str", None)
    return str(told() if callable(told) else cause)


def no_broker(address: KafkaAddress, error: Exception) -> NoServerError:
    """What is said where no broker answers."""
    return NoServerError(f"no broker answers at {address} ({words(error)}); start one")


def _options(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"options {file} cannot be read ({error}); give a text file") from None
    options = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or name in OURS:
            why = "is set by the log itself" if name in OURS else "is no `name = value`"
            raise BadInput(f"options {file}, line {number}: {name[:80]!r} {why}; take it out")
        options[name] = value
    return options
