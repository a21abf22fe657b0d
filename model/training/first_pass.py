"""The first reading of the examples: checked, summed up, and parted by time."""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Collection
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.catalogue import Catalogue
from data.check.streaming import checked_examples
from data.days import DAY_US, date_of
from data.errors import BadInput
from data.examples.stream import ExampleStream
from data.records import EXAMPLES, WITH_METRICS
from data.schema import read_schema
from model.training.buffered_source import Buffers, Source
from model.training.dataset_statistics import DatasetStatistics
from model.training.featurise import Preparation


@dataclass(frozen=True)
class FirstPass:
    """What is known of the examples once all were read."""

    statistics: DatasetStatistics
    """Of those to learn from."""
    later: pa.Table
    """Those to judge by: of the latest time."""
    stream: ExampleStream
    """Of those to learn from."""
    table: pa.Table | None
    """The same at once; None: more than a buffer holds."""
    left_out: int = 0
    """How many could not be learnt from, since the artwork that they showed has no image."""

    def source(self, preparation: Preparation, buffer: int) -> Source:
        """The examples to learn from, prepared."""
        if self.table is not None:
            return preparation(self.table)
        of_all = replace(
            preparation, mean=self.statistics.mean_importance, last=self.statistics.last
        )
        return Buffers(self.stream, of_all, self.statistics.count, self.statistics.distinct, buffer)


def window(stream: ExampleStream, days: int | None) -> ExampleStream:
    """The examples of so many of the latest days, back from the last example; None: all.

    Raises:
        BadInput: no day, or there are no examples.
    """
    if days is None:
        return stream
    if days < 1:
        raise BadInput(f"--data.window-days {days} holds nothing; give at least 1")
    return replace(stream, since=stream.span()[1] - days * DAY_US + 1)


def split_by_time(stream: ExampleStream, share: float | int) -> int:
    """The moment, µs, from which the latest share of the time is held out: later days, as in use.

    Args:
        stream: of all examples.
        share: of their time; or that moment itself, a whole number.

    Raises:
        BadInput: one of the two parts would be empty.
    """
    first, last = stream.span()
    told = isinstance(share, int)
    edge = share if told else int(np.ceil(first + (1 - share) * (last - first)))
    if not first < edge <= last and told:
        raise BadInput(
            f"{stream.count()} examples have none on both sides of {date_of(edge // DAY_US)}: one "
            "to learn from before, one to judge by from then on; give more days of log"
        )
    if not first < edge <= last:
        raise BadInput(
            f"{stream.count()} examples cannot be split by time with --data.validation {share}; "
            "give more days of log, or another share"
        )
    return edge


def first_pass(
    stream: ExampleStream,
    catalogue: Catalogue,
    *,
    validation: float | int,
    held_out: int,
    buffer: int,
    clip: float | None = None,
    seed: int = 0,
    without: Collection[str] = (),
) -> FirstPass:
    """Read every example once, in memory that does not grow with them.

    Args:
        stream: of the examples.
        catalogue: that they refer to.
        validation: share of the time that is held out; or the moment from which it is, in whole µs.
        held_out: most examples of it that are kept, evenly spread.
        buffer: most examples to learn from that are kept as well.
        clip: of importance weights.
        seed: of the order in which the examples to learn from will come.
        without: artworks that have no image; examples that showed them are checked, and counted,
            and not learnt from.

    Raises:
        BadInput: there are none, one is wrong, or they cannot be split.
    """
    edge = split_by_time(stream, validation)
    learnt = replace(stream, until=edge, seed=seed)
    fits = learnt.count() <= buffer
    later = Evenly(replace(stream, since=edge).count(), held_out)
    statistics = DatasetStatistics(catalogue, clip, schema=read_schema(catalogue.root))
    early_tables = list[pa.Table]()
    lacking, left_out = pa.array(sorted(without), pa.string()), 0
    for table in checked_examples(
        stream.rows(), catalogue.artwork_ids, title_ids=catalogue.title_ids, schema=WITH_METRICS
    ):
        late = table["time"].cast(pa.int64()).to_numpy() >= edge
        later.add(table.filter(pa.array(late)))
        seen = ~pc.is_in(table["action"], value_set=lacking).to_numpy()
        left_out += int((~late & ~seen).sum())
        if (~late & seen).any():
            early = table.select(EXAMPLES.names).filter(pa.array(~late & seen))
            statistics.add(early)
            if fits:
                early_tables.append(early)
    _refuse_nothing_seen(statistics.count, later.table(), lacking)
    statistics.refuse_rewards(str(later.table()["reward_name"][0]))
    together = pa.concat_tables(early_tables) if fits else None
    return FirstPass(statistics, later.table(), learnt, together, left_out)


def _refuse_nothing_seen(count: int, later: pa.Table, lacking: pa.Array) -> None:
    """Refuse examples of which none is left to learn from, or none to validate on."""
    known = not pc.all(pc.is_in(later["action"], value_set=lacking)).as_py()
    if not (count and known):
        part = "validate on" if count else "learn from"
        raise BadInput(
            f"each example to {part} showed artwork whose image cannot be had, such as "
            f"{lacking[0]}; mend the images, which `python -m data check` names"
        )


def sample(stream: ExampleStream, most: int) -> pa.Table:
    """Some examples, checked, evenly spread over all.

    Raises:
        BadInput: there are none, or one is wrong.
    """
    chosen = Evenly(stream.count(), most)
    for table in checked_examples(stream.rows(), schema=WITH_METRICS):
        chosen.add(table)
    return chosen.table()


class Evenly:
    """Keeps so many of the rows that it is given, evenly spread."""

    def __init__(self, count: int, most: int) -> None:
        self.share = Fraction(min(most, count), max(1, count))
        self.seen, self.kept = 0, list[pa.Table]()

    def add(self, table: pa.Table) -> None:
        """Take some more rows."""
        at = np.arange(self.seen, self.seen + len(table) + 1)
        up = at * self.share.numerator // self.share.denominator
        self.seen += len(table)
        self.kept.append(table.filter(pa.array(up[1:] > up[:-1])))

    def table(self) -> pa.Table:
        """The rows that were kept, in their order."""
        return pa.concat_tables(self.kept)
