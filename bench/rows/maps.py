"""Rows out of maps beside rows decided live: what of the gain is left, exactly.

By the code of precompute (which artworks a map keeps, and in which bytes) and of the look-up (the
chain), for heads that are sure of titles and for heads that are not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from rich.console import Console
from rich.table import Table
from scipy.special import expit
from scipy.special import logit as log_odds

from bandit.rows.chain import ChainTitles, chain_chances
from bandit.rows.orchestrate import orchestrate
from bandit.rows.row_chances import RowChances
from bench.rows.few import in_company
from bench.rows.policies import EPSILON, HEADS, learnt_policies
from bench.rows.stage import RowStage, explored
from serve.maps.rows.row_part import SCALES, row_codes, row_weights
from serve.maps.rows.row_table import BOTH, RowRules, RowTable
from serve.precompute.row_parts import COMPANY, RowKeep, few_artworks
from simulate.rows.row_world import RowWorld

KEPT = 4
NOISE = (0.0, 0.2, 0.4)
"""SDs of heads' logits of single titles, around the truth."""
FACTORS = (1.0, 1.5, BOTH, 2.5, 3.0)
"""Of a pair's part of a log weight, of which the nearest to live's probabilities is told."""


@dataclass(frozen=True)
class MapRow:
    """Expected takes of a row, each policy with the same share of exploration; exact.

    Attributes:
        neighbour: added to a logit for each SD of alikeness.
        noise: SD of heads' logits.
        kept: artworks of each title in a map.
        greedy: takes of each title's best by itself, without exploration.
        alone: of Thompson sampling title by title.
        live: of Thompson sampling of whole rows by heads.
        mapped: of the chain over what maps keep.
        voted: of the same chain by votes of the heads in place of logits.
        oracle: of the best of all rows.
        live_closed: share of the gap between `alone` and `oracle` that live closes; gain over
            `alone` where there is none.
        map_closed: the same of maps.
        voted_closed: the same of votes.
        nearest: factor of the pair term with which the chain's conditional probabilities, of all
            artworks, are nearest to live's (Kullback-Leibler).
        bytes_a_title: of a map, beside those of today's.
    """

    neighbour: float
    noise: float
    kept: int
    greedy: float
    alone: float
    live: float
    mapped: float
    voted: float
    oracle: float
    live_closed: float
    map_closed: float
    voted_closed: float
    nearest: float
    bytes_a_title: int


def map_rows(stage: RowStage, rows: RowWorld, pages: int, seed: int) -> list[MapRow]:
    """Decide rows by heads, and by maps of what the same heads say; titles do not compete.

    Args:
        stage: of the rows.
        rows: without competition.
        pages: of a log of even draws that neighbours are learnt from.
        seed: of the log.
    """
    learnt = learnt_policies(stage, rows, pages, seed)
    rng = np.random.default_rng([seed, 8])
    beside = in_company(stage, rows, learnt, COMPANY, rng)
    terms, found = stage.terms(rows), []
    oracle = float(rows.best.mean())
    greedy = float(rows.worth(learnt.policies.independent).mean())
    for noise in NOISE:
        heads = rows.logit[:, None] + noise * rng.normal(
            size=(len(rows.logit), HEADS, *rows.logit.shape[1:])
        )
        takes = expit(heads) * rows.liked[:, None]
        alone = _by_heads(rows, heads, np.zeros((*terms.shape[:-1], HEADS)))
        live = _by_heads(rows, heads, terms @ learnt.drawn.T)
        logits, pairs = log_odds(takes), learnt.known.alike
        mapped = _by_map(logits, pairs, beside, KEPT)
        worth = [float(rows.worth(p).mean()) for p in (alone, live, mapped)]
        voted = float(rows.worth(_by_votes(alone, pairs)).mean())

        def closed(value: float, base: float = worth[0]) -> float:
            room = oracle - base
            return (value - base) / room if rows.neighbour else value / base - 1

        every = heads.shape[3]
        apart = [
            _divergence(live, _by_map(logits, pairs * factor / BOTH, beside, every))
            for factor in FACTORS
        ]
        found.append(
            MapRow(
                neighbour=rows.neighbour,
                noise=noise,
                kept=KEPT,
                greedy=greedy,
                alone=worth[0],
                live=worth[1],
                mapped=worth[2],
                voted=voted,
                oracle=oracle,
                live_closed=closed(worth[1]),
                map_closed=closed(worth[2]),
                voted_closed=closed(voted),
                nearest=FACTORS[int(np.argmin(apart))],
                bytes_a_title=2 * KEPT + 1,
            )
        )
    return found


