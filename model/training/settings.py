"""What can be set of a training run; each field's text is its help."""

from dataclasses import dataclass, field
from typing import Literal

from bandit.head_policy import HeadPolicy
from data.bundle.manifest import PublishedPolicy
from data.errors import BadInput
from model.eyes.frozen_encoder import DIRECTIONS
from model.eyes.open_eyes import AUTO
from model.heads.interface import DEFAULT_KIND, Kind
from model.training.dataset import Masks
from model.training.exploring import exploring_share


@dataclass
class Sample:
    """The sample that is made when no examples are given: a rendered catalogue and its log."""

    subjects: str = "sample/artwork"
    """folder of cut-outs with subjects.csv."""
    exclude_subjects: str | None = "sample/held_out.txt"
    """subjects that the sample never shows, to judge unseen artwork by: names, or a file."""
    titles: int = 80
    """how many titles."""
    artworks: int = 6
    """how many artworks a title."""
    members: int = 2000
    """how many members browse."""
    days: int = 8
    """days of log."""
    decisions_per_day: int = 20_000
    """places on all pages of a day."""
    seed: int = 1
    """the same seed makes the same sample."""


@dataclass
class Data:
    """Where examples come from: your own, Open Bandit's, or a sample made on the spot."""

    examples: str | None = None
    """folder that `python -m data join` wrote; none: a sample is made."""
    catalogue: str | None = None
    """the catalogue of these examples."""
    open_bandit: str | None = None
    """folder of the Open Bandit Dataset, in place of examples and catalogue."""
    campaign: str = "men"
    """of the Open Bandit Dataset: men, women or all."""
    sample: Sample = field(default_factory=Sample)
    """the sample that is made when no examples are given."""
    cache: str = "artifacts/cache"
    """folder of decoded images and made samples."""
    height: int | None = None
    """of the images that the encoder reads, in pixels; none: as suits the catalogue's pictures, or
    of the bundle that training starts from."""
    width: int | None = None
    """of the images that the encoder reads, in pixels; given together with `height`."""
    canvas: str | None = None
    """of the pictures that the encoder reads, where artworks have several; none: that which most
    artworks have, or of the bundle that training starts from."""
    fit: Literal["whole", "crop"] | None = None
    """whole: all of a picture, with bars where it has another aspect; crop: what is about its focal
    point; none: whole, or of the bundle that training starts from."""
    validation: float = 0.15
    """share of the time, the latest, that is held out to judge by."""
    held_out: int = 300_000
    """most examples of that time to judge by, evenly spread over it; the others are not used."""
    window_days: int | None = None
    """learn from so many of the latest days only; none: from all."""
    decay: float = 1.0
    """weight of a day's examples relative to those of the day after it."""


@dataclass
class HeadOptions:
    """The posterior: a bank of linear functionals."""

    kind: Kind = DEFAULT_KIND
    """hierarchical (a closed form over facts and artwork), bootstrap, dropout, neural_linear, or
    point (greedy)."""
    count: int = 20
    """how many."""
    prior: int = 8
    """frozen random numbers of an artwork's vector, which prior functions read."""
    prior_scale: float = 0.3
    """deviation of the prior functions in logits."""
    masks: Masks = "double_or_nothing"
    """bootstrap weights: double_or_nothing or poisson."""


@dataclass
class RandomEffects:
    """What each artwork's own rewards say beyond its content features. 0: nothing is kept of it.

    Hierarchical heads learn the first two scales, and need none set.
    """

    vector_scale: float = 0.5
    """deviation of artworks' vectors, as a share of how their vectors differ by content."""
    intercept_scale: float = 0.2
    """deviation of artworks' intercepts, in logits. Half and twice the scales are tried as well."""
    posterior_scale: float | None = None
    """factor on the posterior deviation of artworks, by which heads explore; none: by how much
    artwork keeps coming."""

    def share(self, arrivals: float = 0.0) -> float:
        """The factor, of a log in which such a share of the artwork comes new a day."""
        if self.posterior_scale is not None:
            return self.posterior_scale
        return exploring_share(arrivals)


@dataclass
class Model:
    """The network."""

    encoder: str = AUTO
    """what sees the pictures. lite0 (pretrained, from the extra `sight`; lite1 and lite2 are
    larger, from packages of their own), simple (numbers by code), frozen:BACKBONE or timm:BACKBONE
    (published weights), onnx:FILE.yaml (your own model): these learn nothing, and stand side by
    side with a plus. cnn (small, from scratch) or a torchvision backbone learn from the rewards;
    +simple may stand beside one. features: the catalogue's embeddings.npy; attributes: the
    simulator's truth, what perfect sight would give. auto: lite0+simple where the extra is
    installed, else cnn+simple."""
    weights: str = "none"
    """of the encoder: none, DEFAULT (published ones, fetched by torchvision or timm), or a path."""
    embedding: int | None = None
    """dimension of the embedding that an encoder learns to give; none: all of its backbone."""
    directions: int = DIRECTIONS
    """leading directions of each group of numbers that is not learnt."""
    rank: int = 24
    """learnt dimensions of an artwork's vector."""
    heads: HeadOptions = field(default_factory=HeadOptions)
    """the posterior."""
    random_effects: RandomEffects = field(default_factory=RandomEffects)
    """what is known of an artwork from its own rewards."""


