"""What kinds of assets add beside a bundle's artwork, learnt from joined examples.

Laplace's posterior of main effects, own effects and pairs, beside what the bundle says already of
the artwork to the member. Its draws, one a head, let Thompson sampling explore assets too.
"""

# pyarrow.compute makes its functions at import: no checker sees them.
# pyright: reportAttributeAccessIssue=false

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

from bandit.kinds.kind_terms import KindTerms
from bandit.kinds.logistic_posterior import LogisticPosterior
from data.assets.assets import Assets
from data.bundle.asset_terms import AssetTerms, terms_of, with_one
from data.catalogue import Catalogue
from data.errors import BadInput
from data.texts.hashed_words import HashedWords
from data.texts.interface import TextEncoder
from data.texts.text_places import TextPlaces
from evaluate.policies.bundle_scores import BundleScores
from evaluate.slate.candidate_rows import shown_rows, take_logits
from evaluate.slate.leading_space import leading_space
from serve.scoring.asset_bank import NO_ASSET, AssetBank

RANK = 16
"""Coordinates of an artwork: main effects of texts read them too, and lost much with 8."""
DIRECTIONS = 16
"""Numbers of a text's place."""
MOST = 300_000
"""Examples that are learnt from, the latest."""
MOST_OWN, MOST_LEVELS = 1000, 400
"""Assets with effects of their own over all kinds, and titles with levels: those shown most, since
the posterior's matrix grows with the square of both."""
BATCH = 20_000
"""Examples whose terms lie in memory at a time."""
DOUBT = 0.3
"""Of the posterior, by which heads explore: as in the world that docs/dimensions.md measures."""
NO_KINDS = (
    "no example says what was chosen beside its artwork; ask pages for `kinds`, and join what they"
    " log"
)


@dataclass(frozen=True)
class LearntAssets:
    """Terms of kinds, and how much of them there is.

    Attributes:
        terms: for the bundle.
        examples: that they were learnt from.
        effects: SD over these of what each kind adds to the logit of a take by itself, by kind.
        meeting: SD of what pairs add.
    """

    terms: AssetTerms
    examples: int
    effects: dict[str, float]
    meeting: float

    def words(self) -> str:
        """In a sentence."""
        parts = ", ".join(f"{kind} {effect:.3f}" for kind, effect in self.effects.items())
        return (
            f"kinds add to the logit of a take (SD over {self.examples:,} examples): {parts}; by"
            f" how they meet {self.meeting:.3f}"
        )


def learn_assets(
    scored: BundleScores,
    catalogue: Catalogue,
    assets: Assets,
    examples: pa.Table,
    seed: int = 0,
    encoder: TextEncoder | None = None,
) -> LearntAssets:
    """Learn what kinds add to a bundle.

    Args:
        scored: the bundle on the catalogue.
        catalogue: of the examples.
        assets: of the catalogue.
        examples: as EXAMPLES, with KIND_COLUMNS; those without are left out.
        seed: of the posterior's draws.
        encoder: of texts; hashed words if None.

    Raises:
        BadInput: no example says kinds, or one shows an asset that the catalogue lacks.
    """
    rows = with_kinds(examples)
    rows = rows.slice(max(len(rows) - MOST, 0))
    kinds = tuple(dict.fromkeys(pc.list_flatten(rows["kinds"]).to_pylist()))
    rng = np.random.default_rng(seed)
    facts = rows["facts"].combine_chunks()
    space = leading_space(scored, catalogue, facts, RANK, rng)
    texts = [row["text"] for row in assets.rows.values() if row["kind"] in kinds and row["text"]]
    places = TextPlaces.of(encoder or HashedWords(), texts, DIRECTIONS)
    seen = space.functionals @ space.taste
    own = _own(rows, kinds)
    size = terms_of(RANK, DIRECTIONS, [len(ids) for ids in own]).size
    terms = AssetTerms(
        kinds,
        own,
        places.encoder.name,
        space.centre,
        space.projection,
        space.taste,
        seen.mean(0),
        np.maximum(seen.std(0), 1e-9),
        places.mean,
        places.axes,
        np.zeros(size),
        np.zeros((scored.scorer.manifest.policy.heads, size)),
    )
    shown = _Shown.of(rows, AssetBank.of(terms, assets), kinds)
    # Small matrices: on a busy machine threads wait for each other a hundred times longer.
    with threadpool_limits(1):
        return _fitted(terms, shown, scored, shown_rows(rows, catalogue), rng)


