"""python timings/extracting.py --targets 512 8192

The forward pass in which every tap is pooled and held, against the network's bare forward pass over the same batches,
in turns: the speed of the first as a share of the second's, target by target and for all of them in one pass. With
--written what is held goes into memory that was written before, which shows what fresh memory costs. The backbone's
flags are those of run_bench.py.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that it runs from anywhere

from bench.backbone.extract import BATCH, Sink
from bench.backbone.forward import taps
from bench.backbone.network import TimmBackbone, load
from bench.commands.parser import parser, request
from bench.costs.device import find_device
from bench.costs.meter import synchronise
from bench.spec import UserError

WARM = 3  # turns that do not count


@torch.no_grad()
def shares(backbone: TimmBackbone, targets: Sequence[int | None], turns: int, written: bool) -> list[float]:
    """The bare pass's seconds over those of the pooled one, turn by turn."""
    images = torch.randint(0, 256, (BATCH, 3, backbone.image_size, backbone.image_size), dtype=torch.uint8)
    sink, found = Sink(backbone, BATCH * (turns + WARM), targets), []
    for _ in range(turns + WARM):
        began = time.perf_counter()
        with backbone.computing(trained=False):
            backbone.module(backbone.inputs(images))
        synchronise(backbone.device)
        between = time.perf_counter()
        sink.take(images)
        synchronise(backbone.device)
        found.append((between - began) / (time.perf_counter() - between))
        if written and len(found) == 1:
            for block in sink.held.values():
                block[BATCH:].zero_()
    return found[WARM:]


def main() -> int:
    """Prints one line a choice of targets."""
    line = parser("run")
    line.add_argument("--targets", type=int, nargs="+", default=[512, 8192], metavar="T", help="default: 512 8192")
    line.add_argument("--turns", type=int, default=15, metavar="N", help=f"batches of {BATCH}; default: 15")
    line.add_argument(
        "--written", action="store_true", default=False, help="hold features in memory that was written before"
    )
    try:
        arguments = line.parse_args()
        asked = request(arguments)
        backbone = load(asked.specs[0], find_device(asked.device))
        for targets in ([None], *([target] for target in arguments.targets), [None, *arguments.targets]):
            read = len(taps(backbone, targets[-1]))
            found = sorted(shares(backbone, targets, arguments.turns, arguments.written))
            middle, low, high = statistics.median(found), found[len(found) // 4], found[-1 - len(found) // 4]
            named = ", ".join("the embedding" if target is None else f"T = {target}" for target in targets)
            print(f"{named} ({read} taps): {middle:.2f} of the bare pass's speed (quartiles {low:.2f} to {high:.2f})")
    except UserError as error:
        print(f"extracting.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
