"""python timings/gpu.py

How near Head2Head comes to what a device can do, without a download: ViT-B/16 and ResNet-50 with
random weights, on drawn images. Each phase is set against the least that it could be, in the same run: a loop by hand,
or the bare forward pass. From the speeds that were seen it says what the core methods would take over VTAB-1k, without
decoding. On a CPU it runs with small networks, such as
--backbones test_vit test_resnet --image-size 64 --images 100 --tests 100.
"""

from __future__ import annotations

import statistics
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that it runs from anywhere

from drawn import Drawn
from evaluating import CLASSES, Noise, bare, cells
from rates import best_rate, in_turns
from training import RECIPE, ByHand, Turns

from bench.adapt.bases import TrainedMethod
from bench.adapt.train import Recipe, train
from bench.adapt.trained import Trained
from bench.backbone.extract import batch_size, extract
from bench.backbone.features import TaskImages
from bench.backbone.network import TimmBackbone, unloaded
from bench.costs.budget import Budget
from bench.costs.device import find_device
from bench.costs.gauge import Gauge
from bench.costs.meter import Meter, synchronise
from bench.costs.peak import Peak
from bench.images.pixels import pixels
from bench.records.request import PRECISIONS
from bench.registry import METHODS
from bench.runs.evaluate import evaluate
from bench.spec import Adapted, BackboneSpec, Method, Split, UserError

VTAB_TASKS, VTAB_TRAIN, VTAB_TEST, EPOCHS = 19, 1000, 387_904, 100
PROBES, TRAINED = ("linear_probe", "all_features", "head2toe", "head2toe_path"), ("fine_tune", "lora")


