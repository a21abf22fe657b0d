"""A training run: the network is built, fitted, inferred beyond gradients, and calibrated."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import lightning as L
import numpy as np
import pyarrow as pa
import torch
from safetensors.torch import load_file

from data.artwork_effects import ArtworkRecords
from data.bundle import Bundle
from data.errors import BadInput
from data.features import CAST_BUCKETS, CandidateFeatures
from data.shown.read_outs import ReadOuts
from model.eyes.open_eyes import AUTO, GIVEN, WITHOUT_PACKAGE
from model.network.image_encoder import make_encoder
from model.network.lightning_module import Learner, LearnerSettings, half_is_fast
from model.network.towers import Architecture, ColumnMatch, Marquee
from model.training.buffered_source import Source
from model.training.calibrate import calibrate
from model.training.closed_forms import ClosedForms, begin_in_closed_form
from model.training.dataset import Examples
from model.training.featurise import Preparation
from model.training.first_pass import FirstPass
from model.training.fit import embed_all, fit
from model.training.fit_hierarchical import CatalogueArtworks
from model.training.fit_random_effects import RecordEffects
from model.training.posterior import Posterior
from model.training.settings import Fit, Settings


@dataclass(frozen=True)
class TrainingData:
    """What a network is made for, and learns from."""

    sample: Examples
    """Some examples: the network's sizes, and what its prior network is standardised by."""
    genres: int
    """First features of a title, its mix of genres."""
    mean_reward: float
    artworks: CatalogueArtworks
    """Of the catalogue."""
    prepare: Callable[[int], tuple[Source, Examples]]
    """From the number of heads that are trained to the examples to learn from, and to validate
    on."""
    declared: int = 0
    """Last features of an artwork, the facts that are declared of it."""
    arrivals: float = 0.0
    """Share of the artworks that come new a day."""
    groups: tuple[tuple[str, int], ...] = ()
    """Name and width of the parts of embeddings, where these are given by groups."""
    read_outs: ReadOuts | None = None
    """Of their pictures; None: nothing is read."""
    matches: tuple[ColumnMatch, ...] = ()
    """Numbers of members that meet numbers of artworks."""

    @classmethod
    def of(
        cls,
        preparation: Preparation,
        read: FirstPass,
        settings: Settings,
        arrivals: float,
        say: Callable[[str], None] = lambda _: None,
        groups: tuple[tuple[str, int], ...] = (),
    ) -> "TrainingData":
        """That of examples which were read once.

        Args:
            preparation: makes arrays of them.
            read: the examples.
            settings: what training starts from, what it sees by, how many examples are in memory.
            arrivals: share of the artworks that come new a day.
            say: where progress goes.
            groups: of the embeddings.
        """
        statistics, catalogue = read.statistics, preparation.catalogue
        before = settings.fit.warm_start
        if before is not None:
            preparation = replace(preparation, read_outs=Bundle.open(before).read_outs())
        elif settings.model.encoder != "attributes":  # which tell all that there is to read
            seen = sum(width for name, width in groups if name != GIVEN)
            preparation = preparation.reading(comparable=seen)
        if preparation.read_outs is not None:
            say(preparation.read_outs.words)
        if words := shared_buckets(preparation.candidates):
            say(words)

        def prepare(heads: int) -> tuple[Source, Examples]:
            prepared = replace(preparation, heads=heads)
            source = read.source(prepared, settings.fit.buffer)
            artworks = int((preparation.image_row >= 0).sum())
            say(f"learning from {statistics.count:,} examples of {artworks:,} artworks")
            return source, prepared(read.later)

        matches = tuple(ColumnMatch(of.member, of.artwork) for of in preparation.matches)
        # What networks are standardised by lacks page facts as often as what they learn from.
        sampled = replace(preparation, heads=1, clip=None, decay=1.0)
        return cls(
            sampled(pa.concat_tables(statistics.sample)),
            len(preparation.spec.genres),
            statistics.mean_reward,
            CatalogueArtworks(catalogue.artwork_ids, catalogue.artworks["title_id"].to_numpy()),
            prepare,
            declared=preparation.spec.declared.artwork_columns,
            arrivals=arrivals,
            groups=groups,
            read_outs=preparation.read_outs,
            matches=matches,
        )


@dataclass(frozen=True)
class TrainedNetwork:
    """What a run ends with."""

    network: Marquee
    """In evaluation."""
    records: ArtworkRecords | None
    """Of artworks, see `Posterior.records`."""
    posterior: Posterior
    """Observes further rewards."""
    temperature: float
    """Of calibration."""
    metrics: dict[str, float]
    bias: float = 0.0
    """Of the network, before it was calibrated."""
    read_outs: ReadOuts | None = None
    """That its artworks' features are made with."""


