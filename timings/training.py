"""python timings/training.py --backbone mobilenetv2_100 --image-size 96 --random --images 200

The training loop of Head2Head against one written by hand, epoch by epoch in turns: the same network, batches,
augmentation, number formats and fused AdamW, in channels_last. Prints seconds of both and the ratio of their speeds.
Images are random, which changes no time. The backbone's flags are those of run_bench.py.
"""

from __future__ import annotations

import statistics
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that it runs from anywhere

from bench.adapt.augment import Augmentation
from bench.adapt.train import Recipe, train
from bench.backbone.network import TimmBackbone, load, unloaded
from bench.commands.parser import parser, request
from bench.costs.device import find_device
from bench.costs.meter import Meter, synchronise
from bench.images.pixels import every
from bench.spec import Split, UserError

CLASSES = 10
AUGMENT = frozenset({"flip", "shift"})
RECIPE = {"lr": 1e-3, "weight_decay": 0.01}


class Noise:
    """Pictures of random pixels."""

    def __init__(self, count: int, size: int) -> None:
        self.pixels = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)

    def __len__(self) -> int:
        return len(self.pixels)

    def decode(self, index: int) -> np.ndarray:
        """Noise, uint8 (size, size, 3)."""
        return self.pixels[index]


class ByHand:
    """A loop as one would write it for this network alone: nothing is measured, checked or kept."""

    def __init__(self, backbone: TimmBackbone, split: Split, batch: int, network: nn.Module) -> None:
        self.backbone, self.batch, size = backbone, batch, backbone.image_size
        self.network = network
        self.pixels = every(split.images, size).to(backbone.device)
        self.labels = torch.from_numpy(split.labels).to(backbone.device)
        self.augment = Augmentation.of(split.augment, size, backbone.device)
        self.mean, self.std = (
            torch.tensor(v, device=backbone.device).view(-1, 1, 1) for v in (backbone.mean, backbone.std)
        )
        trained = [weight for weight in network.parameters() if weight.requires_grad]
        self.optimiser = torch.optim.AdamW(trained, **RECIPE, fused=True)

    def epoch(self) -> None:
        """Trains on all images once."""
        device = self.backbone.device
        order = torch.randperm(len(self.labels)).to(device)
        draws = self.augment.draw(len(order)).to(device)
        for rows, drawn in zip(order.split(self.batch), draws.split(self.batch, dim=1), strict=True):
            images = self.augment(self.pixels.index_select(0, rows), drawn)
            self.step((images.float() / 255 - self.mean) / self.std, self.labels.index_select(0, rows))

    def step(self, inputs: Tensor, labels: Tensor) -> None:
        """One step on normalised images."""
        self.optimiser.zero_grad()
        with self.backbone.computing(trained=True):
            scores = self.network(inputs.contiguous(memory_format=torch.channels_last))
            functional.cross_entropy(scores, labels).backward()
        self.optimiser.step()


class Turns(Meter):
    """A meter that lets the other loop train for an epoch after each of ours, and takes the time of both."""

    def __init__(self, other: ByHand) -> None:
        super().__init__(other.backbone.device)
        self.other = other
        # Of a CPU its processors' seconds, which other programs change little.
        self.clock = time.process_time if self.device.type == "cpu" else time.perf_counter
        self.seconds_of: list[tuple[float, float]] = []  # ours, by hand
        self.since = self.clock()

    def epoch(self, done: int, total: int, loss: float, logits: Callable[[Tensor], Tensor]) -> None:
        """Ends our turn. The first is not counted: FLOPs are counted in it, and memory is taken."""
        super().epoch(done, total, loss, logits)
        synchronise(self.device)
        middle = self.clock()
        self.other.epoch()
        synchronise(self.device)
        end = self.clock()
        if done > 1:
            self.seconds_of.append((middle - self.since, end - middle))
            told = f"epoch {done}: {middle - self.since:.3f} s, by hand {end - middle:.3f} s"
            print(told, file=sys.stderr)
        self.since = self.clock()


def take_turns(arguments: Namespace) -> Turns:
    """Trains by both loops. Raises UserError for a backbone or a device that there is not."""
    asked = request(arguments)
    device = find_device(asked.device)
    if arguments.random:
        module, _ = unloaded(asked.specs[0])
        backbone = TimmBackbone(asked.specs[0], module, device)
    else:
        backbone = load(asked.specs[0], device)
    labels = np.arange(arguments.images) % CLASSES
    split = Split(Noise(arguments.images, backbone.image_size), labels, CLASSES, augment=AUGMENT)
    turns = Turns(ByHand(backbone, split, arguments.batch, backbone.network(CLASSES).train()))
    recipe = Recipe(arguments.turns + 1, batch=arguments.batch, warmup=0.1, **RECIPE)
    train(backbone, backbone.network(CLASSES).train(), split, recipe, turns)
    return turns


def main() -> int:
    """Prints one line a turn, and the ratio."""
    line = parser("run")
    line.add_argument("--images", type=int, default=1000, metavar="N", help="default: 1000")
    line.add_argument("--batch", type=int, default=50, metavar="N", help="default: 50")
    line.add_argument("--turns", type=int, default=7, metavar="N", help="epochs of each that are timed; default: 7")
    line.add_argument("--random", action="store_true", default=False, help="random weights, which need no download")
    try:
        arguments = line.parse_args()
        turns = take_turns(arguments)
    except UserError as error:
        print(f"training.py: {error}", file=sys.stderr)
        return 2
    ours, hand = (sum(seconds) for seconds in zip(*turns.seconds_of, strict=True))
    middle = statistics.median(hand / ours for ours, hand in turns.seconds_of)
    print(f"{hand / ours:.3f} times the speed of the loop by hand (median of turns {middle:.3f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
