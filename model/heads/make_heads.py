"""Heads: one bank of linear functionals on the artwork's vector, in five kinds.

Every kind gives, for a context, functionals of `rank + prior` numbers, one for each head; a head's
logit for an artwork is the product with the artwork's vector. So a bank scores members × catalogue
as one matrix product, whatever its kind, and a draw of a head is a Thompson sample with an exact
propensity. The last `prior` numbers meet the frozen read-out of the artwork's embedding.

* `bootstrap`: a learnt functional a head, and a fixed random prior function a head.
* `dropout`: one learnt map under a bank of fixed masks; a random mask would not survive ONNX.
* `hierarchical`: a closed form over facts and artwork, inferred after training; heads differ by
  the posterior standard deviation of each artwork's random effect.
* `neural_linear`: a closed-form posterior of the last layer, inferred after training; the bank
  holds draws.
* `point`: one head, no prior: greedy.
"""

from model.heads.bootstrap import BootstrapHeads
from model.heads.dropout import DropoutHeads
from model.heads.hierarchical import HierarchicalHeads
from model.heads.interface import KINDS, Heads, HeadSettings
from model.heads.neural_linear import NeuralLinearHeads
from model.heads.point import PointHead

OF_KIND: dict[str, type[Heads]] = {
    heads.kind: heads
    for heads in (BootstrapHeads, DropoutHeads, HierarchicalHeads, NeuralLinearHeads, PointHead)
}


def make_heads(kind: str, settings: HeadSettings) -> Heads:
    """Heads of a kind; see `Heads` for what they do.

    Raises:
        ValueError: no such kind, or a number out of its range.
    """
    if kind not in OF_KIND:
        raise ValueError(f"heads of kind {kind!r}; there are {', '.join(KINDS)}")
    return OF_KIND[kind](settings)
