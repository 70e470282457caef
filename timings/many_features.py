"""python timings/many_features.py --features 3000000

The group lasso on more features than memory should hold: random ones in a memory map of half precision, of which one in
fifty tells the classes apart a little. Prints how long each solution took on one thread, its features and certified
gap, and the most memory that was resident, the pages of the map included. It writes 2 bytes a number: 6 GB as above.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that it runs from anywhere

from bench.adapt.solvers.lasso import Block, Design, GroupLasso
from bench.costs.meter import Meter
from bench.costs.peak import resident_peak
from methods.head2toe_path import ROUGH, STEP, Head2ToePath

BLOCK = 50_000  # features a tap
INFORMATIVE = 50  # one of so many features has class means
CPU = torch.device("cpu")


def synthetic(folder: Path, features: int, labels: np.ndarray, classes: int) -> list[Block]:
    """Activations as after a ReLU, block by block into one file that is mapped."""
    dice = np.random.default_rng(0)
    blocks = -(-features // BLOCK)
    made = np.memmap(folder / "features.f16", np.float16, "w+", shape=(blocks, len(labels), BLOCK))
    for number in range(blocks):
        values = dice.standard_normal((len(labels), BLOCK), dtype=np.float32)
        means = dice.standard_normal((classes, BLOCK // INFORMATIVE), dtype=np.float32)
        values[:, ::INFORMATIVE] += means[labels] * dice.random(BLOCK // INFORMATIVE, dtype=np.float32)
        made[number] = values.clip(0)
    made.flush()
    read = np.memmap(folder / "features.f16", np.float16, "r", shape=made.shape)
    return [Block(read[number], name=f"block {number}") for number in range(blocks)]


def main() -> int:
    """Solves what `head2toe_path` solves by default."""
    line = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    line.add_argument("--features", type=int, default=3_000_000, metavar="D", help="default: 3000000")
    line.add_argument("--images", type=int, default=1_000, metavar="N", help="default: 1000")
    line.add_argument("--classes", type=int, default=100, metavar="C", help="default: 100")
    line.add_argument("--folder", type=Path, metavar="DIR", help="where the map lies; default: the system's own")
    asked = line.parse_args()
    torch.set_num_threads(1)
    folder = Path(tempfile.mkdtemp(dir=asked.folder))
    try:
        labels = np.arange(asked.images) % asked.classes
        design = Design(synthetic(folder, asked.features, labels, asked.classes), CPU)
        print(f"{design.width:,} features of {design.count:,} images, {asked.classes} classes", flush=True)
        meter, began = Meter(CPU), time.perf_counter()
        model = GroupLasso(design, torch.from_numpy(labels), asked.classes, meter)
        print(f"strongest penalty {model.strongest:.4g}: {time.perf_counter() - began:.0f} s", flush=True)
        penalty = Head2ToePath.penalty
        assert penalty is not None
        for fraction, rough in ((STEP * penalty, ROUGH), (penalty, 0.0)):
            found = model.solve(fraction * model.strongest, rough=rough)
            told = f"{len(found.rows):,} features, gap {found.gap:.1e}, {meter.flops / 1e12:.2f} TFLOP"
            print(f"penalty {fraction:g} of it: {told}, {time.perf_counter() - began:.0f} s", flush=True)
        print(f"most memory resident: {(resident_peak() or 0) / 2**30:.1f} GiB")
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