@dataclass(frozen=True)
class Bench:
    """One network on the device, what it is fed with, and the table of what was seen."""

    backbone: TimmBackbone
    split: Split
    asked: Namespace
    peak: float  # FLOPs a second that the device can do at best
    table: Table

    @contextmanager
    def phase(self, name: str) -> Iterator[list[str]]:
        """A phase, whose findings are appended to the list; its seconds, memory and energy are added to the table."""
        device = self.backbone.device
        held = torch.cuda.memory_allocated(device) if device.type == "cuda" else 0
        gauge, memory, found = Gauge(device), Peak(device, held), list[str]()
        began = time.perf_counter()
        yield found
        synchronise(device)
        seconds, peak, joules = time.perf_counter() - began, memory.bytes(), gauge.lap()[0]
        row = [name, "; ".join(found), f"{seconds:.1f} s", f"{peak / 2**30:.1f} GiB" if peak else "–"]
        self.table.add_row(*row, f"{joules:,.0f} J" if joules is not None else "–")

    def train(self, name: str) -> float:
        """Seconds of a step of a method, against a loop by hand."""
        with self.phase(f"{name}, batch {self.asked.batch}") as found:
            (make,) = METHODS.select([name]).values()
            method = make()
            assert isinstance(method, TrainedMethod)
            hand = ByHand(self.backbone, self.split, self.asked.batch, method.network(self.backbone, CLASSES))
            turns = Turns(hand)
            recipe = Recipe(self.asked.turns + 1, batch=self.asked.batch, warmup=0.1, **RECIPE)
            train(self.backbone, method.network(self.backbone, CLASSES), self.split, recipe, turns)
            ours = statistics.median(seconds for seconds, _ in turns.seconds_of)
            ratio = statistics.median(other / seconds for seconds, other in turns.seconds_of)
            rate = turns.flops / (self.asked.turns + 1) / ours
            steps = -(-self.asked.images // self.asked.batch)
            found += [f"{1000 * ours / steps:.1f} ms a step", f"{ratio:.3f} of the loop by hand's speed"]
            found += [f"{rate / 1e12:.3g} TFLOP/s, MFU {rate / self.peak:.2f}"]
            return ours / self.asked.images

    def bare(self) -> Callable[[], object]:
        """The frozen network's forward pass alone over the training images, in the batches of an extraction."""
        parts = pixels(self.split.images, self.backbone.image_size).split(batch_size(self.backbone))

        @torch.no_grad()
        def work() -> None:
            with self.backbone.computing(trained=False):
                for part in parts:
                    self.backbone.module(self.backbone.inputs(part))

        return work

    def read(self) -> float:
        """Seconds of the bare pass over an image, beside those of reading the features of all layers."""
        with self.phase(f"extraction, T = {self.asked.target}") as found:
            images, device = self.split.images, self.backbone.device
            ours = [lambda: extract(self.backbone, images, [None, self.asked.target], Meter(device))]
            alone, read = in_turns([self.bare(), *ours], self.asked.turns, device)
            found += [f"{self.asked.images / read:,.0f} images/s", f"{alone / read:.3f} of the bare pass's speed"]
            return alone / self.asked.images

    def judge(self) -> tuple[float, float]:
        """Seconds of an image for ten heads together, and for one trained network."""
        backbone, device = self.backbone, self.backbone.device
        heads = cells(backbone, self.asked.target, 0.01)
        networks: list[Adapted] = [
            Trained(backbone, backbone.network(CLASSES).eval(), lambda network: network.state_dict()) for _ in range(3)
        ]
        images, count = Noise(0, self.asked.tests, backbone.image_size), self.asked.tests
        test = {"test": Split(images, np.zeros(count, dtype=np.int64), CLASSES)}
        with self.phase(f"evaluation of {count:,} images") as found:
            works = [lambda: bare(backbone, images), lambda: evaluate(backbone, heads, test, Meter(device)),
                     lambda: evaluate(backbone, networks, test, Meter(device))]  # fmt: skip
            alone, ten, three = in_turns(works, self.asked.turns, device)
            found += [f"ten heads {ten / alone:.3f} of a bare pass", f"three networks {three / alone:.2f}"]
            return ten / count, three / 3 / count

    def solve(self) -> float:
        """Seconds of all core probes of one task from features to head, with the methods' own targets."""
        total = 0.0
        for name in (*PROBES, f"head2toe:target={self.asked.target}", f"head2toe_path:target={self.asked.target}"):
            with self.phase(name) as found:
                (make,) = METHODS.select([name]).values()
                method: Method = make()
                torch.manual_seed(0)
                meter = Meter(self.backbone.device)
                method.fit(self.backbone, self.split, meter)
                meter.stop()
                seconds = meter.seconds - meter.shared_seconds
                found.append(f"{seconds:.2f} s from features to head")
                total += seconds if name in PROBES else 0.0
        return total

    def agree(self) -> None:
        """The budget's seconds of a piece of work beside those that CUDA's events measure."""
        if self.backbone.device.type != "cuda":
            return
        with self.phase("the budget's clock") as found:
            budget, marks = Budget(), [torch.cuda.Event(enable_timing=True) for _ in range(2)]
            budget.start()
            marks[0].record()
            meter = Meter(self.backbone.device, budget)
            extract(self.backbone, self.split.images, [None], meter)
            marks[1].record()
            meter.stop()
            charged, measured = budget.lap().seconds, marks[0].elapsed_time(marks[1]) / 1000
            found.append(f"{charged:.3f} s charged, {measured:.3f} s between CUDA's events")

    def run(self) -> float:
        """Every phase; seconds that the core methods would take over VTAB-1k, 100 epochs each."""
        steps = {name: self.train(name) for name in TRAINED}
        self.read()
        together, alone = self.judge()
        solved = self.solve()
        self.agree()
        epochs = 2 * steps["fine_tune"] + steps["lora"]  # scratch trains what fine_tune trains
        return VTAB_TASKS * (epochs * EPOCHS * VTAB_TRAIN + solved) + VTAB_TEST * (together + 3 * alone)


def benches(asked: Namespace) -> Iterator[Bench]:
    """Each network with its table. Raises UserError for a backbone, a device or a precision that there is not."""
    device = find_device(asked.device)
    for name in asked.backbones:
        spec = BackboneSpec(name, image_size=asked.image_size, precision=asked.precision)
        backbone = TimmBackbone(spec, unloaded(spec)[0], device)
        images = TaskImages(Drawn(asked.images, backbone.image_size, CLASSES), backbone)
        peak, source = best_rate(device, backbone.precision.trained)
        title = f"{name} at {backbone.image_size} px, {backbone.precision}; MFU of {peak / 1e12:.3g} TFLOP/s ({source})"
        columns = ("phase", "found", "time", "peak memory", "energy")
        split = Split(images, images.images.labels, CLASSES, asked.images // 5, frozenset({"flip", "shift"}))
        yield Bench(backbone, split, asked, peak, Table(*columns, title=title, title_justify="left"))


def main() -> int:
    """Prints a table for each network."""
    line = ArgumentParser(description=__doc__)
    networks = ["vit_base_patch16_224", "resnet50"]
    line.add_argument("--backbones", nargs="+", default=networks, metavar="NAME", help=f"default: {' '.join(networks)}")
    line.add_argument("--image-size", type=int, metavar="PX", help="default: what timm states")
    line.add_argument("--images", type=int, default=1000, metavar="N", help="default: 1000")
    line.add_argument("--tests", type=int, default=4000, metavar="N", help="test images; default: 4000")
    line.add_argument("--batch", type=int, default=50, metavar="N", help="default: 50")
    line.add_argument("--turns", type=int, default=5, metavar="N", help="of each kind of work; default: 5")
    line.add_argument("--target", type=int, default=8192, metavar="T", help="pooling target; default: 8192")
    line.add_argument("--device", default="auto", metavar="NAME", help="default: the best there is")
    line.add_argument("--precision", default=PRECISIONS[0], choices=PRECISIONS, help="default: auto")
    try:
        for bench in benches(line.parse_args()):
            seconds = bench.run()
            Console(width=140).print(bench.table)
            print(f"core methods over VTAB-1k, {EPOCHS} epochs, without decoding: {seconds / 60:,.1f} minutes\n")
    except UserError as error:
        print(f"gpu.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
