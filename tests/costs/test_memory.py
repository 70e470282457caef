"""How much memory is free: what Linux says, what a container leaves, and what is told of a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.costs import memory
from bench.costs.memory import fits, free_bytes

CPU, GPU = torch.device("cpu"), torch.device("cuda:0")
GIB = 1 << 30


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a container that may take 3000 bytes, and has taken 2500, of which 500 are pages of files."""
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    for name, text in {"max": "3000\n", "current": "2500\n", "stat": "anon 9\ninactive_file 500\n"}.items():
        (tmp_path / f"memory.{name}").write_text(text)
    return tmp_path


def test_a_container_leaves_what_its_limit_says(container: Path) -> None:
    assert free_bytes(CPU) == 1000
    assert fits(500, CPU)
    assert not fits(501, CPU)


def test_without_a_limit_all_free_ram_is_free(container: Path) -> None:
    limited = free_bytes(CPU)
    (container / "memory.max").write_text("max\n")
    assert free_bytes(CPU) > 1000 * limited


def test_where_nobody_tells_a_constant_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    assert free_bytes(CPU) == memory.UNTOLD
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:  7 kB\n")
    assert free_bytes(CPU) == 7 * 1024


@pytest.mark.parametrize(("fraction", "free"), [(1.0, 6 * GIB), (0.5, 3 * GIB), (0.1, 0)])
def test_a_gpu_has_what_the_driver_and_the_limit_leave(
    monkeypatch: pytest.MonkeyPatch, fraction: float, free: int
) -> None:
    """10 GiB, of which the driver has 4 left; torch holds 4, and uses 2 of these itself."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (4 * GIB, 10 * GIB))
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 2 * GIB)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 4 * GIB)
    monkeypatch.setattr(torch.cuda, "get_per_process_memory_fraction", lambda device: fraction, raising=False)
    assert free_bytes(GPU) == free
