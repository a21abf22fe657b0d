"""Joined examples that say what was chosen beside their artwork, as decisions of several kinds."""

from collections import defaultdict
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Int

from bandit.choice import profile_keys
from bandit.head_policy import HeadPolicy
from data.assets.asset_rows import ARTWORK
from data.catalogue import Catalogue
from data.errors import BadInput
from evaluate.kinds.bundle_kinds import bundle_combinations
from evaluate.kinds.kind_file import OFF, KindDecisions
from evaluate.kinds.learn_assets import with_kinds
from evaluate.ope.feedback import GROUPS
from evaluate.policies.bundle_scores import BundleScores
from evaluate.slate.candidate_rows import candidate_rows
from serve.scoring.asset_bank import AssetBank

NO_TABLES = (
    "no example has the probabilities of all combinations: they are logged where rules changed"
    " nothing and a title has few; a log without them says nothing of kinds"
)


class LoggedKinds(NamedTuple):
    """Decisions of examples."""

    decisions: list[KindDecisions]
    """By shape, with what a bundle would have chosen as the target."""
    left_out: int
    """Examples with kinds that do not say the probability of every combination."""


def logged_kinds(
    examples: pa.Table,
    scored: BundleScores,
    bank: AssetBank,
    catalogue: Catalogue,
    policy: HeadPolicy,
) -> LoggedKinds:
    """What a log says of several kinds, and what a bundle would have chosen of them.

    Args:
        examples: as EXAMPLES, with KIND_COLUMNS.
        scored: the bundle that is judged.
        bank: its terms on the catalogue's assets.
        catalogue: of the examples.
        policy: how the bundle's heads decide.

    Raises:
        BadInput: no example says kinds and all their probabilities, or one contradicts itself or
            shows what the catalogue lacks.
    """
    said = with_kinds(examples)
    known = pc.and_(pc.is_valid(said["combinations"]), pc.equal(said["level"], "personalised"))  # pyright: ignore[reportAttributeAccessIssue]
    rows = said.filter(known)
    if not len(rows):
        raise BadInput(NO_TABLES)
    shapes: dict[tuple[tuple[str, ...], tuple[int, ...]], list[int]] = defaultdict(list)
    named = ("kinds", "candidates", "asset_candidates")
    lists = (rows[name].to_pylist() for name in named)
    for row, (kinds, artworks, assets) in enumerate(zip(*lists, strict=True)):
        shapes[tuple(kinds), (len(artworks), *map(len, assets))].append(row)
    found = []
    for (kinds, sizes), at in shapes.items():
        part = rows.take(pa.array(at))
        found.append(_of_shape(part, kinds, sizes, scored, bank, catalogue, policy))
    return LoggedKinds(found, len(said) - len(rows))


# A part of the log, its shape, and who is judged.
def _of_shape(
    rows: pa.Table,
    kinds: tuple[str, ...],
    sizes: tuple[int, ...],
    scored: BundleScores,
    bank: AssetBank,
    catalogue: Catalogue,
    policy: HeadPolicy,
) -> KindDecisions:
    artworks, valid = candidate_rows(rows, catalogue)
    offered = rows["asset_candidates"].to_pylist()
    assets = tuple(_rows_of([of[at] for of in offered], bank) for at in range(len(kinds)))
    chosen = [
        rows["candidates"].to_pylist(),
        *([of[at] for of in offered] for at in range(len(kinds))),
    ]
    shown = [rows["action"].to_pylist()]
    shown += [[of[at] for of in rows["assets"].to_pylist()] for at in range(len(kinds))]
    try:
        places = [
            [names.index(name) for names, name in zip(lists, of, strict=True)]
            for lists, of in zip(chosen, shown, strict=True)
        ]
    except ValueError as error:
        raise BadInput(f"an example shows what is none of its candidates ({error})") from None
    action = np.array(places).T
    lengths = pc.list_value_length(rows["combinations"]).to_numpy()  # pyright: ignore[reportAttributeAccessIssue]
    if (lengths != (count := int(np.prod(sizes)))).any():
        name = rows["decision_id"][int((lengths != count).argmax())]
        raise BadInput(
            f"decision {name}: combinations has not one probability for each of {count}; leave it"
            " out, or join the log again"
        )
    logged = np.array(rows["combinations"].to_pylist(), np.float64).reshape(len(rows), *sizes)
    flat, chance = logged.reshape(len(rows), -1), logged[(np.arange(len(rows)), *action.T)]
    sound = (flat >= 0).all(1) & (np.abs(flat.sum(1) - 1) <= OFF) & (chance > 0)  # NaN is not
    if not sound.all():
        name = rows["decision_id"][int(sound.argmin())]
        raise BadInput(
            f"decision {name}: combinations are no probabilities, do not sum to one, or say that"
            " what was shown could not be; leave it out"
        )
    target = bundle_combinations(
        scored, bank, rows["facts"].combine_chunks(), artworks, valid, kinds, assets, policy
    )
    group = (profile_keys(rows["profile_id"].to_pylist()) % np.uint64(GROUPS)).astype(np.int64)
    reward = rows["reward"].to_numpy().astype(np.float64)
    return KindDecisions((ARTWORK, *kinds), action, logged, target, reward, group)


def _rows_of(names: list[list[str]], bank: AssetBank) -> Int[np.ndarray, "examples candidates"]:
    try:
        return np.array([[bank.row_of[name] for name in of] for of in names])
    except KeyError as error:
        raise BadInput(
            f"the log offers asset {error}, which is not in assets.parquet; give the catalogue that"
            " the log was made with"
        ) from None
