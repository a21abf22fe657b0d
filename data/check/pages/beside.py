"""What is wrong with what decisions or examples say was chosen beside their artwork.

Each row's lists must be as long as its kinds, its chances must be chances, and its assets those of
the catalogue: else every weight that is made of them is wrong, of a row that looks sound.
"""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from data.check.draws import mean_weight_p
from data.check.log_views import view_kinds
from data.check.pages.flaw import Flaw, Unit, flawed
from data.problem import Problem, whole
from data.reading.duckdb_session import reading

DECISION = Unit("beside", "decision", "{count:,} more decisions are wrong in such a way")
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
MOST_WEIGHT = 20.0
"""That is thought possible, also where none was so large: of a twentieth explored."""
WEIGHTS = f"""
SELECT kind, count(*), avg(w), max(greatest(w, {MOST_WEIGHT}))
FROM (SELECT DISTINCT decision_id, kind, 1 / (len(candidates) * p) AS w
      FROM each WHERE len(candidates) > 1)
GROUP BY kind ORDER BY kind
"""
RARE = 1e-6
"""A probability below which chance is not believed."""
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
        found = list(flawed(connection, LENGTHS, rows, DECISION))
        yield from found
        if found:  # of lists that do not belong together nothing more can be said
            return
        found = [problem for flaw in SOUND for problem in flawed(connection, flaw, rows, DECISION)]
        yield from found
        if not found:
            yield from _weights(connection, rows)
        if assets is not None:
            known = assets.select(["asset_id", "kind", "title_id"]).to_pydict()
            known["title"] = [str(title) for title in known.pop("title_id")]
            texts = pa.schema([(name, pa.string()) for name in ("asset_id", "kind", "title")])
            connection.register("catalogue_assets", pa.table(known, schema=texts))
            yield from flawed(connection, UNKNOWN, rows, DECISION)


def _weights(connection: duckdb.DuckDBPyConnection, rows: Path) -> Iterator[Problem]:
    """Kinds whose even policy's weights do not have mean 1, which is beyond what chance may do."""
    for kind, count, mean, largest in connection.execute(WEIGHTS).fetchall():
        # A weight of mean 1 that is never above the largest has at most this variance.
        p = mean_weight_p(mean, count, count * (largest - 1), largest)
        if p < RARE:
            what = (
                f"the even policy's weights on {count:,} choices of {kind} have mean {mean:.3f}"
                f" and must have 1 (p < {p:.1g})"
            )
            remedy = "log the probability that each asset was chosen with, of every page decided"
            yield whole("beside", rows, "asset_propensities", what, remedy)