def with_kinds(examples: pa.Table) -> pa.Table:
    """The examples that say what was chosen beside their artwork.

    Raises:
        BadInput: there are none, or the lists of one do not fit each other: by its decision.
    """
    if "kinds" not in examples.column_names:
        raise BadInput(NO_KINDS)
    said = pc.fill_null(pc.list_value_length(examples["kinds"]), 0)
    rows = examples.filter(pc.greater(said, 0))
    if not len(rows):
        raise BadInput(NO_KINDS)
    count = pc.list_value_length(rows["kinds"])
    for name in ("assets", "asset_candidates"):
        same = pc.fill_null(pc.equal(pc.list_value_length(rows[name]), count), False)
        if (wrong := pc.index(same, False).as_py()) >= 0:
            raise BadInput(
                f"decision {rows['decision_id'][wrong]}: kinds and {name} differ in length; leave"
                " it out, or join the log again"
            )
    lists = (rows[name].to_pylist() for name in ("kinds", "assets", "asset_candidates"))
    for row, (kinds, assets, offered) in enumerate(zip(*lists, strict=True)):
        among = zip(assets, offered, strict=True)
        if None in kinds or len({*kinds}) < len(kinds):
            why = f"names its kinds {kinds}; name each that was shown once"
        elif not all(its and asset in its and None not in its for asset, its in among):
            why = "shows an asset that is none of its candidates; leave it out"
        else:
            continue
        raise BadInput(f"decision {rows['decision_id'][row]} {why}, or join the log again")
    return rows


@dataclass(frozen=True)
class _Shown:
    """What examples showed: of each kind the row of its asset, −1 where it was not shown."""

    rows: pa.Table
    bank: AssetBank
    at: tuple[Int[np.ndarray, " examples"], ...]
    titles: Int[np.ndarray, " examples"]
    """Place among the titles with a level; −1: none."""

    @classmethod
    def of(cls, rows: pa.Table, bank: AssetBank, kinds: tuple[str, ...]) -> "_Shown":
        at = {kind: np.full(len(rows), NO_ASSET) for kind in kinds}
        pairs = zip(rows["kinds"].to_pylist(), rows["assets"].to_pylist(), strict=True)
        for row, (names, assets) in enumerate(pairs):
            for kind, asset in zip(names, assets, strict=True):
                if asset not in bank.row_of:
                    raise BadInput(
                        f"the log shows asset {asset!r:.60}, which is not in assets.parquet; give"
                        " the catalogue that the log was made with"
                    )
                at[kind][row] = bank.row_of[asset]
        of = rows["title_id"].to_pylist()
        most = {title: n for n, (title, _) in enumerate(Counter(of).most_common(MOST_LEVELS))}
        titles = np.array([most.get(title, -1) for title in of], np.int64)
        return cls(rows, bank, tuple(at.values()), titles)

    def terms(
        self, terms: KindTerms, part: slice, seen: np.ndarray, facts: np.ndarray
    ) -> Float[np.ndarray, "some terms"]:
        """Of some of them, in their order."""
        places, owns = [seen], [np.full(len(seen), NO_ASSET)]
        for at in self.at:
            mine = at[part]
            places.append(np.where((mine >= 0)[:, None], self.bank.places[mine], 0.0))
            owns.append(np.where(mine >= 0, self.bank.own[mine], NO_ASSET))
        made = terms.of_chosen(facts, tuple(places), tuple(owns), np.maximum(self.titles[part], 0))
        made[self.titles[part] < 0, terms.facts : terms.facts + terms.titles] = 0.0
        return made


