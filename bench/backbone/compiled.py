"""torch.compile of the blocks of networks that are trained, and what happens where that fails."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import _get_current_dispatch_mode

from bench.backbone.blocks import blocks

KERNELS = 256  # compiled versions of one block's code, by shape and kind; torch would give up after 8


class Compiler:
    """Compiles blocks for training steps. Where a block cannot be compiled, all go on without, and stderr says so.

    While FLOPs are counted blocks run as they are written, because a compiled kernel counts as none.
    """

    def __init__(self) -> None:
        import torch._dynamo  # here, because it takes seconds

        self.error = torch._dynamo.exc.TorchDynamoException
        torch._dynamo.config.cache_size_limit = KERNELS
        self.works = True

    def __call__(self, network: nn.Module) -> None:
        """Lets the blocks of a network be compiled when they are first trained."""
        for block in blocks(network):
            block._compiled_call_impl = partial(self._call, block, torch.compile(block._call_impl, dynamic=False))

    def _call(self, block: nn.Module, compiled: Callable[..., Any], *inputs: Any, **named: Any) -> Any:
        counted = _get_current_dispatch_mode() is not None
        if self.works and torch.is_grad_enabled() and not counted:
            try:
                return compiled(*inputs, **named)
            except self.error as error:
                self.works = False
                cause = getattr(error, "inner_exception", error)
                said = (str(cause).strip().splitlines() or [""])[0]
                print(f"torch.compile failed ({type(cause).__name__}: {said}); going on without it", file=sys.stderr)
        return block._call_impl(*inputs, **named)