def train_network(
    settings: Settings, data: TrainingData, say: Callable[[str], None] = lambda _: None
) -> TrainedNetwork | None:
    """A whole run on prepared examples.

    Args:
        settings: those of model and fit, the seed, and the folder of the run.
        data: to learn from.
        say: where progress goes.

    Returns:
        None in all processes but the first, where there are several.

    Raises:
        BadInput: settings that do not fit together, or nothing to resume.
    """
    L.seed_everything(settings.seed, verbose=False)
    network = build_network(settings, data)
    train, validation = data.prepare(network.context.heads.trained_heads)
    learner = Learner(network, learner_settings(settings.fit), settings.seed)
    begin = partial(begin_in_closed_form, network, artworks=data.artworks)
    out = Path(settings.out)
    metrics = fit(learner, train, validation, settings.fit, out, settings.seed, begin)
    if learner.global_rank:
        return None
    say("inferring in closed form, from all examples again")
    learner.eval()
    if network.encoder is not None:
        train = train.seen_as(embed_all(learner, train.images))
    effects = settings.model.random_effects
    effects = replace(effects, posterior_scale=effects.share(data.arrivals))
    forms = ClosedForms(network, train, data.artworks, effects, settings.seed)
    inferred = network.context.heads.infer(forms)
    records = inferred.records
    added = None if records is None else RecordEffects(records, data.artworks.ids)
    bias = float(network.bias.detach())
    temperature, error = calibrate(learner, validation, 4 * settings.fit.artworks, added)
    metrics |= inferred.metrics | error
    return TrainedNetwork(
        network, records, inferred.posterior, temperature, metrics, bias, data.read_outs
    )


def shared_buckets(candidates: CandidateFeatures) -> str | None:
    """How many names share what is learnt of them with others, in words; None: none does."""
    both = candidates.cast_ids, candidates.title_cast_ids
    ids = np.unique(np.concatenate([part[part != 0] for part in both]))
    _, place, counts = np.unique(ids % CAST_BUCKETS, return_inverse=True, return_counts=True)
    sharing = int((counts[place] > 1).sum())
    if not sharing:
        return None
    return (
        f"{sharing:,} of the catalogue's {len(ids):,} names share one of {CAST_BUCKETS - 1:,} "
        "learnt vectors with another; matches tell all of them apart"
    )


def learner_settings(settings: Fit) -> LearnerSettings:
    """How the network is trained."""
    return LearnerSettings(
        settings.rate,
        settings.decay,
        settings.catalogue_share,
        settings.zoom_share,
        settings.recolour,
        half=settings.half == "yes" or (settings.half == "auto" and half_is_fast()),
    )


def build_network(settings: Settings, data: TrainingData) -> Marquee:
    """The untrained network, of the sizes that the features have; warm if that was asked for.

    Raises:
        BadInput: no such encoder, or weights to start from that do not fit.
    """
    model, sample = settings.model, data.sample
    encoder = None
    if sample.images.ndim == 4:  # pixels, and not what was made of them
        name = WITHOUT_PACKAGE if model.encoder == AUTO else model.encoder
        encoder = make_encoder(name, model.weights, model.embedding)
    read = () if data.read_outs is None else data.read_outs.groups
    shown = tuple(group.width for group in read)
    architecture = Architecture(
        embedding=sample.images.shape[1] if encoder is None else encoder.embedding,
        context=sample.context.dense.shape[1],
        title=sample.candidates.dense.shape[1] - sum(shown),
        genres=data.genres,
        buckets=CAST_BUCKETS,
        kind=model.heads.kind,
        heads=model.heads.count,
        rank=model.rank,
        prior=model.heads.prior,
        prior_scale=model.heads.prior_scale,
        base=float(np.log(data.mean_reward / (1 - data.mean_reward))),
        seed=settings.seed,
        declared=data.declared,
        groups=data.groups if encoder is None else encoder.groups,
        shown=shown,
        matches=data.matches,
    )
    network = Marquee(encoder, architecture)
    network.context.standardise(torch.from_numpy(sample.context.dense))
    if settings.fit.warm_start is not None:
        start_from(network, settings.fit.warm_start)
    return network


def start_from(network: Marquee, bundle: str) -> None:
    """Take the weights of a bundle.

    Raises:
        BadInput: they are of another network.
    """
    state = load_file(Bundle.open(bundle).file("weights.safetensors"))
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise BadInput(
            f"--fit.warm-start {bundle} does not fit --model: {str(error).splitlines()[1].strip()}"
        ) from None
