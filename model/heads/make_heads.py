"""Heads: one bank of linear functionals on the artwork's vector, in five kinds.

Every kind gives, for a context, functionals of `rank + prior` numbers, one for each head; a head's
logit for an artwork is the product with the artwork's vector. So a bank scores members × catalogue
as one matrix product, whatever its kind, and a draw of a head is a Thompson sample with an exact
propensity. The last `prior` numbers meet the frozen read-out of the artwork's embedding.

* `bootstrap`: a learnt functional a head, and a fixed random prior function a head.
* `dropout`: one learnt map under a bank of fixed masks; a random mask would not survive ONNX.
* `hierarchical`: a closed form over facts and artwork, concluded after training; heads differ by
  the doubt of each artwork's record.
* `neural_linear`: a closed-form posterior of the last layer, updated between trainings; the bank
  holds draws.
* `point`: one head, no prior: greedy.
"""

from model.heads.bayesian_last_layer import Link
from model.heads.bootstrap import BootstrapHeads
from model.heads.dropout import DropoutHeads
from model.heads.hierarchical import HierarchicalHeads
from model.heads.interface import KINDS, Kind
from model.heads.neural_linear import NeuralLinearHeads
from model.heads.point import PointHead


def make_heads(
    kind: Kind,
    width: int,
    rank: int,
    heads: int = 20,
    *,
    prior: int = 8,
    prior_scale: float = 0.3,
    frozen: int = 0,
    context: int = 0,
    keep: float = 0.8,
    last_width: int = 8,
    link: Link = "logit",
    apart: bool = False,
    noise: float | None = None,
    seed: int = 0,
) -> "AnyHeads":
    """Heads of a kind; see `Heads` for what they do.

    Args:
        kind: which.
        width: numbers that the trunk gives.
        rank: learnt numbers of the artwork's vector.
        heads: how many functionals the bank has; `point` has one.
        prior: frozen numbers of the artwork's vector, after the learnt ones.
        prior_scale: deviation of the prior functions, or of neural_linear's prior, in logits.
        frozen: numbers that `FrozenContext` gives; 0: prior functions of the artwork alone.
        context: numbers of the facts, which hierarchical heads read.
        keep: share of the trunk's numbers that a dropout mask keeps.
        last_width: numbers of the context that neural_linear's posterior reads; 0: the trunk's.
        apart: neural_linear has a posterior for each number of the vector: for one-hot vectors.
        noise: that neural_linear's posterior is told of a reward; none: it estimates it.
        link: of neural_linear's posterior: logit for takes, identity for other rewards.
        seed: of prior functions, masks and posterior draws.

    Raises:
        ValueError: no such kind, or a number out of its range.
    """
    if heads < 1 or rank < 1 or prior < 0 or frozen < 0:
        raise ValueError(
            f"heads is {heads}, rank {rank}, prior {prior}, frozen {frozen}: heads and rank must "
            "be at least 1, the others at least 0"
        )
    match kind:
        case "bootstrap":
            return BootstrapHeads(width, rank, heads, prior, prior_scale, frozen, seed)
        case "dropout":
            return DropoutHeads(width, rank, heads, prior, keep, seed)
        case "hierarchical":
            return HierarchicalHeads(width, context, rank, heads, prior)
        case "neural_linear":
            return NeuralLinearHeads(
                width, rank, heads, prior, last_width, prior_scale, link, seed, apart, noise
            )
        case "point":
            return PointHead(width, rank, prior)
    raise ValueError(f"heads of kind {kind!r}; there are {', '.join(KINDS)}")


AnyHeads = BootstrapHeads | DropoutHeads | HierarchicalHeads | NeuralLinearHeads | PointHead
"""What `make_heads` gives."""
