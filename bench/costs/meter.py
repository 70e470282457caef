"""The meter: the FLOPs and seconds of a fit. The harness measures them; a method never states them."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from bench import spec
from bench.costs.budget import Budget

T = TypeVar("T")
AHEAD = 8  # steps that the host may be ahead of a GPU
ALIKE: dict[object, int] = {}  # the FLOPs of work that is alike for all meters, by its signature


class Meter:
    """Measures the work of one cell and charges it to the budget.

    FLOPs are counted by torch's FlopCounterMode: those of matrix products, convolutions and attention, forward and
    backward. A multiplication with its addition counts as two. Element-wise work is not counted. The clock runs from
    the first step to `stop`, so that imports and the building of networks are not training time.
    """

    def __init__(self, device: torch.device, budget: Budget | None = None) -> None:
        self.device = device
        self.budget = budget
        self.flops = 0
        self.seconds = 0.0
        self.shared_flops = 0  # the part of `flops` that `found` attributed
        self.shared_seconds = 0.0
        self.curves: dict[str, list[tuple[int, float]]] = {}
        self._known: dict[object, int] = {}
        self._began: float | None = None
        self._ahead: deque[torch.cuda.Event] = deque()  # ends of the latest steps on a GPU

    def step(self, signature: object | None, work: Callable[[], T], alike: bool = False) -> T:
        """Does `work` and charges its FLOPs.

        The FLOPs are counted when this meter sees the signature for the first time, or when any meter does if `alike`.
        Without a signature they are counted each time. Raises BudgetSpent when no time is left for another step.
        """
        if self.budget is not None:
            self.budget.check()
        if self._began is None:
            self._began = time.perf_counter()
        known = ALIKE if alike else self._known
        if signature is not None and signature in known:
            flops, result = known[signature], work()
        else:
            with flop_counter() as counter:
                result = work()
            flops = counter.get_total_flops()
            if signature is not None:
                known[signature] = flops
        self.flops += flops
        if self.budget is not None:
            self.budget.add_flops(flops)
            self._keep_step()
        return result

    def _keep_step(self) -> None:
        """Keeps the host at most `AHEAD` steps ahead of a GPU, so that the budget's seconds are the GPU's too.

        It waits for a step of before, never for the latest, so the GPU always has work.
        """
        if self.device.type != "cuda":
            return
        full = len(self._ahead) == AHEAD
        event = self._ahead.popleft() if full else torch.cuda.Event()
        if full:
            event.synchronize()
        event.record(torch.cuda.current_stream(self.device))
        self._ahead.append(event)

    def epoch(self, done: int, total: int, loss: float, logits: Callable[[Tensor], Tensor]) -> None:
        """Keeps a point of the curve of the training loss. Raises UserError where the loss is not finite."""
        if not math.isfinite(loss):
            raise spec.UserError(f"its training loss is {loss} in epoch {done} of {total}; it diverged")
        self.point("loss", done, loss)

    def point(self, curve: str, at: int, value: float) -> None:
        """Keeps a point of a curve; a value that is not finite is left out."""
        if math.isfinite(value):
            self.curves.setdefault(curve, []).append((at, value))

    def alone(self) -> Meter:
        """A new meter under the same budget, for work that several cells will share."""
        return Meter(self.device, self.budget)

    def found(self, flops: int, seconds: float) -> None:
        """Attributes work that was done before, in full, as if it had been done for this cell alone.

        It comes before the first step: later, its seconds would count twice.
        """
        assert self._began is None
        self.flops += flops
        self.seconds += seconds
        self.shared_flops += flops
        self.shared_seconds += seconds

    def take(self, parts: Sequence[Meter]) -> None:
        """Attributes the fits of other, stopped meters as one piece of work; a pass that they share counts once."""
        self.shared_flops = max(part.shared_flops for part in parts)
        self.shared_seconds = max(part.shared_seconds for part in parts)
        self.flops = self.shared_flops + sum(part.flops - part.shared_flops for part in parts)
        self.seconds = self.shared_seconds + sum(part.seconds - part.shared_seconds for part in parts)
        self.curves = parts[0].curves

    def stop(self) -> None:
        """Waits until the device has finished, and stops the clock."""
        if self._began is not None:
            synchronise(self.device)
        self.halt()

    def halt(self) -> None:
        """Stops the clock of work that failed. Nothing waits for the device, which may have failed itself."""
        if self._began is not None:
            self.seconds += time.perf_counter() - self._began
            self._began = None


def flop_counter() -> FlopCounterMode:
    """torch's counter of FLOPs, with a right formula for the backward pass of grouped convolutions."""
    return FlopCounterMode(display=False, custom_mapping={torch.ops.aten.convolution_backward: convolution_backward})


def convolution_backward(
    grad_out_shape: Sequence[int], x_shape: Sequence[int], w_shape: Sequence[int], *rest: Any, **_: Any
) -> int:
    """FLOPs of the backward pass of a convolution: as many as the forward pass has, for each gradient that is wanted.

    torch's own formula multiplies those of the weight's gradient by the number of groups, which is seven times too many
    for a MobileNet (github.com/pytorch/pytorch/pull/183405). The arguments are those of aten.convolution_backward.
    """
    _bias, _stride, _padding, _dilation, transposed, _output_padding, _groups, wanted = rest
    places: int = math.prod((x_shape if transposed else grad_out_shape)[2:]) * x_shape[0]
    gradients: int = sum(wanted[:2])
    return 2 * places * math.prod(w_shape) * gradients


def synchronise(device: torch.device) -> None:
    """Waits until the device has finished all of its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
