"""What a training learns beside titles: from the examples before those that are held out."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import pyarrow as pa

from data.assets.assets import Assets
from data.bundle import Bundle
from data.bundle.asset_terms import ASSET_TERMS, AssetTerms
from data.bundle.row_pairs import ROW_PAIRS
from data.catalogue import Catalogue
from data.errors import BadInput
from data.examples.row_groups import microseconds
from data.examples.stream import ExampleStream
from data.records import KIND_COLUMNS
from evaluate.kinds.learn_assets import MOST, NO_KINDS, learn_assets
from evaluate.policies.bundle_scores import BundleScores, open_bundle_scores
from evaluate.slate.latest import latest_with
from evaluate.slate.neighbours import rows_before


# What a training has at hand, and what it asks for.
def learnt_beside(
    bundle: Path,
    examples: ExampleStream,
    catalogue: Catalogue,
    cache: str,
    later: pa.Table,
    say: Callable[[str], None],
    rows: bool | None,
    kinds: bool | None,
    of: str | None = None,
) -> list[tuple[str, Callable[[Path], None]]]:
    """Parts of a bundle that are learnt once it is there: name of the file, and what writes it.

    Args:
        bundle: that they are learnt for.
        examples: all that there are.
        catalogue: of these.
        cache: folder of decoded images.
        later: examples that are held out.
        say: tells progress.
        rows: learn what neighbours do to each other; None: where the bundle that goes on has it.
        kinds: learn what kinds add beside artwork; None: likewise.
        of: the bundle that goes on; None: none does.

    Raises:
        BadInput: no example has what is asked for. Where it was not asked for by name it is said,
            and the bundle goes without: a night does not fail of it.
    """
    had = () if of is None else Bundle.open(of).manifest.files
    parts = ((ROW_PAIRS, rows, rows_before), (ASSET_TERMS, kinds, kinds_before))
    due = [part for part in parts if (part[0] in had if part[1] is None else part[1])]
    if not due:
        return []
    scores = lru_cache(1)(partial(open_bundle_scores, bundle, catalogue, cache))  # once for all
    before = replace(examples, until=int(microseconds(later["time"]).min()))
    found = list[tuple[str, Callable[[Path], None]]]()
    for name, asked, learnt in due:
        try:
            found.append((name, learnt(scores, catalogue, before, say).write))
        except BadInput as error:
            if asked:
                raise
            say(f"{name} of {of} is not learnt anew, and this bundle goes without: {error}")
    return found


def kinds_before(
    scores: Callable[[], BundleScores],
    catalogue: Catalogue,
    before: ExampleStream,
    say: Callable[[str], None],
) -> AssetTerms:
    """What kinds add beside a bundle's artwork.

    Args:
        scores: opens the bundle that it is learnt for.
        catalogue: of the examples, with assets.
        before: those before what is held out.
        say: tells progress.

    Raises:
        BadInput: none says what was chosen beside its artwork.
    """
    rows = latest_with(before, KIND_COLUMNS.names, MOST, NO_KINDS)
    learnt = learn_assets(scores(), catalogue, Assets.read(catalogue), rows)
    say(learnt.words())
    return learnt.terms
