"""How a training step gets along with less memory: a batch in parts, or blocks that are computed a second time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from bench.backbone.blocks import blocks
from bench.costs.memory import release
from bench.spec import UserError


class Thrift:
    """What one training does about memory that runs out: nothing at first.

    Without batch statistics a batch is computed in parts, whose gradients add up to the same. With them the parts would
    be another batch; so each block forgets its activations, and computes them again in the backward pass.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.most: int | None = None  # images at once; None: the whole batch
        self.recomputed: list[nn.Module] = []
        self._moving = [buffer for norm in batch_norms(network) for buffer in norm.buffers()]
        self._before = [buffer.clone() for buffer in self._moving]

    @property
    def state(self) -> tuple[object, ...]:
        """What of it decides the FLOPs of a step."""
        return self.most, len(self.recomputed)

    def parts(self, batch: Tensor) -> tuple[Tensor, ...]:
        """A batch (2 + draws, images) in the parts that are computed at once.

        Batch statistics are remembered as they are.
        """
        if self._moving:
            torch._foreach_copy_(self._before, self._moving)
        parts: tuple[Tensor, ...] = batch.split(self.most or batch.shape[1], dim=1)
        return parts

    def tighten(self, count: int) -> None:
        """Saves more memory after a step with `count` images ran out of it, and undoes what that left behind.

        Call it outside of `except`, whose traceback holds what was computed. Raises UserError where no more can be
        saved.
        """
        self.network.zero_grad()
        if self._moving:
            torch._foreach_copy_(self._moving, self._before)
        release()
        at_once = min(count, self.most or count)
        remedy = "out of memory with {}; choose a smaller batch, image size or backbone"
        if not self._moving:
            if at_once == 1:
                raise UserError(remedy.format("one image").replace("batch, ", ""))
            self.most = at_once // 2
            return
        if self.recomputed or not (found := blocks(self.network)):
            raise UserError(remedy.format(f"{count} images, which batch norm needs together"))
        for block in found:
            block._compiled_call_impl = None
            block.forward = partial(_checkpointed, block, block.forward)
        self.recomputed = found

    def undo(self) -> None:
        """Leaves the blocks as they were."""
        for block in self.recomputed:
            del block.forward


def batch_norms(network: nn.Module) -> list[nn.Module]:
    """The modules that normalise by the statistics of a batch, as the network is now."""
    return [module for module in network.modules() if isinstance(module, _BatchNorm) and module.training]


def _checkpointed(block: nn.Module, forward: Callable[..., Tensor], *inputs: Any, **named: Any) -> Tensor:
    """A block's output; its activations are computed a second time in the backward pass."""
    contexts = partial(_contexts, block)
    output: Tensor = checkpoint(forward, *inputs, use_reentrant=False, context_fn=contexts, **named)
    return output


def _contexts(block: nn.Module) -> tuple[Any, Any]:
    """The contexts of the first and of the second computation."""
    return nullcontext(), _unmoved(block)


@contextmanager
def _unmoved(block: nn.Module) -> Iterator[None]:
    """Inside it a forward pass leaves running statistics as they are: the first pass has moved them."""
    norms: list[Any] = batch_norms(block)
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, tracked) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, tracked
