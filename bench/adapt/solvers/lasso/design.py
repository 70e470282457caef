"""The features of a group lasso as blocks of columns, in memory or memory-mapped, which are read piece by piece."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from bench.adapt.solvers.softmax import product
from bench.costs.memory import fits
from bench.spec import Meter, UserError

PIECE = 1 << 24  # numbers that are converted at once: 64 MiB of float32
LARGE = 1 << 29  # numbers; reading more of them shows a bar


@dataclass(frozen=True)
class Block:
    """Some features of n examples. Those of each example are multiplied by its factor."""

    values: Tensor | np.ndarray  # float16 or float32 (n, width); a numpy memory map is read piece by piece
    factor: Tensor | None = None  # float32 (n,); None for 1
    name: str = ""  # the tap, for messages


@dataclass(frozen=True)
class Design:
    """Blocks of features side by side; products with them are computed on `device`."""

    blocks: Sequence[Block]
    device: torch.device

    @property
    def count(self) -> int:
        """How many examples there are."""
        return len(self.blocks[0].values)

    @property
    def width(self) -> int:
        """How many features there are in all blocks."""
        return sum(block.values.shape[1] for block in self.blocks)

    def first(self, count: int) -> Design:
        """The design of the first `count` examples alone."""
        cut = [
            replace(b, values=b.values[:count], factor=None if b.factor is None else b.factor[:count])
            for b in self.blocks
        ]
        return Design(cut, self.device)

    def norms(self, dual: Tensor, meter: Meter) -> Tensor:
        """||Xᵢᵀ u||₂ of every feature i, float32 (width,), for u (classes, n). Raises UserError as `products` does."""
        return torch.cat([part.norm(dim=0) for part in self.products(dual, meter)])

    def products(self, dual: Tensor, meter: Meter) -> Iterator[Tensor]:
        """u X for u (classes, n), in parts float32 (classes, some features) from the first feature to the last.

        Raises UserError, which names the tap, where features are not finite.
        """
        with _bar(self) as advance:
            for block in self.blocks:
                scaled = (dual if block.factor is None else dual * block.factor.to(dual)).float()
                for piece in _pieces(block, self.device):
                    part = product(meter, scaled, piece)
                    if not part.isfinite().all():
                        where = f" of the tap {block.name}" if block.name else ""
                        raise UserError(f"features{where} are not finite; check the weights and the preprocessing")
                    advance(piece.shape[1])
                    yield part

    def gram(self, meter: Meter) -> Tensor:
        """The inner products of all examples with each other, float64 (n, n)."""
        total = torch.zeros(self.count, self.count, dtype=torch.float64, device=self.device)
        for block in self.blocks:
            for piece in _pieces(block, self.device):
                part = product(meter, piece, piece.T).double()
                factor = torch.ones_like(part[0]) if block.factor is None else block.factor.to(part)
                total += part * factor * factor[:, None]
        return total

    def columns(self, rows: Tensor) -> Tensor:
        """The sorted features `rows` (k,) of all examples, float32 (n, k)."""
        starts = np.cumsum([0, *(block.values.shape[1] for block in self.blocks)])
        wanted = rows.cpu().numpy()
        parts = [torch.empty(self.count, 0, device=self.device)]
        for block, start, end in zip(self.blocks, starts, starts[1:], strict=False):
            inside = wanted[np.searchsorted(wanted, start) : np.searchsorted(wanted, end)] - start
            if len(inside):
                taken = _taken(block.values, inside).to(self.device, torch.float32)
                parts.append(taken if block.factor is None else taken * block.factor.to(taken)[:, None])
        return torch.cat(parts, dim=1)


def unit_norm(blocks: Sequence[Tensor], device: torch.device, names: Sequence[str] = ()) -> Design:
    """The design of blocks (n, width), one a tap, in which each example's part of a tap has an l2 norm of 1.

    The blocks are converted at once if the device has room for them, else piece by piece each time they are read.
    """
    at_once = fits(4 * sum(block.numel() for block in blocks), device)
    ours = [block.to(device, torch.float32) if at_once else block for block in blocks]
    factors = [1 / block.float().norm(dim=1).clamp_min(1e-12).to(device) for block in ours]
    labels = names or [""] * len(ours)
    return Design([Block(*three) for three in zip(ours, factors, labels, strict=True)], device)


def _pieces(block: Block, device: torch.device) -> Iterator[Tensor]:
    """The block's columns from left to right, float32 on the device, converted as they are needed."""
    values = block.values
    if isinstance(values, Tensor) and values.dtype == torch.float32 and values.device == device:
        yield values
        return
    step = max(1, PIECE // len(values))
    for start in range(0, values.shape[1], step):
        piece = values[:, start : start + step]
        piece = piece if isinstance(piece, Tensor) else torch.from_numpy(np.ascontiguousarray(piece))
        yield piece.to(device, torch.float32)


def _taken(values: Tensor | np.ndarray, columns: np.ndarray) -> Tensor:
    """Some columns of a block, in its precision and where it lies."""
    if isinstance(values, Tensor):
        return values.index_select(1, torch.from_numpy(columns).to(values.device))
    return torch.from_numpy(values[:, columns])


@contextmanager
def _bar(design: Design) -> Iterator[Callable[[int], None]]:
    """A progress bar over the features, on a terminal and where they are many."""
    large = design.count * design.width > LARGE
    console = Console(file=sys.stderr)
    with Progress(console=console, transient=True, disable=not (large and console.is_terminal)) as bar:
        item = bar.add_task("reading features", total=design.width)
        yield lambda done: bar.advance(item, done)