def _by_heads(
    rows: RowWorld,
    heads: Float[np.ndarray, "contexts heads slots candidates"],
    beside: Float[np.ndarray, "contexts later left candidates heads"],
) -> RowChances:
    """As live decides: each head's row, to first order in what neighbours add."""
    chance, liked = expit(heads), rows.liked[:, None]
    slope = chance * (1 - chance) * liked
    both = slope[:, :, :-1, :, None] + slope[:, :, 1:, None, :]
    pair = both * beside.transpose(0, 4, 1, 2, 3)
    return orchestrate(chance * liked, pair, np.ones(rows.logit.shape, bool), EPSILON)


def _by_map(
    logits: Float[np.ndarray, "contexts heads slots candidates"],
    pairs: Float[np.ndarray, "contexts later left candidates"],
    company: Float[np.ndarray, "contexts slots candidates company"],
    kept: int,
) -> RowChances:
    """As a look-up draws out of a map of what the heads say."""
    rules = RowRules("", "thompson", EPSILON, 0, 1, None, "", kept)
    none = np.zeros((1, 1), np.float32)
    around = np.moveaxis(BOTH * company, 3, 0).swapaxes(2, 3)
    around = np.concatenate([np.zeros_like(around[:1]), around])
    keep = RowKeep(RowTable(rules, none, none), 1.0, True, around)
    scores = logits.transpose(1, 0, 3, 2)
    counts = np.full(scores.shape[3], scores.shape[2])
    ranks, gaps, scales = few_artworks(keep, scores, counts)
    codes = row_codes(ranks, gaps, scales)
    weights = row_weights(codes[..., kept:-1], codes[..., -1])
    context, slot = np.arange(len(ranks))[:, None, None], np.arange(1, ranks.shape[1])[:, None]
    tilts = np.zeros((*ranks.shape[:2], scores.shape[2], kept))
    of_kept = pairs[context, slot - 1, :, ranks[:, 1:]].swapaxes(2, 3)
    tilts[:, 1:] = BOTH * of_kept / SCALES[codes[:, 1:, -1]][..., None, None]
    nothing = np.zeros(ranks.shape[:2])
    may = np.ones((*ranks.shape[:2], scores.shape[2]), bool)
    titles = ChainTitles(
        weights, tilts, ranks.astype(np.int64), may, nothing, nothing, nothing.astype(np.int64)
    )
    given = np.zeros((*ranks.shape[:2], scores.shape[2], scores.shape[2]))
    np.put_along_axis(given, titles.ranks[:, :, None], chain_chances(titles), 3)
    return explored(RowChances(given[:, 0, 0], given[:, 1:]), EPSILON)


def _by_votes(
    alone: RowChances, pairs: Float[np.ndarray, "contexts later left candidates"]
) -> RowChances:
    """The same chain where a map keeps each artwork's votes and one factor does for all titles."""
    chances = (alone.alone - EPSILON / pairs.shape[3]).clip(0)
    slots, every = chances.shape[1], pairs.shape[3]
    weights = np.log(chances, where=chances > 1e-9, out=np.full(chances.shape, -np.inf))
    tilts = np.zeros((len(chances), slots, every, every))
    tilts[:, 1:] = BOTH * pairs
    ranks = np.broadcast_to(np.arange(every), weights.shape)
    nothing = np.zeros(weights.shape[:2])
    titles = ChainTitles(
        weights, tilts, ranks, np.ones(weights.shape, bool), nothing, nothing, nothing.astype(int)
    )
    given = chain_chances(titles)
    return explored(RowChances(given[:, 0, 0], given[:, 1:]), EPSILON)


def _divergence(live: RowChances, mapped: RowChances) -> float:
    """How far conditional probabilities are from live's, as often as live comes there, in nats."""
    apart = (live.later * (np.log(live.later) - np.log(mapped.later))).sum(3)
    return float((live.alone[:, :-1] * apart).sum(2).mean())


def show_maps(console: Console, found: Sequence[MapRow]) -> None:
    """Print a line a setting."""
    names = ("greedy", "alone", "live", "maps", "votes", "oracle")
    table = Table("δ", "SD", *names, "live closes", "maps close", "votes close", "factor")
    for row in found:
        values = (row.greedy, row.alone, row.live, row.mapped, row.voted, row.oracle)
        shares = (row.live_closed, row.map_closed, row.voted_closed)
        table.add_row(
            *(f"{row.neighbour:g}", f"{row.noise:g}"),
            *(f"{value:.4f}" for value in values),
            *(f"{share:+.1%}" for share in shares),
            f"{row.nearest:g}",
        )
    console.print(table)