def _fitted(
    terms: AssetTerms,
    shown: _Shown,
    scored: BundleScores,
    artworks: Int[np.ndarray, " examples"],
    rng: np.random.Generator,
) -> LearntAssets:
    """The posterior beside the bundle's own logits, and heads drawn from it."""
    rows, levels = shown.rows, int(shown.titles.max(initial=-1)) + 1
    own = [len(ids) for ids in terms.own]
    learnt = terms_of(RANK, DIRECTIONS, own, levels)
    facts, vectors = rows["facts"].combine_chunks(), scored.artworks.vectors
    takes = np.clip(rows["reward"].to_numpy().astype(np.float64), 0, 1)
    beside = take_logits(scored, facts, artworks[:, None])[:, 0]
    known = np.isfinite(beside)
    posterior = LogisticPosterior.before(learnt.prior_sd())
    # In an order of its own: batches of days would each be moved by what that day brought.
    order = rng.permutation(len(rows))
    shuffled = replace(shown, at=tuple(a[order] for a in shown.at), titles=shown.titles[order])
    seen = terms.coordinates(vectors)[artworks[order]]
    members = _members(terms, scored, facts)[order]
    for begin in range(0, len(rows), BATCH):
        part = slice(begin, begin + BATCH)
        keep = known[order[part]]
        made = shuffled.terms(learnt, part, seen[part], members[part])
        at = order[part][keep]
        posterior = posterior.update(made[keep], takes[at], beside[at])
    posterior = posterior.rescaled(learnt.scales())
    heads = posterior.heads(len(terms.heads), rng, DOUBT)
    kept = np.r_[: learnt.facts, learnt.facts + levels : learnt.size]
    part = slice(0, BATCH)
    made = shuffled.terms(learnt, part, seen[part], members[part])
    effects, meeting = _effects(learnt, terms.kinds, made, posterior.mean)
    said = {"examples": int(known.sum()), "effects": effects, "meeting": meeting}
    found = replace(terms, weights=posterior.mean[kept], heads=heads[:, kept], said=said)
    return LearntAssets(found, int(known.sum()), effects, meeting)


def _members(
    terms: AssetTerms, scored: BundleScores, facts: pa.StructArray
) -> Float[np.ndarray, "examples facts"]:
    """Facts of the terms, of who was decided for."""
    step, parts = scored.block(1), []
    for begin in range(0, len(facts), step):
        parts.append(terms.facts(scored.members(facts.slice(begin, step)).functionals))
    return np.concatenate(parts) if parts else with_one(np.zeros((0, RANK)))


def _effects(
    learnt: KindTerms,
    kinds: tuple[str, ...],
    made: Float[np.ndarray, "some terms"],
    mean: Float[np.ndarray, " terms"],
) -> tuple[dict[str, float], float]:
    """SD of what each kind adds by itself, and of what pairs add."""
    parts = learnt.parts()
    added = {kind: made[:, parts[at]] @ mean[parts[at]] for at, kind in enumerate(kinds, 1)}
    pairs = parts[-1]
    return {k: float(a.std()) for k, a in added.items()}, float(
        (made[:, pairs] @ mean[pairs]).std()
    )


def _own(rows: pa.Table, kinds: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Assets with effects of their own: those shown most, by kind."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    for names, assets in zip(rows["kinds"].to_pylist(), rows["assets"].to_pylist(), strict=True):
        for kind, asset in zip(names, assets, strict=True):
            counts[kind][asset] += 1
    every = [(n, kind, asset) for kind in kinds for asset, n in counts[kind].items()]
    most = {(kind, asset) for _, kind, asset in sorted(every, reverse=True)[:MOST_OWN]}
    return tuple(
        tuple(sorted(asset for asset in counts[kind] if (kind, asset) in most)) for kind in kinds
    )
