"""How far a folder has read topics, kept in the folder: `kafka.json`."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import orjson

from data.atomic_write import write_text_whole
from data.errors import BadInput

POSITIONS = "kafka.json"


class Moving(NamedTuple):
    """Messages that are being written."""

    topic: str
    partition: int
    first: int
    end: int
    """The offset after the last."""


@dataclass
class Positions:
    """How far a folder has read, and what it was writing."""

    file: Path
    done: dict[str, int]
    """TOPIC/PARTITION → the next offset."""
    moving: Moving | None = None

    @classmethod
    def read(cls, file: Path) -> "Positions":
        """Those of a folder; none in one that has read nothing.

        Raises:
            BadInput: the file is none of positions.
        """
        if not file.exists():
            return cls(file, {})
        try:
            said = orjson.loads(file.read_bytes())
            moving = None if said["moving"] is None else Moving(*said["moving"])
            return cls(file, {str(name): int(at) for name, at in said["done"].items()}, moving)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise BadInput(
                f"{file} does not say how far Kafka was read; put it back from a backup, or take "
                "it away and with it what was read: all would be read again"
            ) from None

    def write(self) -> None:
        """Keep them; on disk when this returns."""
        said = {"done": self.done, "moving": self.moving and list(self.moving)}
        write_text_whole(self.file, orjson.dumps(said, option=orjson.OPT_INDENT_2).decode())
