"""What a log, or else a bundle's own training, says of a title and of new artwork in general."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from data.catalogue import Catalogue
from data.records import TitleId
from evaluate.new_artwork.evidence import TitleEvidence
from evaluate.new_artwork.foresight import Foresight
from evaluate.new_artwork.log_evidence import LogEvidence, TrainingCounts, training_evidence
from evaluate.new_artwork.records import Anchor
from evaluate.policies.bundle_scores import embeddings
from evaluate.policies.logged_examples import LoggedExamples
from serve.scoring.scorer import Scorer


class TitleKnown(NamedTuple):
    """A title before it is judged.

    Attributes:
        foresight: what predictions for artwork mean.
        title: what was logged of it; None: too little.
        artwork_ids: of the title; `title` names places among them.
        anchor: what it was read from.
        counts: of the bundle's training.
    """

    foresight: Foresight
    title: TitleEvidence | None
    artwork_ids: list[str]
    anchor: Anchor
    counts: TrainingCounts


def what_is_known(
    scorer: Scorer,
    catalogue: Catalogue,
    title_id: TitleId,
    examples: pa.Table | None,
    cache: Path | str,
) -> TitleKnown:
    """Read the evidence of a log if there is one, and of the bundle's training otherwise.

    A title that the log hardly shows is held against what training had of it.

    Args:
        scorer: of a bundle that reads pixels.
        catalogue: of the log; has the title.
        title_id: that is judged.
        examples: joined examples; None: no log.
        cache: folder for decoded images.

    Raises:
        BadInput: the log does not fit the catalogue, or nothing in it was drawn.
    """
    counts = TrainingCounts.of(scorer)
    owners = catalogue.artworks["title_id"].to_numpy()
    ids = [catalogue.artwork_ids[row] for row in np.flatnonzero(owners == title_id)]
    if examples is None:
        foresight, found = Foresight.of(training_evidence(counts, catalogue)), None
    else:
        embedded = embeddings(scorer, catalogue, cache)
        logged = LoggedExamples.of(examples, catalogue, embedded.left_out)
        log = LogEvidence.of(scorer, embedded, logged, counts)
        ids = [name for name in ids if name not in embedded.left_out]
        foresight = Foresight.of(log.all_titles())
        found = log.title(catalogue.title_ids.index(title_id))
    if found is not None:
        return TitleKnown(foresight, found, ids, "log", counts)
    found = counts.title(ids)
    return TitleKnown(foresight, found, ids, "none" if found is None else "training", counts)