@dataclass
class Fit:
    """How the network is trained."""

    epochs: int = 12
    """times that every image is seen, while the encoder learns."""
    visits: int = 12
    """epochs that share the decisions meanwhile: after so many each was seen once."""
    artworks: int = 64
    """distinct artworks in a batch meanwhile."""
    passes: int = 3
    """times that every decision is seen afterwards, while the towers learn from embeddings."""
    decisions: int = 4096
    """in a batch afterwards."""
    buffer: int = 524_288
    """examples that are held in memory and shuffled together, about a kilobyte each; where there
    are more, they are read again from disk for each pass, and the encoder learns from one buffer
    every `visits` epochs."""
    rate: float = 3e-3
    """highest learning rate."""
    decay: float = 1e-2
    """weight decay."""
    catalogue_share: float = 0.3
    """weight of what the catalogue says of an image (its genres and names) beside the rewards."""
    zoom_share: float = 1.0
    """weight of telling two views' zoom apart beside the rewards."""
    recolour: float = 0.5
    """share of images that are seen in other colours, for these two alone."""
    mask: float = 0.3
    """how often device, surface, row and column are hidden, as precompute does not know them."""
    importance_clip: float | None = None
    """largest importance weight 1 / (propensity · candidates); none: examples count alike."""
    patience: int = 2
    """validations without improvement after which a stage stops."""
    validate_every: int = 4
    """epochs between validations while the encoder learns; afterwards each pass has one."""
    threads: int = 0
    """threads of torch; 0: its own choice."""
    devices: int = 1
    """processes (DDP on CPU, or GPUs)."""
    half: Literal["auto", "yes", "no"] = "auto"
    """train the image encoder in bfloat16: twice as fast where the processor can."""
    progress: bool = True
    """show progress bars."""
    resume: bool = False
    """go on from the run's last checkpoint."""
    warm_start: str | None = None
    """bundle whose weights training starts from."""


@dataclass
class Publish:
    """What becomes of the trained network."""

    bundles: str = "artifacts/bundles"
    """folder of bundles; `current` in it is the live one."""
    current: bool | None = None
    """make it the live one; none: yes, but for a bundle that cannot serve (attributes)."""
    force: bool = False
    """publish even if it is judged worse than the live one."""
    undecided: Literal["keep", "publish"] = "keep"
    """where the held-out days cannot tell whether it is worse: keep the live one, or publish."""
    epsilon: float = 0.05
    """share of uniform exploration."""
    salt: int = 0
    """of the seed of each decision."""
    margin: float = 0.05
    """share of the live bundle's value that may be lost."""

    def __post_init__(self) -> None:
        try:
            PublishedPolicy(HeadPolicy("thompson", self.epsilon), self.salt, 1)
        except ValueError as error:
            raise BadInput(f"--publish.{error}") from None


@dataclass
class RowSettings:
    """Pages that are decided as rows."""

    learn: bool | None = None
    """learn what images do to those beside them, from examples that say their page; none: where the
    bundle of increment.of has learnt it."""


@dataclass
class AssetSettings:
    """What is chosen beside artwork: synopses, trailers and whatever assets.parquet has."""

    learn: bool | None = None
    """learn what kinds add, from examples that say what was chosen beside their artwork; none:
    where the bundle of increment.of has learnt it."""


@dataclass
class Increment:
    """Nights that add days to what a bundle knows, in place of a training."""

    of: str | None = None
    """bundle that goes on, such as artifacts/bundles/current; none: train in full."""
    refit_days: int | None = 7
    """train in full all the same, once so many days have come since the last full training; none:
    never."""
    held_out_days: int = 1
    """latest days with examples that are left to judge by, and taken in by a later night."""
    last_day: str | None = None
    """take in no day after this one (2026-01-31), and judge by what comes after; none: all but
    those held out."""
    gap: bool = False
    """go on over days that have no examples."""


@dataclass
class Settings:
    """A whole training run."""

    data: Data = field(default_factory=Data)
    """where examples come from."""
    model: Model = field(default_factory=Model)
    """the network."""
    fit: Fit = field(default_factory=Fit)
    """how it is trained."""
    increment: Increment = field(default_factory=Increment)
    """which days are added to a bundle, in place of a training."""
    rows: RowSettings = field(default_factory=RowSettings)
    """what neighbours do to each other."""
    kinds: AssetSettings = field(default_factory=AssetSettings)
    """what synopses, trailers and other kinds add beside artwork."""
    publish: Publish = field(default_factory=Publish)
    """what becomes of it."""
    out: str = "artifacts/runs/default"
    """folder of the run: checkpoints, curves, settings."""
    seed: int = 1
    """of everything random in training."""

    @property
    def beside(self) -> tuple[bool | None, bool | None, str | None]:
        """Whether to learn rows and kinds, and the bundle that goes on."""
        return self.rows.learn, self.kinds.learn, self.increment.of


RENAMED = {
    "model.own.vector_scale": "model.random_effects.vector_scale",
    "model.own.level_scale": "model.random_effects.intercept_scale",
    "model.own.temperature": "model.random_effects.posterior_scale",
}
"""Options by their former names, which are taken for one version more."""
