"""How fast a device is at best, and how long pieces of work take in turns: for the other scripts here."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that it runs from anywhere

from bench.costs.meter import synchronise

# Dense bf16 products, FLOPs a second, as NVIDIA's data sheets state them; the first name that fits counts.
PEAKS = {"H100 PCIe": 756e12, "H100": 989e12, "H200": 989e12, "B200": 2250e12, "A100": 312e12, "L40S": 362e12,
         "L4": 121e12, "A10": 125e12, "RTX 4090": 165e12}  # fmt: skip


def in_turns(works: Sequence[Callable[[], object]], turns: int, device: torch.device) -> list[float]:
    """The median seconds of each piece of work, done in turns; the first turn does not count."""
    seen: list[list[float]] = [[] for _ in works]
    for _ in range(turns + 1):
        for work, seconds in zip(works, seen, strict=True):
            synchronise(device)
            began = time.perf_counter()
            work()
            synchronise(device)
            seconds.append(time.perf_counter() - began)
    return [statistics.median(seconds[1:]) for seconds in seen]


def best_rate(device: torch.device, trained: str) -> tuple[float, str]:
    """FLOPs a second of bf16 products: as the data sheet says, else as a large product shows; and which of the two."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    known = next((rate for part, rate in PEAKS.items() if part in name), None)
    if known is not None and trained == "bf16":
        return known, f"data sheet of {name}"
    side = 8192 if device.type == "cuda" else 1024
    left = torch.randn(side, side, device=device, dtype=torch.bfloat16 if trained == "bf16" else torch.float32)
    (seconds,) = in_turns([lambda: left @ left], 5, device)
    return 2 * side**3 / seconds, f"a product of {side} × {side} in {trained}"
