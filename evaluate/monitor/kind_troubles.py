"""Titles whose synopses, trailers or other assets want somebody's look, by what a log says of them.

As of artwork: candidates that nobody was ever shown, and kinds that are stuck. Besides, assets that
a log speaks of and the catalogue lacks: nothing can be learnt or judged of draws that name them.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

import duckdb

from data.assets.assets import read_assets
from data.catalogue import Catalogue
from data.check.log_views import view_kinds
from data.records import TitleId

OfDraws = Literal["never shown", "stuck", "not in the catalogue"]
COUNTS = """
SELECT d.title_id, kind, asset, count(*), sum((several > 1)::INT), max(d.day)
FROM (SELECT DISTINCT ON (decision_id) * FROM d) d JOIN (
  SELECT decision_id, unnest(kinds) AS kind, unnest(assets) AS asset,
         unnest(list_transform(asset_candidates, lambda x: len(x))) AS several
  FROM (SELECT DISTINCT ON (decision_id) decision_id, kinds, assets, asset_candidates FROM beside)
) USING (decision_id)
WHERE kind IS NOT NULL AND asset IS NOT NULL GROUP BY ALL ORDER BY ALL
"""


class AssetTrouble(NamedTuple):
    """One thing about one asset."""

    title_id: TitleId
    what: OfDraws
    asset: str
    words: str


class _Drawn(NamedTuple):
    """Draws of a title's kind."""

    shown: dict[str, int]
    """By asset."""
    chosen: dict[str, int]
    """Of these, where there were several candidates."""
    last: str
    """Day of the last."""


def troubles_of_kinds(
    connection: duckdb.DuckDBPyConnection,
    catalogue: Catalogue,
    log: Path,
    today: date,
    draws: int,
    share: float,
) -> Iterable[AssetTrouble]:
    """What a log says of assets beside the artwork; nothing where it speaks of artwork alone.

    Args:
        connection: with the view `d` of the log's decisions.
        catalogue: that it was made with.
        log: where it lies.
        today: that candidates are of.
        draws: of a title's kind, from which on something is said of it.
        share: of them for one asset, from which on the kind is stuck.

    Raises:
        BadInput: the assets of the catalogue cannot be read.
    """
    if not view_kinds(connection, log):
        return
    counted: dict[tuple[TitleId, str], _Drawn] = {}
    for title, kind, asset, shown, chosen, day in connection.sql(COUNTS).fetchall():
        known = counted.get((title, kind), _Drawn({}, {}, ""))
        known.shown[asset], known.chosen[asset] = shown, int(chosen)
        counted[title, kind] = known._replace(last=max(known.last, day))
    table, _ = read_assets(catalogue.root)
    rows = [] if table is None else table.to_pylist()
    held = {(row["title_id"], row["kind"], row["asset_id"]) for row in rows}
    offered: dict[tuple[TitleId, str], dict[str, date]] = {key: {} for key in counted}
    for row in rows:
        key = row["title_id"], row["kind"]
        if key in counted and row["added_day"] <= today < (row["withdrawn_day"] or date.max):
            offered[key][row["asset_id"]] = row["added_day"]
    for (title, kind), drawn in counted.items():
        for asset, count in drawn.shown.items():
            if (title, kind, asset) not in held:
                words = (
                    f"a {kind} of {count:,} draws, and not in assets.parquet: put its row back with"
                    " a withdrawn_day, or nothing can be learnt of them"
                )
                yield AssetTrouble(title, "not in the catalogue", asset, words)
        yield from _of_draws(title, kind, drawn, offered[title, kind], draws, share)


def _of_draws(
    title: TitleId,
    kind: str,
    drawn: _Drawn,
    offered: Mapping[str, date],
    draws: int,
    share: float,
) -> Iterable[AssetTrouble]:
    """What is overlooked, and whether the kind is stuck."""
    total = sum(drawn.chosen.values())
    if total < draws or len(offered) < 2:
        return
    last = date.fromisoformat(drawn.last)
    for asset, since in offered.items():
        if asset not in drawn.shown and since + timedelta(days=1) <= last:
            words = f"a {kind} since {since}, and in none of {total:,} draws"
            yield AssetTrouble(title, "never shown", asset, words)
    best = max(drawn.chosen, key=drawn.chosen.__getitem__)
    if drawn.chosen[best] >= share * total:
        words = (
            f"{drawn.chosen[best] / total:.1%} of {total:,} draws of {kind}, of {len(offered)}"
            " candidates; the others have little to gain, or too little is tried"
        )
        yield AssetTrouble(title, "stuck", best, words)
