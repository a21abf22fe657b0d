"""When a night trains in full though it was to be an increment, and why."""

from collections.abc import Mapping
from typing import NamedTuple

from data.bundle import NAMES_MEET_EXACTLY, Bundle
from data.catalogue import Catalogue
from data.days import DAY_US
from data.features import FeatureSpec
from data.schema import read_schema
from model.increments.days_to_read import counted
from model.increments.kept_posterior import (
    MOST_BYTES,
    POSTERIOR,
    KeptPosterior,
    ReadSoFar,
    kept_bytes,
)
from model.training.first_pass import FirstPass
from model.training.fit_hierarchical import HierarchicalPosterior
from model.training.run import TrainedNetwork
from model.training.settings import Settings


class GoesOn(NamedTuple):
    """A bundle that days can be added to."""

    bundle: Bundle
    kept: KeptPosterior
    spec: FeatureSpec


def told(settings: Settings) -> dict[str, object]:
    """Settings, by option, with others of which a posterior would be another."""
    model, fit = settings.model, settings.fit
    return {
        "--model.encoder": model.encoder,
        "--model.heads.kind": model.heads.kind,
        "--model.heads.count": model.heads.count,
        "--model.heads.prior": model.heads.prior,
        "--model.rank": model.rank,
        "--model.random-effects.posterior-scale": model.random_effects.posterior_scale,
        "--fit.mask": fit.mask,
        "--fit.importance-clip": fit.importance_clip,
        "--data.decay": settings.data.decay,
    }


def to_keep(
    trained: TrainedNetwork, settings: Settings, catalogue: Catalogue, read: FirstPass
) -> KeptPosterior | None:
    """What days can be added to of a full training.

    None: its heads learn by gradients, or it would take more than `MOST_BYTES`.

    Args:
        trained: and calibrated.
        settings: of it.
        catalogue: of its artworks.
        read: of its examples.
    """
    if not isinstance(trained.posterior, HierarchicalPosterior):
        return None
    if kept_bytes(trained.posterior.regression) > MOST_BYTES:
        return None
    through, clip = read.stream.until, settings.fit.importance_clip
    assert through is not None, "the examples to learn from end where those to judge by begin"
    so_far = ReadSoFar(
        through=through,
        trained=through,
        examples=read.statistics.count,
        counts=counted(read.stream, through),
        mask=settings.fit.mask,
        seed=settings.seed,
        clip=clip,
        mean_importance=1.0 if clip is None else read.statistics.mean_importance,
        decay=settings.data.decay,
    )
    titles = catalogue.artworks["title_id"].to_pylist()
    of_training = trained.posterior, titles, trained.bias, read.statistics
    return KeptPosterior.of(*of_training, so_far, told(settings))


def goes_on(bundle: Bundle, settings: Settings, catalogue: Catalogue) -> GoesOn | str:
    """The bundle as days can be added to it; or why there is a full training to do.

    Raises:
        BadInput: what it holds of its posterior is damaged.
    """
    if POSTERIOR not in bundle.manifest.files:
        return f"bundle {bundle.bundle_id} keeps no posterior that days could be added to"
    if bundle.manifest.schema_version < NAMES_MEET_EXACTLY:
        return f"bundle {bundle.bundle_id} is of a time when names met by random vectors"
    spec = FeatureSpec.from_json(bundle.file("features.json").read_bytes())
    if spec.declared.schema != read_schema(catalogue.root):
        return f"bundle {bundle.bundle_id} knows other facts than {catalogue.root} declares"
    width = None if catalogue.embeddings is None else catalogue.embeddings.shape[1]
    had = (bundle.manifest.network or {}).get("embedding")
    if bundle.manifest.image is None and width != had:
        return f"{catalogue.root} has embeddings of {width} numbers, the bundle's had {had}"
    kept = KeptPosterior.read_from(bundle.file(POSTERIOR))
    if words := otherwise(kept.told, told(settings)):
        return words
    return GoesOn(bundle, kept, spec)


def overdue(kept: KeptPosterior, until: int, days: int | None) -> str | None:
    """Why it is time for a full training; None: it is not.

    Args:
        kept: of the bundle.
        until: moment up to which examples would be taken in.
        days: after so many.
    """
    since = (until - kept.read.trained) / DAY_US
    if days is None or since < days:
        return None
    return (
        f"{since:.0f} days have come since the last full training (--increment.refit-days {days})"
    )


def otherwise(before: Mapping[str, object], now: Mapping[str, object]) -> str | None:
    """The first setting that is another now, in words; None: they are the same."""
    for option, value in now.items():
        if before.get(option) != value:
            return f"{option} is {value} now, and was {before.get(option)}"
    return None
