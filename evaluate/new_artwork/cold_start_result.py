"""Take fractions on artwork and members never seen: the record of `evaluate cold-start`."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from rich.table import Table

from data.errors import BadInput
from evaluate.new_artwork.exact_takes import TitleTakes
from evaluate.new_artwork.pigeonhole import PigeonholeMeans
from evaluate.ope.bootstrap import BOOTSTRAP, Bootstrap
from evaluate.ope.paired_bootstrap import Range

POLICIES = (
    *("random", "bundle-mean", "oracle-for-all", "greedy", "thompson"),
    *("attribute_ceiling", "oracle"),
)
"""In the order of tables."""
SHARES = {"share_of_ceiling": "attribute_ceiling", "share_of_oracle": "oracle"}
"""Share of the gain over random → the policy whose gain it is a share of."""
NEEDED = (
    *("random", "greedy", "thompson", "oracle", "intervals"),
    *("titles", "artworks", "members", "subjects"),
)


@dataclass(frozen=True)
class ColdStartResult:
    """Exact take fractions.

    Attributes:
        takes: policy → take fraction, with its 95% interval over members, titles and subjects.
        shares: what greedy gains over random, as a share of what others gain.
        about: bundle, titles, artworks, members, subjects, seed.
    """

    takes: Mapping[str, Range]
    shares: Mapping[str, Range]
    about: Mapping[str, object]

    @classmethod
    def of(
        cls,
        takes: Mapping[str, TitleTakes],
        bootstrap: Bootstrap = BOOTSTRAP,
        about: Mapping[str, object] | None = None,
        subjects: Float[np.ndarray, "titles subjects"] | None = None,
    ) -> "ColdStartResult":
        """Of each policy's takes of all members and titles, whose shares of subjects are known."""
        means = PigeonholeMeans.of(takes, bootstrap, subjects)
        shares = {
            name: means.share("greedy", whole) for name, whole in SHARES.items() if whole in takes
        }
        return cls({name: means.mean(name) for name in takes}, shares, about or {})

    @classmethod
    def of_record(cls, record: Mapping[str, object]) -> "ColdStartResult":
        """What `as_record` gave, or a file of it.

        Raises:
            ValueError: it is another record.
        """
        intervals = record.get("intervals")
        if not isinstance(intervals, dict) or any(name not in record for name in NEEDED):
            raise ValueError("no record of cold start")

        def ranges(names: Sequence[str]) -> dict[str, Range]:
            # Order is the record's own, so that it is written as it was read.
            return {
                name: Range(*map(_number, (record[name], *intervals[name])))
                for name in record
                if name in names
            }

        takes, shares = ranges(POLICIES), ranges(tuple(SHARES))
        known = {*takes, *shares, "intervals"}
        return cls(takes, shares, {k: v for k, v in record.items() if k not in known})

    @classmethod
    def read(cls, file: Path) -> "ColdStartResult":
        """What the command printed under `--json`.

        Raises:
            BadInput: the file holds something else.
        """
        try:
            return cls.of_record(json.loads(file.read_text()))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            raise BadInput(
                f"{file} is not what `python -m evaluate cold-start --json` prints; redo it"
            ) from None

    def as_record(self) -> dict[str, object]:
        """One value a policy and share, and beside them their intervals; None for unknown."""
        values = {**self.takes, **self.shares}
        return {
            **{name: _known(of.value) for name, of in values.items()},
            "intervals": {name: [_known(of.low), _known(of.high)] for name, of in values.items()},
            **self.about,
        }

    def table(self, policies: Sequence[str] = POLICIES, title: str | None = None) -> Table:
        """Take fractions beside what they are over random."""
        table = Table("policy", "take fraction", "95% interval", "over random", title=title)
        base = self.takes["random"].value
        for name in policies:
            if (take := self.takes.get(name)) is not None:
                table.add_row(
                    name.replace("_", " "),
                    f"{take.value:.4f}",
                    f"{take.low:.4f} … {take.high:.4f}",
                    f"{take.value / base - 1:+.1%}",
                )
        return table


def _number(value: object) -> float:
    """A number of a JSON file, which has no NaN."""
    if value is None:
        return math.nan
    if isinstance(value, int | float):
        return float(value)
    raise TypeError(f"{value!r} is no number")


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
