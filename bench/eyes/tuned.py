"""Eyes whose last blocks are tuned on a catalogue's own pictures: by what it says, or by nothing.

`lite0~labels` learns what the catalogue says for free (what read-outs learn: genres, tones, who is
on a tagged picture), `lite0~self` that two views of one picture are one picture. The blocks before
the last two stages stay as they are. What was tuned is written as a model of one's own, so that
training, scoring and bundles take it as they take any.

Source: Chen et al. 2020, "A Simple Framework for Contrastive Learning of Visual Representations".
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import torch
import yaml
from jaxtyping import Float, Int, UInt8
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from bench.eyes.in_torch import InTorch
from data.catalogue import Catalogue
from data.errors import BadInput
from data.examples.stream import ExampleStream
from data.images.cache import catalogue_format, image_cache
from data.shown.catalogue_sets import CatalogueSets
from data.shown.labels import labels_of_tags, labels_of_titles
from data.shown.partial_softmax import PartialLabels
from model.eyes.efficientnet_lite import PUBLISHED, EfficientNetLite
from model.eyes.features import run_graph
from model.eyes.open_eyes import Eyes
from model.network.augment import Draws, random_views, recoloured
from model.training.dataset_statistics import specification
from model.training.first_pass import first_pass
from model.training.settings import Data, Fit

SIGN = "~"
WAYS = ("labels", "self")
STAGES = 5
"""The first, which stay as they are."""
BATCH, STEPS = 48, 60
EYE_RATE, HEAD_RATE = 1e-4, 1e-3
SHARPNESS = 0.2
"""Of cosines between views."""
ZOOM = (0.6, 1.0)
RECOLOURED = 0.5
"""Share of views whose colours are others: those are told by the first blocks and plain numbers."""
PROJECTED = 128

Loss = Callable[[Float[Tensor, "views numbers"], Int[np.ndarray, " views"]], Tensor]


class Pictures(NamedTuple):
    """Of the catalogue that eyes are tuned on."""

    images: UInt8[np.ndarray, "all 3 height width"]
    rows: Int[np.ndarray, " artworks"]
    labels: list[PartialLabels]


def tuned_encoder(name: str, catalogue: Path, examples: Path, at: Path) -> str:
    """The name that training takes: tuned parts are written into `at`, others stay as they are.

    Args:
        name: such as `lite0~self+simple`.
        catalogue: whose pictures are learnt from.
        examples: which names are known by; no reward of theirs is read here.
        at: folder for models and pixels.

    Raises:
        BadInput: no such way to tune, or no such eye.
    """
    return "+".join(
        _tuned(part, catalogue, examples, at) if SIGN in part else part for part in name.split("+")
    )


def _tuned(part: str, folder: Path, examples: Path, at: Path) -> str:
    name, _, way = part.partition(SIGN)
    if name not in PUBLISHED or way not in WAYS:
        raise BadInput(
            f"{part!r} cannot be tuned: choose an eye among {', '.join(PUBLISHED)}, then {SIGN} "
            f"and one of {', '.join(WAYS)}"
        )
    torch.manual_seed(0)
    catalogue = Catalogue.read(folder)
    eye = EfficientNetLite(PUBLISHED[name].on_disk, name)
    shape = Eyes(name, [eye]).format(catalogue_format(catalogue), told=False)
    cached = image_cache(catalogue, at / "cache", shape)
    labels = _labels(catalogue, examples) if way == "labels" else []
    pictures = Pictures(cached.images, cached.of(catalogue.artwork_ids), labels)
    model = eye.graph((shape.height, shape.width)).model
    tune(LastBlocks(model, PUBLISHED[name].blocks), pictures)
    return f"onnx:{written(model, (shape.height, shape.width), at / f'{name}-{way}')}"


class LastBlocks:
    """The part of a graph that is tuned, after one that ONNX Runtime carries out.

    Args:
        model: of `EfficientNetLite`; its constants are replaced by `keep`.
        blocks: of each stage.
    """

    def __init__(self, model: onnx.ModelProto, blocks: tuple[int, ...]) -> None:
        self.model, first = model, sum(blocks[:STAGES])
        whole = InTorch(model)
        last = whole.outputs[0]
        tuned = (*(f"_blocks.{at}." for at in range(first, sum(blocks))), "_conv_head.")
        self.parameters = {
            name: nn.Parameter(value)
            for name, value in whole.constants.items()
            if name.startswith(tuned)
        }
        entry = next(
            inputs[0] for _, inputs, _, _ in whole.nodes if set(inputs) & set(self.parameters)
        )
        self.entry, self.whole, self.end = entry, whole, last
        before = onnx.ModelProto()
        before.CopyFrom(model)
        del before.graph.output[:]
        before.graph.output.append(helper.make_tensor_value_info(entry, TensorProto.FLOAT, None))
        self._before = run_graph(before, 1)
        self._nodes = whole.between(entry, last)

    def __call__(self, views: UInt8[np.ndarray, "views 3 height width"]) -> Tensor:
        """The numbers of the last layer, [views, numbers]."""
        known = {**self.whole.constants, **self.parameters}
        known[self.entry] = torch.from_numpy(self._before(views))
        return self.whole.carried_out(self._nodes, known)[self.end]

    def keep(self) -> None:
        """Write what was learnt into the model."""
        for constant in self.model.graph.initializer:
            if constant.name in self.parameters:
                value = self.parameters[constant.name].detach().numpy()
                constant.CopyFrom(numpy_helper.from_array(value, constant.name))


def tune(blocks: LastBlocks, pictures: Pictures, steps: int = STEPS) -> None:
    """Some steps of Adam; the model has what was learnt afterwards.

    Args:
        blocks: what is tuned.
        pictures: by their labels; where there are none, by their views.
        steps: of a batch each.
    """
    width = blocks(pictures.images[pictures.rows[:1]]).shape[1]
    heads = nn.ModuleList(nn.Linear(width, one.among.shape[1]) for one in pictures.labels)
    views_each = 1
    if not pictures.labels:
        views_each = 2
        heads.append(nn.Sequential(nn.Linear(width, 256), nn.ReLU(), nn.Linear(256, PROJECTED)))
    given = [
        {"params": list(blocks.parameters.values()), "lr": EYE_RATE},
        {"params": list(heads.parameters()), "lr": HEAD_RATE},
    ]
    optimiser = torch.optim.Adam(given)
    generator, dealt = torch.Generator().manual_seed(0), _batches(len(pictures.rows))
    for _ in range(steps):
        some = next(dealt)
        found = torch.cat(
            [
                blocks(_view(pictures.images[pictures.rows[some]], generator))
                for _ in range(views_each)
            ]
        )
        if pictures.labels:
            each = zip(heads, pictures.labels, strict=True)
            losses = [partial_loss(head(found), some, said) for head, said in each]
            loss = torch.stack(losses).sum()
        else:
            loss = _apart(heads[0](found))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    blocks.keep()


def _batches(pictures: int) -> Iterator[Int[np.ndarray, " batch"]]:
    """All in turn, anew in another order."""
    random = np.random.default_rng(0)
    while True:
        order = random.permutation(pictures)
        for at in range(0, max(1, pictures - BATCH + 1), BATCH):
            yield order[at : at + BATCH]


def _view(images: np.ndarray, generator: torch.Generator) -> np.ndarray:
    draws = Draws(generator, len(images))
    views = random_views(torch.from_numpy(images), draws, ZOOM).images
    which = draws() < RECOLOURED
    return recoloured(views, which, draws).numpy()


def _apart(projected: Float[Tensor, "views projected"]) -> Tensor:
    """The other view of a picture is to be told from all others of the batch."""
    rows = nn.functional.normalize(projected)
    cosines = rows @ rows.T / SHARPNESS
    cosines.fill_diagonal_(-torch.inf)
    half = len(rows) // 2
    other = torch.arange(len(rows)).roll(half)
    return nn.functional.cross_entropy(cosines, other)


def partial_loss(logits: Tensor, some: np.ndarray, labels: PartialLabels) -> Tensor:
    """Minus log of the probability of all names of a label together, a picture."""
    place = np.full(int(max(labels.picture.max(initial=0), some.max())) + 1, -1)
    place[some] = np.arange(len(some))
    there = np.flatnonzero(place[labels.picture] >= 0)
    logs = logits.log_softmax(1)[place[labels.picture[there]]]
    outside = torch.where(torch.from_numpy(labels.among[there]), 0.0, -torch.inf)
    weight = torch.from_numpy(labels.weight[there]).float()
    return -(weight * (logs + outside).logsumexp(1)).sum() / len(some)


def _labels(catalogue: Catalogue, examples: Path) -> list[PartialLabels]:
    """Of every set of titles and artworks, and of whom tags name."""
    read = first_pass(
        ExampleStream(examples),
        catalogue,
        validation=Data().validation,
        held_out=Data().held_out,
        buffer=Fit().buffer,
        seed=0,
    )
    spec = specification(read.statistics, None)
    sets = CatalogueSets.of(spec, catalogue.titles, catalogue.artworks).telling()
    found = [labels_of_titles(sets, one.shares) for one in sets.titles]
    found += [labels_of_tags(one.shares) for one in sets.artworks]
    names = sorted({name for of in sets.tagged for name in of})
    if len(names) > 1:
        at = {name: place for place, name in enumerate(names)}
        shares = np.zeros((len(sets.tagged), len(names)), np.float32)
        for row, of in enumerate(sets.tagged):
            for name in of:
                shares[row, at[name]] = 1 / len(of)
        found.append(labels_of_tags(shares))
    return [one for one in found if len(one.picture)]


def written(model: onnx.ModelProto, size: tuple[int, int], to: Path) -> Path:
    """As a model of one's own, from float pixels 0 to 255, and its declaration."""
    to.parent.mkdir(parents=True, exist_ok=True)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT
    onnx.save(model, to.with_suffix(".onnx"))
    said = {
        "file": f"{to.name}.onnx",
        "height": size[0],
        "width": size[1],
        "deviation": [1 / 255] * 3,
    }
    declared = to.with_suffix(".yaml")
    declared.write_text(yaml.safe_dump(said))
    return declared
