"""The engines that there are, by name."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from data.errors import BadInput
from data.join.duckdb_engine import DuckDB
from data.join.engine import Engine
from data.join.spark_engine import Spark

ENGINES: dict[str, Callable[[Path, "EngineSettings"], Engine]] = {
    "duckdb": lambda scratch, settings: DuckDB(scratch, settings.memory),
    "spark": lambda scratch, settings: Spark(scratch, settings.memory, settings.master),
}
"""Name → engine, from a folder for what it spills and what was asked for."""


@dataclass(frozen=True)
class EngineSettings:
    """Which engine joins, and how much at once.

    Raises:
        BadInput: there is no such engine.
    """

    name: str = "duckdb"
    """duckdb (this machine) or spark."""
    memory: str = "2GB"
    """What DuckDB may hold before it spills to disk; Spark's driver memory."""
    batch_decisions: int = 500_000
    """Days are joined together up to about this many decisions."""
    master: str | None = None
    """Spark's, by URL; None: see `data.spark.session.open_spark`."""

    def __post_init__(self) -> None:
        if self.name not in ENGINES:
            names = ", ".join(ENGINES)
            raise BadInput(f"there is no join engine {self.name!r}; choose one of {names}")
        if self.master is not None and self.name != "spark":
            raise BadInput(f"--master {self.master} is of Spark; add --engine spark")

    @contextmanager
    def open(self, scratch: Path) -> Iterator[Engine]:
        """The engine, until the block ends.

        Args:
            scratch: folder for what it spills.
        """
        engine = ENGINES[self.name](scratch, self)
        try:
            yield engine
        finally:
            engine.close()
