"""python -m pretrain.pretrain_demo

Pretrains the embedded backbone on formula-driven pictures and writes bench/backbone/assets/demo.safetensors. No
photograph, nobody's drawing and no image of a task is involved. It takes about a quarter of an hour on two CPU cores.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import timm
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, distributed, nn
from torch.multiprocessing.spawn import spawn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from torch.optim.lr_scheduler import LambdaLR

from bench.backbone.weights import DEMO, DEMO_FILE
from pretrain import formula
from pretrain.shapes import SIDE, Array

CHUNK = 4000  # images drawn from one seed
BATCH = 128  # a worker's share of a step
WORKERS = 2  # processes that train together


def render(folder: Path, count: int) -> tuple[Array, Array]:
    """`count` pictures, uint8 (count, 32, 32, 3), and their labels (count,). They are kept in `folder` and reused."""
    pictures, labels = folder / f"pictures-{count}.npy", folder / f"labels-{count}.npy"
    if not labels.exists():
        images = np.lib.format.open_memmap(pictures, "w+", np.uint8, (count, SIDE, SIDE, 3))
        classes = np.empty(count, np.int64)
        with ProcessPoolExecutor() as pool:
            for i, drawn in enumerate(pool.map(formula.draw, range(count // CHUNK), [CHUNK] * (count // CHUNK))):
                images[i * CHUNK : (i + 1) * CHUNK], classes[i * CHUNK : (i + 1) * CHUNK] = drawn
        images.flush()
        np.save(labels, classes)
    return np.load(pictures, mmap_mode="r"), np.load(labels)


def augment(rng: np.random.Generator, images: Array) -> Tensor:
    """Shifts by up to 4 pixels, mirrors, exchanges colour channels, inverts, dims; float (n, 3, 32, 32) in -1..1."""
    n = len(images)
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)), "reflect")
    rows = rng.integers(0, 9, (n, 1)) + np.arange(SIDE)
    columns = rng.integers(0, 9, (n, 1)) + np.where(rng.random((n, 1)) < 0.5, np.arange(SIDE), np.arange(SIDE)[::-1])
    moved = padded[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]
    batch = torch.from_numpy(moved).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)  # channels last in memory
    batch = batch[:, torch.from_numpy(rng.permutation(3))]
    gain = rng.uniform(0.6, 1.2, (n, 1, 1, 1)) * rng.choice([-1, 1], (n, 1, 1, 1))
    return batch * torch.from_numpy(gain).float() + torch.from_numpy(rng.normal(0, 0.15, (n, 3, 1, 1))).float()


def fresh() -> nn.Module:
    """The embedded backbone's architecture with random weights."""
    network: nn.Module = timm.create_model(DEMO.name, num_classes=formula.CLASSES, **DEMO.args)
    return network


def groups(network: nn.Module) -> list[dict[str, object]]:
    """Weight decay for matrices and kernels, none for biases and norms."""
    decayed = [weight for weight in network.parameters() if weight.ndim > 1]
    free = [weight for weight in network.parameters() if weight.ndim <= 1]
    return [{"params": decayed, "weight_decay": 0.05}, {"params": free, "weight_decay": 0.0}]


def train(rank: int, asked: argparse.Namespace) -> None:
    """Trains in one of `WORKERS` processes, on one thread and a share of the pictures.

    The processes average their gradients at every step. AdamW, warm-up and cosine, label smoothing 0.1, convolutions in
    bfloat16. The process of rank 0 writes the weights after every epoch.
    """
    torch.set_num_threads(1)  # one thread waits for none: faster than two threads of one process on a busy machine
    torch.manual_seed(0)
    distributed.init_process_group("gloo", f"file://{asked.folder.resolve()}/meeting", rank=rank, world_size=WORKERS)
    images, labels = (part[rank::WORKERS] for part in render(asked.folder, asked.images))
    network = fresh().to(memory_format=torch.channels_last)
    learner = DistributedDataParallel(network)
    rng, per_epoch = np.random.default_rng(rank), len(images) // BATCH
    optimizer = torch.optim.AdamW(groups(network), lr=3e-3)
    schedule = LambdaLR(optimizer, partial(rate, steps=asked.epochs * per_epoch))
    begun = time.perf_counter()
    for epoch in range(asked.epochs):
        right = 0
        for mine in rng.permutation(len(images))[: per_epoch * BATCH].reshape(per_epoch, BATCH):
            target = torch.from_numpy(labels[mine])
            with torch.autocast("cpu", torch.bfloat16):
                logits = learner(augment(rng, images[mine])).float()
            functional.cross_entropy(logits, target, label_smoothing=0.1).backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
            right += int((logits.argmax(1) == target).sum())
        if rank == 0:
            score, elapsed = right / (per_epoch * BATCH), time.perf_counter() - begun
            print(f"epoch {epoch + 1}/{asked.epochs}: {score:.3f} right, {elapsed:.0f} s", file=sys.stderr, flush=True)
            save(network, asked.output)
    distributed.destroy_process_group()


def rate(step: int, steps: int) -> float:
    """Factor of the learning rate at a step: it rises over 300 steps, then falls to 0 along a cosine."""
    return min((step + 1) / 300, 0.5 + 0.5 * math.cos(math.pi * step / steps))


def save(network: nn.Module, path: Path) -> None:
    """Writes the weights as safetensors, in half precision, which costs no accuracy."""
    state = network.state_dict()
    save_file(
        {name: (value.half() if value.is_floating_point() else value).contiguous() for name, value in state.items()},
        path,
    )


@torch.inference_mode()
def accuracy(network: nn.Module, images: Array, labels: Array) -> float:
    """The fraction of pictures whose formula is recognised."""
    network.eval()
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
    scores = torch.cat([network(batch) for batch in pixels.tensor_split(len(pixels) // 500)])
    return (scores.argmax(1) == torch.from_numpy(labels)).float().mean().item()


def main() -> None:
    """Draws the pictures, trains, and prints how many fresh pictures are recognised."""
    parser = argparse.ArgumentParser(description="Pretrains the embedded backbone on formula-driven pictures.")
    parser.add_argument("--images", type=int, default=160_000, help="pictures to draw, a multiple of 4,000")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--folder", type=Path, default=Path("data/pretrain"), help="where the drawn pictures are kept")
    parser.add_argument("--output", type=Path, default=DEMO_FILE)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    (asked.folder / "meeting").unlink(missing_ok=True)
    render(asked.folder, asked.images)
    spawn(train, (asked,), WORKERS)
    network = fresh()
    network.load_state_dict({name: value.float() for name, value in load_file(asked.output).items()})
    score = accuracy(network, *formula.draw(10**6, 5000))
    print(f"{asked.output}: recognises the formula of {score:.1%} of 5,000 fresh pictures")


if __name__ == "__main__":
    main()
