"""What is wrong with what decisions or examples say was chosen beside their artwork.

Each row's lists must be as long as its kinds, its chances must be chances, and its assets those of
the catalogue: else every weight that is made of them is wrong, of a row that looks sound.
"""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from data.check.log_views import view_kinds
from data.check.pages.pages import Flaw
from data.problem import Problem, whole
from data.reading.duckdb_session import reading

MORE = "{count:,} more decisions are wrong in such a way"
LENGTHS = Flaw(
    "kinds",
    """
    SELECT decision_id, CASE
        WHEN kinds IS NULL THEN 'says assets or chances beside its artwork and no kinds'
        WHEN len(list_distinct(kinds)) < len(kinds) THEN 'names a kind twice'
        ELSE 'has ' || len(kinds) || ' kinds, ' || coalesce(len(assets), 0) || ' assets, '
             || coalesce(len(asset_candidates), 0) || ' lists of candidates and '
             || coalesce(len(asset_propensities), 0) || ' propensities' END
    FROM beside WHERE kinds IS NULL OR len(list_distinct(kinds)) < len(kinds)
       OR len(assets) IS DISTINCT FROM len(kinds)
       OR len(asset_candidates) IS DISTINCT FROM len(kinds)
       OR len(asset_propensities) IS DISTINCT FROM len(kinds)
    """,
    "log one asset, one list of candidates and one propensity a kind, or null in all six columns",
)
CHANCES = Flaw(
    "asset_propensities",
    """
    SELECT decision_id, 'has a propensity of ' || coalesce(p || '', 'null')
    FROM each WHERE p IS NULL OR NOT (p > 0 AND p <= 1)
    """,
    "log each asset's probability given the artwork and the kinds before, above 0 and at most 1",
)
OFFERED = Flaw(
    "assets",
    """
    SELECT decision_id,
           'shows ' || coalesce(asset, 'nothing') || ', which is none of its candidates'
    FROM each WHERE asset IS NULL OR NOT coalesce(list_contains(candidates, asset), false)
    """,
    "log the candidates of each kind that the asset was chosen from",
)
JOINT = Flaw(
    "joint_propensity",
    """
    SELECT decision_id, 'has a joint propensity of ' || coalesce(joint_propensity || '', 'null')
           || ', and its propensities make ' || made
    FROM (SELECT *, propensity * list_aggregate(asset_propensities, 'product') AS made FROM beside)
    WHERE len(kinds) > 0 AND made IS NOT NULL
      AND (joint_propensity IS NULL OR NOT abs(joint_propensity - made) <= 1e-6)
    """,
    "log the product of the artwork's propensity and of those of all kinds",
)
COMBINATIONS = Flaw(
    "combinations",
    """
    SELECT decision_id, 'has ' || len(combinations) || ' probabilities of ' || made
           || ' combinations, which sum to ' || list_sum(combinations)
    FROM (SELECT b.*, made FROM beside b JOIN (
              SELECT decision_id, any_value(artworks) * product(len(candidates))::BIGINT AS made
              FROM each GROUP BY decision_id) USING (decision_id))
    WHERE combinations IS NOT NULL AND (
        len(combinations) <> made OR NOT coalesce(abs(list_sum(combinations) - 1) <= 1e-6, false)
        OR list_min(combinations) < 0)
    """,
    "log the probability of every combination, the last kind innermost, or null",
)
UNKNOWN = Flaw(
    "asset_candidates",
    """
    SELECT decision_id, CASE WHEN c.asset_id IS NULL
        THEN 'names ' || one || ', which is not in assets.parquet'
        ELSE 'names ' || one || ' as ' || n.kind || ' of title ' || n.title || ', which is '
             || c.kind || ' of ' || c.title END
    FROM (SELECT decision_id, kind, title, unnest(list_append(candidates, asset)) AS one
          FROM each) n
    LEFT JOIN catalogue_assets c ON c.asset_id = n.one
    WHERE one IS NOT NULL
      AND (c.asset_id IS NULL OR c.kind <> n.kind OR c.title <> n.title)
    """,
    "give the catalogue that the log was made with, or drop the row",
)
EACH = """
CREATE OR REPLACE TEMP VIEW each AS
SELECT decision_id, title_id || '' AS title, len(candidates) AS artworks, unnest(kinds) AS kind,
       unnest(assets) AS asset, unnest(asset_candidates) AS candidates,
       unnest(asset_propensities) AS p
FROM beside
"""
SOUND = (CHANCES, OFFERED, JOINT, COMBINATIONS)


def problems_of_kinds(rows: Path, assets: pa.Table | None = None) -> Iterator[Problem]:
    """What is wrong with what rows say was chosen beside their artwork; nothing if they say none.

    Args:
        rows: folder of a log, of examples, or their file.
        assets: of the catalogue, as ASSETS; None: any may be named.
    """
    with reading(rows) as connection:
        if not view_kinds(connection, rows):
            return
        connection.execute(EACH)
        found = list(_found(connection, LENGTHS, rows))
        yield from found
        if found:  # of lists that do not belong together nothing more can be said
            return
        for flaw in SOUND:
            yield from _found(connection, flaw, rows)
        if assets is not None:
            known = assets.select(["asset_id", "kind", "title_id"]).to_pydict()
            known["title"] = [str(title) for title in known.pop("title_id")]
            texts = pa.schema([(name, pa.string()) for name in ("asset_id", "kind", "title")])
            connection.register("catalogue_assets", pa.table(known, schema=texts))
            yield from _found(connection, UNKNOWN, rows)


def _found(connection: duckdb.DuckDBPyConnection, flaw: Flaw, rows: Path) -> Iterator[Problem]:
    """One problem for all decisions that are wrong in one way."""
    name, words, count = connection.execute(
        f"SELECT min(name), arg_min(words, name), count(DISTINCT name)"
        f" FROM ({flaw.query}) AS flaws(name, words)"
    ).fetchall()[0]
    if count:
        more = "" if count == 1 else f" ({MORE.format(count=count - 1)})"
        yield whole("beside", rows, flaw.column, f"decision {name} {words}{more}", flaw.remedy)
