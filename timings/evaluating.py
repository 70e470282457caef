"""python timings/evaluating.py --count 100000 --target 8192

Ten frozen cells evaluated together in one pass over synthetic images, against the network's bare forward pass over the
same images, in turns: seconds of both, their ratio, and the memory it takes. Images cost nothing to decode, and heads
have random weights and read random features, which changes no time. The backbone's flags are those of run_bench.py.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that it runs from anywhere

from bench.adapt.probe import Probe, widths
from bench.backbone.network import TimmBackbone, load
from bench.commands.parser import parser, request
from bench.costs.device import find_device
from bench.costs.meter import Meter
from bench.costs.peak import resident_peak
from bench.images.pixels import batches
from bench.runs.evaluate import batch_size, evaluate
from bench.spec import Adapted, Split, UserError

CLASSES = 10
TURN = 5_000  # images evaluated before it is the other's turn


class Noise:
    """Pictures of random pixels at the size they are wanted at, `first` and those after it."""

    def __init__(self, first: int, count: int, size: int) -> None:
        self.first, self.count = first, count
        self.pixels = np.random.default_rng(0).integers(0, 256, (2 * size, size, 3), dtype=np.uint8)

    def __len__(self) -> int:
        return self.count

    def decode(self, index: int) -> np.ndarray:
        """Noise, uint8 (size, size, 3)."""
        size = self.pixels.shape[1]
        return self.pixels[(start := (self.first + index) % size) : start + size]


def probe(backbone: TimmBackbone, target: int | None, kept: int | None, whole: bool = False) -> Probe:
    """A probe on `kept` random features, or on all of them as they are."""
    total = sum(widths(backbone, target))
    chosen = None if kept is None else torch.randperm(total)[: min(kept, total)].sort().values.to(backbone.device)
    weight = torch.randn(total if chosen is None else len(chosen), CLASSES, device=backbone.device)
    return Probe(backbone, target, chosen, total, weight, torch.zeros(CLASSES, device=backbone.device), whole)


def cells(backbone: TimmBackbone, target: int, fraction: float) -> list[Adapted]:
    """A linear probe, the head on all features, and four each of head2toe_path and of the recipe, as seeds would be."""
    total = sum(widths(backbone, target))
    paths = [probe(backbone, target, 750, whole=True) for _ in range(4)]
    recipes = [probe(backbone, target, round(fraction * total)) for _ in range(4)]
    return [probe(backbone, None, None), probe(backbone, target, total), *paths, *recipes]


@torch.no_grad()
def bare(backbone: TimmBackbone, images: Noise) -> None:
    """The network's forward pass alone, in the batches of an evaluation."""
    with backbone.computing(trained=False):
        for pixels in batches(images, backbone.image_size, batch_size(backbone)):
            backbone.module(backbone.inputs(pixels.to(backbone.device)))
    if backbone.device.type == "cuda":
        torch.cuda.synchronize(backbone.device)


def turn(backbone: TimmBackbone, found: list[Adapted], images: Noise, meter: Meter) -> tuple[float, float]:
    """Seconds of the evaluation, and of the bare pass. One meter serves all turns, as for one large test set."""
    test = Split(images, np.zeros(len(images), dtype=np.int64), CLASSES)
    alone = seconds(lambda: bare(backbone, images))
    return seconds(lambda: evaluate(backbone, found, {"test": test}, meter)), alone


def seconds(work: Callable[[], object]) -> float:
    """Seconds that some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> int:
    """Prints one line a turn, and the sums."""
    line = parser("run")
    line.add_argument("--count", type=int, default=20_000, metavar="N", help="images; default: 20000")
    line.add_argument("--target", type=int, default=8192, metavar="T", help="pooling target; default: 8192")
    line.add_argument("--fraction", type=float, default=0.01, metavar="F", help="the recipe's; default: 0.01")
    try:
        arguments = line.parse_args()
        asked = request(arguments)
        backbone = load(asked.specs[0], find_device(asked.device))
        found = cells(backbone, arguments.target, arguments.fraction)
    except UserError as error:
        print(f"evaluating.py: {error}", file=sys.stderr)
        return 2
    meter = Meter(backbone.device)
    before, turns = resident_peak() or 0, []
    for first in range(0, arguments.count, TURN):
        images = Noise(first, min(TURN, arguments.count - first), backbone.image_size)
        turns.append(turn(backbone, found, images, meter))
        print(f"{first + len(images):,} images: {turns[-1][0]:.1f} s, bare {turns[-1][1]:.1f} s", flush=True)
    ratio = sum(together for together, _ in turns) / sum(alone for _, alone in turns)
    middle = statistics.median(together / alone for together, alone in turns)
    print(f"{len(found)} cells: {ratio:.3f} times the bare pass (median of turns {middle:.3f})")
    print(f"resident memory grew by {((resident_peak() or 0) - before) / 2**20:,.0f} MiB over the backbone and heads")
    return 0


if __name__ == "__main__":
    sys.exit(main())
