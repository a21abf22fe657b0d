"""Batch normalisation over the images of all processes, as if one process held them.

torch's own `SyncBatchNorm` works on GPUs only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


class Sum(torch.autograd.Function):
    """Sum over all processes, of values and of their gradients."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        """The sum of every process's tensor."""
        whole = own.clone()
        dist.all_reduce(whole)
        return whole

    @staticmethod
    def backward(ctx: Any, *gradient: Tensor) -> Tensor:
        """What the losses of all processes say."""
        whole = gradient[0].clone()
        dist.all_reduce(whole)
        return whole


class NormTogether(nn.Module):
    """Stands in for a batch normalisation while several processes train it."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, alone: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
        super().__init__()
        self.momentum, self.eps = alone.momentum or 0.0, alone.eps
        self.weight, self.bias = alone.weight, alone.bias
        for name, buffer in alone.named_buffers():
            self.register_buffer(name, buffer)  # the same tensors: what is learnt stays there

    def forward(self, x: Tensor) -> Tensor:
        """Normalised by mean and variance over all processes; in evaluation, by what was kept."""
        wide = x.float()
        if not self.training:
            running = self.running_mean, self.running_var
            return self._normal(wide, *running).to(x.dtype)
        dims = [dim for dim in range(x.dim()) if dim != 1]
        count = Sum.apply(wide.new_full((1,), wide.numel() / wide.shape[1]))
        mean = Sum.apply(wide.sum(dims)) / count
        variance = Sum.apply((wide - along(mean, wide)).square().sum(dims)) / count
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            self.num_batches_tracked.add_(1)
        return self._normal(wide, mean, variance).to(x.dtype)

    def _normal(self, x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        out = (x - along(mean, x)) * along((variance + self.eps).rsqrt(), x)
        return out if self.weight is None else out * along(self.weight, x) + along(self.bias, x)


def along(values: Tensor, x: Tensor) -> Tensor:
    """One value a channel, in a shape that meets `x`."""
    return values.view([-1 if dim == 1 else 1 for dim in range(x.dim())])


@contextmanager
def normed_together(module: nn.Module) -> Iterator[None]:
    """While it lasts, every batch normalisation inside looks at the images of all processes."""
    alone = [
        (parent, name, child)
        for parent in module.modules()
        for name, child in parent.named_children()
        if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d)
    ]
    for parent, name, child in alone:
        setattr(parent, name, NormTogether(child))
    try:
        yield
    finally:
        for parent, name, child in alone:
            setattr(parent, name, child)
