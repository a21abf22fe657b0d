"""What a training learns beside titles: from the examples before those that are held out."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from data.assets.assets import Assets
from data.bundle.asset_terms import ASSET_TERMS, AssetTerms
from data.bundle.row_pairs import ROW_PAIRS
from data.catalogue import Catalogue
from data.examples.row_groups import microseconds
from data.examples.stream import ExampleStream
from data.records import KIND_COLUMNS
from evaluate.kinds.learn_assets import MOST, NO_KINDS, learn_assets
from evaluate.policies.bundle_scores import open_bundle_scores
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
    rows: bool,
    kinds: bool,
) -> list[tuple[str, Callable[[Path], None]]]:
    """Parts of a bundle that are learnt once it is there: name of the file, and what writes it.

    Args:
        bundle: that they are learnt for.
        examples: all that there are.
        catalogue: of these.
        cache: folder of decoded images.
        later: examples that are held out.
        say: tells progress.
        rows: learn what neighbours do to each other.
        kinds: learn what kinds add beside artwork.

    Raises:
        BadInput: no example has what is asked for.
    """
    log, found = (examples, catalogue, cache, later, say), []
    if rows:
        found.append((ROW_PAIRS, rows_before(bundle, *log).write))
    if kinds:
        found.append((ASSET_TERMS, kinds_before(bundle, *log).write))
    return found


# What a training has at hand.
def kinds_before(
    bundle: Path,
    examples: ExampleStream,
    catalogue: Catalogue,
    cache: str,
    later: pa.Table,
    say: Callable[[str], None],
) -> AssetTerms:
    """What kinds add beside a bundle's artwork.

    Args:
        bundle: that it is learnt for.
        examples: all that there are.
        catalogue: of these, with assets.
        cache: folder of decoded images.
        later: examples that are held out.
        say: tells progress.

    Raises:
        BadInput: none says what was chosen beside its artwork.
    """
    until = int(microseconds(later["time"]).min())
    before = replace(examples, until=until)
    rows = latest_with(before, KIND_COLUMNS.names, MOST, NO_KINDS)
    scored = open_bundle_scores(bundle, catalogue, cache)
    learnt = learn_assets(scored, catalogue, Assets.read(catalogue), rows)
    say(learnt.words())
    return learnt.terms
