"""Peak memory: of this process on a CPU, of the cell alone on a GPU."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
import torch

from bench.costs.peak import Peak

CPU = torch.device("cpu")


def test_the_peak_of_a_process_sees_a_large_tensor() -> None:
    peak = Peak(CPU)
    before = peak.bytes()
    if before is None:
        pytest.skip("this system does not tell resident memory")
    now = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    block = torch.ones(before - now + 400_000_000, dtype=torch.uint8)  # others may be given back
    after = peak.bytes()
    assert after is not None
    assert after - before > 50_000_000, f"{len(block):,} bytes were asked for"


class Allocator:
    """What torch's allocator of a GPU tells of itself."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def take(self, count: int) -> None:
        self.now += count
        self.most = max(self.most, self.now)

    def reset(self, device: torch.device) -> None:
        self.most = self.now


def test_the_peak_on_a_gpu_is_what_the_work_adds_and_what_it_would_hold_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    allocator = Allocator()
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", allocator.reset)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: allocator.now)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: allocator.most)
    allocator.take(1000)  # weights of 300, and what the cells of a task share
    allocator.take(5000)  # an earlier cell
    allocator.take(-5000)
    peak = Peak(torch.device("cuda", 0), own=300)
    allocator.take(70)
    allocator.take(30)
    allocator.take(-100)
    assert peak.bytes() == 400
    assert Peak(torch.device("cuda", 0)).bytes() == 0
