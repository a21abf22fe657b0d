"""What rows of all members have in common: what artworks do to their neighbours, and the policy.

One shared value beside the maps, named by its content, which maps point at; a look-up reads it
once. Two neighbours add left · right to the log weight of the one that stands on the right, before
it is divided by the title's scale.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple
from zlib import crc32

import numpy as np
from jaxtyping import Float

from data.lean.fast_json import dumps, loads

PREFIX = "rows:"
MAGIC = b"MQROWS01"
BOTH = 2.0
"""A pair adds to the logits of both of its slots, and the draw of one decides for both."""


class RowRules(NamedTuple):
    """What draws of rows have in common, besides the artwork."""

    bundle: str
    policy: str
    explore: float
    """Share of exploration, over all candidates of a title."""
    salt: int
    days: int
    """Of an epoch, for which a page keeps its draw."""
    cell: str | None
    layout: str
    """Digest of the numbering, in hex."""
    kept: int
    """Artworks of each title."""


@dataclass(frozen=True)
class RowTable:
    """Rules, and two vectors of each artwork of a layout; 2 × 4 × rank bytes each."""

    rules: RowRules
    left: Float[np.ndarray, "artworks rank"]
    right: Float[np.ndarray, "artworks rank"]

    @staticmethod
    def of(
        rules: RowRules,
        coordinates: Float[np.ndarray, "artworks rank"],
        form: Float[np.ndarray, "rank rank"],
    ) -> "RowTable":
        """By artworks' coordinates, and the mean of what two of them add to each other's logit."""
        right = BOTH * coordinates @ form
        return RowTable(rules, coordinates.astype(np.float32), right.astype(np.float32))

    def to_bytes(self) -> bytes:
        """As stored."""
        head = dumps(self.rules._asdict() | {"shape": list(self.left.shape)})
        body = len(head).to_bytes(4, "little") + head + self.left.tobytes() + self.right.tobytes()
        return MAGIC + crc32(body).to_bytes(4, "little") + body

    @staticmethod
    def from_bytes(raw: bytes) -> "RowTable":
        """Read `to_bytes` back.

        Raises:
            ValueError: it is nothing of the kind, or damaged.
        """
        body = raw[12:]
        if raw[:8] != MAGIC or crc32(body).to_bytes(4, "little") != raw[8:12]:
            raise ValueError("what rows have in common is damaged; precompute again")
        end = 4 + int.from_bytes(body[:4], "little")
        try:
            said = loads(body[4:end])
            artworks, rank = said.pop("shape")
            both = np.frombuffer(body[end:], "<f4").reshape(2, artworks, rank)
            table = RowTable(RowRules(**said), both[0], both[1])
            table._check()
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not what rows have in common: {error!r:.200}") from None
        return table

    def _check(self) -> None:
        """See to it that each part is of its kind.

        Raises:
            ValueError: one is not.
        """
        rules = self.rules
        texts = (rules.bundle, rules.policy, rules.cell or "", rules.layout)
        whole = (rules.salt, rules.days, rules.kept)
        if (
            not all(isinstance(text, str) for text in texts)
            or not all(type(number) is int for number in whole)
            or type(rules.explore) not in (int, float)
        ):
            raise ValueError("a field is of another type")
        if not (0 <= rules.explore <= 1 and 0 <= rules.salt < 2**64 and 1 <= rules.days <= 366):
            raise ValueError(f"explore {rules.explore}, or epochs of {rules.days} days, cannot be")
        if not (np.isfinite(self.left).all() and np.isfinite(self.right).all()):
            raise ValueError("a number is not finite")

    @property
    def nonce(self) -> int:
        """What maps call it."""
        return nonce_of(self.to_bytes())


def nonce_of(raw: bytes) -> int:
    """The name of a stored table."""
    return int.from_bytes(blake2b(raw, digest_size=8).digest(), "little")


def row_table_key(nonce: int) -> str:
    """The shared value that holds a table."""
    return f"{PREFIX}{nonce:016x}"
