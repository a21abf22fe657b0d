"""Takes and impressions of an experiment by member, cell and day, from its joined examples."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float

from data.cells.experiment import cell_in
from data.errors import BadInput, first_line
from data.reading.conformed_files import conformed_files
from data.reading.duckdb_session import session
from data.reading.sql_expression import expression_tree
from data.reading.sql_rows import in_sql, own_of, refusal
from data.records import EXAMPLES, WITH_METRICS
from data.schema_cast import opened, parquet_files

REWARDED = pa.schema([EXAMPLES.field(n) for n in ("profile_id", "cell", "time", "reward")])


@dataclass(frozen=True)
class MemberDays:
    """One row a member, cell and day.

    Attributes:
        profile_id: the member.
        cell: of the experiment; None before it.
        day: YYYY-MM-DD.
        takes: of that day.
        impressions: of that day.
    """

    profile_id: np.ndarray
    cell: np.ndarray
    day: np.ndarray
    takes: Float[np.ndarray, " rows"]
    impressions: Float[np.ndarray, " rows"]

    @classmethod
    def read(
        cls,
        log: str,
        where: str | None = None,
        metric: str | None = None,
        experiment: str | None = None,
    ) -> "MemberDays":
        """Rows of a Parquet file or a folder of them, in order of day, member and cell.

        Args:
            log: the file or folder.
            where: SQL over the columns of EXAMPLES that a row must hold for; None: all.
            metric: that stands for the reward, of the rows that have it; None: the reward.
            experiment: whose cell a row's `cell` names, as the service writes it; None: `cell` is
                a cell's name itself.

        Raises:
            BadInput: there are no examples, they lack a column, a reward is not finite, or no row
                is as asked for.
        """
        path = Path(log)
        if not path.exists():
            raise BadInput(f"{log}: no such file or folder; give joined examples in Parquet")
        files = parquet_files(path)
        if not files:
            raise BadInput(f"{log}: the folder holds no Parquet file; give joined examples")
        schema = REWARDED if where is None else _all_columns(files)
        worth, there = "reward", "true"
        if metric is not None:
            schema = schema.append(WITH_METRICS.field("metrics"))
            worth = f"metrics['{metric.replace(chr(39), 2 * chr(39))}']"
            there = f"{worth} IS NOT NULL"
        conformed = conformed_files(files, schema)
        places, own = [str(place) for place in conformed], None
        if where is not None and "facts" in schema.names:
            own = own_of(pq.read_table(conformed[0], columns=["facts"])["facts"].combine_chunks())
        asked = "true" if where is None else in_sql(where, own)
        try:
            connection = session()
            if where is not None:
                expression_tree(connection, where)
            relation = connection.sql(
                f"""SELECT profile_id, cell, strftime(time AT TIME ZONE 'UTC', '%Y-%m-%d') AS day,
                          sum({worth})::DOUBLE AS takes, count(*)::DOUBLE AS impressions
                   FROM read_parquet(?, union_by_name = true) WHERE ({asked}\n)
                     AND {there}
                   GROUP BY ALL ORDER BY day, profile_id, cell""",
                params=[places],
            )
            table = relation.to_arrow_table()
        except (duckdb.Error, ValueError) as error:
            if where is not None:
                raise refusal(where, error, schema.names, own) from None
            raise BadInput(
                f"{log}: cannot read examples with profile_id, cell, time and reward"
                f" ({first_line(error)})"
            ) from None
        rows = cls(*(table[field.name].to_numpy() for field in fields(cls)))
        rows.refuse_odd_rewards(log)
        return rows if experiment is None else rows.in_cells_of(experiment)

    def in_cells_of(self, experiment: str) -> "MemberDays":
        """The same rows, by the cell of one experiment in place of what the service writes."""
        cells = {label: cell_in(label, experiment) for label in set(self.cell.tolist())}
        return replace(self, cell=np.array([cells[one] for one in self.cell.tolist()], object))

    def refuse_odd_rewards(self, log: str) -> None:
        """Refuse a reward that is no number.

        Raises:
            BadInput: there is one; names its row.
        """
        if not np.isfinite(self.takes).all():
            at = int((~np.isfinite(self.takes)).argmax())
            raise BadInput(
                f"{log}: profile_id {self.profile_id[at]} on {self.day[at]} has a reward that is"
                " null or not finite; drop the row"
            )

    def cell_of(self, first: date | None) -> dict[str, str | None]:
        """Cell of each member since the first day, None for those seen in more than one."""
        members: dict[str, str | None] = {}
        since = str(first or "")
        for profile, cell, day in zip(self.profile_id, self.cell, self.day, strict=True):
            if cell is None or day < since:
                continue
            members[profile] = cell if members.get(profile, cell) == cell else None
        return members

    def sizes(self, members: Mapping[str, str | None], first: date | None) -> list[dict[str, int]]:
        """Members of each cell who were seen by the end of each day, those left out not counted."""
        seen: dict[str, Counter[str]] = {}
        known: set[str] = set()
        since = str(first or "")
        for profile, cell, day in zip(self.profile_id, self.cell, self.day, strict=True):
            if cell is None or day < since:
                continue
            own = members.get(profile)
            arrivals = seen.setdefault(day, Counter())
            if own is not None and profile not in known:
                known.add(profile)
                arrivals[own] += 1
        total: Counter[str] = Counter()
        days = []
        for arrivals in seen.values():
            total += arrivals
            days.append(dict(total))
        return days


def _all_columns(files: Sequence[Path]) -> pa.Schema:
    """Columns of EXAMPLES that any of the files has, which an expression may speak of."""
    there = set(REWARDED.names)
    for file in files:
        with opened(file) as source:
            there.update(source.schema_arrow.names)
    fields = (field for field in EXAMPLES if field.name in there)
    return pa.schema([f if f.name in REWARDED.names else f.with_nullable(True) for f in fields])
